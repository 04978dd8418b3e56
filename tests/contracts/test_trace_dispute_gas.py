"""What proveFault costs, end to end. `python -m scripts.bench_dispute` measures large models as well and prints where it goes.

proveFault of a wrong element
├── of a LeNet's 5x5 convolution, pool and dense layer, of a 3x3 convolution over 32 channels → below its bound
└── → the witness is smaller than with every hash of every path
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from dispute_gas import prove, warmed
from dispute_stage import DisputeStage
from stage import Stage, event

from scripts.dispute_cases import Case, read_cases, small_cases

GIVEN = os.environ.get("TALLYSTICK_DISPUTE_CASES")
"""Cases that `scripts.bench_dispute` made, instead of the small ones."""
OUT = os.environ.get("TALLYSTICK_DISPUTE_OUT")
CASES = read_cases(Path(GIVEN)) if GIVEN else list(small_cases())
MOST = {
    "LeNet: conv 5x5x6": 240_000,
    "LeNet: max pool 2x2": 185_000,
    "LeNet: dense 400": 235_000,
    "3x3 conv, 32 channels": 260_000,
}


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    warmed(stage)
    return DisputeStage.of(stage)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prove_fault_end_to_end_costs_less_than_its_bound(dispute: DisputeStage, case: Case) -> None:
    transaction, costs = prove(dispute, case, salt=7)
    assert event(transaction, "JobFaulted")["challenger"] == dispute.stage.finder.address.lower()
    assert costs.witness_bytes < costs.one_by_one
    if OUT:
        known = json.loads(Path(OUT).read_text()) if Path(OUT).exists() else []
        Path(OUT).write_text(json.dumps([*known, costs.to_json()]))
    else:
        assert costs.gas < MOST[costs.name]
