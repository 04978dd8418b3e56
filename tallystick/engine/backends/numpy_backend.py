"""The reference backend: numpy, its BLAS and compiled loops, on the processor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from tallystick.engine.kernels import Accumulation, How, Kernel, prepare_step
from tallystick.engine.kernels.shares import one_blas_thread
from tallystick.engine.program import Array, Program, Ref, RefKind


class NumpyPlan:
    """Kernels of all steps, in order."""

    def __init__(self, program: Program, how: How, *, limit_blas: bool) -> None:
        self._program = program
        self._kernels: list[Kernel] = [prepare_step(program, step, how) for step in program.steps]
        self._limit_blas = limit_blas
        self._dead = _dead_after(program)

    def run(self, inputs: Sequence[Array], *, keep: bool) -> list[Array | None]:
        """See `Plan.run`. A program without inputs runs once."""
        tensors: list[Array | None] = [None] * len(self._program.steps)
        with self._blas():
            for index in range(len(tensors)):
                tensors[index] = self._output(index, inputs, tensors)
                if not keep:
                    for dead in self._dead[index]:
                        tensors[dead] = None
        return tensors

    def stepped(self, inputs: Sequence[Array]) -> Iterator[Array]:
        """The outputs [B, *dims] of all steps in order, each computed when it is asked for: who stops early saves the rest."""
        tensors: list[Array | None] = [None] * len(self._program.steps)
        for index in range(len(tensors)):
            with self._blas():
                output = tensors[index] = self._output(index, inputs, tensors)
            yield output

    def _blas(self) -> contextlib.AbstractContextManager[None]:
        return one_blas_thread() if self._limit_blas else contextlib.nullcontext()

    def _output(self, index: int, inputs: Sequence[Array], tensors: Sequence[Array | None]) -> Array:
        """Of a step, from those of the steps before."""
        batch = len(inputs[0]) if inputs else 1

        def operand(ref: Ref) -> Array:
            if ref.kind is RefKind.INPUT:
                return inputs[ref.index]
            if ref.kind is RefKind.CONSTANT:
                constant = self._program.constants[ref.index]
                return np.broadcast_to(constant, (batch, *constant.shape))
            tensor = tensors[ref.index]
            assert tensor is not None  # noqa: S101  # it is kept until its last reader has run
            return tensor

        operands = [operand(ref) for ref in self._program.steps[index].operands]
        return np.ascontiguousarray(self._kernels[index](operands))


def _dead_after(program: Program) -> list[list[int]]:
    """For each step the tensors that nobody reads after it."""
    dead: list[list[int]] = [[] for _ in program.steps]
    for index, last in enumerate(program.last_uses()):
        if last < len(program.steps):
            dead[last].append(index)
    return dead


class NumpyBackend:
    """The reference: it is there wherever the engine is.

    Args:
        accumulation: What dot products sum in. The bits do not depend on it; tests hold that.
        threads: That products and depthwise convolutions are shared out among; BLAS is kept to one thread meanwhile.
            None leaves all threading to BLAS.
    """

    name = "numpy"

    def __init__(self, accumulation: Accumulation = "auto", threads: int | None = 1) -> None:
        self._how = How(accumulation, threads or 1)
        self._limit_blas = threads is not None

    def prepare(self, program: Program) -> NumpyPlan:
        return NumpyPlan(program, self._how, limit_blas=self._limit_blas)
