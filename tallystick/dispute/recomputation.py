"""What a program really gives, computed no further than somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tallystick.engine.backends import Plan
from tallystick.engine.backends.numpy_backend import NumpyBackend, NumpyPlan
from tallystick.engine.executor import check_inputs
from tallystick.engine.program import Array, Program, Ref, RefKind
from tallystick.engine.trace import Trace

Watch = Callable[[int], None]
"""Told of a step before it is computed. What it raises ends the run: whoever is out of time has to stop somewhere."""


class Recomputation:
    """One run, step by step.

    A plan of the reference backend stops where nobody asks further. Another one runs the whole program when the first
    tensor is asked for, which is faster than half a run of the reference.

    Args:
        program: A valid one.
        inputs: Arrays [*dims].
        plan: The program as a backend prepared it; by default the reference's, on one thread.
        watch: Told of each step that is asked for the first time.

    Raises:
        TensorError: the inputs are not what the program takes.
    """

    def __init__(
        self, program: Program, inputs: Sequence[Array], plan: Plan | None = None, watch: Watch | None = None
    ) -> None:
        self.program = program
        self.inputs = check_inputs(program, inputs)
        self._watch = watch
        self._tensors: list[Array] = []
        self._rest = self._run(plan)

    def _run(self, plan: Plan | None) -> Iterator[Array]:
        plan = NumpyBackend().prepare(self.program) if plan is None else plan
        stacked = [array[np.newaxis] for array in self.inputs]
        if isinstance(plan, NumpyPlan):
            yield from (output[0] for output in plan.stepped(stacked))
        else:
            for output in plan.run(stacked, keep=True):
                assert output is not None  # noqa: S101  # `keep` says so
                yield output[0]

    def output(self, step: int) -> Array:
        """[*dims] of one step."""
        while len(self._tensors) <= step:
            if self._watch is not None:
                self._watch(len(self._tensors))
            self._tensors.append(next(self._rest))
        return self._tensors[step]

    def tensor(self, ref: Ref) -> Array:
        """What an operand stands for."""
        if ref.kind is RefKind.INPUT:
            return self.inputs[ref.index]
        return self.program.constants[ref.index] if ref.kind is RefKind.CONSTANT else self.output(ref.index)

    def trace(self) -> Trace:
        """The whole run."""
        return Trace(self.program, self.inputs, tuple(self.output(step) for step in range(len(self.program.steps))))

    def trace_with(self, step: int, claimed: Array) -> Trace:
        """The run up to a step whose output somebody claims to be another; nothing behind it."""
        before = [self.output(index) for index in range(step)]
        behind = [None] * (len(self.program.steps) - step - 1)
        return Trace(self.program, self.inputs, (*before, claimed, *behind))
