"""What each step of a job costs, held to tests/snapshots/gas.json, so that a change of it shows in the diff.

TALLYSTICK_WRITE_GAS=1 writes the file anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import real_proofs
from ezkl_stage import deploy_ezkl_verifier
from stage import TALLY, ZK, Stage, Terms

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "gas.json"
WRITING = bool(os.environ.get("TALLYSTICK_WRITE_GAS"))
TOLERANCE = 0.01
"""A proof is new with every prover run, and a zero byte of calldata is cheaper than another."""

MANY = {"shareBps": [39] * 255 + [55], "durationSeconds": [600] * 256}


def deposit(stage: Stage) -> Any:
    stage.bond(stage.operator, TALLY)
    stage.stake.mint(stage.operator, TALLY, {"from": stage.operator})
    stage.stake.approve(stage.stakes, TALLY, {"from": stage.operator})
    return stage.stakes.deposit(stage.operator, TALLY, {"from": stage.operator})


def create(stage: Stage, **changed: Any) -> Any:
    terms = stage.terms(**changed)
    stage.fund(terms)
    return stage.escrow.createJob(terms.abi(), {"from": stage.creator})


def accept(stage: Stage, **changed: Any) -> Any:
    terms = stage.create(**changed)
    stage.bond(stage.operator)
    return stage.accept(terms)


def accept_assigned(stage: Stage) -> Any:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator)
    return stage.accept(terms, assignment=assignment, signature=stage.sign(assignment))


def claim(stage: Stage, milestone: int, **changed: Any) -> Any:
    terms = stage.assigned(**changed)
    for earlier in range(milestone):
        stage.settle(terms, earlier)
    return stage.settle(terms, milestone)


def expired(stage: Stage) -> tuple[Terms, Any]:
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] + 1)
    return terms, stage.escrow.expire(terms.abi(), {"from": stage.finder})


def refund(stage: Stage) -> Any:
    terms = stage.create()
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"] + 1)
    return stage.escrow.refund(terms.abi(), {"from": stage.stranger})


def withdraw(stage: Stage) -> Any:
    claim(stage, 0)
    return stage.escrow.withdraw(stage.payment, stage.operator, {"from": stage.operator})


def withdraw_reward(stage: Stage) -> Any:
    expired(stage)
    return stage.stakes.withdrawReward(stage.finder, {"from": stage.finder})


def ezkl(stage: Stage) -> tuple[Any, Any]:
    """Registering the key of MLP 4-8-3, and a claim with its proof: 7 instances, 157 words of key, 3,072 bytes."""
    proof = real_proofs.load()["digits 0"]
    verifier = deploy_ezkl_verifier(stage)
    adapter = stage.deploy("EzklVerifierAdapter", verifier)
    stage.router.addAdapter(ZK, adapter, 3_000_000, {"from": stage.governor})
    registered = verifier.registerVka(proof.vka, {"from": stage.stranger})
    model = stage.register_model("real", adapter=adapter.address, programId=proof.program_id)
    terms = stage.assigned(modelId=model, inputs=[proof.input_root] * 2)
    claimed = stage.settle(terms, 0, outputRoot=proof.output_root, proof=proof.encoded())
    return registered, claimed


MEASURED: dict[str, Callable[[Stage], Any]] = {
    "ModelRegistry.register": lambda stage: stage.registry.register(stage.spec("new"), {"from": stage.creator}),
    "StakeManager.deposit": deposit,
    "StakeManager.withdrawReward": withdraw_reward,
    "JobEscrow.createJob, 2 milestones": create,
    "JobEscrow.createJob, 256 milestones": lambda stage: create(stage, **MANY),
    "JobEscrow.accept": accept,
    "JobEscrow.accept, signed assignment": accept_assigned,
    "JobEscrow.accept, 256 milestones": lambda stage: accept(stage, **MANY),
    "JobEscrow.expire": lambda stage: expired(stage)[1],
    "JobEscrow.refund": refund,
    "JobEscrow.withdraw": withdraw,
    "MilestoneSettlement.claim without the proof's check, first of 2": lambda stage: claim(stage, 0),
    "MilestoneSettlement.claim without the proof's check, last of 2": lambda stage: claim(stage, 1),
    "MilestoneSettlement.claim without the proof's check, first of 256": lambda stage: claim(stage, 0, **MANY),
    "EzklVerifier.registerVka, 157 words": lambda stage: ezkl(stage)[0],
    "MilestoneSettlement.claim with an EZKL proof, 7 instances": lambda stage: ezkl(stage)[1],
}


@pytest.mark.proofs
@pytest.mark.parametrize("name", MEASURED)
def test_gas_of_a_step_is_what_it_was(stage: Stage, name: str) -> None:
    used = int(MEASURED[name](stage).gas_used)
    known = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    if WRITING:
        SNAPSHOT.write_text(json.dumps({**known, name: used}, indent=1, sort_keys=True) + "\n")
        return
    assert known[name] == pytest.approx(used, rel=TOLERANCE), "if that is meant: TALLYSTICK_WRITE_GAS=1"
