"""What follows from the facts, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_samples import AGENT, CREATOR, DISPATCHER, FINDER, JOB, OPERATOR, at, make_terms, word

from tallystick.ids import JobId
from tallystick.market.book import apply_fact, fold
from tallystick.market.events import (
    BountyPaid,
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobRefunded,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
    StakeSlashed,
)
from tallystick.market.terms import JobStatus

TERMS = make_terms()


def created(block=1, job_id=JOB):
    return JobCreated(at=at(block), job_id=job_id, creator=CREATOR, terms=TERMS)


def assigned(block=2, operator=OPERATOR, round_=1):
    return JobAssigned(
        at=at(block), job_id=JOB, operator=operator, agent=AGENT, round=round_, price=150, deadline=1_700_001_000
    )


def claimed(block, milestone, operator=OPERATOR):
    return MilestoneClaimed(
        at=at(block), job_id=JOB, milestone=milestone, operator=operator, output_root=word(8), manifest=word(9)
    )


def paid(block, milestone, next_deadline, operator=OPERATOR):
    return MilestonePaid(
        at=at(block, 1),
        job_id=JOB,
        milestone=milestone,
        operator=operator,
        to_operator=59,
        to_dispatcher=1,
        to_creator=20,
        next_deadline=next_deadline,
    )


def expiry(block):
    """What one `expire` states, in its order."""
    return [
        JobExpired(at=at(block), job_id=JOB, operator=OPERATOR, finder=FINDER, slashed=300),
        StakeSlashed(
            at=at(block, 1),
            job_id=JOB,
            operator=OPERATOR,
            finder=FINDER,
            amount=300,
            to_finder=30,
            to_creator=120,
            to_bounty=90,
            burned=60,
        ),
        JobReopened(at=at(block, 2), job_id=JOB, round=2, next_milestone=1, bounty=90),
    ]


FIRST_MILESTONE = [created(), assigned(), claimed(3, 0), paid(3, 0, 1_700_002_000)]
WHOLE_LIFE = [
    *FIRST_MILESTONE,
    *expiry(4),
    assigned(5, operator=DISPATCHER, round_=2),
    claimed(6, 1, DISPATCHER),
    paid(6, 1, 0, DISPATCHER),
    JobCompleted(at=at(6, 2), job_id=JOB, operator=DISPATCHER),
    BountyPaid(at=at(6, 3), job_id=JOB, account=DISPATCHER, amount=90),
]


def job_after(facts):
    return fold(facts)[JOB]


def test_fold_given_a_created_job_has_it_open():
    job = job_after([created()])
    assert (job.status, job.round, job.next_milestone, job.opened_at) == (JobStatus.OPEN, 1, 0, at(1).block_time)


def test_job_windows_count_from_its_opening():
    job = job_after([created()])
    assert (job.accept_closes_at - job.opened_at, job.exclusive_until - job.opened_at) == (600, 60)


def test_fold_given_an_assignment_knows_who_and_for_how_much():
    job = job_after([created(), assigned()])
    assert (job.status, job.operator, job.agent, job.price, job.deadline) == (
        JobStatus.ASSIGNED,
        OPERATOR,
        AGENT,
        150,
        1_700_001_000,
    )


def test_fold_given_a_claim_alone_pays_nothing():
    assert job_after([created(), assigned(), claimed(3, 0)]).payments == ()


def test_fold_given_claim_and_payment_joins_them():
    [payment] = job_after(FIRST_MILESTONE).payments
    assert (payment.milestone, payment.output_root, payment.result_manifest, payment.to_operator, payment.paid_at) == (
        0,
        word(8),
        word(9),
        59,
        at(3).block_time,
    )


def test_fold_given_a_payment_moves_to_the_next_milestone_and_deadline():
    job = job_after(FIRST_MILESTONE)
    assert (job.next_milestone, job.deadline, job.status) == (1, 1_700_002_000, JobStatus.ASSIGNED)


@pytest.mark.parametrize("earlier", [[], [claimed(3, 1)]], ids=["no claim", "another milestone's claim"])
def test_fold_given_a_payment_without_its_claim_says_that_facts_are_missing(earlier):
    with pytest.raises(ValueError, match="facts are missing"):
        fold([created(), assigned(), *earlier, paid(3, 0, 0)])


def test_fold_given_an_expiry_reopens_where_the_work_stopped():
    job = job_after([*FIRST_MILESTONE, *expiry(4)])
    assert (job.status, job.round, job.next_milestone, job.operator, job.price, job.bounty, job.opened_at) == (
        JobStatus.OPEN,
        2,
        1,
        None,
        None,
        90,
        at(4).block_time,
    )


def test_fold_given_an_expiry_remembers_who_failed_and_what_it_cost():
    job = job_after([*FIRST_MILESTONE, *expiry(4)])
    [slash] = job.slashes
    assert (job.failed_operators, slash.amount, slash.burned) == ({OPERATOR}, 300, 60)


def test_fold_given_a_whole_life_is_complete_and_paid_to_two():
    job = job_after(WHOLE_LIFE)
    assert (job.status, job.is_over, job.bounty, [payment.operator for payment in job.payments]) == (
        JobStatus.COMPLETED,
        True,
        0,
        [OPERATOR, DISPATCHER],
    )


def test_fold_given_a_refund_is_over():
    job = job_after([created(), JobRefunded(at=at(2), job_id=JOB, creator=CREATOR, amount=200)])
    assert (job.status, job.is_over) == (JobStatus.REFUNDED, True)


def test_fold_given_facts_of_an_unknown_job_ignores_them():
    assert fold([assigned(), *expiry(4)]) == {}


def test_fold_given_a_filter_keeps_what_it_names():
    other = JobId(word(0xBB))
    book = fold([created(), created(2, other), assigned(3)], keep=lambda job: job.status is JobStatus.OPEN)
    assert set(book) == {other}


def test_fold_remembers_the_block_of_the_last_fact():
    assert job_after(WHOLE_LIFE).updated_block == 6


@given(st.integers(min_value=0, max_value=len(WHOLE_LIFE)))
def test_apply_fact_one_by_one_is_fold(count):
    book = {}
    for fact in WHOLE_LIFE[:count]:
        book = apply_fact(book, fact)
    assert book == fold(WHOLE_LIFE[:count])


def test_apply_fact_leaves_the_book_it_was_given_alone():
    before = fold(FIRST_MILESTONE)
    apply_fact(before, expiry(4)[0])
    assert before == fold(FIRST_MILESTONE)
