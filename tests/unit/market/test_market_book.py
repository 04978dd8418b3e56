"""What follows from the facts, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_samples import AGENT, CREATOR, DISPATCHER, FINDER, JOB, OPERATOR, at, make_terms, word

from tallystick.ids import JobId
from tallystick.market.book import apply_fact, fold
from tallystick.market.events import (
    BountyPaid,
    ClaimExtended,
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFaulted,
    JobRefunded,
    JobReleased,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
    StakeSlashed,
)
from tallystick.market.terms import JobStatus, ProofKind

TERMS = make_terms()


LATE, FAULT = 300, 1000
"""What is slashed in these stories, in units of the stake token."""


def created(block=1, job_id=JOB, terms=TERMS, opened_at=None):
    opened_at = at(block).block_time if opened_at is None else opened_at
    return JobCreated(at=at(block), job_id=job_id, creator=CREATOR, opened_at=opened_at, economy_version=3, terms=terms)


def assigned(block=2, operator=OPERATOR, round_=1):
    return JobAssigned(
        at=at(block), job_id=JOB, operator=operator, agent=AGENT, round=round_, price=150, deadline=1_700_001_000
    )


def claimed(block, milestone, operator=OPERATOR, next_deadline=1_700_002_000):
    return MilestoneClaimed(
        at=at(block),
        job_id=JOB,
        milestone=milestone,
        operator=operator,
        output_root=word(8 + milestone),
        manifest=word(10 + milestone),
        next_deadline=next_deadline,
    )


def paid(block, milestone, operator=OPERATOR, index=1):
    return MilestonePaid(
        at=at(block, index), job_id=JOB, milestone=milestone, operator=operator, to_operator=59, to_dispatcher=1
    )


def reopened(block, next_milestone, bounty=90):
    return JobReopened(at=at(block, 1), job_id=JOB, round=2, next_milestone=next_milestone, bounty=bounty)


def slashed(block, amount):
    return StakeSlashed(
        at=at(block, 2),
        job_id=JOB,
        operator=OPERATOR,
        finder=FINDER,
        amount=amount,
        to_finder=30,
        to_creator=120,
        to_bounty=90,
        burned=amount - 240,
    )


def expiry(block):
    """What one `expire` states, in its order."""
    late = JobExpired(at=at(block), job_id=JOB, operator=OPERATOR, finder=FINDER, slashed=LATE)
    return [late, reopened(block, 1), slashed(block, LATE)]


def fault(block, milestone, next_milestone):
    """What one fault states, in its order."""
    found = JobFaulted(
        at=at(block), job_id=JOB, operator=OPERATOR, challenger=FINDER, milestone=milestone, slashed=FAULT
    )
    return [found, reopened(block, next_milestone), slashed(block, FAULT)]


def release(block, next_milestone):
    """What one early release states, in its order."""
    given = JobReleased(at=at(block), job_id=JOB, operator=OPERATOR, fee=6)
    return [given, reopened(block, next_milestone, bounty=6)]


FIRST_MILESTONE = [created(), assigned(), claimed(3, 0), paid(3, 0)]
WHOLE_LIFE = [
    *FIRST_MILESTONE,
    *expiry(4),
    assigned(5, operator=DISPATCHER, round_=2),
    claimed(6, 1, DISPATCHER, next_deadline=0),
    paid(6, 1, DISPATCHER),
    JobCompleted(at=at(6, 2), job_id=JOB, operator=DISPATCHER, surplus=50),
    BountyPaid(at=at(6, 3), job_id=JOB, account=DISPATCHER, amount=90),
]

OPTIMISTIC = make_terms(proof_kind=ProofKind.OPTIMISTIC, challenge_seconds=120)
BOTH_CLAIMED = [
    created(terms=OPTIMISTIC),
    assigned(),
    claimed(3, 0),
    claimed(4, 1, next_deadline=0),
]


def job_after(facts):
    return fold(facts)[JOB]


def test_fold_given_a_created_job_has_it_open():
    job = job_after([created()])
    assert (job.status, job.round, job.next_milestone, job.paid_milestones, job.economy_version, job.surplus) == (
        JobStatus.OPEN,
        1,
        0,
        0,
        3,
        None,
    )


def test_fold_given_a_created_job_opens_it_when_its_event_says():
    """A signed order's job was open before anyone submitted it."""
    job = job_after([created(block=9, opened_at=1_700_000_001)])
    assert job.opened_at == 1_700_000_001


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
        word(10),
        59,
        at(3).block_time,
    )


def test_fold_given_a_paid_claim_moves_to_the_next_milestone_and_deadline():
    job = job_after(FIRST_MILESTONE)
    assert (job.next_milestone, job.paid_milestones, job.deadline, job.status, job.claims) == (
        1,
        1,
        1_700_002_000,
        JobStatus.ASSIGNED,
        (),
    )


@pytest.mark.parametrize("earlier", [[], [claimed(3, 1)]], ids=["no claim", "another milestone's claim"])
def test_fold_given_a_payment_without_its_claim_says_that_facts_are_missing(earlier):
    with pytest.raises(ValueError, match="facts are missing"):
        fold([created(), assigned(), *earlier, paid(3, 0)])


# ---- claims that await finality ---------------------------------------------------------------------------------------


def test_fold_given_optimistic_claims_keeps_them_until_they_are_paid():
    job = job_after(BOTH_CLAIMED)
    assert (job.next_milestone, job.paid_milestones, job.payments, [claim.milestone for claim in job.claims]) == (
        2,
        0,
        (),
        [0, 1],
    )


def test_fold_given_an_optimistic_claim_knows_its_window():
    [claim, _] = job_after(BOTH_CLAIMED).claims
    assert (claim.claimed_at, claim.final_at) == (at(3).block_time, at(3).block_time + 120)


def test_fold_given_all_claimed_has_no_deadline():
    assert job_after(BOTH_CLAIMED).deadline is None


def test_job_final_at_is_that_of_the_first_standing_claim():
    assert job_after(BOTH_CLAIMED).final_at == at(3).block_time + 120


def test_job_final_at_given_no_claim_is_none():
    assert job_after(FIRST_MILESTONE).final_at is None


@pytest.mark.parametrize(
    ("facts", "expires_at"),
    [
        ([created()], None),
        ([created(), assigned()], 1_700_001_000),
        (BOTH_CLAIMED[:3], None),
        ([*BOTH_CLAIMED[:3], paid(5, 0)], 1_700_002_000),
    ],
    ids=["open", "assigned", "a claim waits", "the claim is paid"],
)
def test_job_expires_at_counts_only_where_no_claim_waits(facts, expires_at):
    assert job_after(facts).expires_at == expires_at


def test_fold_given_a_late_payment_joins_it_with_its_own_claim():
    [payment] = job_after([*BOTH_CLAIMED, paid(9, 0)]).payments
    assert (payment.output_root, payment.paid_at, payment.transaction_hash, payment.claim_transaction_hash) == (
        word(8),
        at(9).block_time,
        at(9, 1).transaction_hash,
        at(3).transaction_hash,
    )


def test_fold_given_a_late_payment_leaves_the_other_claim_waiting():
    job = job_after([*BOTH_CLAIMED, paid(9, 0)])
    assert (job.paid_milestones, [claim.milestone for claim in job.claims]) == (1, [1])


def test_fold_given_two_payments_in_one_transaction_pays_both_claims():
    job = job_after([*BOTH_CLAIMED, paid(9, 0), paid(9, 1, index=2)])
    assert (job.paid_milestones, job.claims, [payment.output_root for payment in job.payments]) == (
        2,
        (),
        [word(8), word(9)],
    )


# ---- how an assignment ends -------------------------------------------------------------------------------------------


def test_fold_given_a_fault_voids_every_claim_that_is_not_paid():
    job = job_after([*BOTH_CLAIMED, paid(9, 0), *fault(10, milestone=1, next_milestone=1)])
    assert (job.status, job.next_milestone, job.paid_milestones, job.claims) == (JobStatus.OPEN, 1, 1, ())


def test_fold_given_a_fault_voids_earlier_claims_too():
    job = job_after([*BOTH_CLAIMED, *fault(10, milestone=1, next_milestone=0)])
    assert (job.next_milestone, job.paid_milestones, job.claims) == (0, 0, ())


def test_fold_given_a_fault_remembers_who_was_at_fault_and_what_it_cost():
    job = job_after([*BOTH_CLAIMED, *fault(10, milestone=1, next_milestone=0)])
    [slash] = job.slashes
    assert (job.failed_operators, slash.amount, slash.is_fault, slash.finder) == ({OPERATOR}, FAULT, True, FINDER)


def test_fold_given_a_release_reopens_and_remembers_the_fee():
    job = job_after([*FIRST_MILESTONE, *release(4, next_milestone=1)])
    [given] = job.releases
    assert (job.status, job.next_milestone, job.bounty, given.operator, given.fee) == (
        JobStatus.OPEN,
        1,
        6,
        OPERATOR,
        6,
    )


def test_fold_given_a_release_holds_nothing_against_the_operator():
    job = job_after([*FIRST_MILESTONE, *release(4, next_milestone=1)])
    assert (job.failed_operators, job.slashes) == (frozenset(), ())


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
    assert (job.failed_operators, slash.amount, slash.burned, slash.is_fault) == ({OPERATOR}, LATE, 60, False)


def test_fold_given_an_expiry_after_a_fault_tells_the_two_apart():
    again = [assigned(11, round_=2), claimed(12, 0), paid(12, 0)]
    job = job_after([*BOTH_CLAIMED, *fault(10, milestone=1, next_milestone=0), *again, *expiry(13)])
    assert [slash.is_fault for slash in job.slashes] == [True, False]


def test_fold_given_a_whole_life_is_complete_and_paid_to_two():
    job = job_after(WHOLE_LIFE)
    assert (job.status, job.is_over, job.bounty, job.surplus, [payment.operator for payment in job.payments]) == (
        JobStatus.COMPLETED,
        True,
        0,
        50,
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


def test_apply_fact_when_a_claim_is_extended_moves_its_finality_and_no_other():
    book = fold([created(1), assigned(2), claimed(3, 0), claimed(4, 1)])
    later = book[JOB].claims[0].final_at + 60

    moved = apply_fact(book, ClaimExtended(at=at(5), job_id=JOB, milestone=0, final_at=later))[JOB]

    assert (moved.claims[0].final_at, moved.final_at) == (later, later)
    assert moved.claims[1] == book[JOB].claims[1]
