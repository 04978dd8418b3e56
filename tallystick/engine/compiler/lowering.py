"""What the rules that lower nodes share: where each value of the graph is in the program, and how it is held there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.graph import Array, Graph, Node, Quantisation, Value
from tallystick.engine.compiler.islands import Islands
from tallystick.engine.compiler.layouts import IMAGE_RANK, TO_FIRST, TO_LAST
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.tables import TRUTH, hold
from tallystick.engine.opcodes import DType
from tallystick.engine.program import NUMPY_DTYPES, Ref


@dataclasses.dataclass
class Lowering:
    """A graph on its way to a program.

    Attributes:
        last: Names of the values that are held channels-last.
        islands: Of the graph.
        clamps: Values that are not held, because a clamp after them is theirs: with what the clamp gives.
        weight_bits: Of weights that a calibration quantises: 8, or 7 for kernels that saturate pairs of products.
    """

    graph: Graph
    builder: ProgramBuilder
    last: set[str]
    islands: Islands
    clamps: dict[str, str]
    weight_bits: int = 8
    refs: dict[tuple[str, bool], Ref] = dataclasses.field(default_factory=dict)

    # ---- how values are held --------------------------------------------------------------------------------------

    def value(self, name: str) -> Value:
        return self.graph.values[name]

    def quantisation(self, name: str, node: Node) -> Quantisation:
        """Raises ModelError where neither the file nor a calibration says how the value is held."""
        value = self.value(name)
        if value.quantisation is not None:
            return value.quantisation
        if value.dtype == np.bool_:
            return TRUTH
        if value.constant is not None:
            return held_quantisation(value) or constant_quantisation(value)
        raise refuse(
            node,
            f"the file does not say how {name!r} is quantised",
            "Give calibration data, or quantise the model with this tensor included.",
        )

    def put(self, name: str, ref: Ref) -> None:
        """`ref` is the value, laid out as `last` says."""
        self.refs[name, name in self.last] = ref

    # ---- operands -------------------------------------------------------------------------------------------------

    def ref(self, name: str, node: Node, *, last: bool = False) -> Ref:
        """The value as an operand, channels-last or as ONNX has it; constants are quantised by their own range."""
        if (name, last) not in self.refs:
            self.refs[name, last] = self._make(name, node, last)
        return self.refs[name, last]

    def _make(self, name: str, node: Node, last: bool) -> Ref:
        if (name, not last) in self.refs:
            return self.builder.transpose(self.refs[name, not last], TO_LAST if last else TO_FIRST)
        value = self.value(name)
        if value.constant is None:
            raise refuse(
                node, f"{name!r} is read before it is made", "This is a fault of the compiler; please report it."
            )
        held = self._constant(name, node, value.constant)
        if last:
            padded = (1,) * (IMAGE_RANK - held.ndim) + held.shape
            held = held.reshape(padded).transpose(TO_LAST)
        return self.builder.constant(np.ascontiguousarray(held))

    def _constant(self, name: str, node: Node, constant: Array) -> Array:
        value = self.value(name)
        if value.is_float:
            wanted = self.quantisation(name, node)
            if value.held is not None and held_quantisation(value) == wanted:
                return value.held.values
            return hold(constant, wanted)
        if value.dtype == np.bool_:
            return constant.astype(np.uint8)
        if value.dtype in (np.uint8, np.int8):
            return constant
        return integers(constant, node)

    def held_as(self, name: str, node: Node, wanted: Quantisation, *, last: bool = False) -> Ref:
        """The value under another quantisation: through a table, where it is not the same already."""
        have = self.quantisation(name, node)
        value = self.value(name)
        if value.constant is not None and have != wanted:
            fixed = dataclasses.replace(value, quantisation=wanted)
            self.graph.values[name] = fixed
            self.refs.pop((name, last), None)
            self.refs.pop((name, not last), None)
            return self.ref(name, node, last=last)
        ref = self.ref(name, node, last=last)
        return ref if have == wanted else self.builder.lookup(ref, hold(have.reals(), wanted))

    def real_operand(self, name: str, node: Node, *, last: bool = False) -> tuple[Ref, Quantisation]:
        return self.ref(name, node, last=last), self.quantisation(name, node)


def held_quantisation(value: Value) -> Quantisation | None:
    """Of a constant whose 8-bit integers came with the file, under one scale."""
    held = value.held
    if held is None or held.scales.size != 1 or held.values.dtype not in (np.uint8, np.int8):
        return None
    dtype = DType.U8 if held.values.dtype == np.uint8 else DType.I8
    return Quantisation(np.float32(held.scales.reshape(-1)[0]), held.zero, dtype)


def constant_quantisation(value: Value) -> Quantisation:
    """Of a constant's own range, as u8; integers and truth values of 0 to 255 as they are."""
    constant = np.asarray(value.constant, np.float64)
    finite = constant[np.isfinite(constant)]
    whole = (
        finite.size and np.array_equal(finite, np.rint(finite)) and finite.min() >= 0 and finite.max() <= DType.U8.high
    )
    if whole:
        return TRUTH
    return range_quantisation(float(finite.min(initial=0.0)), float(finite.max(initial=0.0)))


def range_quantisation(low: float, high: float) -> Quantisation:
    """u8 over `low` to `high`, widened to hold 0 exactly: `scale = (high - low) / 255`, `zero = round(-low / scale)`."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32(max(high - low, 1e-12) / DType.U8.high)
    return Quantisation(scale, int(np.clip(np.rint(-low / float(scale)), 0, DType.U8.high)), DType.U8)


def integers(constant: Array, node: Node) -> Array:
    """As i32; the ends of the 64-bit range, which ONNX uses for "to the end", are saturated. Raises ModelError beyond."""
    low, high = DType.I32.low, DType.I32.high
    wide = constant.astype(np.int64)
    outside = (wide < low) | (wide > high)
    if np.any(outside & (np.abs(wide.astype(np.float64)) < 2.0**62)):
        raise refuse(node, f"the integer {int(wide[outside].flat[0])} does not fit 32 bits", "Use smaller integers.")
    return np.clip(wide, low, high).astype(NUMPY_DTYPES[DType.I32])


Rule = Callable[[Lowering, Node], None]
