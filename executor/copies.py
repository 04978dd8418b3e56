"""Copies of what jobs need, so that a job once taken can be finished when its creator's node is gone."""

from __future__ import annotations

from tallystick.errors import ArtifactError
from tallystick.storage.store import DEFAULT_MAX_BYTES, Store


class CopyingStore:
    """A `Store` in front of another, which keeps what it reads.

    Args:
        own: In the job's folder, and gone with it: nobody fills our disk with jobs that we do not take.
        shared: Where creators put artifacts and look for results.
    """

    def __init__(self, own: Store, shared: Store) -> None:
        self._own = own
        self._shared = shared

    def put(self, data: bytes) -> str:
        """See `Store.put`. To the shared store alone: a result that only we hold is worth nothing."""
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
