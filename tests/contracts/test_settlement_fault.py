"""MilestoneSettlement.fault: what a claim costs that was shown to be wrong. The judge of these jobs believes whoever asks it.

fault
├── the caller is not the judge
│   ├── a stranger, the operator, the creator, the governor → MilestoneSettlement_NotJudge
│   └── the judge of another model → MilestoneSettlement_NotJudge
├── the model is nobody's → ModelRegistry_UnknownModel
├── when
│   ├── the window's last second → faulted; finalize cannot pay
│   ├── a second later → MilestoneSettlement_AlreadyFinal; finalize pays
│   ├── final, though nobody has had it paid yet → MilestoneSettlement_AlreadyFinal
│   └── paid → MilestoneSettlement_AlreadyFinal
├── the claim
│   ├── was never made → MilestoneSettlement_AlreadyFinal
│   ├── is of a Zk job, by its adapter → MilestoneSettlement_AlreadyFinal
│   ├── was faulted already, the job is open → JobEscrow_WrongStatus
│   ├── was faulted already, another operator holds the job → JobEscrow_NoClaimPending
│   └── was faulted already and made anew → the new one's operator is slashed
├── the work
│   ├── one claim → the job is open again at its milestone
│   ├── an earlier or a later one of three → all three are void
│   ├── one of two that stand behind a paid one → those are void, the paid one stays
│   ├── one behind a claim that is final, but that nobody has had paid → that is paid first
│   └── of a job whose claims are all made → open again
├── the money
│   ├── the whole lock: challenger, creator, bounty, burn, to the unit
│   ├── a lock that does not divide → the burn takes the rest
│   ├── the deposit stays with the job
│   ├── shown by the operator itself → it loses all but its part
│   └── the operator's other jobs and free stake → untouched
└── afterwards
    ├── what was void is never paid, however late
    ├── another operator claims anew, waits its own window, and is paid with the bounty
    ├── chained: it starts from the last output that was paid, not from what was void
    └── the same operator may try again
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import Refused, plain, refusal, refused
from stage import (
    ASSIGNED,
    BURN,
    CHAINED,
    COMPLETED,
    DOLLAR,
    FAULT_SPLIT,
    GAS_CAP,
    OPEN,
    OPTIMISTIC,
    TALLY,
    ZK,
    Stage,
    Terms,
    event,
    share,
    word,
)

THREE = {"shareBps": [5_000, 3_000, 2_000], "durationSeconds": [1_000, 1_000, 1_000]}


def claimed(stage: Stage, *milestones: int, **changed: Any) -> Terms:
    """An Optimistic job of three milestones, at full price, with claims that stand."""
    terms = stage.assigned(stage.traced_terms(**{"rampSeconds": 0, **THREE, **changed}))
    for milestone in milestones:
        stage.settle(terms, milestone)
    return terms


def final_at(stage: Stage, terms: Terms, milestone: int) -> int:
    return int(stage.settlement.claimOf(stage.job_id(terms), milestone)[1])


def fault_refusal(stage: Stage, terms: Terms, milestone: int, judge: Any = None) -> Refused:
    """How the settlement refuses the judge."""
    judge = judge or stage.judge
    return refusal(judge.proveFault, stage.settlement, terms.abi(), milestone, sender=stage.finder)


def already_final(final: int, now: int) -> Refused:
    return refused("MilestoneSettlement_AlreadyFinal", finalAt=final, nowAt=now)


# ---- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["stranger", "operator", "creator", "governor", "guardian"])
def test_fault_by_anyone_but_the_judge_reverts(stage: Stage, person: str) -> None:
    terms = claimed(stage, 0)
    caller = getattr(stage, person)
    assert refusal(stage.settlement.fault, terms.abi(), 0, caller, sender=caller) == refused(
        "MilestoneSettlement_NotJudge", caller=caller, judge=stage.judge
    )


def test_fault_by_the_judge_of_another_model_reverts(stage: Stage) -> None:
    other = stage.deploy("MockJudge")
    stage.router.addAdapter(OPTIMISTIC, other, GAS_CAP, {"from": stage.governor})
    stage.register_model("others", proofKind=OPTIMISTIC, adapter=other.address)
    terms = claimed(stage, 0)
    assert fault_refusal(stage, terms, 0, judge=other) == refused(
        "MilestoneSettlement_NotJudge", caller=other, judge=stage.judge
    )


def test_fault_of_a_job_with_an_unknown_model_reverts(stage: Stage) -> None:
    terms = stage.traced_terms(modelId=word("nobody's"))
    assert fault_refusal(stage, terms, 0) == refused("ModelRegistry_UnknownModel", modelId=word("nobody's"))


# ---- when -------------------------------------------------------------------------------------------------------------


def test_fault_in_the_last_second_of_the_window_is_in_time(stage: Stage) -> None:
    terms = claimed(stage, 0)
    final = final_at(stage, terms, 0)
    stage.at(final)
    assert refusal(stage.settlement.finalize, terms.abi(), sender=stage.stranger) == refused(
        "MilestoneSettlement_NotFinal", finalAt=final, nowAt=final
    )
    stage.fault(terms, 0)
    assert (stage.now(), stage.state(terms)["status"]) == (final, OPEN)


def test_fault_a_second_after_the_window_is_too_late(stage: Stage) -> None:
    terms = claimed(stage, 0)
    final = final_at(stage, terms, 0)
    stage.at(final + 1)
    assert fault_refusal(stage, terms, 0) == already_final(final, final + 1)
    stage.settlement.finalize(terms.abi(), {"from": stage.stranger})
    assert (stage.now(), stage.state(terms)["paidMilestones"]) == (final + 1, 1)


def test_fault_of_a_final_claim_while_a_later_one_is_open_reverts(stage: Stage) -> None:
    """That nobody has had it paid yet does not matter, nor that the one after it can still be faulted."""
    terms = claimed(stage, 0)
    stage.at(stage.now() + 50)
    stage.settle(terms, 1)
    final = final_at(stage, terms, 0)
    stage.at(final + 1)
    assert fault_refusal(stage, terms, 0) == already_final(final, final + 1)


def test_fault_of_a_paid_claim_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.finalize(terms)
    assert fault_refusal(stage, terms, 0) == already_final(final_at(stage, terms, 0), stage.now())


# ---- which claim ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("milestone", [1, 2, 65_535])
def test_fault_of_a_claim_that_was_never_made_reverts(stage: Stage, milestone: int) -> None:
    terms = claimed(stage, 0)
    assert fault_refusal(stage, terms, milestone) == already_final(0, stage.now())


def test_fault_of_a_zk_claim_by_its_own_adapter_reverts(stage: Stage) -> None:
    """A Zk model's adapter is its judge in name; there is no window in which it could be one."""
    turncoat = stage.deploy("MockJudge")
    stage.router.addAdapter(ZK, turncoat, GAS_CAP, {"from": stage.governor})
    terms = stage.assigned(modelId=stage.register_model("turncoat", adapter=turncoat.address))
    assert fault_refusal(stage, terms, 0, judge=turncoat) == already_final(0, stage.now())


def test_fault_twice_reverts(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.fault(terms, 0)
    assert fault_refusal(stage, terms, 0) == refused(
        "JobEscrow_WrongStatus", jobId=stage.job_id(terms), status=OPEN, wanted=ASSIGNED
    )


def test_fault_of_a_void_claim_does_not_reach_the_next_operator(stage: Stage) -> None:
    """Its record is still there, and still in its window."""
    terms = claimed(stage, 0)
    stage.fault(terms, 0)
    stage.accept(terms, stage.rival)
    assert stage.now() < final_at(stage, terms, 0)
    assert fault_refusal(stage, terms, 0) == refused("JobEscrow_NoClaimPending", jobId=stage.job_id(terms))


def test_fault_of_a_later_void_claim_does_not_reach_the_next_operator_either(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    stage.fault(terms, 1)
    stage.accept(terms, stage.rival)
    stage.settle(terms, 0, stage.rival)
    assert fault_refusal(stage, terms, 1) == refused("JobEscrow_NoClaimPending", jobId=stage.job_id(terms))


def test_fault_of_a_claim_made_anew_slashes_its_new_operator(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.fault(terms, 0)
    stage.accept(terms, stage.rival)
    stage.settle(terms, 0, stage.rival)
    assert event(stage.fault(terms, 0), "JobFaulted")["operator"] == plain(stage.rival)


# ---- the work ---------------------------------------------------------------------------------------------------------


def test_fault_opens_the_job_again(stage: Stage) -> None:
    terms = claimed(stage, 0)
    before = stage.state(terms)
    faulted = stage.fault(terms, 0)
    assert [log.name for log in faulted.events] == ["JobFaulted", "JobReopened", "StakeSlashed"]
    state = stage.state(terms)
    assert (state["status"], state["openedAt"], state["round"]) == (OPEN, stage.now(), before["round"] + 1)
    assert (state["nextMilestone"], int(state["operator"], 16), state["acceptedAfter"]) == (0, 0, 0)


def test_fault_says_who_showed_what(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    assert event(stage.fault(terms, 1), "JobFaulted") == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "challenger": plain(stage.finder),
        "milestone": 1,
        "slashed": 50 * TALLY,
    }


@pytest.mark.parametrize("milestone", [0, 1, 2])
def test_fault_of_one_of_three_claims_makes_all_of_them_void(stage: Stage, milestone: int) -> None:
    """The lock stood behind all of them, and it is gone."""
    terms = claimed(stage, 0, 1, 2)
    reopened = event(stage.fault(terms, milestone), "JobReopened")
    assert (reopened["nextMilestone"], stage.state(terms)["paidMilestones"]) == (0, 0)


@pytest.mark.parametrize("milestone", [1, 2])
def test_fault_behind_a_paid_milestone_leaves_it_paid(stage: Stage, milestone: int) -> None:
    terms = claimed(stage, 0)
    stage.finalize(terms)
    for later in (1, 2):
        stage.settle(terms, later)
    stage.fault(terms, milestone)
    state = stage.state(terms)
    assert (state["nextMilestone"], state["paidMilestones"]) == (1, 1)
    assert (stage.credit(stage.operator), state["remaining"]) == (50 * DOLLAR, 50 * DOLLAR)


def test_fault_behind_a_final_claim_that_nobody_had_paid_pays_that_first(stage: Stage) -> None:
    """What has stood its window is final, whoever calls what first."""
    terms = claimed(stage, 0)
    stage.at(stage.now() + 50)
    stage.settle(terms, 1)
    stage.at(final_at(stage, terms, 0) + 1)
    faulted = stage.fault(terms, 1)
    state = stage.state(terms)
    assert (state["nextMilestone"], state["paidMilestones"], state["status"]) == (1, 1, OPEN)
    assert stage.credit(stage.operator) == event(faulted, "MilestonePaid")["toOperator"] > 0


# ---- the money --------------------------------------------------------------------------------------------------------


def test_fault_divides_the_whole_lock(stage: Stage) -> None:
    terms = claimed(stage, 0)
    assert event(stage.fault(terms, 0), "StakeSlashed") == {
        "jobId": stage.job_id(terms),
        "operator": plain(stage.operator),
        "finder": plain(stage.finder),
        "amount": 50 * TALLY,
        "toFinder": 20 * TALLY,
        "toCreator": 15 * TALLY,
        "toBounty": 5 * TALLY,
        "burned": 10 * TALLY,
    }
    rewards = tuple(stage.reward(account) for account in (stage.finder, stage.creator, BURN))
    assert rewards == (20 * TALLY, 15 * TALLY, 10 * TALLY)
    assert (stage.state(terms)["bounty"], int(stage.stakes.stakeOf(stage.operator))) == (5 * TALLY, 0)


def test_fault_slashes_the_whole_lock_also_when_most_is_paid(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    stage.finalize(terms)
    stage.settle(terms, 2)
    assert event(stage.fault(terms, 2), "StakeSlashed")["amount"] == 50 * TALLY


@pytest.mark.parametrize("odd", [1, 3, 9_999])
def test_fault_of_a_lock_that_does_not_divide_burns_the_rest(stage: Stage, odd: int) -> None:
    lock = TALLY + odd
    terms = claimed(stage, 0, stakeLock=lock)
    slashed = event(stage.fault(terms, 0), "StakeSlashed")
    parts = [share(lock, bps) for bps in FAULT_SPLIT[:3]]
    assert [slashed[name] for name in ("toFinder", "toCreator", "toBounty")] == parts
    assert slashed["burned"] == lock - sum(parts) > share(lock, FAULT_SPLIT[3])


def test_fault_shown_by_the_operator_itself_costs_it_all_but_the_provers_part(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.fault(terms, 0, by=stage.operator)
    assert (stage.reward(stage.operator), int(stage.stakes.stakeOf(stage.operator))) == (20 * TALLY, 0)


def test_fault_leaves_the_deposit_with_the_job(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.fault(terms, 0)
    assert (stage.state(terms)["remaining"], stage.credit(stage.creator)) == (100 * DOLLAR, 0)


def test_fault_touches_no_other_job_of_the_operator(stage: Stage) -> None:
    stage.bond(stage.operator, 130 * TALLY)
    first, second = (claimed(stage, 0, salt=salt) for salt in (1, 2))
    before = stage.state(second)
    stage.fault(first, 0)
    held = tuple(int(of(stage.operator)) for of in (stage.stakes.stakeOf, stage.stakes.lockedStakeOf))
    assert (stage.state(second), held) == (before, (80 * TALLY, 50 * TALLY))
    stage.finalize(second)
    assert stage.credit(stage.operator) == 50 * DOLLAR


# ---- afterwards -------------------------------------------------------------------------------------------------------


def test_fault_makes_a_claim_void_for_ever(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    stage.fault(terms, 0)
    stage.accept(terms, stage.rival)
    stage.at(stage.now() + 500)
    assert refusal(stage.settlement.finalize, terms.abi(), sender=stage.operator) == refused(
        "MilestoneSettlement_NothingClaimed", jobId=stage.job_id(terms)
    )


def test_fault_lets_another_operator_claim_anew_in_a_window_of_its_own(stage: Stage) -> None:
    terms = claimed(stage, 0, 1)
    void = final_at(stage, terms, 1)
    stage.fault(terms, 0)
    stage.accept(terms, stage.rival)
    stage.settle(terms, 0, stage.rival)
    stage.at(void + 1)
    assert refusal(stage.settlement.finalize, terms.abi(), sender=stage.rival) == refused(
        "MilestoneSettlement_NotFinal", finalAt=final_at(stage, terms, 0), nowAt=void + 1
    )


def test_fault_leaves_the_bounty_to_whoever_completes_the_job(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.fault(terms, 0)
    stage.accept(terms, stage.rival)
    for milestone in (0, 1, 2):
        stage.settle(terms, milestone, stage.rival)
    stage.finalize(terms)
    assert (stage.state(terms)["status"], stage.credit(stage.rival)) == (COMPLETED, 100 * DOLLAR)
    assert (stage.reward(stage.rival), stage.credit(stage.operator)) == (5 * TALLY, 0)


def test_fault_in_a_chain_sends_the_next_operator_to_the_last_output_that_was_paid(stage: Stage) -> None:
    terms = claimed(stage, mode=CHAINED)
    stage.settle(terms, 0, outputRoot=word("paid"))
    stage.finalize(terms)
    stage.settle(terms, 1, outputRoot=word("void"))
    stage.settle(terms, 2)
    stage.fault(terms, 2)
    stage.accept(terms, stage.rival)
    from_void = stage.claim(terms, 1, inputRoot=word("void"))
    assert refusal(stage.settlement.claim, terms.abi(), from_void, sender=stage.rival) == refused(
        "MilestoneSettlement_InputNotInJob", inputRoot=word("void"), milestone=1, jobInputRoot=terms["inputRoot"]
    )
    stage.settle(terms, 1, stage.rival, inputRoot=word("paid"))
    assert stage.state(terms)["nextMilestone"] == 2


def test_fault_in_a_chain_voids_the_output_too(stage: Stage) -> None:
    """Milestone 2 cannot be claimed from what its predecessor had said; the new claim of that one comes first."""
    terms = claimed(stage, mode=CHAINED)
    stage.settle(terms, 0, outputRoot=word("void"))
    stage.fault(terms, 0)
    stage.accept(terms, stage.rival)
    jump = stage.claim(terms, 1, inputRoot=word("void"))
    assert refusal(stage.settlement.claim, terms.abi(), jump, sender=stage.rival) == refused(
        "JobEscrow_WrongMilestone", milestone=1, next=0
    )
    stage.settle(terms, 0, stage.rival, outputRoot=word("right"))
    assert refusal(stage.settlement.claim, terms.abi(), jump, sender=stage.rival) == refused(
        "MilestoneSettlement_InputNotInJob", inputRoot=word("void"), milestone=1, jobInputRoot=terms["inputRoot"]
    )


def test_fault_does_not_keep_the_operator_from_trying_again(stage: Stage) -> None:
    terms = claimed(stage, 0)
    stage.fault(terms, 0)
    stage.accept(terms)
    stage.settle(terms, 0)
    stage.finalize(terms)
    assert stage.credit(stage.operator) == 50 * DOLLAR
