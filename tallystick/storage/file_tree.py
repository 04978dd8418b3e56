"""Content to blocks, exactly as `ipfs add --cid-version=1` lays it out.

Content of up to one chunk is one raw block. More becomes raw leaves of one chunk each under a balanced tree of UnixFS
nodes. Both numbers below are the defaults of kubo and js-ipfs; changing one changes every CID.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.storage.cid import Cid, node_cid, raw_cid
from tallystick.storage.unixfs import Branch, FileNode

CHUNK_BYTES = 262_144
LINKS_PER_NODE = 174


@dataclass(frozen=True, slots=True)
class Block:
    cid: Cid
    data: bytes


def blocks_of(content: bytes) -> Iterator[Block]:
    """Every block of `content`: leaves first, then nodes level by level; the last one is the root.

    So whoever keeps them in this order holds a root only when it holds everything below.
    """
    level: list[Branch] = []
    for start in range(0, max(len(content), 1), CHUNK_BYTES):
        chunk = content[start : start + CHUNK_BYTES]
        block = Block(raw_cid(chunk), chunk)
        level.append(Branch(block.cid, len(chunk), len(chunk)))
        yield block
    while len(level) > 1:
        above: list[Branch] = []
        for first in range(0, len(level), LINKS_PER_NODE):
            node = FileNode(tuple(level[first : first + LINKS_PER_NODE]))
            encoded = node.encode()
            block = Block(node_cid(encoded), encoded)
            stored = len(encoded) + sum(branch.stored_bytes for branch in node.branches)
            above.append(Branch(block.cid, node.content_bytes, stored))
            yield block
        level = above


def cid_of(content: bytes) -> Cid:
    """What `ipfs add --cid-version=1` would call `content`."""
    *_, root = blocks_of(content)
    return root.cid
