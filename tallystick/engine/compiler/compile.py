"""From a file to a program, stage by stage."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tallystick.engine.compiler.agreement import measure_agreement
from tallystick.engine.compiler.calibrate import calibrate
from tallystick.engine.compiler.float_runs import samples_of
from tallystick.engine.compiler.graph import Array, Graph, Node
from tallystick.engine.compiler.load import load_model
from tallystick.engine.compiler.lower import finish_lowering, held_values, start_lowering
from tallystick.engine.compiler.quantised import import_quantised, is_quantised
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.report import CompileReport, describe
from tallystick.engine.compiler.simplify import simplify
from tallystick.engine.compiler.tree_models import is_tree_model, lower_tree_model
from tallystick.engine.program import Program
from tallystick.engine.validate import validate

Samples = Sequence[Mapping[str, Array]]

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, what is done of it, and how much there is."""


@dataclasses.dataclass(frozen=True)
class CompileOptions:
    """What a creator may choose.

    Attributes:
        batch: What a dynamic leading dim becomes.
        dims: What other dynamic dims become, by name.
        output: Which of several results the program gives; the first unless told.
        weight_bits: 8; or 7, with which the fastest kernels of processors without VNNI are exact as well.
        samples: At most so many of the calibration data are used.
    """

    batch: int = 1
    dims: Mapping[str, int] = dataclasses.field(default_factory=dict)
    output: str | None = None
    weight_bits: int = 8
    samples: int = 256


@dataclasses.dataclass(frozen=True)
class Compiled:
    program: Program
    report: CompileReport


def compile_model(
    source: Path | bytes,
    calibration: Mapping[str, Array] | None = None,
    options: CompileOptions | None = None,
    progress: Progress | None = None,
) -> Compiled:
    """A model as an exact integer program.

    Args:
        source: An ONNX file or its bytes: float, QOperator or QDQ.
        calibration: Inputs as jobs will bring them, by name, samples along the first axis. A float model needs them; for a
            quantised one they only measure how well the program agrees with the file.

    Raises:
        ModelError: what cannot be made exact and total, with node, reason and remedy.
        InputError: calibration data that does not fit.
    """
    options, tell = options or CompileOptions(), progress or _nobody
    data = source.read_bytes() if isinstance(source, Path) else source
    tell("reading", 0, 1)
    proto = load_model(source)
    graph = simplify(proto, batch=options.batch, dims=options.dims, output=options.output)
    samples = None if calibration is None else samples_of(graph, calibration)[: options.samples]
    lowered = _lower(graph, samples, options, tell)
    tell("checking", 0, 1)
    validate(lowered.program)
    agreement = None
    if samples is not None:
        model = proto.SerializeToString()
        agreement = measure_agreement(
            model,
            lowered.graph,
            lowered.program,
            samples,
            lambda done, total: tell("comparing", done, total),
            exact=lowered.from_file,
        )
    report = describe(
        source_sha256=hashlib.sha256(data).hexdigest(),
        quantised_by="file" if lowered.from_file else "calibration",
        graph=lowered.graph,
        program=lowered.program,
        agreement=agreement,
    )
    return Compiled(lowered.program, report)


def _nobody(_stage: str, _done: int, _total: int) -> None:
    """Listens to progress where the caller does not."""


@dataclasses.dataclass(frozen=True)
class _Lowered:
    """`graph` says how values are held, and `from_file` whether the file said so."""

    program: Program
    graph: Graph
    from_file: bool


def _lower(graph: Graph, samples: Samples | None, options: CompileOptions, tell: Progress) -> _Lowered:
    if is_tree_model(graph):
        return _Lowered(lower_tree_model(graph), graph, from_file=True)
    from_file = is_quantised(graph)
    if from_file:
        graph = import_quantised(graph)
    lowering = start_lowering(graph, weight_bits=options.weight_bits)
    held = [name for name in held_values(lowering) if _is_undecided(graph, name)]
    if held and samples is not None:
        calibrate(
            graph,
            held,
            [_as_reals(graph, sample) for sample in samples],
            lambda done, total: tell("calibrating", done, total),
        )
    elif held and not from_file:
        raise refuse(
            Node("Input", [], [held[0]]),
            "the model is in floating point and there is no calibration data",
            "Give inputs as jobs will bring them: --calibration data.npz.",
        )
    tell("lowering", 0, 1)
    return _Lowered(finish_lowering(lowering), graph, from_file)


def _as_reals(graph: Graph, sample: Mapping[str, Array]) -> dict[str, Array]:
    """A feed for a graph whose file takes integers and whose values are the reals that they hold."""
    feed = {}
    for name, array in sample.items():
        value = graph.values[name]
        held = value.quantisation if value.is_float and array.dtype in (np.uint8, np.int8) else None
        feed[name] = array if held is None else held.dequantise(array).astype(np.float32)
    return feed


def _is_undecided(graph: Graph, name: str) -> bool:
    value = graph.values[name]
    return value.is_float and value.constant is None and value.quantisation is None
