"""What a content-addressed store does. Implementations: `folder.py` (default) and `ipfs.py`."""

from __future__ import annotations

from typing import Protocol

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
"""No reader takes more than this of one artifact unless it says so."""


class Store(Protocol):
    """Content by CID. The same content has the same CID in every store: that of `ipfs add --cid-version=1`."""

    def put(self, data: bytes) -> str:
        """Keeps `data` and returns its CID (version 1, base32). Keeping it twice is no different from once.

        Raises:
            ArtifactTooLargeError: larger than the store's own bound.
            StoreUnavailableError: the store does not answer.
        """
        ...

    def get(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """The content, checked against the hash in `cid` before it is returned.

        Raises:
            InputError: not a CID of a kind this project uses.
            ArtifactMissingError: not here.
            ArtifactTooLargeError: larger than `max_bytes`.
            ArtifactCorruptError: what is here has another hash.
            StoreUnavailableError: the store does not answer.
        """
        ...

    def has(self, cid: str) -> bool:
        """Whether `get` would find it here, without reading it whole."""
        ...
