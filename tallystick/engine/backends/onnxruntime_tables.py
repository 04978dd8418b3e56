"""LOOKUP and LOOKUP2: an operator of onnxruntime where one gives the table's every entry, a gathering where the tensor is small.

A large lookup in a table that no operator has is left to the kernels of `engine.kernels`, several times faster than gathering.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from tallystick.engine.backends.linear_tables import TwoScales, proposals
from tallystick.engine.backends.onnxruntime_dots import Emit
from tallystick.engine.backends.onnxruntime_graph import MICROSOFT, GraphWriter, flipped, open_session
from tallystick.engine.headers import TensorHeader
from tallystick.engine.kernels.site import Site, flip_of
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Array

FEW_ELEMENTS = 8192
"""Of one item. Gathering these takes about as long as leaving onnxruntime for a kernel and coming back."""

LENGTHS = (3, 8, 17, 31, 33)
"""Of rows that the check runs besides one of all pairs: onnxruntime's loops end differently for each."""

Table = npt.NDArray[np.uint8]


def graph_table(table: Array, sources: Sequence[DType]) -> Array:
    """A table by the bytes that graphs hold, of the bytes that graphs hold. i32 tables keep their entries."""
    lead = table.shape[: table.ndim - 1]
    square = table.reshape(*lead, *[256] * len(sources))
    for axis, source in enumerate(sources):
        square = np.take(square, np.arange(256) ^ flip_of(source), axis=len(lead) + axis)
    if square.dtype == np.int8:
        square = flipped(square.view(np.uint8))
    return np.ascontiguousarray(square)


def _gathered(writer: GraphWriter, index: str, table: Array, dims: Sequence[int]) -> str:
    """`index` i32 of any dims; GatherElements because Gather copies element by element with a call each."""
    flat = writer.reshape(index, (-1,))
    entries = writer.node("GatherElements", [writer.constant(table.reshape(-1)), flat])
    return writer.reshape(entries, (-1, *dims[1:]))


def _index(writer: GraphWriter, x: str) -> str:
    return writer.node("Cast", [x], to=TensorProto.INT32)


def emit_lookup(site: Site) -> Emit | None:
    table = site.constants[1]
    if table is None or site.constants[0] is not None:
        return None
    held = graph_table(table, [site.headers[0].dtype])
    bounds = _clip_bounds(held)
    if bounds is not None:
        return lambda writer, operands: writer.node("Clip", [operands[0], *map(writer.byte, bounds)])
    if site.step.header.size > FEW_ELEMENTS:
        return None

    def emit(writer: GraphWriter, operands: Sequence[str]) -> str:
        index = _index(writer, operands[0])
        if held.ndim == 2:
            rows = writer.constant(np.arange(len(held), dtype=np.int32) * np.int32(256))
            index = writer.node("Add", [index, rows])
        return _gathered(writer, index, held, site.dims)

    return emit


def _clip_bounds(table: Array) -> tuple[int, int] | None:
    """Of a table that leaves a range as it is and holds its ends elsewhere."""
    if table.shape != (256,) or table.dtype != np.uint8:
        return None
    low, high = int(table[0]), int(table[-1])
    return (low, high) if np.array_equal(table, np.clip(np.arange(256), low, high)) else None


# ---- two operands -----------------------------------------------------------------------------------------------------

Matcher = Callable[[Table], TwoScales | None]


def emit_lookup2(site: Site, match: Matcher) -> Emit | None:
    table = site.constants[2]
    if table is None or not _same_first_axis(site):
        return None
    held = graph_table(table, [header.dtype for header in site.headers[:2]])
    same = site.headers[0].dims == site.headers[1].dims and site.constants[0] is None and site.constants[1] is None
    found = match(held.view(np.uint8)) if held.dtype == np.uint8 else None
    if found is not None and (same or found.op == "QLinearMul"):
        return _operator(site, found)
    return _pair_gathering(site, held) if site.step.header.size <= FEW_ELEMENTS else None


def _same_first_axis(site: Site) -> bool:
    """Whether both operands still broadcast when their first axes count the batch too."""
    headers, constants = site.headers[:2], site.constants[:2]
    if all(constant is not None for constant in constants):
        return False

    def fits(header: TensorHeader, constant: Array | None) -> bool:
        rank = len(site.dims)
        if constant is not None:
            return len(header.dims) < rank or header.dims[0] == 1
        return rank > 0 and len(header.dims) == rank and header.dims[0] == site.dims[0]

    return all(map(fits, headers, constants))


def _operands(site: Site, writer: GraphWriter, names: Sequence[str]) -> list[str]:
    """Names of the two, constants written as graphs hold them."""
    given = iter(names)
    held = []
    for header, constant in zip(site.headers[:2], site.constants[:2], strict=True):
        if constant is None:
            held.append(next(given))
        else:
            held.append(writer.constant(constant.view(np.uint8) ^ np.uint8(flip_of(header.dtype))))
    return held


def _operator(site: Site, found: TwoScales) -> Emit:
    def emit(writer: GraphWriter, operands: Sequence[str]) -> str:
        return two_scales_node(writer, found, _operands(site, writer, operands))

    return emit


def two_scales_node(writer: GraphWriter, found: TwoScales, operands: Sequence[str]) -> str:
    inputs: list[str] = []
    for operand, scale, zero in zip(operands, found.scales, found.zeros[:2], strict=True):
        inputs += [operand, writer.constant(np.array(scale, np.float32)), writer.byte(zero)]
    return writer.node(found.op, [*inputs, writer.real(1.0), writer.byte(found.zeros[2])], MICROSOFT)


def _pair_gathering(site: Site, table: Array) -> Emit:
    def emit(writer: GraphWriter, operands: Sequence[str]) -> str:
        a, b = (_index(writer, name) for name in _operands(site, writer, operands))
        row = writer.node("Mul", [a, writer.constant(np.array(256, np.int32))])
        return _gathered(writer, writer.node("Add", [row, b]), table, site.dims)

    return emit


def matching_operator(table: Table) -> TwoScales | None:
    """QLinearAdd or QLinearMul with the numbers that give all 65,536 entries on this machine, however its loops end."""
    return next((found for found in proposals(table) if gives_table(found, table)), None)


def gives_table(found: TwoScales, table: Table) -> bool:
    """Runs the operator over every pair: as one row, as many short ones, and, for products, with one operand repeated."""
    writer = GraphWriter()
    header = TensorHeader(DType.U8, (1, 1, 1))
    output = two_scales_node(writer, found, ["a", "b"])
    session = open_session(writer.model([("a", header), ("b", header)], [output], free=True), 1)
    a, b = (grid.astype(np.uint8) for grid in np.divmod(np.arange(65536), 256))
    want = table.reshape(-1)

    def holds(left: Array, right: Array, expected: Array) -> bool:
        (got,) = session.run(None, {"a": left, "b": right})
        return bool((got == expected).all())

    if not holds(a.reshape(1, 1, -1), b.reshape(1, 1, -1), want):
        return False
    for length in LENGTHS:
        order = np.resize(np.arange(65536), -(-65536 // length) * length).reshape(-1, 1, length)
        # Two rows against one: onnxruntime goes through them `length` elements at a time.
        if not holds(a[order], np.repeat(b[order], 2, axis=1), want[order]):
            return False
    column_a, column_b, column = a.reshape(-1, 1, 1), b.reshape(-1, 1, 1), want.reshape(-1, 1, 1)
    repeats = (1, 1, 37)
    return found.op == "QLinearAdd" or (
        holds(column_a, np.tile(column_b, repeats), column) and holds(np.tile(column_a, repeats), column_b, column)
    )
