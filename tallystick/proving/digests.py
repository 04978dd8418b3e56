"""SHA-256 of large files, taken once per state of the file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


class FileDigests:
    """Remembers a file's digest for as long as its inode, size and time of change stay the same.

    A proving key has gigabytes and is needed for every proof; hashing it each time would cost more than some proofs.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], bytes] = {}

    def sha256(self, path: Path) -> bytes:
        """Raises OSError if the file cannot be read."""
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
            if key not in self._known:
                self._known[key] = hashlib.file_digest(file, "sha256").digest()
            return self._known[key]
