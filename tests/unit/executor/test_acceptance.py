from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from executor_builders import FREE_STAKE, LOCK, NOW, OPERATOR, TOKEN, address, hash_of, offer, open_job, terms

from executor.acceptance import LATER_SECONDS, Accept, Decline, Findings, Policy, Standing, consider
from executor.schedule import Task
from tallystick.market.book import Job, Release
from tallystick.market.terms import Assignment, JobMode, JobStatus, ProofKind

POLICY = Policy(
    operator=OPERATOR,
    min_milestone_price=500,
    payment_tokens=frozenset({TOKEN}),
    max_jobs=2,
    safety=2.0,
    claim_seconds=10,
    allow_development_srs=False,
    max_window_seconds=86_400,
    answer_seconds=10,
)
STANDING = Standing(now=NOW + 5, chain_id=31337, free_stake=FREE_STAKE, promised_stake=0, jobs_held=0, tasks=())
FINDINGS = Findings(estimate_seconds=20.0, srs_origin="development", unmet=())
ASSIGNED_TO_US = {"exclusive_seconds": 60}


def asked(
    job: Job | None = None,
    *,
    policy: Policy = POLICY,
    standing: Standing = STANDING,
    assignment: Assignment | None = None,
    findings: Findings | None = FINDINGS,
    **changes: Any,
) -> Accept | Decline:
    return consider(
        job or open_job(**changes), policy=policy, standing=standing, assignment=assignment, findings=findings
    )


def code(answer: Accept | Decline) -> str:
    return answer.code if isinstance(answer, Decline) else "accept"


def test_consider_given_a_job_that_this_operator_gave_back_declines_for_good() -> None:
    release = Release(operator=OPERATOR, fee=1, transaction_hash=hash_of("release"))

    answer = asked(replace(open_job(), releases=(release,)))

    assert (code(answer), getattr(answer, "retry_at", None)) == ("released_before", None)


def test_consider_given_a_job_that_another_operator_gave_back_accepts() -> None:
    release = Release(operator=address("another operator"), fee=1, transaction_hash=hash_of("release"))

    assert code(asked(replace(open_job(), releases=(release,)))) == "accept"


def test_consider_given_a_fitting_job_accepts_at_the_price_of_the_moment() -> None:
    answer = asked(min_price=1_000, max_price=2_000, ramp_seconds=10)

    assert isinstance(answer, Accept)
    assert answer.price == 1_500


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 39}, "window_short"),
        ({"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 40}, "accept"),
        ({"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 86_400}, "accept"),
        ({"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 86_401}, "window_long"),
        ({"mode": JobMode.CHAINED}, "mode"),
        ({"payment_token": address("another token")}, "payment_token"),
        ({"min_price": 998, "max_price": 998}, "price"),
        ({"dispatcher_fee_bps": 20}, "price"),
        ({"share_bps": (4_999, 5_001)}, "price"),
        ({"duration_seconds": (300, 49)}, "accept"),
        ({"duration_seconds": (49, 300)}, "too_slow"),
        ({"duration_seconds": (60, 30)}, "too_slow"),
    ],
)
def test_consider_given_terms_that_never_suit_declines_for_good(changes: dict[str, Any], expected: str) -> None:
    answer = asked(**changes)

    assert code(answer) == expected
    assert getattr(answer, "retry_at", None) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"free_stake": LOCK - 1}, "stake"),
        ({"promised_stake": FREE_STAKE - LOCK + 1}, "stake"),
        ({"jobs_held": 2}, "busy"),
        ({"tasks": (Task(NOW + 400, 380.0),)}, "queue"),
        ({"tasks": (Task(NOW + 10_000, 500.0),)}, "accept"),
    ],
)
def test_consider_given_a_machine_that_is_taken_declines_for_now(changes: dict[str, Any], expected: str) -> None:
    answer = asked(standing=replace(STANDING, **changes))

    assert code(answer) == expected
    assert getattr(answer, "retry_at", NOW + 5 + LATER_SECONDS) == NOW + 5 + LATER_SECONDS


def test_consider_given_the_last_free_stake_accepts() -> None:
    assert code(asked(standing=replace(STANDING, promised_stake=FREE_STAKE - LOCK))) == "accept"


def test_consider_given_a_price_that_still_rises_asks_again_later() -> None:
    answer = asked(min_price=10, max_price=1_000, ramp_seconds=100)

    assert isinstance(answer, Decline)
    assert (answer.code, answer.retry_at) == ("price", NOW + 5 + LATER_SECONDS)


def test_consider_given_the_dispatchers_fee_counts_what_is_left_of_the_price() -> None:
    assert code(asked(dispatcher_fee_bps=1_000, min_price=1_112, max_price=1_112)) == "accept"


@pytest.mark.parametrize("status", [JobStatus.ASSIGNED, JobStatus.COMPLETED, JobStatus.REFUNDED])
def test_consider_given_a_job_that_is_not_open_declines(status: JobStatus) -> None:
    assert code(asked(replace(open_job(), status=status))) == "not_open"


@pytest.mark.parametrize(("after", "expected"), [(600, "accept"), (601, "accept_window_over")])
def test_consider_given_the_end_of_the_accept_window_declines_behind_it(after: int, expected: str) -> None:
    assert code(asked(standing=replace(STANDING, now=NOW + after))) == expected


def test_consider_given_a_deadline_missed_before_declines_for_good() -> None:
    job = replace(open_job(), failed_operators=frozenset({OPERATOR}))

    assert code(asked(job)) == "failed_before"


def test_consider_given_exclusive_time_without_an_offer_asks_again_when_it_is_over() -> None:
    answer = asked(exclusive_seconds=60)

    assert isinstance(answer, Decline)
    assert (answer.code, answer.retry_at) == ("exclusive", NOW + 60)


def test_consider_given_the_end_of_the_exclusive_time_accepts_without_an_offer() -> None:
    assert code(asked(standing=replace(STANDING, now=NOW + 60), exclusive_seconds=60)) == "accept"


def test_consider_given_exclusive_time_with_our_offer_accepts() -> None:
    ours = offer(terms(exclusive_seconds=60)).assignment

    assert code(asked(assignment=ours, exclusive_seconds=60)) == "accept"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"operator": address("another operator")}, "exclusive"),
        ({"round": 2}, "exclusive"),
        ({"job_id": open_job(salt=2).job_id}, "exclusive"),
        ({"expires_at": NOW + 7}, "offer_over"),
    ],
)
def test_consider_given_an_offer_that_does_not_help_waits_for_the_open_time(
    changes: dict[str, Any], expected: str
) -> None:
    assignment = offer(terms(exclusive_seconds=60)).assignment.model_copy(update=changes)

    answer = asked(assignment=assignment, exclusive_seconds=60)

    assert isinstance(answer, Decline)
    assert (answer.code, answer.retry_at) == (expected, NOW + 60)


def test_consider_given_unmet_requirements_names_them_even_with_an_offer() -> None:
    answer = asked(findings=replace(FINDINGS, unmet=("gpu>=1: this machine has 0",)))

    assert answer == Decline("requirement_unmet", "gpu>=1: this machine has 0")


@pytest.mark.parametrize(
    ("chain_id", "allowed", "origin", "expected"),
    [
        (31337, False, "development", "accept"),
        (1337, False, "development", "accept"),
        (1, False, "development", "development_srs"),
        (1, True, "development", "accept"),
        (1, False, "ceremony", "accept"),
    ],
)
def test_consider_given_a_development_srs_declines_where_money_is_real(
    chain_id: int, allowed: bool, origin: Any, expected: str
) -> None:
    answer = asked(
        policy=replace(POLICY, allow_development_srs=allowed),
        standing=replace(STANDING, chain_id=chain_id),
        findings=replace(FINDINGS, srs_origin=origin),
    )

    assert code(answer) == expected


def test_consider_given_no_findings_yet_asks_nothing_that_depends_on_them() -> None:
    assert code(asked(findings=None, duration_seconds=(1, 1))) == "accept"


def test_consider_given_findings_without_an_estimate_leaves_time_open() -> None:
    assert code(asked(findings=replace(FINDINGS, estimate_seconds=None), duration_seconds=(1, 1))) == "accept"


def test_consider_given_a_job_resumed_half_way_counts_only_what_is_left() -> None:
    job = replace(open_job(share_bps=(1_000, 9_000), duration_seconds=(1, 300)), next_milestone=1)

    assert code(asked(job)) == "accept"


@pytest.mark.parametrize("kind", [ProofKind.ZK, ProofKind.OPTIMISTIC])
def test_consider_given_a_proof_kind_that_is_not_taken_declines_for_good(kind: ProofKind) -> None:
    other = {ProofKind.ZK, ProofKind.OPTIMISTIC} - {kind}

    answer = asked(policy=replace(POLICY, proof_kinds=frozenset(other)), proof_kind=kind, challenge_seconds=60)

    assert isinstance(answer, Decline)
    assert (answer.code, answer.retry_at) == ("proof_kind", None)


@pytest.mark.parametrize(("needed", "expected"), [(1_000, "accept"), (1_001, "disk")])
def test_consider_given_traces_larger_than_the_disk_waits_for_room(needed: int, expected: str) -> None:
    found = replace(FINDINGS, srs_origin=None, disk_bytes=needed, free_disk_bytes=1_000)

    assert code(asked(findings=found, proof_kind=ProofKind.OPTIMISTIC, challenge_seconds=60)) == expected


def test_consider_given_a_program_asks_nothing_about_an_srs() -> None:
    found = replace(FINDINGS, srs_origin=None)

    assert code(asked(findings=found, standing=replace(STANDING, chain_id=1))) == "accept"
