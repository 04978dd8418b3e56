"""The embedded store: one file per block in a folder that any number of processes may share.

    root/blocks/<two characters>/<cid>     complete blocks, each under its name
    root/incoming/<cid>.<random>           blocks being written

A block appears under its name by a rename, whole and already on disk, so a reader never sees half of one and a process
may be killed at any instruction. Two processes that write the same block write the same bytes, so none needs a lock.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from tallystick.clock import Clock, SystemClock
from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactMissingError,
    ArtifactTooLargeError,
    StoreUnavailableError,
)
from tallystick.logs import get_logger
from tallystick.storage.cid import Cid, parse_cid
from tallystick.storage.file_reader import holds_file, read_file
from tallystick.storage.file_tree import Block, blocks_of
from tallystick.storage.store import DEFAULT_MAX_BYTES
from tallystick.units import format_size

ABANDONED_SECONDS = 24 * 3600
"""A file that has been incoming for so long belongs to a process that was killed."""

log = get_logger(__name__)


class FolderStore:
    """A `Store` in a folder.

    Args:
        root: The folder; made where it is missing.
        max_artifact_bytes: `put` refuses more.
        clock: Tells which incoming files are abandoned.

    Raises:
        StoreUnavailableError: the folder cannot be made or written.
    """

    def __init__(self, root: Path, *, max_artifact_bytes: int = DEFAULT_MAX_BYTES, clock: Clock | None = None) -> None:
        self._root = root.absolute()
        self._blocks = self._root / "blocks"
        self._incoming = self._root / "incoming"
        self._max_artifact_bytes = max_artifact_bytes
        try:
            self._blocks.mkdir(parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            self._sweep(clock or SystemClock())
        except OSError as error:
            raise self._unavailable(error) from error

    def put(self, data: bytes) -> str:
        """See `Store.put`. A block that was damaged is replaced by the right one."""
        if len(data) > self._max_artifact_bytes:
            raise ArtifactTooLargeError(
                f"The content is {format_size(len(data))}; this store keeps {format_size(self._max_artifact_bytes)} "
                f"at most.",
                remedy="Split it, or open the store with a larger bound.",
            )
        cid = None
        for block in blocks_of(data):
            self._keep(block)
            cid = block.cid
        return str(cid)

    def get(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """See `Store.get`."""
        return read_file(self, parse_cid(cid), max_bytes)

    def has(self, cid: str) -> bool:
        """See `Store.has`."""
        return holds_file(self, parse_cid(cid))

    def fetch(self, cid: Cid, limit: int) -> bytes:
        """See `BlockSource.fetch`."""
        try:
            with self._place(cid).open("rb") as file:
                return file.read(limit + 1)
        except FileNotFoundError:
            raise ArtifactMissingError(
                f"Block {cid} is not in {self._root}.", remedy="Put the content here, or ask the store that has it."
            ) from None
        except OSError as error:
            raise self._unavailable(error) from error

    def holds(self, cid: Cid) -> bool:
        """See `BlockSource.holds`."""
        return self._place(cid).is_file()

    def damaged(self, cid: Cid, finding: str) -> ArtifactCorruptError:
        """See `BlockSource.damaged`."""
        return ArtifactCorruptError(
            f"Block {cid} is damaged in {self._place(cid)}: {finding}.",
            remedy="Put the content again, which replaces the file, or delete the file and read from another store.",
        )

    def _place(self, cid: Cid) -> Path:
        name = str(cid)
        # The last character carries three bits only, so the two before it spread better.
        return self._blocks / name[-3:-1] / name

    def _keep(self, block: Block) -> None:
        place = self._place(block.cid)
        try:
            if not _contains(place, block.data):
                self._write(place, block)
        except OSError as error:
            raise self._unavailable(error) from error

    def _write(self, place: Path, block: Block) -> None:
        place.parent.mkdir(exist_ok=True)
        incoming = self._incoming / f"{block.cid}.{uuid4().hex}"
        try:
            with incoming.open("xb") as file:
                file.write(block.data)
                file.flush()
                os.fsync(file.fileno())
            incoming.replace(place)
        finally:
            incoming.unlink(missing_ok=True)
        _sync_folder(place.parent)

    def _sweep(self, clock: Clock) -> None:
        for file in self._incoming.iterdir():
            try:
                age_seconds = clock.now() - file.stat().st_mtime
                if age_seconds > ABANDONED_SECONDS:
                    file.unlink()
                    log.info("abandoned_block_removed", file=str(file), age_seconds=int(age_seconds))
            except FileNotFoundError:
                continue  # its writer has just finished, or another process swept it

    def _unavailable(self, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"The store folder {self._root} cannot be used: {error}.",
            remedy="Check that it is a folder on a disk with room, and that this user may read and write it.",
        )


def _contains(place: Path, data: bytes) -> bool:
    try:
        with place.open("rb") as file:
            return file.read(len(data) + 1) == data
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """A rename outlives a power cut only once its folder is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
