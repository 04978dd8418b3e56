"""One node of a UnixFS file: dag-pb outside, UnixFS inside.

Sources: https://ipld.io/specs/codecs/dag-pb/spec/ and https://specs.ipfs.tech/unixfs/. Field numbers are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.errors import ArtifactCorruptError, InputError
from tallystick.storage.cid import Cid, cid_from_bytes
from tallystick.storage.protobuf import bytes_field, read_fields, varint_field

_NODE_DATA, _NODE_LINK = 1, 2
_LINK_HASH, _LINK_NAME, _LINK_TSIZE = 1, 2, 3
_FS_TYPE, _FS_DATA, _FS_SIZE, _FS_BRANCH_SIZE = 1, 2, 3, 4
_RAW, _FILE = 0, 2
_TYPES = {0: "raw", 1: "directory", 2: "file", 3: "metadata", 4: "symlink", 5: "sharded directory"}


@dataclass(frozen=True, slots=True)
class Branch:
    """A link and what hangs below it.

    Attributes:
        content_bytes: Length of the file's content below it.
        stored_bytes: Length of all its blocks, nodes included (`Tsize`); readers do not rely on it.
    """

    cid: Cid
    content_bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class FileNode:
    """The file's content is `data`, then that of every branch in order."""

    branches: tuple[Branch, ...]
    data: bytes = b""

    @property
    def content_bytes(self) -> int:
        return len(self.data) + sum(branch.content_bytes for branch in self.branches)

    def encode(self) -> bytes:
        """The bytes that `ipfs add` makes: links before data, an empty name in each link, no empty data field."""
        links = (
            bytes_field(_LINK_HASH, branch.cid.to_bytes())
            + bytes_field(_LINK_NAME, b"")
            + varint_field(_LINK_TSIZE, branch.stored_bytes)
            for branch in self.branches
        )
        inside = (
            varint_field(_FS_TYPE, _FILE)
            + (bytes_field(_FS_DATA, self.data) if self.data else b"")
            + varint_field(_FS_SIZE, self.content_bytes)
            + b"".join(varint_field(_FS_BRANCH_SIZE, branch.content_bytes) for branch in self.branches)
        )
        return b"".join(bytes_field(_NODE_LINK, link) for link in links) + bytes_field(_NODE_DATA, inside)


def decode_node(cid: Cid, block: bytes) -> FileNode:
    """The node in a block that `cid` names.

    Raises:
        InputError: it is a directory, a symlink or another thing that is not a file.
        ArtifactCorruptError: its hash is right, but it is no well-formed node.
    """
    try:
        inside, links = _outside(block)
        kind, declared, sizes, data = _inside(inside)
        if kind not in (_RAW, _FILE):
            raise InputError(
                f"{cid} is a {_TYPES.get(kind, f'UnixFS node of type {kind}')}, not a file.",
                remedy="Add the file itself, without a directory around it.",
            )
        return _node(links, sizes, data, declared)
    except ValueError as error:
        raise ArtifactCorruptError(
            f"Block {cid} is not a well-formed UnixFS node: {error}.",
            remedy="Whoever made it made it wrong: add the file again with `ipfs add --cid-version=1`.",
        ) from error


def _node(links: list[tuple[Cid, int]], sizes: list[int], data: bytes, declared: int | None) -> FileNode:
    if len(links) != len(sizes):
        raise ValueError(f"{len(links)} links with {len(sizes)} sizes")
    if 0 in sizes:
        # With such links a small file could lead through any number of blocks.
        raise ValueError("a link leads to no content")
    branches = tuple(Branch(cid, size, stored) for (cid, stored), size in zip(links, sizes, strict=True))
    node = FileNode(branches, data)
    if declared is not None and declared != node.content_bytes:
        raise ValueError(f"it declares {declared} bytes and holds {node.content_bytes}")
    return node


def _outside(block: bytes) -> tuple[bytes, list[tuple[Cid, int]]]:
    data = b""
    links = []
    for number, value in read_fields(block):
        if number == _NODE_LINK:
            links.append(_link(_bytes(value)))
        elif number == _NODE_DATA:
            data = _bytes(value)
        else:
            raise ValueError(f"field {number} is not one of dag-pb")
    return data, links


def _link(message: bytes) -> tuple[Cid, int]:
    cid, stored = None, 0
    for number, value in read_fields(message):
        if number == _LINK_HASH:
            cid = cid_from_bytes(_bytes(value))
        elif number == _LINK_TSIZE:
            stored = _number(value)
    if cid is None:
        raise ValueError("a link without a hash")
    return cid, stored


def _inside(message: bytes) -> tuple[int, int | None, list[int], bytes]:
    kind, declared, data = -1, None, b""
    sizes: list[int] = []
    for number, value in read_fields(message):
        if number == _FS_TYPE:
            kind = _number(value)
        elif number == _FS_DATA:
            data = _bytes(value)
        elif number == _FS_SIZE:
            declared = _number(value)
        elif number == _FS_BRANCH_SIZE:
            sizes.append(_number(value))
        # Others are a file's mode and time of change, which are no part of its content.
    if kind < 0:
        raise ValueError("no UnixFS type")
    return kind, declared, sizes, data


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes are expected")  # noqa: TRY004  (of the message, not of a caller)
    return value


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("bytes where a number is expected")  # noqa: TRY004
    return value
