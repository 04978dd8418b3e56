"""Copies of what jobs need, so that a job once taken can be finished when its creator's node is gone."""

from __future__ import annotations

from tallystick.errors import ArtifactError
from tallystick.storage.store import DEFAULT_MAX_BYTES, Store


class CopyingStore:
    """A `Store` in front of another: reads are kept in `own`, and what is put goes to both.

    Args:
        own: In the home folder.
        shared: Where creators put and look for artifacts.
    """

    def __init__(self, own: Store, shared: Store) -> None:
        self._own = own
        self._shared = shared

    def put(self, data: bytes) -> str:
        """See `Store.put`. Returns once the shared store has it: a result that only we hold is worth nothing."""
        self._own.put(data)
        return self._shared.put(data)

    def get(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """See `Store.get`. A copy that is missing or damaged is fetched again."""
        try:
            return self._own.get(cid, max_bytes=max_bytes)
        except ArtifactError:
            data = self._shared.get(cid, max_bytes=max_bytes)
            self._own.put(data)
            return data

    def has(self, cid: str) -> bool:
        """See `Store.has`."""
        return self._own.has(cid) or self._shared.has(cid)
