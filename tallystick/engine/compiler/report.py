"""What came of compiling a model: what goes in and out, how well it agrees with the model, what to know."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from tallystick.engine.compiler.graph import Graph, Quantisation, Value
from tallystick.engine.headers import TensorHeader
from tallystick.engine.program import Program

if TYPE_CHECKING:  # what measures it needs onnxruntime, what reads a report does not
    from tallystick.engine.compiler.agreement import Agreement

QuantisedBy = Literal["calibration", "file"]
Held = Literal["integers", "quantised", "order"]
"""How a tensor's numbers stand in a program: as they are; `q = r / scale + zero`; or a float's bits as an integer that keeps
the order (docs/determinism.md)."""

CLOSE = 0.98
"""Top-1 agreement from which nothing needs to be said."""


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """An input or the output of a program, for whoever makes or reads its numbers.

    Attributes:
        name: As in the ONNX file.
        header: Of the program's tensor; the dims are the model's own.
        held: How its numbers stand there.
        quantisation: Where `held` is `quantised`, and for no other.
    """

    name: str
    header: TensorHeader
    held: Held
    quantisation: Quantisation | None = None


@dataclasses.dataclass(frozen=True)
class CompileReport:
    """What a package says besides the program.

    Attributes:
        source_sha256: Of the ONNX file, 64 hex digits.
        quantised_by: Whether calibration data said how numbers are held, or the file did.
        inputs, output: In the program's order.
        operators: ONNX operators that were compiled, after simplification, with how many there were.
        samples: Inputs on which the program was compared with the model; 0 where there were none.
        top1: Share of rows whose largest element is at the same place, 0..1; None where a row is a single number.
        rms_error: Root of the mean square of the difference of reals; None where the result is integers.
        rms: Of the model's own results, to compare with.
        equal: Share of equal elements, 0..1, where the result is integers.
        notes: Sentences that whoever registers the model should read.
    """

    source_sha256: str
    quantised_by: QuantisedBy
    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    operators: Mapping[str, int] = dataclasses.field(default_factory=dict)
    samples: int = 0
    top1: float | None = None
    rms_error: float | None = None
    rms: float | None = None
    equal: float | None = None
    notes: tuple[str, ...] = ()


def describe(
    *, source_sha256: str, quantised_by: QuantisedBy, graph: Graph, program: Program, agreement: Agreement | None
) -> CompileReport:
    """The report on a program that was made of a graph.

    Args:
        source_sha256: Of the ONNX file, 64 hex digits.
        graph: Whose values say how inputs and output are held; its inputs are the program's, in order.
        agreement: None where there was no data to compare on.
    """
    inputs = tuple(
        _spec(name, graph.values[name], header) for name, header in zip(graph.inputs, program.inputs, strict=True)
    )
    output = graph.outputs[0]
    report = CompileReport(
        source_sha256=source_sha256,
        quantised_by=quantised_by,
        inputs=inputs,
        output=_spec(output, graph.values[output], program.output_header),
        operators=dict(sorted(Counter(node.op for node in graph.nodes).items())),
    )
    if agreement is None:
        return dataclasses.replace(
            report, notes=("Nothing was compared: give calibration data to see how well the program agrees.",)
        )
    return dataclasses.replace(
        report,
        samples=agreement.samples,
        top1=agreement.top1,
        rms_error=agreement.rms_error,
        rms=agreement.rms,
        equal=agreement.equal,
        notes=_notes(agreement),
    )


def _spec(name: str, value: Value, header: TensorHeader) -> TensorSpec:
    if not value.is_float:
        return TensorSpec(name, header, "integers")
    if value.quantisation is None:
        return TensorSpec(name, header, "order")
    return TensorSpec(name, header, "quantised", value.quantisation)


def _notes(agreement: Agreement) -> tuple[str, ...]:
    if agreement.top1 is not None and agreement.top1 < CLOSE:
        return (
            f"The program and the model pick the same largest element in only {agreement.top1:.1%} of the rows: "
            "calibrate with more inputs, and with such as jobs will bring.",
        )
    return ()
