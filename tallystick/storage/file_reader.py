"""Blocks to content: reassembles a file from a source that is not trusted, within a bound.

There is no search for cycles because there can be none: every block is checked against its hash before its links are
followed, and no block can hold a hash of itself. What a hostile tree can do is be deep, or lead through many blocks to
little content; both are bounded here.
"""

from __future__ import annotations

from typing import Protocol

from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, ArtifactTooLargeError
from tallystick.storage.cid import Cid
from tallystick.storage.unixfs import FileNode, decode_node
from tallystick.units import format_size

MAX_BLOCK_BYTES = 2 * 1024 * 1024
"""No IPFS node sends a larger one (bitswap's bound)."""

MAX_DEPTH = 16
SPARE_BLOCKS = 64
LEAST_AVERAGE_LEAF = 4096
"""A file may take SPARE_BLOCKS blocks and one more for this many bytes."""


class BlockSource(Protocol):
    """Where blocks come from; its word is checked."""

    def fetch(self, cid: Cid, limit: int) -> bytes:
        """The block, unchecked; of a block longer than `limit`, at most what shows that it is.

        Raises:
            ArtifactMissingError: not here.
            StoreUnavailableError: the source does not answer.
        """
        ...

    def holds(self, cid: Cid) -> bool:
        """Whether the block is here, without reading it."""
        ...

    def damaged(self, cid: Cid, finding: str) -> ArtifactCorruptError:
        """The error for a block that is not what its CID says: names the place and the remedy."""
        ...


def read_block(source: BlockSource, cid: Cid, limit: int) -> bytes:
    """One block, checked against its hash.

    Raises:
        ArtifactTooLargeError: longer than `limit`; the rest of it was not read.
        ArtifactCorruptError: another hash.
    """
    block = source.fetch(cid, limit)
    if len(block) > limit:
        raise too_large(cid, "more", limit)
    if not cid.names(block):
        raise source.damaged(cid, f"its {len(block)} bytes have another SHA-256")
    return block


def read_node(source: BlockSource, cid: Cid) -> FileNode:
    """One dag-pb block, checked and decoded. Raises as `read_block` and `decode_node` do."""
    return decode_node(cid, read_block(source, cid, MAX_BLOCK_BYTES))


def read_file(source: BlockSource, root: Cid, max_bytes: int) -> bytes:
    """The content, every block of it checked.

    Raises:
        InputError: `root` is a directory or another thing that is not a file.
        ArtifactMissingError: a block is not here.
        ArtifactTooLargeError: more than `max_bytes`; of a tree, this is known from its first node.
        ArtifactCorruptError: a block has another hash, or the tree contradicts itself.
    """
    if root.codec == "raw":
        return read_block(source, root, min(max_bytes, MAX_BLOCK_BYTES))
    node = read_node(source, root)
    if node.content_bytes > max_bytes:
        raise too_large(root, format_size(node.content_bytes), max_bytes)
    return _Assembly(source, root, node.content_bytes).read(node)


def holds_file(source: BlockSource, root: Cid) -> bool:
    """Whether every block of the file is here. Reads the nodes, not the leaves. Raises InputError as `read_file` does."""
    try:
        return _holds_all(source, root)
    except (ArtifactMissingError, ArtifactTooLargeError, ArtifactCorruptError):
        return False  # `get` would not find it; putting the content again would help


def _holds_all(source: BlockSource, root: Cid) -> bool:
    # Each block once: a tree that names few blocks many times is walked in the number of its blocks.
    seen: set[Cid] = set()
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        if cid in seen:
            continue
        seen.add(cid)
        if not source.holds(cid):
            return False
        if cid.codec == "dag-pb":
            waiting.extend(branch.cid for branch in read_node(source, cid).branches)
    return True


def too_large(cid: Cid, found: str, max_bytes: int) -> ArtifactTooLargeError:
    return ArtifactTooLargeError(
        f"{cid} is {found} where the reader takes {format_size(max_bytes)} ({max_bytes} bytes).",
        remedy="Ask its maker for less, or read it with a larger bound.",
    )


class _Assembly:
    def __init__(self, source: BlockSource, root: Cid, content_bytes: int) -> None:
        self._source = source
        self._root = root
        self._content = bytearray()
        self._blocks_left = SPARE_BLOCKS + content_bytes // LEAST_AVERAGE_LEAF

    def read(self, node: FileNode) -> bytes:
        try:
            self._append(self._root, node, depth=0)
        except ArtifactMissingError as error:
            raise ArtifactMissingError(
                f"Only a part of {self._root} is here: {error.what}", remedy=error.remedy
            ) from error
        return bytes(self._content)

    def _append(self, cid: Cid, node: FileNode, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._hostile(cid, f"it is more than {MAX_DEPTH} levels deep")
        self._content += node.data
        for branch in node.branches:
            self._blocks_left -= 1
            if self._blocks_left < 0:
                raise self._hostile(branch.cid, "it leads through too many blocks for so little content")
            if branch.cid.codec == "raw":
                self._content += self._leaf(branch.cid, branch.content_bytes)
            else:
                child = read_node(self._source, branch.cid)
                self._expect(branch.cid, child.content_bytes, branch.content_bytes)
                self._append(branch.cid, child, depth + 1)

    def _leaf(self, cid: Cid, content_bytes: int) -> bytes:
        block = read_block(self._source, cid, MAX_BLOCK_BYTES)
        self._expect(cid, len(block), content_bytes)
        return block

    def _expect(self, cid: Cid, found: int, declared: int) -> None:
        if found != declared:
            raise self._hostile(cid, f"it holds {found} bytes where the node above it declares {declared}")

    def _hostile(self, cid: Cid, finding: str) -> ArtifactCorruptError:
        return ArtifactCorruptError(
            f"{self._root} is no well-formed file: at block {cid}, {finding}.",
            remedy="Whoever made it made it wrong: add the file again with `ipfs add --cid-version=1`.",
        )
