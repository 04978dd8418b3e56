"""What proveFault costs, end to end. `tallystick bench dispute` measures any model, and prints where it goes.

proveFault of a wrong element
└── of a LeNet's 5x5 convolution, pool and dense layer, of a 3x3 convolution over 32 channels
    → below its bound, and below what the program's own bound says of the step
"""

from __future__ import annotations

import pytest
from dispute_gas import prove, warmed
from dispute_stage import DisputeStage
from stage import Stage, event

from scripts.small_traces import lenet, three_convolutions
from tallystick.dispute.cases import FaultCase, fault_case, middle
from tallystick.engine.costs import step_cost
from tallystick.engine.trace import Trace

LENET, CONVOLUTIONS = lenet(), three_convolutions()
PLAYED: dict[str, tuple[Trace, int, int]] = {
    "LeNet: conv 5x5x6": (LENET, 2, 240_000),
    "LeNet: max pool 2x2": (LENET, 3, 185_000),
    "LeNet: dense 400": (LENET, 5, 235_000),
    "3x3 conv, 32 channels": (CONVOLUTIONS, 1, 260_000),
}
"""Trace, step, and the most gas that it may take."""


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    warmed(stage)
    return DisputeStage.of(stage)


def case_of(name: str) -> FaultCase:
    trace, step, _ = PLAYED[name]
    return fault_case(trace, step, middle(trace.program, step), name=name)


@pytest.mark.parametrize("name", PLAYED)
def test_prove_fault_end_to_end_costs_less_than_its_bound(dispute: DisputeStage, name: str) -> None:
    trace, step, most = PLAYED[name]
    transaction = prove(dispute, case_of(name), salt=7)
    assert event(transaction, "JobFaulted")["challenger"] == dispute.stage.finder.address.lower()
    assert transaction.gas_used < most
    # The bound of the step was made before any run; it is what `validate` lets a program in by.
    assert transaction.gas_used < step_cost(trace.program, step).gas
