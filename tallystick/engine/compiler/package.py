"""A package: the folder that a compiled model is kept and handed on in. Its program, and a manifest with every hash."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from pathlib import Path

from tallystick.engine.commitments import ProgramCommitment, program_commitment
from tallystick.engine.compiler.manifest import (
    PROGRAM_FILE,
    Manifest,
    decode_manifest,
    describe_package,
    report_of,
)
from tallystick.engine.compiler.report import CompileReport
from tallystick.engine.encoding import MAX_PROGRAM_BYTES, decode_program, encode_program
from tallystick.engine.program import Program
from tallystick.engine.validate import validate
from tallystick.errors import ArtifactCorruptError, InputError, ModelError

MANIFEST_FILE = "manifest.json"
MAX_MANIFEST_BYTES = 64 << 20

_AGAIN = "Get the package again, or compile the model again."


@dataclasses.dataclass(frozen=True)
class Package:
    """A package that was read or written.

    Attributes:
        program: Valid.
        commitment: Its hashes.
        report: What compiling it found.
        manifest: As its file says.
        directory: Where it is.
    """

    program: Program
    commitment: ProgramCommitment
    report: CompileReport
    manifest: Manifest
    directory: Path


def write_package(program: Program, directory: Path, *, report: CompileReport, force: bool = False) -> Package:
    """Puts a package into a folder, whole or not at all.

    Args:
        program: To be written.
        directory: Made where it is not there. The same package may be there already.
        report: What compiling it found.
        force: Whether another package that is there may be replaced. Nothing but a package ever is.

    Raises:
        ModelError: the program is not valid, or something else is at `directory`.
        InputError: nothing can be written there.
    """
    validate(program)
    encoded, commitment = encode_program(program), program_commitment(program)
    manifest = describe_package(program, encoded, commitment, report)
    package = Package(program, commitment, report, manifest, directory)
    files = {PROGRAM_FILE: encoded, MANIFEST_FILE: manifest.encode()}
    if not _is_free(directory):
        if _holds(directory, files):
            return package
        _refuse_to_replace(directory, force=force)
    _put(directory, files)
    return package


def _is_free(directory: Path) -> bool:
    return not directory.exists() or (directory.is_dir() and not any(directory.iterdir()))


def _holds(directory: Path, files: dict[str, bytes]) -> bool:
    return all(
        (directory / name).is_file()
        and (directory / name).stat().st_size == len(content)
        and (directory / name).read_bytes() == content
        for name, content in files.items()
    )


def _refuse_to_replace(directory: Path, *, force: bool) -> None:
    if not directory.is_dir() or not {each.name for each in directory.iterdir()} <= {PROGRAM_FILE, MANIFEST_FILE}:
        raise ModelError(f"{directory} is there, and is no package.", remedy="Name a folder that is not there yet.")
    if not force:
        raise ModelError(
            f"{directory} holds another package.", remedy="Name another folder, or give --force to replace it."
        )


def _put(directory: Path, files: dict[str, bytes]) -> None:
    """Under another name first: a reader sees all of a package or nothing of it."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as scratch:
            fresh = Path(scratch) / "new"
            fresh.mkdir()
            for name, content in files.items():
                (fresh / name).write_bytes(content)
            _swap(fresh, directory, Path(scratch) / "old")
    except OSError as error:
        raise InputError(
            f"The package cannot be written to {directory}: {error.strerror}.",
            remedy="Name a folder that can be written.",
        ) from error


def _swap(fresh: Path, directory: Path, old: Path) -> None:
    """`fresh` takes the place of `directory`, and what was there, if anything, goes to `old`, or stays."""
    if directory.exists():
        directory.rename(old)
    try:
        fresh.rename(directory)
    except OSError:
        if old.exists():
            old.rename(directory)
        raise


# ---- reading ----------------------------------------------------------------------------------------------------------


def read_package(directory: Path) -> Package:
    """A package, with every hash checked.

    Raises:
        ModelError: there is no package, or its program is not valid.
        ArtifactCorruptError: a file is not what the manifest says, or the manifest not what the program gives.
    """
    manifest = decode_manifest(_content(directory, MANIFEST_FILE, MAX_MANIFEST_BYTES))
    encoded = _content(directory, PROGRAM_FILE, MAX_PROGRAM_BYTES)
    said = manifest.files.get(PROGRAM_FILE)
    found = "0x" + hashlib.sha256(encoded).hexdigest()
    if said is None or said.sha256 != found:
        raise ArtifactCorruptError(
            f"{directory / PROGRAM_FILE} has the SHA-256 {found}, and the manifest says {said.sha256 if said else 'none'}.",
            remedy=_AGAIN,
        )
    program = decode_program(encoded)
    commitment, report = program_commitment(program), report_of(manifest)
    _compare(manifest, describe_package(program, encoded, commitment, report))
    _compare_specs(program, report)
    return Package(program, commitment, report, manifest, directory)


def _content(directory: Path, name: str, most: int) -> bytes:
    path = directory / name
    try:
        size = path.stat().st_size
        if size > most:
            raise ModelError(f"{path} has {size:,} bytes, over the bound of {most:,}.", remedy=_AGAIN)
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}.",
            remedy="Name a folder that `tallystick model compile FILE -o DIR` made.",
        ) from error


def _compare(said: Manifest, found: Manifest) -> None:
    """All but the gas: another release may bound it differently, but has a bound for each step."""
    if len(said.gas) != len(found.gas):
        raise ArtifactCorruptError(
            f"The manifest has the gas of {len(said.gas)} steps, and there are {len(found.gas)}.", remedy=_AGAIN
        )
    for field in type(said).model_fields:
        if field != "gas" and getattr(said, field) != getattr(found, field):
            raise ArtifactCorruptError(
                f"The manifest's {field} are not those of the program: {_short(getattr(said, field))} instead of "
                f"{_short(getattr(found, field))}.",
                remedy=_AGAIN,
            )


def _compare_specs(program: Program, report: CompileReport) -> None:
    headers = tuple(spec.header for spec in (*report.inputs, report.output))
    if headers != (*program.inputs, program.output_header):
        raise ArtifactCorruptError(
            f"The manifest describes tensors {', '.join(map(str, headers))}, which are not the program's.",
            remedy=_AGAIN,
        )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
