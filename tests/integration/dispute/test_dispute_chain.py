"""Disputes as they are measured: real transactions, whose gas goes where it is said to."""

from __future__ import annotations

from pathlib import Path

import pytest
from anvil_chain import AnvilChain

from scripts.dispute_chain import BASE, play_at
from scripts.small_traces import three_convolutions
from tallystick.chain.deployment import Deployment
from tallystick.dispute.cases import dearest_cases, fault_case
from tallystick.engine.costs import step_cost
from tallystick.errors import RevertError

TRACE = three_convolutions()


@pytest.mark.chain
async def test_play_at_given_faults_measures_each(anvil: AnvilChain, deployment: Deployment, tmp_path: Path) -> None:
    cases = [*dearest_cases(TRACE, count=1), fault_case(TRACE, 0, 5)]
    played = await play_at(anvil.rpc_url, deployment, tmp_path, cases)
    assert [fault["name"] for fault in played["faults"]] == [case.name for case in cases]
    for fault, case in zip(played["faults"], cases, strict=True):
        parts = sum(fault[name] for name in ("calldata", "proofs", "element", "settlement"))
        assert fault["gas"] == max(BASE + parts, fault["floor"])
        assert fault["element"] > 5_000 < fault["proofs"]
        assert fault["settlement"] > 50_000
        assert fault["witness_bytes"] == len(case.packed) < fault["calldata_bytes"]
        # What a program is let in by is never less than what a fault of it costs.
        assert fault["gas"] <= case.gas <= step_cost(TRACE.program, case.step).gas
    assert played["claim_gas"] > played["plain_settlement_gas"]
    # Who answers is paid more than it costs him: for roots, and for the largest answer that there is.
    assert [each["answer_bytes"] > 16_384 for each in played["answers"]] == [False, True]
    assert all(each["fee_gas"] > each["answer_gas"] for each in played["answers"])


@pytest.mark.chain
async def test_play_at_given_a_witness_that_shows_nothing_says_so(
    anvil: AnvilChain, deployment: Deployment, tmp_path: Path
) -> None:
    case = fault_case(TRACE, 0, 5)
    broken = type(case)(**{**case.__dict__, "packed": case.packed[:-1]})
    with pytest.raises(RevertError):
        await play_at(anvil.rpc_url, deployment, tmp_path, [broken])
