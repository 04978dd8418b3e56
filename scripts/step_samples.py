"""Random steps of every opcode with operands for them, valid by `step_rules`: more shapes than programs of a sensible size have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import (
    ArgMaxAttributes,
    ArithAttributes,
    ArithKind,
    Attributes,
    ConcatAttributes,
    ConvAttributes,
    DType,
    Family,
    GatherAttributes,
    Lookup2Attributes,
    LookupAttributes,
    MatMulAttributes,
    MaxPoolAttributes,
    PoolSumAttributes,
    ReshapeAttributes,
    ViewAttributes,
)
from tallystick.engine.program import NUMPY_DTYPES, Array, Ref, RefKind, Step

BYTES = (DType.U8, DType.I8)
SHIFTED = (ArithKind.MUL_SHIFT, ArithKind.DIV, ArithKind.DIV_ROUND, ArithKind.SQRT)
CHANNELS = (1, 1, 2, 3, 4, 6, 8, 31, 32, 33, 64, 130)
T = TypeVar("T")
TERMS = (1, 2, 5, 31, 32, 33, 64, 100, 400, 1500)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A step and what it reads."""

    step: Step
    operands: tuple[Array, ...]


class StepSamples:
    """Makes samples; the generator decides everything."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def make(self, family: Family) -> Sample:
        """One of the family's opcodes, those with more to get wrong more often."""
        makes: dict[Family, Sequence[Callable[[], Sample]]] = {
            Family.DOT: (self.conv, self.conv, self.conv, self.matmul, self.matmul, self.pool_sum),
            Family.LOOKUP: (self.lookup, self.lookup2),
            Family.WINDOW: (self.max_pool, self.arg_max),
            Family.MAP: (self.reshape, self.view, self.view, self.concat, self.gather),
            Family.ARITH: (self.arith,),
        }
        return self._among(makes[family])()

    # ---- dice -----------------------------------------------------------------------------------------------------

    def below(self, bound: int, low: int = 0) -> int:
        return int(self.rng.integers(low, bound))

    def _among(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def _zero(self, dtype: DType) -> int:
        return self._among((dtype.low, 0, dtype.high, self.below(dtype.high + 1, dtype.low)))

    def _dims(self, most: int = 5) -> tuple[int, ...]:
        return tuple(self.below(7, 1) for _ in range(self.below(most)))

    def array(self, dtype: DType, dims: Sequence[int]) -> Array:
        """Any elements; the ends of the dtype's range now and then, or everywhere."""
        ends = self.rng.choice(np.array([dtype.low, dtype.high]), tuple(dims))
        share = self._among((0.0, 0.1, 1.0))
        values = self.rng.integers(dtype.low, dtype.high + 1, tuple(dims))
        return np.asarray(np.where(self.rng.random(tuple(dims)) < share, ends, values), NUMPY_DTYPES[dtype])

    def _multipliers(self, count: int, typical: float) -> Array:
        """Around the size that spreads results over 8 bits; subnormal and huge ones too."""
        bits = (2.0 ** self.rng.uniform(typical - 5, typical + 5, count)).astype(np.float32).view(np.int32)
        odd = self.rng.integers(1, 0x7F7F_FFFF + 1, count).astype(np.int32)
        return np.where(self.rng.random(count) < 0.1, odd, bits).astype(np.int32)

    def _params(self, rows: int, typical: float) -> Array:
        bias = self.rng.integers(-(10 ** self.below(7, 1)), 10 ** self.below(7, 1), rows)
        return np.stack([bias.astype(np.int32), self._multipliers(rows, typical)], axis=1)

    def _sample(self, attributes: Attributes, operands: Sequence[Array], dtype: DType, dims: Sequence[int]) -> Sample:
        refs = tuple(Ref(self._among(tuple(RefKind)), self.below(2**32)) for _ in operands)
        return Sample(Step(attributes, refs, TensorHeader(dtype, tuple(dims))), tuple(operands))

    def _window(self, kernel: int = 4) -> tuple[int, ...]:
        """Kernels, strides, pads, dilations."""
        kernels = (self.below(kernel + 1, 1), self.below(kernel + 1, 1))
        others = [self.below(4, 1), self.below(4, 1), self.below(4), self.below(4)]
        return (*kernels, *others, self.below(3, 1), self.below(3, 1))

    # ---- Dot ------------------------------------------------------------------------------------------------------

    def conv(self) -> Sample:
        channels = self._among(CHANNELS)
        groups = self._among([each for each in (1, 1, 2, 3, channels) if channels % each == 0])
        outputs = groups * self.below(4, 1)
        window = self._window(6 if channels < 10 else 3)
        x_type, w_type, y_type = self._among(BYTES), self._among(BYTES), self._among(tuple(DType))
        n = self.below(3, 1)
        x = self.array(x_type, (n, self.below(9, 1), self.below(9, 1), channels))
        w = self.array(w_type, (outputs, *window[:2], channels // groups))
        narrow = int(y_type is not DType.I32)
        zeros = (self._zero(x_type), self._zero(w_type), self._zero(y_type) if narrow else 0)
        params = self._params(outputs, -6 - np.log2(w[0].size))
        attributes = ConvAttributes.from_ints((*window, groups, *zeros, narrow))
        return self._sample(attributes, (x, w, params), y_type, (n, self.below(5, 1), self.below(5, 1), outputs))

    def matmul(self) -> Sample:
        k, rows, columns = self._among(TERMS), self.below(5, 1), self.below(6, 1)
        lead = tuple(self.below(3, 1) for _ in range(self.below(3)))
        x_type, w_type, y_type = self._among(BYTES), self._among(BYTES), self._among(tuple(DType))
        a = self.array(x_type, (*lead, rows, k))
        b = self.array(w_type, (*(lead if self.below(2) else ()), columns, k))
        narrow = int(y_type is not DType.I32)
        zeros = (self._zero(x_type), self._zero(w_type), self._zero(y_type) if narrow else 0)
        params = self._params(self._among((1, columns)), -6 - np.log2(k))
        return self._sample(MatMulAttributes(*zeros, narrow), (a, b, params), y_type, (*lead, rows, columns))

    def pool_sum(self) -> Sample:
        x, window, dims = self._pooled()
        x_type, y_type = self._dtype(x), self._among(tuple(DType))
        taps = window[0] * window[1]
        typical = -np.log2(taps) - (24 if x_type is DType.I32 else 0)
        narrow = y_type is not DType.I32
        operands = (x, self._multipliers(taps, typical)) if narrow else (x,)
        zeros = (self._zero(x_type), self._zero(y_type) if narrow else 0)
        return self._sample(PoolSumAttributes.from_ints((*window, *zeros, int(narrow))), operands, y_type, dims)

    def _pooled(self) -> tuple[Array, tuple[int, ...], tuple[int, ...]]:
        n, channels = self.below(3, 1), self._among(CHANNELS)
        x = self.array(self._among(tuple(DType)), (n, self.below(9, 1), self.below(9, 1), channels))
        return x, self._window(), (n, self.below(5, 1), self.below(5, 1), channels)

    @staticmethod
    def _dtype(array: Array) -> DType:
        return next(dtype for dtype, kind in NUMPY_DTYPES.items() if kind == array.dtype)

    # ---- Lookup, Window -------------------------------------------------------------------------------------------

    def lookup(self) -> Sample:
        x, t_type = self.array(self._among(BYTES), self._dims()), self._among(tuple(DType))
        rows = (x.shape[-1],) if x.shape and self.below(2) else ()
        return self._sample(LookupAttributes(), (x, self.array(t_type, (*rows, 256))), t_type, x.shape)

    def lookup2(self) -> Sample:
        (a, b), dims = self._broadcast(2, BYTES)
        t_type = self._among(tuple(DType))
        return self._sample(Lookup2Attributes(), (a, b, self.array(t_type, (65536,))), t_type, dims)

    def _broadcast(self, count: int, dtypes: Sequence[DType]) -> tuple[list[Array], tuple[int, ...]]:
        dims = self._dims()
        shapes = [tuple(dim if self.below(3) else 1 for dim in dims)[self.below(len(dims) + 1) :] for _ in range(count)]
        shapes[self.below(count)] = dims if self.below(2) else shapes[0]
        arrays = [self.array(self._among(dtypes), shape) for shape in shapes]
        return arrays, tuple(np.broadcast_shapes(*shapes))

    def max_pool(self) -> Sample:
        x, window, dims = self._pooled()
        return self._sample(MaxPoolAttributes(*window), (x,), self._dtype(x), dims)

    def arg_max(self) -> Sample:
        x, window, dims = self._pooled()
        x = np.asarray(x.astype(np.int64) >> self.below(8), x.dtype)  # so that there are ties
        return self._sample(ArgMaxAttributes(*window), (x,), DType.I32, dims)

    # ---- Map ------------------------------------------------------------------------------------------------------

    def reshape(self) -> Sample:
        x = self.array(self._among(tuple(DType)), self._dims())
        dims = self.rng.permutation(np.array((*x.shape, 1))).tolist()
        return self._sample(ReshapeAttributes(), (x,), self._dtype(x), dims)

    def view(self) -> Sample:
        x = self.array(self._among(tuple(DType)), self._dims(7))
        rank = x.ndim
        out = [self.below(6, 1) for _ in range(rank)]
        start, step = ([self.below(high, low) for _ in range(rank)] for low, high in ((-2, 5), (-1, 3)))
        perm = [int(axis) for axis in self.rng.permutation(rank)]
        attributes = ViewAttributes.of(perm, start, step, self._zero(self._dtype(x)))
        return self._sample(attributes, (x,), self._dtype(x), out)

    def concat(self) -> Sample:
        dims, dtype = [self.below(6, 1) for _ in range(self.below(6, 1))], self._among(tuple(DType))
        axis, sizes = self.below(len(dims)), [self.below(5, 1) for _ in range(self.below(8, 1))]
        operands = [self.array(dtype, (*dims[:axis], size, *dims[axis + 1 :])) for size in sizes]
        offsets = tuple(sum(sizes[:k]) for k in range(len(sizes)))
        dims[axis] = sum(sizes)
        return self._sample(ConcatAttributes(axis, offsets), operands, dtype, dims)

    def gather(self) -> Sample:
        x = self.array(self._among(tuple(DType)), (self.below(7, 1), *self._dims(4)))
        axis, dtype = self.below(x.ndim), self._among(tuple(DType))
        dim, shape = x.shape[axis], self._dims(4)
        near = self.rng.integers(-dim - 1 if dtype is not DType.U8 else 0, dim + 1, shape)
        indices = np.asarray(near, NUMPY_DTYPES[dtype]) if self.below(4) else self.array(dtype, shape)
        dims = (*x.shape[:axis], *shape, *x.shape[axis + 1 :])
        return self._sample(GatherAttributes(axis), (x, indices), self._dtype(x), dims)

    # ---- Arith ----------------------------------------------------------------------------------------------------

    def arith(self) -> Sample:
        kind, y_type = self._among(tuple(ArithKind)), self._among(tuple(DType))
        operands, dims = self._broadcast(kind.operands, tuple(DType))
        zero = 0
        if kind is ArithKind.REQUANTIZE:
            operands[1] = self._multipliers(operands[1].size, -self.below(26)).reshape(operands[1].shape)
            zero = self._zero(y_type)
        elif self.below(2):
            operands = [self._near(operand) for operand in operands]
        shift = self._among((0, 1, 31, self.below(32))) if kind in SHIFTED else 0
        return self._sample(ArithAttributes(int(kind), shift, zero), operands, y_type, dims)

    def _near(self, array: Array) -> Array:
        """Small numbers, some of them equal: for comparisons, quotients and what rounds."""
        low = 0 if array.dtype == np.uint8 else -5
        return np.asarray(self.rng.integers(low, 6, array.shape), array.dtype)
