"""A package's manifest: what its program is, in canonical JSON. All but the gas follows from the program and the report."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.canonical import decode_canonical, encode_canonical
from tallystick.engine.commitments import ProgramCommitment
from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.compiler.report import CompileReport, Held, QuantisedBy, TensorSpec
from tallystick.engine.costs import program_costs
from tallystick.engine.fold import LEAF_BYTES
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import SEMANTICS_VERSION, Program, float_bits
from tallystick.errors import ArtifactCorruptError, ModelError

PROGRAM_FILE = "program.bin"

Hash = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Bits = Annotated[str, Field(pattern=r"^0x[0-9a-f]{8}$")]
Count = Annotated[int, Field(ge=0)]
TensorType = Literal["u8", "i8", "i32"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class QuantisationEntry(_Entry):
    """`scale` is the shortest decimal of the single-precision number with the bits `scale_bits`."""

    scale: str
    scale_bits: Bits
    zero: int


class TensorEntry(_Entry):
    name: str
    dtype: TensorType
    dims: list[int]
    held: Held
    quantisation: QuantisationEntry | None


class StepEntry(_Entry):
    """One step; `macs` are the multiplications of all of it."""

    name: str
    opcode: str
    dtype: TensorType
    dims: list[int]
    macs: Count


class FileEntry(_Entry):
    bytes: Count
    sha256: Hash


class SourceEntry(_Entry):
    """The ONNX file that the program was made of."""

    sha256: Hash
    quantised_by: QuantisedBy
    operators: dict[str, Count]


class AgreementEntry(_Entry):
    """Shares and errors as Python spells floats; JSON numbers would have no one spelling."""

    samples: Count
    top1: str | None
    rms_error: str | None
    rms: str | None
    equal: str | None


class Manifest(_Entry):
    """The whole document. `gas` has a bound for each step's worst element, by the release that wrote it."""

    format: Literal["tallystick-program"] = "tallystick-program"
    version: Literal[1] = 1
    semantics_version: int
    leaf_bytes: int
    program_hash: Hash
    steps_root: Hash
    constants_root: Hash
    files: dict[str, FileEntry]
    inputs: list[TensorEntry]
    output: TensorEntry
    steps: list[StepEntry]
    gas: list[Count]
    source: SourceEntry
    agreement: AgreementEntry
    notes: list[str]

    def encode(self) -> bytes:
        return encode_canonical(self.model_dump(mode="json"))


def decode_manifest(data: bytes) -> Manifest:
    """Raises ArtifactCorruptError where `data` is not how `Manifest.encode` spells one."""
    try:
        return Manifest.model_validate(decode_canonical(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArtifactCorruptError(
            f"The manifest is not one of ours: {place}: {first['msg']}.", remedy="Compile the model again."
        ) from error


def describe_package(
    program: Program, encoded: bytes, commitment: ProgramCommitment, report: CompileReport
) -> Manifest:
    """The manifest of a package.

    Args:
        program: A valid one.
        encoded: What its file holds.
        commitment: The program's hashes.
        report: What compiling it found.
    """
    costs = program_costs(program)
    return Manifest(
        semantics_version=SEMANTICS_VERSION,
        leaf_bytes=LEAF_BYTES,
        program_hash=_hex(commitment.program_hash),
        steps_root=_hex(commitment.steps_root),
        constants_root=_hex(commitment.constants_root),
        files={PROGRAM_FILE: FileEntry(bytes=len(encoded), sha256=_hex(hashlib.sha256(encoded).digest()))},
        inputs=[_tensor_entry(spec) for spec in report.inputs],
        output=_tensor_entry(report.output),
        steps=[
            StepEntry(name=step.name, opcode=step.opcode.name, macs=cost.macs, **_header_entry(step.header))
            for step, cost in zip(program.steps, costs, strict=True)
        ],
        gas=[cost.gas for cost in costs],
        source=SourceEntry(
            sha256="0x" + report.source_sha256, quantised_by=report.quantised_by, operators=dict(report.operators)
        ),
        agreement=AgreementEntry(
            samples=report.samples,
            top1=_text(report.top1),
            rms_error=_text(report.rms_error),
            rms=_text(report.rms),
            equal=_text(report.equal),
        ),
        notes=list(report.notes),
    )


def report_of(manifest: Manifest) -> CompileReport:
    """What `describe_package` made the manifest of. Raises ArtifactCorruptError for numbers that are none."""
    agreement = manifest.agreement
    try:
        return CompileReport(
            source_sha256=manifest.source.sha256[2:],
            quantised_by=manifest.source.quantised_by,
            inputs=tuple(_spec(entry) for entry in manifest.inputs),
            output=_spec(manifest.output),
            operators=dict(manifest.source.operators),
            samples=agreement.samples,
            top1=_number(agreement.top1),
            rms_error=_number(agreement.rms_error),
            rms=_number(agreement.rms),
            equal=_number(agreement.equal),
            notes=tuple(manifest.notes),
        )
    except (ValueError, ModelError) as error:
        raise ArtifactCorruptError(f"The manifest says what cannot be: {error}") from error


# ---- entries ----------------------------------------------------------------------------------------------------------


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _text(value: float | None) -> str | None:
    return None if value is None else repr(float(value))


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _header_entry(header: TensorHeader) -> dict[str, Any]:
    return {"dtype": header.dtype.name.lower(), "dims": list(header.dims)}


def _tensor_entry(spec: TensorSpec) -> TensorEntry:
    quantisation = None
    if spec.quantisation is not None:
        scale = spec.quantisation.scale
        bits = int(float_bits([float(scale)])[0])
        quantisation = QuantisationEntry(scale=str(scale), scale_bits=f"{bits:#010x}", zero=int(spec.quantisation.zero))
    return TensorEntry(name=spec.name, held=spec.held, quantisation=quantisation, **_header_entry(spec.header))


def _spec(entry: TensorEntry) -> TensorSpec:
    header = TensorHeader(DType[entry.dtype.upper()], tuple(entry.dims))
    if (entry.held == "quantised") != (entry.quantisation is not None):
        raise ModelError(f"the tensor {entry.name!r} is held as {entry.held}, with quantisation {entry.quantisation}.")
    quantisation = None
    if entry.quantisation is not None:
        scale = np.float32(np.frombuffer(bytes.fromhex(entry.quantisation.scale_bits[2:]), ">f4")[0])
        quantisation = Quantisation(scale, entry.quantisation.zero, header.dtype)
    return TensorSpec(entry.name, header, entry.held, quantisation)
