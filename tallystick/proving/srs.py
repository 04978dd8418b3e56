"""Structured reference strings: found in a folder, made for development, taken over from a ceremony, checked before use.

A development SRS is made by this machine, and whoever knows its secret forges proofs at will. Each call of the maker gives
an unrelated one, so it is made once per size and travels with the model. Which chains may use it is for the caller to say:
`SrsRef.origin` tells.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, InputError
from tallystick.ids import bytes32, parse_bytes32
from tallystick.market.manifests import SrsRef
from tallystick.proving.digests import FileDigests
from tallystick.proving.locks import folder_lock

Origin = Literal["development", "ceremony"]

_NAME = re.compile(r"(development|ceremony)-(\d+)\.srs")
_MAX_LOGROWS = 28  # of BN254's scalar field: its multiplicative group has 2**28 roots of unity


def srs_logrows(path: Path) -> int:
    """The size that the file says it has: its first four bytes, little-endian, as halo2 writes `ParamsKZG`.

    Raises:
        ArtifactMissingError: there is no such file.
        ArtifactCorruptError: too short, or a size that no SRS has.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise ArtifactMissingError(f"The SRS {path} cannot be read: {error.strerror}.") from error
    logrows = int.from_bytes(head, "little")
    if len(head) < 4 or not 1 <= logrows <= _MAX_LOGROWS or path.stat().st_size < 2**logrows * 64:
        raise ArtifactCorruptError(f"{path} is not an SRS: its header says 2**{logrows} rows.")
    return logrows


def describe_srs(path: Path, origin: Origin, digests: FileDigests) -> SrsRef:
    """The reference that pins the file."""
    return SrsRef(logrows=srs_logrows(path), sha256=bytes32(digests.sha256(path)), origin=origin)


def check_srs(path: Path, wanted: SrsRef, digests: FileDigests) -> None:
    """Raises ArtifactCorruptError or ArtifactMissingError unless the file is the one that the reference pins."""
    logrows = srs_logrows(path)
    digest = bytes32(digests.sha256(path))
    if digest != wanted.sha256 or logrows != wanted.logrows:
        raise ArtifactCorruptError(
            f"The SRS {path} (2**{logrows} rows) has SHA-256 {digest}; the model needs {wanted.sha256} "
            f"(2**{wanted.logrows} rows).",
            remedy="Fetch the one that the model's manifest names.",
        )


def find_srs(folder: Path, logrows: int) -> tuple[Path, Origin] | None:
    """The smallest ceremony SRS in the folder that is large enough, else the development one of exactly this size."""
    ceremonies = []
    for path in folder.glob("ceremony-*.srs"):
        found = _NAME.fullmatch(path.name)
        if found and int(found[2]) >= logrows:
            ceremonies.append((int(found[2]), path))
    if ceremonies:
        return min(ceremonies)[1], "ceremony"
    development = folder / f"development-{logrows}.srs"
    return (development, "development") if development.is_file() else None


def find_or_make_srs(
    folder: Path, logrows: int, make: Callable[[Path], object], *, lock_seconds: float, digests: FileDigests
) -> tuple[Path, SrsRef]:
    """An SRS for circuits of 2**logrows rows.

    Args:
        make: Writes a development SRS to a path; called at most once per folder and size, by one process at a time.
        lock_seconds: How long to wait for another process that is making it.
    """
    found = find_srs(folder, logrows)
    if found is not None:
        return found[0], describe_srs(*found, digests)
    path = folder / f"development-{logrows}.srs"
    with folder_lock(path.with_suffix(".srs.lock"), seconds=lock_seconds):
        if not path.is_file():
            _write_whole(path, make)
    return path, describe_srs(path, "development", digests)


def install_ceremony_srs(source: Path, folder: Path, *, sha256: str) -> tuple[Path, SrsRef]:
    """Takes a public ceremony's SRS into the folder, where `find_srs` prefers it.

    Args:
        sha256: Its digest, `0x` and 64 hex digits, from the ceremony's own publication.

    Raises:
        InputError: the file is another one.
        ArtifactMissingError, ArtifactCorruptError: it is missing or not an SRS.
    """
    digests = FileDigests()
    reference = describe_srs(source, "ceremony", digests)
    if reference.sha256 != parse_bytes32(sha256):
        raise InputError(
            f"{source} has SHA-256 {reference.sha256}, not {sha256}.", remedy="Download it again from the ceremony."
        )
    path = folder / f"ceremony-{reference.logrows}.srs"
    folder.mkdir(parents=True, exist_ok=True)
    _write_whole(path, lambda temporary: Path(shutil.copyfile(source, temporary)))
    return path, reference


def _write_whole(path: Path, make: Callable[[Path], object]) -> None:
    """The file appears complete or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.") as folder:
        temporary = Path(folder) / path.name
        make(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
