"""Tables of islands: the function evaluated at every byte that its one or two sources can have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tallystick.engine.compiler.elementwise import evaluate
from tallystick.engine.compiler.graph import Array, Graph, Quantisation
from tallystick.engine.compiler.islands import Island
from tallystick.engine.compiler.layouts import channel_axis
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES

TRUTH = Quantisation(np.float32(1), 0, DType.U8)
"""How truth values are held: 0 or 1."""


def hold(values: Array, quantisation: Quantisation) -> Array:
    """Real numbers as the integers of a table. NaN becomes zero, infinities the ends."""
    finite = np.nan_to_num(np.asarray(values, np.float64), nan=0.0, posinf=1e300, neginf=-1e300)
    return quantisation.quantise(finite).astype(NUMPY_DTYPES[quantisation.dtype])


def island_values(graph: Graph, island: Island, points: Mapping[str, Array], *, last: bool) -> Array:
    """The island's output, its sources being `points`: arrays that broadcast, with the channels, if any, on the last axis."""
    rank = len(graph.values[island.output].shape)
    known: dict[str, Array] = dict(points)

    def operand(name: str) -> Array | None:
        if not name:
            return None
        if name not in known:
            known[name] = _by_last_axis(np.asarray(graph.values[name].constant), rank, last)
        return known[name]

    for node in island.nodes:
        known[node.outputs[0]] = evaluate(node, [operand(name) for name in node.inputs])
    return known[island.output]


def _by_last_axis(constant: Array, rank: int, last: bool) -> Array:
    """A constant that has one number, or one for each channel, as a scalar or a [C]."""
    constant = constant.astype(np.float64) if constant.dtype != np.bool_ else constant
    if constant.size == 1:
        return constant.reshape(())
    padded = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    return padded.reshape(padded.shape[channel_axis(rank, last)])


def table_of_one(graph: Graph, island: Island, source: Quantisation, *, last: bool) -> Array:
    """Reals [256], or [C, 256] where the island has constants by channel."""
    points = source.reals()[:, None] if island.by_channel else source.reals()
    values = np.asarray(island_values(graph, island, {island.sources[0]: points}, last=last))
    return np.ascontiguousarray(values.T) if island.by_channel else np.broadcast_to(values, (256,))


def table_of_two(graph: Graph, island: Island, a: Quantisation, b: Quantisation, *, last: bool) -> Array:
    """Reals [65536]: at 256 * a's byte + b's."""
    points = {island.sources[0]: a.reals()[:, None], island.sources[1]: b.reals()[None, :]}
    return np.broadcast_to(island_values(graph, island, points, last=last), (256, 256)).reshape(-1)
