"""Content identifiers of the one kind that this project uses. The only importer of the CID libraries.

A CID here is version 1, base32 in lower case, SHA-256, of a raw block or of a dag-pb node: what
`ipfs add --cid-version=1` makes. Exactly one spelling is accepted, which is also what makes a CID safe as a file name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import cid as py_cid
import multihash

from tallystick.errors import InputError
from tallystick.hashing import sha256
from tallystick.ids import Bytes32, raw

Codec = Literal["raw", "dag-pb"]

_TEXT = re.compile(r"b[a-z2-7]{58}")
_BYTES = 36
_REMEDY = "Give a CID of version 1 in base32, such as `ipfs add --cid-version=1` prints: bafkrei... or bafybei..."


@dataclass(frozen=True, slots=True)
class Cid:
    """The name of one block.

    Attributes:
        codec: `raw`: the block is content; `dag-pb`: it is a node that links to more.
        digest: SHA-256 of the block, 32 bytes.
    """

    codec: Codec
    digest: bytes

    def __str__(self) -> str:
        text: bytes = self._spelled().encode("base32")
        return text.decode()

    def to_bytes(self) -> bytes:
        """The 36 bytes that stand for it in a link."""
        encoded: bytes = self._spelled().buffer
        return encoded

    def names(self, block: bytes) -> bool:
        """Whether `block` is what this is the CID of."""
        return sha256(block) == self.digest

    def _spelled(self) -> py_cid.CIDv1:
        return py_cid.CIDv1(self.codec, multihash.encode(self.digest, "sha2-256"))


def raw_cid(block: bytes) -> Cid:
    return Cid("raw", sha256(block))


def node_cid(block: bytes) -> Cid:
    return Cid("dag-pb", sha256(block))


def manifest_cid(digest: Bytes32) -> str:
    """Where a manifest is, from what the chain holds: a manifest is one raw block, named by its SHA-256."""
    return str(Cid("raw", raw(digest)))


def parse_cid(text: str) -> Cid:
    """Raises InputError for anything but the one spelling described above."""
    # Matched before it is parsed: the library accepts more than one spelling of the same CID.
    if not _TEXT.fullmatch(text):
        raise InputError(f"{text[:80]!r} is not a CID that this project uses.", remedy=_REMEDY)
    try:
        found = _checked(py_cid.from_string(text))
    except ValueError as error:
        raise InputError(f"{text!r} is not a CID that this project uses: {error}.", remedy=_REMEDY) from error
    if str(found) != text:
        raise InputError(f"{text!r} is not how a CID is spelled; this one is {found}.", remedy=_REMEDY)
    return found


def cid_from_bytes(data: bytes) -> Cid:
    """The CID in a link. Raises ValueError for anything but the 36 bytes of one that this project uses."""
    if len(data) != _BYTES or data[0] != 1:
        raise ValueError(f"the link {data[:40].hex()} is not the {_BYTES} bytes of a CID of version 1")
    found = _checked(py_cid.from_bytes(data))
    if found.to_bytes() != data:
        raise ValueError(f"the link {data[:40].hex()} has more than one spelling")
    return found


def _checked(found: py_cid.CIDv0 | py_cid.CIDv1) -> Cid:
    hashed = multihash.decode(found.multihash)
    if found.version != 1 or found.codec not in ("raw", "dag-pb"):
        raise ValueError(f"version {found.version}, codec {found.codec}, where 1 and raw or dag-pb are expected")
    if hashed.name != "sha2-256" or len(hashed.digest) != 32:
        raise ValueError(f"hash {hashed.name} of {len(hashed.digest)} bytes, where sha2-256 of 32 is expected")
    return Cid("raw" if found.codec == "raw" else "dag-pb", hashed.digest)
