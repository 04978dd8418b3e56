"""Programs of Optimistic models: read from a package, published, and fetched again without being believed. Needs the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from tallystick.dispute.levels import MOST_LEAVES, ROOT_LEVELS
from tallystick.engine.commitments import ProgramCommitment, program_commitment
from tallystick.engine.compiler.manifest import TensorEntry
from tallystick.engine.compiler.package import MANIFEST_FILE, Package, read_package
from tallystick.engine.encoding import MAX_PROGRAM_BYTES, decode_program, encode_program
from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import SEMANTICS_VERSION, Program
from tallystick.errors import ModelError
from tallystick.ids import Bytes32
from tallystick.market.manifests import ArtifactRef, ProgramManifest, ProgramTensor
from tallystick.storage.manifests import put_manifest
from tallystick.storage.store import Store
from tallystick.units import format_size

MOST_TENSORS = 1 << ROOT_LEVELS
"""Of one list: steps, constants or inputs. More would take more demands than a claim's clock has time for."""


@dataclasses.dataclass(frozen=True)
class HeldProgram:
    """A valid program that hashes to what was registered."""

    program: Program
    commitment: ProgramCommitment


def read_program_package(package: Package | Path) -> Package:
    """A package that can be registered.

    Raises:
        ModelError: there is no package, it is of another release's semantics, or nobody could dispute all of it in time.
        ArtifactCorruptError: a file is not what the package says.
    """
    if isinstance(package, Path):
        if not (package / MANIFEST_FILE).is_file():
            raise ModelError(
                f"{package} is no package: it has no {MANIFEST_FILE}.",
                remedy="Name a folder that `tallystick model compile FILE -o DIR` made, or an .onnx file for a circuit.",
            )
        package = read_package(package)
    if package.manifest.semantics_version != SEMANTICS_VERSION:
        raise ModelError(
            f"The package has semantics {package.manifest.semantics_version}, and this release {SEMANTICS_VERSION}.",
            remedy="Compile the model again with this release.",
        )
    check_disputable(package.program)
    return package


def check_disputable(program: Program) -> None:
    """Refuses what could not be demanded and answered whole before its claim is final.

    Raises:
        ModelError: more than MOST_TENSORS steps, constants or inputs, or a tensor of more than MOST_LEAVES leaves.
    """
    lists = {
        "steps": [step.header for step in program.steps],
        "constants": program.constant_headers,
        "inputs": program.inputs,
    }
    for noun, headers in lists.items():
        if len(headers) > MOST_TENSORS:
            raise ModelError(
                f"The program has {len(headers):,} {noun}; what was not published can be demanded of {MOST_TENSORS:,} at most.",
                remedy="Split the model into several, each with its own jobs.",
            )
        _check_sizes(noun, headers)


def _check_sizes(noun: str, headers: Iterable[TensorHeader]) -> None:
    for index, header in enumerate(headers):
        if leaf_count(header.byte_size) > MOST_LEAVES:
            raise ModelError(
                f"Tensor {index} of the program's {noun}, {header}, has {format_size(header.byte_size)}; what was not "
                f"published can be demanded of {format_size(MOST_LEAVES * LEAF_BYTES)} at most.",
                remedy="Compile the model for a smaller input: `tallystick model compile --batch` or `--dim`.",
            )


def publish_program(store: Store, package: Package | Path, name: str) -> ProgramManifest:
    """Puts a package's files and their manifest into the store; the manifest last. Raises as `read_program_package`."""
    held = read_program_package(package)
    manifest = ProgramManifest(
        name=name,
        semantics_version=held.manifest.semantics_version,
        program=_put(store, encode_program(held.program)),
        package=_put(store, held.manifest.encode()),
        inputs=tuple(_tensor(entry) for entry in held.manifest.inputs),
        output=_tensor(held.manifest.output),
        program_id=Bytes32(held.manifest.program_hash),
    )
    put_manifest(store, manifest)
    return manifest


def _put(store: Store, data: bytes) -> ArtifactRef:
    return ArtifactRef(cid=store.put(data), size_bytes=len(data))


def _tensor(entry: TensorEntry) -> ProgramTensor:
    held = entry.quantisation
    return ProgramTensor(
        name=entry.name,
        dtype=entry.dtype,
        dims=tuple(entry.dims),
        held=entry.held,
        scale_bits=held.scale_bits if held else None,
        zero=held.zero if held else None,
    )


def header_of(tensor: ProgramTensor) -> TensorHeader:
    """Of a program's input or output, as its manifest has it."""
    return TensorHeader(DType[tensor.dtype.upper()], tensor.dims)


class Programs:
    """Programs by their hash, each fetched and checked once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[Bytes32, HeldProgram] = {}

    def get(self, manifest: ProgramManifest) -> HeldProgram:
        """The program that a manifest names.

        Raises:
            ModelError: it is not valid, has another hash, or takes and gives other tensors than the manifest says.
            ArtifactError: it is not to be had.
        """
        if manifest.program_id not in self._known:
            self._known[manifest.program_id] = self._fetch(manifest)
        held = self._known[manifest.program_id]
        headers = tuple(header_of(tensor) for tensor in (*manifest.inputs, manifest.output))
        if headers != (*held.program.inputs, held.program.output_header):
            raise ModelError(
                f"The manifest of {manifest.name!r} describes other tensors than program {manifest.program_id} has.",
                remedy="Whoever registered it made a mistake; register the model anew.",
            )
        return held

    def _fetch(self, manifest: ProgramManifest) -> HeldProgram:
        bound = min(manifest.program.size_bytes, MAX_PROGRAM_BYTES)
        program = decode_program(self._store.get(manifest.program.cid, max_bytes=bound))
        commitment = program_commitment(program)
        found = "0x" + commitment.program_hash.hex()
        if found != manifest.program_id:
            raise ModelError(
                f"The program that {manifest.name!r} names has the hash {found}; registered is {manifest.program_id}.",
                remedy="Whoever registered it made a mistake; register the model anew.",
            )
        return HeldProgram(program, commitment)
