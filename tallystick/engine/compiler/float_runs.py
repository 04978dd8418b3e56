"""Runs of the float model on the creator's own data: for ranges, and to say how often the program agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnxruntime

from tallystick.engine.compiler.graph import Array, Graph
from tallystick.errors import InputError, ModelError

_SILENT = 4


def session(model: bytes, *, exact: bool = False) -> onnxruntime.InferenceSession:
    """A session on the CPU.

    Args:
        exact: For quantised models: without it, onnxruntime saturates sums of products of 8-bit weights on processors
            that have no VNNI, and its own results are not what the file means.

    Raises ModelError where onnxruntime does not take the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    if exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes have no common base but this
        raise ModelError(
            f"onnxruntime does not run the model: {error}", remedy="Check it with onnx.checker, and export it again."
        ) from error


def samples_of(graph: Graph, calibration: Mapping[str, Array]) -> list[dict[str, Array]]:
    """One feed for each sample, in the shapes and dtypes of the graph's inputs. Raises InputError with what is wrong.

    Args:
        calibration: By input name; the first axis counts samples. The model's own leading dim of 1 may be there or not.
    """
    missing = [name for name in graph.inputs if name not in calibration]
    if missing:
        raise InputError(
            f"The calibration data has no {missing[0]!r}; it has {sorted(calibration)}.",
            remedy=f"Give an array for each of the model's inputs: {graph.inputs}.",
        )
    columns = {name: _column(graph, name, np.asarray(calibration[name])) for name in graph.inputs}
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1 or not min(counts.values()):
        raise InputError(
            f"The calibration data has {counts} samples.", remedy="Give as many for each input, at least 1."
        )
    return [{name: np.asarray(columns[name][k]) for name in graph.inputs} for k in range(min(counts.values()))]


def _column(graph: Graph, name: str, array: Array) -> Array:
    value = graph.values[name]
    size = int(np.prod(value.shape))
    if array.ndim == 0 or size == 0 or array.size % size:
        raise InputError(
            f"The calibration data for {name!r} has the shape {list(array.shape)}; a sample is {list(value.shape)}.",
            remedy="Stack the samples along the first axis.",
        )
    if value.is_float and not np.all(np.isfinite(array)):
        raise InputError(f"The calibration data for {name!r} holds NaN or infinity.", remedy="Remove those samples.")
    return np.ascontiguousarray(array.reshape(-1, *value.shape).astype(value.dtype))


def results(
    runner: onnxruntime.InferenceSession, names: Sequence[str], samples: Sequence[Mapping[str, Array]]
) -> Iterator[dict[str, Array]]:
    """What the model gives for each sample, by name."""
    for sample in samples:
        yield dict(zip(names, runner.run(list(names), dict(sample)), strict=True))
