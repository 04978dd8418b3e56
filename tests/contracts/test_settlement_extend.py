"""MilestoneSettlement.extend: the judge holds a claim open for longer, and never for longer than three windows.

extend
├── by anyone but the model's judge → MilestoneSettlement_NotJudge
├── a claim that was never made; in the second after its window → MilestoneSettlement_AlreadyFinal
├── a claim that is void, in its old window → MilestoneSettlement_NothingClaimed
├── not later than it is; later than three windows after the claim → MilestoneSettlement_BadExtension
└── → ClaimExtended
    ├── the claim is paid a second after, and not in its new last second
    ├── it can be shown to be wrong until then
    ├── again, up to three windows
    ├── a later claim, final before it → waits for its turn, and is paid with it
    └── the job's deadlines and the other claims' windows stay
"""

from __future__ import annotations

import pytest
from refusals import Refused, plain, refusal, refused
from stage import CHALLENGE_SECONDS, COMPLETED, DOLLAR, NO_HASH, Stage, Terms, event, events


@pytest.fixture
def terms(stage: Stage) -> Terms:
    """A job of two milestones, of which the first is claimed."""
    terms = stage.assigned(stage.traced_terms(rampSeconds=0))
    stage.settle(terms, 0)
    return terms


def times(stage: Stage, terms: Terms, milestone: int = 0) -> tuple[int, int]:
    """Until when it can be shown to be wrong, and when it was claimed."""
    _, final_at, claimed_at = stage.settlement.claimOf(stage.job_id(terms), milestone)
    return int(final_at), int(claimed_at)


def extension_refusal(stage: Stage, terms: Terms, milestone: int, final_at: int) -> Refused:
    arguments = (stage.settlement, terms.abi(), milestone, final_at)
    return refusal(stage.judge.extend, *arguments, sender=stage.finder)


def test_claim_keeps_when_it_was_made(stage: Stage, terms: Terms) -> None:
    assert times(stage, terms) == (stage.now() + CHALLENGE_SECONDS, stage.now())


@pytest.mark.parametrize("who", ["operator", "creator", "finder"])
def test_extend_by_anyone_but_the_judge_reverts(stage: Stage, terms: Terms, who: str) -> None:
    caller = getattr(stage, who)
    found = refusal(stage.settlement.extend, terms.abi(), 0, times(stage, terms)[0] + 1, sender=caller)
    assert found == refused("MilestoneSettlement_NotJudge", caller=caller, judge=stage.judge)


def test_extend_of_a_claim_that_was_never_made_reverts(stage: Stage, terms: Terms) -> None:
    found = extension_refusal(stage, terms, 1, stage.now() + 9)
    assert found == refused("MilestoneSettlement_AlreadyFinal", finalAt=0, nowAt=stage.now())


def test_extend_in_the_second_after_the_window_reverts(stage: Stage, terms: Terms) -> None:
    final, _ = times(stage, terms)
    stage.at(final + 1)
    found = extension_refusal(stage, terms, 0, final + 9)
    assert found == refused("MilestoneSettlement_AlreadyFinal", finalAt=final, nowAt=final + 1)


def test_extend_of_a_void_claim_reverts(stage: Stage, terms: Terms) -> None:
    stage.fault(terms, 0)
    found = extension_refusal(stage, terms, 0, times(stage, terms)[0] + 9)
    assert found == refused("MilestoneSettlement_NothingClaimed", jobId=stage.job_id(terms))


def test_extend_of_a_void_claim_of_a_job_that_is_taken_again_reverts(stage: Stage, terms: Terms) -> None:
    stage.fault(terms, 0)
    stage.accept(terms, stage.rival)
    found = extension_refusal(stage, terms, 0, times(stage, terms)[0] + 9)
    assert found == refused("MilestoneSettlement_NothingClaimed", jobId=stage.job_id(terms))


@pytest.mark.parametrize("more", [-CHALLENGE_SECONDS, -1, 0, 2 * CHALLENGE_SECONDS + 1, 2**63])
def test_extend_to_an_earlier_or_too_late_time_reverts(stage: Stage, terms: Terms, more: int) -> None:
    final, claimed = times(stage, terms)
    found = extension_refusal(stage, terms, 0, final + more)
    assert found == refused(
        "MilestoneSettlement_BadExtension", finalAt=final + more, most=claimed + 3 * CHALLENGE_SECONDS
    )


@pytest.mark.parametrize("more", [1, 2 * CHALLENGE_SECONDS])
def test_extend_says_until_when_and_moves_nothing_else(stage: Stage, terms: Terms, more: int) -> None:
    (final, claimed), state = times(stage, terms), stage.state(terms)
    commitment = plain(stage.settlement.claimOf(stage.job_id(terms), 0)[0])
    stage.at(final)
    transaction = stage.judge.extend(stage.settlement, terms.abi(), 0, final + more, {"from": stage.finder})
    said = {"jobId": stage.job_id(terms), "milestone": 0, "finalAt": final + more}
    assert event(transaction, "ClaimExtended") == said
    assert times(stage, terms) == (final + more, claimed)
    assert plain(stage.settlement.claimOf(stage.job_id(terms), 0)[0]) == commitment != NO_HASH
    assert stage.state(terms) == state


def test_extended_claim_is_paid_a_second_after_its_new_last(stage: Stage, terms: Terms) -> None:
    final, _ = times(stage, terms)
    stage.judge.extend(stage.settlement, terms.abi(), 0, final + 60, {"from": stage.finder})
    stage.at(final + 60)
    found = refusal(stage.settlement.finalize, terms.abi(), sender=stage.stranger)
    assert found == refused("MilestoneSettlement_NotFinal", finalAt=final + 60, nowAt=final + 60)
    stage.at(final + 61)
    assert len(events(stage.settlement.finalize(terms.abi(), {"from": stage.stranger}), "MilestonePaid")) == 1


def test_extended_claim_can_be_shown_to_be_wrong_in_its_new_last_second(stage: Stage, terms: Terms) -> None:
    final, _ = times(stage, terms)
    stage.judge.extend(stage.settlement, terms.abi(), 0, final + 60, {"from": stage.finder})
    stage.at(final + 60)
    assert event(stage.fault(terms, 0), "JobFaulted")["milestone"] == 0


def test_extend_again_goes_up_to_three_windows(stage: Stage, terms: Terms) -> None:
    final, claimed = times(stage, terms)
    for more in (40, 200, 240):
        stage.judge.extend(stage.settlement, terms.abi(), 0, final + more, {"from": stage.finder})
    assert times(stage, terms)[0] == claimed + 3 * CHALLENGE_SECONDS
    assert extension_refusal(stage, terms, 0, final + 241).name == "MilestoneSettlement_BadExtension"


def test_extended_claim_holds_up_the_next_one_and_both_are_paid(stage: Stage, terms: Terms) -> None:
    stage.settle(terms, 1)
    first, second = times(stage, terms)[0], times(stage, terms, 1)[0]
    stage.judge.extend(stage.settlement, terms.abi(), 0, first + 200, {"from": stage.finder})
    assert times(stage, terms, 1)[0] == second
    stage.at(second + 1)
    found = refusal(stage.settlement.finalize, terms.abi(), sender=stage.stranger)
    assert found == refused("MilestoneSettlement_NotFinal", finalAt=first + 200, nowAt=second + 1)
    stage.at(first + 201)
    assert len(events(stage.settlement.finalize(terms.abi(), {"from": stage.stranger}), "MilestonePaid")) == 2
    assert (stage.state(terms)["status"], stage.credit(stage.operator)) == (COMPLETED, 100 * DOLLAR)
