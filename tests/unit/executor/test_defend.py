from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from executor_builders import AGENT, NOW, OPERATOR, address, created, hash_of, position, terms

from executor.defend import AT_ONCE, MOST_PAUSE_SECONDS, Duty, Trouble, after_failure, alert, duties, next_answers
from tallystick.market.book import Job, StandingClaim, opened
from tallystick.market.disputes import DemandPoint
from tallystick.market.events import TraceDemanded
from tallystick.market.terms import JobStatus

POINT = DemandPoint(list=2, of_list=True, tensor=0, count=3, height=2, index=0, node=hash_of("node"))


def job(*milestones: int, **changes: Any) -> Job:
    """Ours, with these milestones claimed at NOW and in their windows."""
    claims = tuple(
        StandingClaim(
            milestone=milestone,
            operator=OPERATOR,
            claimed_at=NOW,
            final_at=NOW + 60,
            transaction_hash=hash_of(f"claim {milestone}"),
            output_root=hash_of("output"),
            result_manifest=hash_of("result"),
        )
        for milestone in milestones
    )
    held = opened(created(terms()))
    return replace(
        held, **{"status": JobStatus.ASSIGNED, "operator": OPERATOR, "agent": AGENT, "claims": claims} | changes
    )


def demand(name: str = "d", *, milestone: int = 0, answer_by: int = NOW + 20, block: int = 5, **changes: Any) -> Any:
    plain = TraceDemanded(
        at=position(block),
        job_id=job().job_id,
        demand_id=hash_of(name),
        payer=address("challenger"),
        milestone=milestone,
        level=0,
        answer_by=answer_by,
        final_at=NOW + 90,
        demand=POINT,
    )
    return plain.model_copy(update=changes)


def waiting(*demands: TraceDemanded, held: Job | None = None) -> list[Duty]:
    held = held or job(0, 1)
    return duties(demands, {held.job_id: held}, operator=OPERATOR, agent=AGENT)


def begun(found: list[Duty], *, now: int = NOW + 6, busy: Any = (), troubles: Any = None) -> list[str]:
    return [duty.demand_id for duty in next_answers(found, now=now, busy=busy, troubles=troubles or {})]


def test_duties_given_several_has_the_earliest_deadline_first() -> None:
    late, soon = demand("late", answer_by=NOW + 30), demand("soon", milestone=1, answer_by=NOW + 10, block=6)

    assert [duty.demand_id for duty in waiting(late, soon)] == [soon.demand_id, late.demand_id]


@pytest.mark.parametrize(
    "held",
    [
        job(1),
        job(),
        job(0, operator=address("rival")),
        job(0, agent=address("our other machine")),
        job(0, operator=None, agent=None, status=JobStatus.OPEN, claims=()),
    ],
    ids=["that claim is paid", "nothing stands", "another operator", "another agent", "voided"],
)
def test_duties_given_a_claim_that_is_not_ours_or_does_not_stand_has_none(held: Job) -> None:
    assert waiting(demand(), held=held) == []


def test_duties_given_a_demand_on_an_earlier_round_has_none() -> None:
    held = job(0)
    later = replace(held, claims=(replace(held.claims[0], claimed_at=NOW + 6),))

    assert waiting(demand(block=5), held=later) == []
    assert len(waiting(demand(block=6), held=later)) == 1


def test_duties_given_a_job_that_is_not_in_the_book_has_none() -> None:
    assert duties([demand()], {}, operator=OPERATOR, agent=AGENT) == []


@pytest.mark.parametrize(("now", "expected"), [(NOW + 20, 1), (NOW + 21, 0)])
def test_next_answers_given_the_last_second_still_answers(now: int, expected: int) -> None:
    assert len(begun(waiting(demand()), now=now)) == expected


def test_next_answers_given_one_that_is_being_answered_does_not_begin_it_again() -> None:
    found = waiting(demand("first"), demand("second"))

    assert begun(found, busy={hash_of("first")}) == [hash_of("second")]


def test_next_answers_given_a_flood_begins_as_many_as_fit_the_most_urgent_first() -> None:
    flood = [demand(f"{n}", answer_by=NOW + 1_000 - n) for n in range(AT_ONCE + 10)]
    found = waiting(*flood)

    first = begun(found)
    assert first == [hash_of(f"{n}") for n in range(AT_ONCE + 9, 9, -1)]
    assert begun(found, busy=set(first)) == []
    assert begun(found, busy=set(first[1:])) == first[:1]


@pytest.mark.parametrize(("now", "expected"), [(NOW + 9, 0), (NOW + 10, 1)])
def test_next_answers_given_a_failure_pauses_before_the_next_try(now: int, expected: int) -> None:
    troubles = {hash_of("d"): Trouble("no gas", 2, NOW + 10)}

    assert len(begun(waiting(demand()), now=now, troubles=troubles)) == expected


def test_after_failure_given_failures_in_a_row_pauses_longer_each_time() -> None:
    trouble, pauses = None, []
    for _ in range(7):
        trouble = after_failure(trouble, "no", now=NOW, deadline=NOW + 1_000)
        pauses.append(trouble.not_before - NOW)

    assert pauses == [1, 2, 4, 8, 16, MOST_PAUSE_SECONDS, MOST_PAUSE_SECONDS]


def test_after_failure_given_little_time_left_tries_again_in_half_of_it() -> None:
    former = Trouble("no", 6, NOW)

    assert after_failure(former, "no", now=NOW, deadline=NOW + 8).not_before == NOW + 4
    assert after_failure(former, "no", now=NOW, deadline=NOW + 1).not_before == NOW + 1


def test_alert_given_a_demand_in_time_is_silent() -> None:
    [duty] = waiting(demand())

    assert alert(duty, None, NOW + 20) == ""


def test_alert_given_a_failure_says_what_and_until_when() -> None:
    [duty] = waiting(demand())

    assert alert(duty, Trouble("the disk is gone", 1, NOW), NOW + 6).endswith(
        f"to be answered by {NOW + 20}, could not be answered yet: the disk is gone"
    )


def test_alert_given_a_missed_deadline_says_that_the_stake_can_be_slashed() -> None:
    [duty] = waiting(demand())

    assert "anyone can have the stake slashed" in alert(duty, None, NOW + 21)
