from __future__ import annotations

from dispatcher_builders import DOMAIN, NOW, Chain, address, executor, market, opening, terms, with_changes

from dispatcher.matching.why import why
from tallystick.market.book import Job, fold
from tallystick.market.events import ChainFact
from tallystick.market.terms import ProofKind, job_id_of

CHAIN = Chain()
JOB_ID = job_id_of(terms(), DOMAIN)


OPTIMISTIC = terms(proof_kind=ProofKind.OPTIMISTIC, challenge_seconds=100)
OPTIMISTIC_ID = job_id_of(OPTIMISTIC, DOMAIN)


def job_after(*facts: ChainFact) -> Job:
    return fold([CHAIN.created(0), *facts])[JOB_ID]  # type: ignore[list-item]


def claimed_job(*milestones: int) -> Job:
    """Of an optimistic job, one milestone claimed after the other from block 20 on; each is final 101 s later."""
    claims = [CHAIN.claimed(20 + milestone, OPTIMISTIC_ID, milestone) for milestone in milestones]
    return fold([CHAIN.created(0, OPTIMISTIC), CHAIN.assigned(10, OPTIMISTIC_ID), *claims])[OPTIMISTIC_ID]


def test_why_given_an_assigned_job_names_operator_milestone_and_deadline() -> None:
    job = job_after(CHAIN.assigned(10, JOB_ID))

    summary = why(job, market(now=NOW + 110)).summary

    assert address("operator") in summary
    assert "milestone 1 of 2" in summary
    assert summary.endswith("in 200 s.")


def test_why_given_a_missed_deadline_says_what_anyone_may_do() -> None:
    job = job_after(CHAIN.assigned(10, JOB_ID))

    summary = why(job, market(now=NOW + 315)).summary

    assert "missed its deadline" in summary
    assert "by 5 s. Anyone may call expire" in summary


def test_why_at_the_deadline_itself_still_waits() -> None:
    job = job_after(CHAIN.assigned(10, JOB_ID))

    assert "missed" not in why(job, market(now=NOW + 310)).summary


def test_why_given_a_completed_job_tells_who_was_paid() -> None:
    job = job_after(
        CHAIN.assigned(1, JOB_ID), *CHAIN.paid(2, JOB_ID), *CHAIN.paid(3, JOB_ID, 1), CHAIN.completed(3, JOB_ID)
    )

    assert why(job, market()).summary == (f"All 2 milestones are proven and paid: 1000 units to {address('operator')}.")


def test_why_given_a_refunded_job_says_where_the_money_went() -> None:
    assert "went back" in why(job_after(CHAIN.refunded(5, JOB_ID)), market()).summary


def test_why_given_an_open_job_that_nobody_took_in_time_says_what_anyone_may_do() -> None:
    one = opening()

    summary = why(one.job, market(executor(), openings=[one], now=NOW + 601)).summary

    assert "Anyone may call refund" in summary


def test_why_given_an_open_job_explains_who_is_held_back() -> None:
    one = opening("region=us")

    explained = why(one.job, market(executor(), openings=[one]))

    assert [reason.code for reason in explained.reasons] == ["requirement_unmet"]


def test_why_given_a_claim_in_its_window_says_when_it_is_final() -> None:
    summary = why(claimed_job(0), market(now=NOW + 50)).summary

    assert "milestone 2 of 2" in summary
    assert summary.endswith("Milestone 1 is claimed and becomes final in 71 s.")


def test_why_given_a_claim_that_is_final_says_what_anyone_may_do() -> None:
    summary = why(claimed_job(0), market(now=NOW + 121)).summary

    assert summary.endswith("Milestone 1 is final. Anyone may call finalize, which pays it.")


def test_why_given_every_milestone_claimed_says_that_no_work_is_left() -> None:
    summary = why(claimed_job(0, 1), market(now=NOW + 50)).summary

    assert "has claimed every milestone" in summary
    assert "deadline" not in summary


def test_why_given_a_missed_deadline_behind_a_claim_in_its_window_names_no_call_yet() -> None:
    job = claimed_job(0)
    late = why(with_changes(job, deadline=NOW + 60), market(now=NOW + 70)).summary

    assert "missed its deadline" in late
    assert "expire" not in late
