"""Makes programs step by step: headers follow from operands, equal constants are kept once, what nobody reads is left out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import (
    ArgMaxAttributes,
    ArithAttributes,
    ArithKind,
    Attributes,
    ConcatAttributes,
    ConvAttributes,
    DType,
    GatherAttributes,
    Lookup2Attributes,
    LookupAttributes,
    MatMulAttributes,
    MaxPoolAttributes,
    PoolSumAttributes,
    ReshapeAttributes,
    ViewAttributes,
    Window,
)
from tallystick.engine.program import Array, Program, Ref, RefKind, Step, header_of
from tallystick.errors import ModelError


def window_ints(w: Window) -> tuple[int, int, int, int, int, int, int, int]:
    return (w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.pad_top, w.pad_left, w.dilation_h, w.dilation_w)


class ProgramBuilder:
    """Collects inputs, constants and steps; `build` gives the program.

    `scope` is put in front of nothing: it is the name of the ONNX node that is being lowered, which every step carries for people.
    """

    def __init__(self) -> None:
        self._inputs: list[TensorHeader] = []
        self._input_names: list[str] = []
        self._constants: list[Array] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], Ref] = {}
        self._steps: list[Step] = []
        self.scope = ""

    # ---- operands -------------------------------------------------------------------------------------------------

    def input(self, header: TensorHeader, name: str) -> Ref:
        self._inputs.append(header)
        self._input_names.append(name)
        return Ref(RefKind.INPUT, len(self._inputs) - 1)

    def constant(self, array: Array) -> Ref:
        """A constant of dtype uint8, int8 or int32; the same content is kept once."""
        header_of(array)
        array = np.array(array, order="C")  # ascontiguousarray would make a scalar a list of one
        key = (array.dtype.str, array.shape, hashlib.sha256(array.data).digest())
        if key not in self._known:
            self._constants.append(array)
            self._known[key] = Ref(RefKind.CONSTANT, len(self._constants) - 1)
        return self._known[key]

    def number(self, value: int) -> Ref:
        """One integer, as an `i32` scalar that broadcasts everywhere."""
        return self.constant(np.array(value, dtype=np.int32))

    def header(self, ref: Ref) -> TensorHeader:
        if ref.kind is RefKind.INPUT:
            return self._inputs[ref.index]
        if ref.kind is RefKind.CONSTANT:
            return header_of(self._constants[ref.index])
        return self._steps[ref.index].header

    def dims(self, ref: Ref) -> tuple[int, ...]:
        return self.header(ref).dims

    def value(self, ref: Ref) -> Array | None:
        """The array of a constant; None for anything else."""
        return self._constants[ref.index] if ref.kind is RefKind.CONSTANT else None

    def step(self, attributes: Attributes, operands: Sequence[Ref], dtype: DType, dims: Sequence[int]) -> Ref:
        self._steps.append(Step(attributes, tuple(operands), TensorHeader(dtype, tuple(dims)), self.scope))
        return Ref(RefKind.STEP, len(self._steps) - 1)

    # ---- Dot ------------------------------------------------------------------------------------------------------

    def conv(
        self,
        x: Ref,
        w: Ref,
        params: Ref,
        window: Window,
        out_hw: tuple[int, int],
        *,
        groups: int = 1,
        zeros: tuple[int, int, int] = (0, 0, 0),
        dtype: DType = DType.I32,
    ) -> Ref:
        """`zeros` of x, w and output. Dtype i32 gives the exact sums."""
        attributes = ConvAttributes(*window_ints(window), groups, *zeros, int(dtype is not DType.I32))
        return self.step(attributes, (x, w, params), dtype, (self.dims(x)[0], *out_hw, self.dims(w)[0]))

    def matmul(
        self, a: Ref, b: Ref, params: Ref, *, zeros: tuple[int, int, int] = (0, 0, 0), dtype: DType = DType.I32
    ) -> Ref:
        """`b` has K last. Dtype i32 gives the exact sums."""
        attributes = MatMulAttributes(*zeros, int(dtype is not DType.I32))
        return self.step(attributes, (a, b, params), dtype, (*self.dims(a)[:-1], self.dims(b)[-2]))

    def pool_sum(
        self,
        x: Ref,
        window: Window,
        out_hw: tuple[int, int],
        multipliers: Ref | None = None,
        *,
        zeros: tuple[int, int] = (0, 0),
        dtype: DType = DType.I32,
    ) -> Ref:
        """Exact sums as i32, or requantised where there are multipliers."""
        attributes = PoolSumAttributes(*window_ints(window), *zeros, int(multipliers is not None))
        operands = (x,) if multipliers is None else (x, multipliers)
        n, _, _, c = self.dims(x)
        return self.step(attributes, operands, dtype, (n, *out_hw, c))

    # ---- Lookup, Window -------------------------------------------------------------------------------------------

    def lookup(self, x: Ref, table: Array) -> Ref:
        """`table` is [256] or [C, 256]."""
        return self.step(LookupAttributes(), (x, self.constant(table)), header_of(table).dtype, self.dims(x))

    def lookup2(self, a: Ref, b: Ref, table: Array) -> Ref:
        """`table` is [65536], a's byte first."""
        dims = self._broadcast((a, b))
        return self.step(Lookup2Attributes(), (a, b, self.constant(table)), header_of(table).dtype, dims)

    def max_pool(self, x: Ref, window: Window, out_hw: tuple[int, int]) -> Ref:
        n, _, _, c = self.dims(x)
        return self.step(MaxPoolAttributes(*window_ints(window)), (x,), self.header(x).dtype, (n, *out_hw, c))

    def arg_max(self, x: Ref, window: Window, out_hw: tuple[int, int]) -> Ref:
        n, _, _, c = self.dims(x)
        return self.step(ArgMaxAttributes(*window_ints(window)), (x,), DType.I32, (n, *out_hw, c))

    # ---- along the last axis --------------------------------------------------------------------------------------

    def _rows(self, x: Ref) -> tuple[Ref, Window, tuple[int, ...]]:
        """x[..., K] as the image [rows, K, 1, 1], whose window is one row; and the dims [..., 1]."""
        *lead, k = self.dims(x)
        return self.reshape(x, (math.prod(lead), k, 1, 1)), Window(k, 1), (*lead, 1)

    def sum_last(self, x: Ref, *, zero: int = 0) -> Ref:
        """Exact sums of `x - zero` over the last axis, which stays as a dim of 1."""
        rows, window, dims = self._rows(x)
        return self.reshape(self.pool_sum(rows, window, (1, 1), zeros=(zero, 0)), dims)

    def max_last(self, x: Ref) -> Ref:
        rows, window, dims = self._rows(x)
        return self.reshape(self.max_pool(rows, window, (1, 1)), dims)

    def arg_max_last(self, x: Ref) -> Ref:
        rows, window, dims = self._rows(x)
        # The index within a window of K rows and one column is i * 1 + 0.
        return self.reshape(self.arg_max(rows, window, (1, 1)), dims)

    # ---- Map ------------------------------------------------------------------------------------------------------

    def reshape(self, x: Ref, dims: Sequence[int]) -> Ref:
        """No step where nothing changes."""
        if tuple(dims) == self.dims(x):
            return x
        if math.prod(dims) != self.header(x).size:
            raise ModelError(f"{self.header(x)} cannot be reshaped to {list(dims)}.")
        value = self.value(x)
        if value is not None:
            return self.constant(value.reshape(tuple(dims)))
        return self.step(ReshapeAttributes(), (x,), self.header(x).dtype, dims)

    def transpose(self, x: Ref, perm: Sequence[int]) -> Ref:
        """Axis k of the result is axis `perm[k]` of x. A reshape where only dims of 1 move."""
        dims = self.dims(x)
        out = tuple(dims[axis] for axis in perm)
        if [axis for axis in perm if dims[axis] != 1] == sorted(axis for axis in perm if dims[axis] != 1):
            return self.reshape(x, out)
        value = self.value(x)
        if value is not None:
            return self.constant(np.ascontiguousarray(value.transpose(tuple(perm))))
        rank = len(dims)
        return self.view(x, out, perm=perm, start=[0] * rank, step=[1] * rank)

    def view(
        self,
        x: Ref,
        dims: Sequence[int],
        *,
        start: Sequence[int],
        step: Sequence[int] | None = None,
        perm: Sequence[int] | None = None,
        fill: int = 0,
    ) -> Ref:
        """Output place o reads `start[k] + step[k] * o[k]` on axis `perm[k]`; `fill` outside."""
        rank = len(self.dims(x))
        attributes = ViewAttributes.of(perm or range(rank), start, step or [1] * rank, fill)
        return self.step(attributes, (x,), self.header(x).dtype, dims)

    def broadcast(self, x: Ref, dims: Sequence[int]) -> Ref:
        """x repeated along dims of 1, as numpy does."""
        rank = len(dims)
        x = self.reshape(x, (1,) * (rank - len(self.dims(x))) + self.dims(x))
        if self.dims(x) == tuple(dims):
            return x
        steps = [1 if have == want else 0 for have, want in zip(self.dims(x), dims, strict=True)]
        return self.view(x, dims, start=[0] * rank, step=steps)

    def concat(self, parts: Sequence[Ref], axis: int) -> Ref:
        sizes = [self.dims(part)[axis] for part in parts]
        offsets = tuple(sum(sizes[:k]) for k in range(len(sizes)))
        dims = list(self.dims(parts[0]))
        dims[axis] = sum(sizes)
        return self.step(ConcatAttributes(axis, offsets), parts, self.header(parts[0]).dtype, dims)

    def gather(self, data: Ref, indices: Ref, axis: int = 0) -> Ref:
        dims = self.dims(data)
        out = (*dims[:axis], *self.dims(indices), *dims[axis + 1 :])
        return self.step(GatherAttributes(axis), (data, indices), self.header(data).dtype, out)

    # ---- Arith ----------------------------------------------------------------------------------------------------

    def arith(
        self, kind: ArithKind, *operands: Ref | int, shift: int = 0, zero: int = 0, dtype: DType = DType.I32
    ) -> Ref:
        """Plain integers among the operands become constants."""
        refs = tuple(self.number(operand) if isinstance(operand, int) else operand for operand in operands)
        return self.step(ArithAttributes(kind, shift, zero), refs, dtype, self._broadcast(refs))

    def requantize(self, x: Ref, multiplier: float | npt.NDArray[np.float32], zero: int, dtype: DType) -> Ref:
        """`sat(rne(f32(x) * M) + zero)`; `multiplier` is one number or an array that broadcasts."""
        bits = self.constant(np.asarray(multiplier, dtype=np.float32).view(np.int32))
        return self.arith(ArithKind.REQUANTIZE, x, bits, zero=zero, dtype=dtype)

    def _broadcast(self, refs: Sequence[Ref]) -> tuple[int, ...]:
        try:
            return tuple(np.broadcast_shapes(*(self.dims(ref) for ref in refs)))
        except ValueError:
            shapes = " and ".join(str(list(self.dims(ref))) for ref in refs)
            raise ModelError(f"Tensors of dims {shapes} do not broadcast.") from None

    # ---- the program ----------------------------------------------------------------------------------------------

    def build(self, output: Ref, output_name: str = "") -> Program:
        """The program whose result is `output`, without steps and constants that it does not need."""
        if output.kind is not RefKind.STEP:
            output = self.view(output, self.dims(output), start=[0] * len(self.dims(output)))
        kept = self._needed(output.index)
        steps_at = {old: new for new, old in enumerate(kept)}
        constants_at: dict[int, int] = {}
        for index in kept:
            for ref in self._steps[index].operands:
                if ref.kind is RefKind.CONSTANT:
                    constants_at.setdefault(ref.index, len(constants_at))
        moved = {RefKind.STEP: steps_at, RefKind.CONSTANT: constants_at}

        def renumber(ref: Ref) -> Ref:
            return ref if ref.kind is RefKind.INPUT else Ref(ref.kind, moved[ref.kind][ref.index])

        steps = [self._steps[index] for index in kept]
        return Program(
            inputs=tuple(self._inputs),
            constants=tuple(self._constants[index] for index in constants_at),
            steps=tuple(
                Step(step.attributes, tuple(map(renumber, step.operands)), step.header, step.name) for step in steps
            ),
            output=steps_at[output.index],
            input_names=tuple(self._input_names),
            output_name=output_name,
        )

    def _needed(self, output: int) -> list[int]:
        needed, open_ = {output}, [output]
        while open_:
            for ref in self._steps[open_.pop()].operands:
                if ref.kind is RefKind.STEP and ref.index not in needed:
                    needed.add(ref.index)
                    open_.append(ref.index)
        return sorted(needed)
