"""Claims with real EZKL proofs through settlement, adapter and verifier, down to the money.

claim of a job of two milestones over two real inputs
├── the right proofs, in order → paid milestone by milestone, completed
├── refused by name, and nothing moves
│   ├── one byte of the proof changed → EzklVerifierAdapter_ProofRejected
│   ├── a right proof of another input → EzklVerifierAdapter_InputMismatch
│   ├── a right proof of another input, claimed as that input → MilestoneSettlement_InputNotInJob
│   ├── a right proof by another model → EzklVerifierAdapter_ProgramMismatch
│   ├── another output than the proven one → EzklVerifierAdapter_OutputMismatch
│   ├── the right proof from a stranger → StakeManager_NotAgent
│   └── the right proof with less gas than the check may take → MilestoneSettlement_TooLittleGas
└── the proof that was paid once
    ├── again for the same milestone → JobEscrow_WrongMilestone
    └── for another job over the same input, by the one who holds it → paid: it is the same work
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import real_proofs
from ezkl_stage import deploy_ezkl_verifier
from real_proofs import RealProof
from refusals import Refused, refusal, refused
from stage import COMPLETED, DOLLAR, ZK, Stage, Terms, word

pytestmark = pytest.mark.proofs
GAS_CAP = 3_000_000


@dataclass
class Scene:
    """A job that the operator holds, and the proofs that there are."""

    stage: Stage
    proofs: dict[str, RealProof]
    model: str

    def terms(self, **changed: Any) -> Terms:
        inputs = [self.proofs["digits 0"].input_root, self.proofs["digits 1"].input_root]
        return self.stage.terms(modelId=self.model, inputs=inputs, rampSeconds=0, **changed)

    def claim(self, terms: Terms, milestone: int, name: str, **changed: Any) -> tuple[Any, ...]:
        proof = self.proofs[name]
        usual = {"outputRoot": proof.output_root, "proof": proof.encoded()}
        return self.stage.claim(terms, milestone, **{**usual, **changed})

    def refusal(self, terms: Terms, claim: tuple[Any, ...], *, sender: Any = None, gas: int | None = None) -> Refused:
        sender = sender or self.stage.operator
        return refusal(self.stage.settlement.claim, terms.abi(), claim, sender=sender, gas=gas)


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Scene:
    proofs = real_proofs.load()
    verifier = deploy_ezkl_verifier(stage)
    adapter = stage.deploy("EzklVerifierAdapter", verifier)
    stage.router.addAdapter(ZK, adapter, GAS_CAP, {"from": stage.governor})
    for name in ("digits 0", "other 0"):
        verifier.registerVka(proofs[name].vka, {"from": stage.stranger})
    program = proofs["digits 0"].program_id
    model = stage.register_model("real digits", adapter=adapter.address, programId=program)
    return Scene(stage, proofs, model)


def test_claim_with_right_proofs_is_paid_milestone_by_milestone(scene: Scene) -> None:
    stage, terms = scene.stage, scene.stage.assigned(scene.terms())
    credits = []
    for milestone in (0, 1):
        claim = scene.claim(terms, milestone, f"digits {milestone}")
        stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
        credits.append(stage.credit(stage.operator))
    assert (credits, stage.state(terms)["status"]) == ([60 * DOLLAR, 100 * DOLLAR], COMPLETED)


def test_claim_with_one_byte_changed_reverts(scene: Scene) -> None:
    terms = scene.stage.assigned(scene.terms())
    right = scene.proofs["digits 0"]
    forged = bytearray(right.proof)
    forged[100] ^= 1
    claim = scene.claim(terms, 0, "digits 0", proof=right.encoded(proof=bytes(forged)))
    assert scene.refusal(terms, claim) == refused("EzklVerifierAdapter_ProofRejected")


def test_claim_with_the_proof_of_another_input_reverts(scene: Scene) -> None:
    terms = scene.stage.assigned(scene.terms())
    claim = scene.claim(terms, 0, "digits 1")
    assert scene.refusal(terms, claim) == refused(
        "EzklVerifierAdapter_InputMismatch",
        expected=scene.proofs["digits 0"].input_root,
        actual=scene.proofs["digits 1"].input_root,
    )


def test_claim_with_the_proof_of_another_input_as_that_input_reverts(scene: Scene) -> None:
    terms = scene.stage.assigned(scene.terms())
    other = scene.proofs["digits 1"].input_root
    claim = scene.claim(terms, 0, "digits 1", inputRoot=other)
    assert scene.refusal(terms, claim) == refused(
        "MilestoneSettlement_InputNotInJob", inputRoot=other, milestone=0, jobInputRoot=terms["inputRoot"]
    )


def test_claim_with_the_proof_of_another_model_reverts(scene: Scene) -> None:
    terms = scene.stage.assigned(scene.terms())
    claim = scene.claim(terms, 0, "other 0")
    assert scene.refusal(terms, claim) == refused(
        "EzklVerifierAdapter_ProgramMismatch",
        expected=scene.proofs["digits 0"].program_id,
        actual=scene.proofs["other 0"].program_id,
    )


def test_claim_of_another_output_than_proven_reverts(scene: Scene) -> None:
    terms = scene.stage.assigned(scene.terms())
    claim = scene.claim(terms, 0, "digits 0", outputRoot=word("nicer"))
    assert scene.refusal(terms, claim) == refused(
        "EzklVerifierAdapter_OutputMismatch", expected=word("nicer"), actual=scene.proofs["digits 0"].output_root
    )


def test_claim_with_the_right_proof_by_a_stranger_reverts(scene: Scene) -> None:
    stage = scene.stage
    terms = stage.assigned(scene.terms())
    claim = scene.claim(terms, 0, "digits 0")
    assert scene.refusal(terms, claim, sender=stage.stranger) == refused(
        "StakeManager_NotAgent", caller=stage.stranger, operator=stage.operator
    )


def test_claim_with_too_little_gas_reverts_and_does_not_call_the_proof_wrong(scene: Scene) -> None:
    terms = scene.stage.assigned(scene.terms())
    claim = scene.claim(terms, 0, "digits 0")
    # Enough for the check itself (about 0.7 million), but not for the most that it may take.
    assert scene.refusal(terms, claim, gas=2_000_000).name == "MilestoneSettlement_TooLittleGas"


def test_claim_again_with_a_proof_that_was_paid_reverts(scene: Scene) -> None:
    stage, terms = scene.stage, scene.stage.assigned(scene.terms())
    claim = scene.claim(terms, 0, "digits 0")
    stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    assert scene.refusal(terms, claim) == refused("JobEscrow_WrongMilestone", milestone=0, next=1)


def test_claim_for_another_job_over_the_same_input_is_paid(scene: Scene) -> None:
    stage = scene.stage
    first, second = stage.assigned(scene.terms(salt=1)), stage.assigned(scene.terms(salt=2))
    for terms in (first, second):
        claim = scene.claim(terms, 0, "digits 0")
        stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    assert [stage.state(terms)["nextMilestone"] for terms in (first, second)] == [1, 1]
