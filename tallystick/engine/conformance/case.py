"""One program of the self-test with its inputs, and the values that bring out what kernels get wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType
from tallystick.engine.program import NUMPY_DTYPES, Array, Program, Ref

BATCH = 3
BYTES = (DType.U8, DType.I8)


@dataclasses.dataclass(frozen=True)
class Case:
    """Attributes:
    name: For people.
    program: A valid one.
    inputs: One [BATCH, *dims] for each of its inputs.
    """

    name: str
    program: Program
    inputs: tuple[Array, ...]


class CaseBuilder:
    """A program builder that makes up its inputs and in the end joins all branches, so that none is left out."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.program = ProgramBuilder()
        self._inputs: list[Array] = []
        self._branches: list[Ref] = []

    def input(self, dtype: DType, dims: Sequence[int]) -> Ref:
        """Of three items: random over the whole range, all of the highest value, and the two ends in turn."""
        items = np.empty((BATCH, *dims), NUMPY_DTYPES[dtype])
        items[0] = self.values(dtype, dims)
        items[1] = dtype.high
        items[2] = np.resize(np.array([dtype.low, dtype.high], items.dtype), dims)
        self._inputs.append(items)
        return self.program.input(TensorHeader(dtype, tuple(dims)), f"x{len(self._inputs)}")

    def values(self, dtype: DType, dims: Sequence[int]) -> Array:
        """Random over the whole range."""
        drawn = self.rng.integers(dtype.low, dtype.high, tuple(dims), endpoint=True)
        return drawn.astype(NUMPY_DTYPES[dtype])

    def zero(self, dtype: DType) -> int:
        """A zero point: either end, or any."""
        return int(self.rng.choice(np.array([dtype.low, dtype.high, self.rng.integers(dtype.low, dtype.high + 1)])))

    def branch(self, ref: Ref, name: str) -> None:
        """Names the step and has it take part in the result."""
        self.program.scope = name
        self._branches.append(ref)

    def case(self, name: str) -> Case:
        """The result has every branch's elements in a row."""
        builder = self.program
        builder.scope = "joined"
        rows = []
        for ref in self._branches:
            widened = builder.arith(ArithKind.ADD, ref, builder.number(0))
            rows.append(builder.reshape(widened, (builder.header(ref).size,)))
        joined = rows[0]
        for start in range(1, len(rows), 32):
            joined = builder.concat([joined, *rows[start : start + 32]], 0)
        return Case(name, builder.build(joined), tuple(self._inputs))
