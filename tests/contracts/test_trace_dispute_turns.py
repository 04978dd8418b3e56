"""Whose fault it is to show: TraceDispute.commit, and what proveFault and proveFaultCommitted make of it.

commit
├── a claim that was never made, or is final → TraceDispute_TooLateToCommit
├── the first second of the last quarter of its window → TraceDispute_TooLateToCommit; a second earlier → FaultCommitted
└── → a digest that another account made is nothing in one's own hand
proveFault
├── nobody has committed → the caller is the challenger
├── somebody has → TraceDispute_CommitFirst, whoever it is
│   ├── in the last quarter → the caller is the challenger
│   └── to the claim of an operator who was slashed since → the caller is the challenger
proveFaultCommitted
├── committed a second ago → the caller is the challenger
├── in the same second, never, to another witness, with another salt, for another claim → TraceDispute_NotCommitted
├── committed twice → the second one counts
├── by who copied witness and salt → TraceDispute_NotCommitted
├── of a claim that is right → TraceDispute_NoFault
└── a commitment to nothing by the operator → another one commits as well, and slashes it
"""

from __future__ import annotations

from typing import Any

import pytest
from dispute_stage import DisputeStage, Run, hexed
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from refusals import Refused, plain, refusal, refused
from stage import CHALLENGE_SECONDS, Stage, Terms, event

SALT = b"\x5a" * 32
STEP, INDEX = 3, 9


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


@pytest.fixture
def wrong(dispute: DisputeStage) -> Run:
    return dispute.wrong(STEP, INDEX)


@pytest.fixture
def terms(dispute: DisputeStage, wrong: Run) -> Terms:
    return dispute.claimed(wrong)


def digest(packed: bytes, who: Any, salt: bytes = SALT) -> bytes:
    return keccak(encode(["bytes32", "address", "bytes32"], [keccak(packed), who.address, salt]))


def commit(dispute: DisputeStage, terms: Terms, run: Run, who: Any, **changed: Any) -> Any:
    """And a second goes by."""
    usual = {"packed": run.packed(STEP, INDEX), "who": who, "salt": SALT}
    made = dispute.judge.commit(terms.abi(), 0, digest(**{**usual, **changed}), {"from": who})
    dispute.stage.at(dispute.stage.now() + 1)
    return made


def opened(dispute: DisputeStage, terms: Terms, run: Run, who: Any, salt: bytes = SALT) -> Any:
    packed = run.packed(STEP, INDEX)
    return dispute.judge.proveFaultCommitted(terms.abi(), run.ref(), packed, salt, {"from": who})


def opening_refusal(dispute: DisputeStage, terms: Terms, run: Run, who: Any, salt: bytes = SALT) -> Refused:
    packed = run.packed(STEP, INDEX)
    return refusal(dispute.judge.proveFaultCommitted, terms.abi(), run.ref(), packed, salt, sender=who)


def final_at(dispute: DisputeStage, terms: Terms) -> int:
    return int(dispute.stage.settlement.claimOf(dispute.stage.job_id(terms), 0)[1])


def challenger(transaction: Any) -> str:
    return str(event(transaction, "JobFaulted")["challenger"])


# ---- commit -----------------------------------------------------------------------------------------------------------


def test_commit_to_a_claim_that_was_never_made_reverts(dispute: DisputeStage, wrong: Run) -> None:
    terms = dispute.assigned(wrong)
    found = refusal(dispute.judge.commit, terms.abi(), 0, SALT, sender=dispute.stage.finder)
    assert found == refused("TraceDispute_TooLateToCommit", finalAt=0)


@pytest.mark.parametrize("late", [False, True])
def test_commit_at_the_end_of_the_third_quarter(dispute: DisputeStage, terms: Terms, wrong: Run, late: bool) -> None:
    final = final_at(dispute, terms)
    dispute.stage.at(final - CHALLENGE_SECONDS // 4 + late)
    if late:
        found = refusal(dispute.judge.commit, terms.abi(), 0, SALT, sender=dispute.stage.finder)
        assert found == refused("TraceDispute_TooLateToCommit", finalAt=final)
    else:
        made = event(commit(dispute, terms, wrong, dispute.stage.finder), "FaultCommitted")
        job_id = dispute.stage.job_id(terms)
        assert made == {"jobId": job_id, "challenger": plain(dispute.stage.finder), "milestone": 0}


# ---- proveFault -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["finder", "stranger", "rival"])
def test_prove_fault_where_somebody_committed_reverts(
    dispute: DisputeStage, terms: Terms, wrong: Run, person: str
) -> None:
    commit(dispute, terms, wrong, dispute.stage.rival)
    who, packed = getattr(dispute.stage, person), wrong.packed(STEP, INDEX)
    found = refusal(dispute.judge.proveFault, terms.abi(), wrong.ref(), packed, sender=who)
    assert found == refused("TraceDispute_CommitFirst")


def test_prove_fault_in_the_last_quarter_needs_no_commitment(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    commit(dispute, terms, wrong, dispute.stage.rival)
    dispute.stage.at(final_at(dispute, terms) - CHALLENGE_SECONDS // 4 + 1)
    transaction = dispute.prove(terms, wrong.ref(), wrong.packed(STEP, INDEX))
    assert challenger(transaction) == plain(dispute.stage.finder)


def test_prove_fault_of_a_claim_made_anew_needs_no_commitment(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    stage = dispute.stage
    commit(dispute, terms, wrong, stage.rival)
    opened(dispute, terms, wrong, stage.rival)
    stage.accept(terms, stage.operator)
    dispute.claim(terms, wrong)
    assert challenger(dispute.prove(terms, wrong.ref(), wrong.packed(STEP, INDEX))) == plain(stage.finder)


# ---- proveFaultCommitted ----------------------------------------------------------------------------------------------


def test_prove_fault_committed_a_second_ago_pays_who_committed(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    commit(dispute, terms, wrong, dispute.stage.rival)
    assert challenger(opened(dispute, terms, wrong, dispute.stage.rival)) == plain(dispute.stage.rival)


def test_prove_fault_committed_in_the_same_second_reverts(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    stage = dispute.stage
    stage.at(stage.now() + 1)
    dispute.judge.commit(terms.abi(), 0, digest(wrong.packed(STEP, INDEX), stage.rival), {"from": stage.rival})
    assert opening_refusal(dispute, terms, wrong, stage.rival) == refused(
        "TraceDispute_NotCommitted", challenger=stage.rival, madeAt=stage.now()
    )


def test_prove_fault_committed_by_who_did_not_reverts(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    """Witness and salt may be read from the opening that waits for its block."""
    stage = dispute.stage
    commit(dispute, terms, wrong, stage.rival)
    assert opening_refusal(dispute, terms, wrong, stage.finder) == refused(
        "TraceDispute_NotCommitted", challenger=stage.finder, madeAt=0
    )


def test_prove_fault_committed_with_a_copied_digest_reverts(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    stage, packed = dispute.stage, wrong.packed(STEP, INDEX)
    commit(dispute, terms, wrong, stage.rival)
    dispute.judge.commit(terms.abi(), 0, digest(packed, stage.rival), {"from": stage.finder})
    made_at = stage.now()
    stage.at(made_at + 1)
    assert opening_refusal(dispute, terms, wrong, stage.finder) == refused(
        "TraceDispute_NotCommitted", challenger=stage.finder, madeAt=made_at
    )


@pytest.mark.parametrize("changed", [{"packed": b"another witness"}, {"salt": bytes(32)}])
def test_prove_fault_committed_to_something_else_reverts(
    dispute: DisputeStage, terms: Terms, wrong: Run, changed: dict[str, bytes]
) -> None:
    commit(dispute, terms, wrong, dispute.stage.rival, **changed)
    assert opening_refusal(dispute, terms, wrong, dispute.stage.rival).name == "TraceDispute_NotCommitted"


def test_prove_fault_committed_for_another_claim_reverts(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    other = dispute.claimed(wrong, salt=2)
    commit(dispute, other, wrong, dispute.stage.rival)
    assert opening_refusal(dispute, terms, wrong, dispute.stage.rival).name == "TraceDispute_NotCommitted"


def test_prove_fault_committed_twice_is_of_the_second(dispute: DisputeStage, terms: Terms, wrong: Run) -> None:
    stage = dispute.stage
    commit(dispute, terms, wrong, stage.rival)
    commit(dispute, terms, wrong, stage.rival, salt=b"\1" * 32)
    assert opening_refusal(dispute, terms, wrong, stage.rival).name == "TraceDispute_NotCommitted"
    assert challenger(opened(dispute, terms, wrong, stage.rival, b"\1" * 32)) == plain(stage.rival)


def test_prove_fault_committed_of_another_claim_than_was_made_reverts(
    dispute: DisputeStage, terms: Terms, wrong: Run
) -> None:
    commit(dispute, terms, wrong, dispute.stage.rival)
    ref, packed = wrong.ref(traceRoot=hexed(bytes(32))), wrong.packed(STEP, INDEX)
    found = refusal(dispute.judge.proveFaultCommitted, terms.abi(), ref, packed, SALT, sender=dispute.stage.rival)
    assert found.name == "TraceDispute_OtherClaim"


def test_prove_fault_committed_of_an_honest_claim_reverts(dispute: DisputeStage) -> None:
    terms = dispute.claimed(dispute.honest)
    commit(dispute, terms, dispute.honest, dispute.stage.rival)
    found = opening_refusal(dispute, terms, dispute.honest, dispute.stage.rival)
    assert found.name == "TraceDispute_NoFault"


def test_prove_fault_committed_after_the_operator_committed_to_nothing_slashes_it(
    dispute: DisputeStage, terms: Terms, wrong: Run
) -> None:
    stage = dispute.stage
    commit(dispute, terms, wrong, stage.operator, packed=b"nothing")
    commit(dispute, terms, wrong, stage.rival)
    assert challenger(opened(dispute, terms, wrong, stage.rival)) == plain(stage.rival)
