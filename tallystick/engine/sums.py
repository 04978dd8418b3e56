"""How large the exact sums of a Dot step can become, from its real weights where those are constant.

The bound is of absolute values: no partial sum is larger either, in whichever order the taps are added. Padding needs no case
of its own, because a tap that takes no part can only make a sum smaller.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tallystick.engine.constant_facts import ConstantFacts
from tallystick.engine.opcodes import ConvAttributes, MatMulAttributes, PoolSumAttributes
from tallystick.engine.program import Program, RefKind, Step
from tallystick.engine.ranges import Interval, Ranges

MAX_SUM = 2**31 - 1


def sums_of(program: Program, step: Step, facts: ConstantFacts, ranges: Ranges) -> Interval | None:
    """What the exact sums of a step lie between, symmetric about 0 for CONV and MATMUL; None where the step is no Dot.

    Args:
        program: Whose steps before this one are in `ranges`.
        step: One that `check_step` finds nothing wrong with, its params being constants.
    """
    attributes = step.attributes
    if isinstance(attributes, PoolSumAttributes):
        return _pooled(attributes, ranges.of(step.operands[0]))
    if isinstance(attributes, ConvAttributes):
        return _Weighing(program, step, facts, attributes.zero_x, attributes.zero_w, axes=3).sums()
    if isinstance(attributes, MatMulAttributes):
        return _Weighing(program, step, facts, attributes.zero_a, attributes.zero_b, axes=1).sums()
    return None


def _pooled(attributes: PoolSumAttributes, x: Interval) -> Interval:
    """From none of the taps to all of them take part, each between the ends of `x - zero`."""
    one, taps = x.minus(attributes.zero_x), attributes.window.taps
    return Interval(min(0, taps * one.low), max(0, taps * one.high))


@dataclasses.dataclass(frozen=True)
class _Weighing:
    """The sums of CONV and MATMUL. `axes` is how many of the weights' last axes one sum runs over."""

    program: Program
    step: Step
    facts: ConstantFacts
    zero_x: int
    zero_w: int
    axes: int

    def sums(self) -> Interval:
        exact = self._exactly()
        worst = self._roughly() if exact is None else exact
        return Interval(-worst, worst)

    def _reach(self, operand: int, zero: int) -> int:
        """The largest `abs(v - zero)` of any value of the operand's dtype."""
        return Interval.whole(self.program.header(self.step.operands[operand]).dtype).minus(zero).size

    def _roughly(self) -> int:
        """As many times as a sum has products the largest that there can be, and the largest bias."""
        weights, params = self.step.operands[1], self.step.operands[2]
        if weights.kind is RefKind.CONSTANT:
            largest = Interval(*self.facts.extent(weights.index)).minus(self.zero_w).size
        else:
            largest = self._reach(1, self.zero_w)
        products = math.prod(self.program.header(weights).dims[-self.axes :])
        bias = Interval(*self.facts.extent(params.index, 0)).size
        return products * largest * self._reach(0, self.zero_x) + bias

    def _exactly(self) -> int | None:
        """The largest over the output channels of `abs(w - zero) * reach`, summed, plus `abs(bias)`; None where unknown."""
        weights, params = self.step.operands[1], self.step.operands[2]
        if weights.kind is not RefKind.CONSTANT:
            return None
        rows = self.facts.row_weights(weights.index, self.zero_w, self.axes)
        if rows is None or not self.facts.spend(rows.size):
            return None
        biases = np.abs(self.program.constants[params.index][..., 0].astype(np.int64))
        return int((rows * self._reach(0, self.zero_x) + biases).max())
