"""A circuit's keys, made once and found again by what they were made from.

Keys never travel: they are large, and one that came from somewhere else would have to be trusted. Whoever has the ONNX
file, the settings and the SRS makes the same ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tallystick.errors import ProverFailedError, ProverTimeoutError
from tallystick.hashing import sha256
from tallystick.logs import get_logger
from tallystick.proving.digests import FileDigests
from tallystick.proving.locks import folder_lock

_log = get_logger(__name__)

_RECORD = "record.json"
_WORD = 32


@dataclass(frozen=True)
class KeyIdentity:
    """What a set of keys follows from.

    Attributes:
        onnx, settings: The files' bytes.
        srs_sha256: 0x-spelled.
        prover_version: EZKL's; another version may lay the same circuit out differently.
    """

    onnx: bytes
    settings: bytes
    srs_sha256: str
    prover_version: str

    @property
    def name(self) -> str:
        """Hex, fit for a folder's name."""
        parts = (sha256(self.onnx), sha256(self.settings), self.srs_sha256.encode(), self.prover_version.encode())
        return sha256(*(hashlib.sha256(part).digest() for part in parts)).hex()


@dataclass(frozen=True)
class KeyFiles:
    """Where the parts of one set of keys are."""

    folder: Path

    @property
    def onnx(self) -> Path:
        return self.folder / "network.onnx"

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def compiled(self) -> Path:
        return self.folder / "model.compiled"

    @property
    def vk(self) -> Path:
        return self.folder / "vk.key"

    @property
    def pk(self) -> Path:
        return self.folder / "pk.key"

    @property
    def vka(self) -> Path:
        return self.folder / "vka.bin"

    def all(self) -> tuple[Path, ...]:
        return (self.onnx, self.settings, self.compiled, self.vk, self.pk, self.vka)


class KeyCache:
    """Keys by identity, in a folder that several processes may share.

    Args:
        max_bytes: Of all keys together. Looked at whenever keys are made: the longest unused go first, except those that
            somebody holds and the ones just made, which stay even where they alone are larger.
    """

    def __init__(self, folder: Path, digests: FileDigests, max_bytes: int | None = None) -> None:
        self._folder = folder
        self._digests = digests
        self._max_bytes = max_bytes

    @contextlib.contextmanager
    def held(self, identity: KeyIdentity, *, seconds: float) -> Iterator[None]:
        """Keeps these keys, there already or not, from being removed. Raises ProverTimeoutError, see `folder_lock`."""
        with folder_lock(self._use_lock(identity.name), seconds=seconds, shared=True):
            yield

    def _use_lock(self, name: str) -> Path:
        return self._folder / f"{name}.use"

    def find(self, identity: KeyIdentity) -> KeyFiles | None:
        """The keys, if they are here and are what was once written."""
        files = KeyFiles(self._folder / identity.name)
        return files if self._intact(files) else None

    def ensure(self, identity: KeyIdentity, make: Callable[[KeyFiles], None], *, lock_seconds: float) -> KeyFiles:
        """The keys, made if they are missing or damaged.

        Args:
            make: Given files of which `onnx` and `settings` exist, writes the others.
            lock_seconds: How long to wait for another process that is making the same keys.

        Raises:
            ProverTimeoutError: the other process took longer.
            ProverFailedError: `make` left a file out.
        """
        found = self._find_for_use(identity)
        if found is not None:
            return found
        final = self._folder / identity.name
        with folder_lock(self._folder / f"{identity.name}.lock", seconds=lock_seconds):
            found = self._find_for_use(identity)
            if found is not None:  # another process made them while this one waited
                return found
            if final.exists():
                _log.warning("keys_damaged", folder=str(final))
                shutil.rmtree(final)
            temporary = KeyFiles(self._folder / f"{identity.name}.part")
            shutil.rmtree(temporary.folder, ignore_errors=True)  # of a process that died; the lock says nobody uses it
            try:
                self._write(temporary, identity, make)
                temporary.folder.rename(final)
            finally:
                shutil.rmtree(temporary.folder, ignore_errors=True)
        _log.info("keys_made", folder=str(final))
        self._make_room(final)
        return KeyFiles(final)

    def _find_for_use(self, identity: KeyIdentity) -> KeyFiles | None:
        found = self.find(identity)
        if found is not None:
            with contextlib.suppress(OSError):  # its time is only a hint of what to remove first
                os.utime(found.folder / _RECORD)
        return found

    def _make_room(self, newest: Path) -> None:
        if self._max_bytes is None:
            return
        self._remove_unfinished()
        sizes = {folder: _size(folder) for folder in self._folder.iterdir() if folder.is_dir() and not folder.suffix}
        too_much = sum(sizes.values()) - self._max_bytes
        for folder in sorted(sizes, key=_used_at):
            if too_much > 0 and folder != newest and _remove_unless_locked(folder, self._use_lock(folder.name)):
                _log.info("keys_removed", folder=str(folder), size_bytes=sizes[folder])
                too_much -= sizes[folder]

    def _remove_unfinished(self) -> None:
        """What processes left that died while they made keys: nobody may ever want those keys again."""
        for folder in self._folder.glob("*.part"):
            _remove_unless_locked(folder, folder.with_suffix(".lock"))

    def _write(self, files: KeyFiles, identity: KeyIdentity, make: Callable[[KeyFiles], None]) -> None:
        files.folder.mkdir(parents=True)
        files.onnx.write_bytes(identity.onnx)
        files.settings.write_bytes(identity.settings)
        make(files)
        missing = [path.name for path in files.all() if not path.is_file()]
        if missing:
            raise ProverFailedError(f"The prover reported success but wrote no {', '.join(missing)}.")
        record = {path.name: self._digests.sha256(path).hex() for path in files.all()}
        for path in files.all():
            _sync(path)
        (files.folder / _RECORD).write_text(json.dumps(record, indent=1, sort_keys=True))

    def _intact(self, files: KeyFiles) -> bool:
        try:
            record = json.loads((files.folder / _RECORD).read_text())
            return all(self._digests.sha256(path).hex() == record[path.name] for path in files.all())
        except (OSError, ValueError, KeyError, TypeError):
            return False


def _size(folder: Path) -> int:
    """Bytes of a folder's files; 0 for one that another process removes meanwhile."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except OSError:
        return 0


def _used_at(folder: Path) -> int:
    """When keys were last asked for; those without a record are of no use and go first."""
    try:
        return (folder / _RECORD).stat().st_mtime_ns
    except OSError:
        return 0


def _remove_unless_locked(folder: Path, lock: Path) -> bool:
    try:
        with folder_lock(lock, seconds=0):
            shutil.rmtree(folder, ignore_errors=True)
    except ProverTimeoutError:
        return False
    return not folder.exists()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def read_vka(data: bytes) -> tuple[bytes, ...]:
    """The words of a verifying-key artifact: a little-endian 64-bit count, then so many words of 32 bytes.

    Their order and bytes are those that the reusable verifier takes as `bytes32[]` and hashes.

    Raises:
        ProverFailedError: another form.
    """
    count = int.from_bytes(data[:8], "little")
    if len(data) != 8 + count * _WORD or count == 0:
        raise ProverFailedError(f"The verifying-key artifact has {len(data)} bytes, which do not hold {count} words.")
    return tuple(data[start : start + _WORD] for start in range(8, len(data), _WORD))
