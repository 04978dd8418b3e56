"""What a challenger remembers, across restarts and reorganisations."""

from __future__ import annotations

from pathlib import Path

import pytest
from challenger_samples import JOB, KEY, NOW, OPERATOR, sample_terms

from challenger.cases import Case, Found, Review, ShownFault
from challenger.follower import BURIED_BLOCKS, Follower, load_cursor
from challenger.journal import Journal, Paid
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead
from tallystick.clock import ManualClock
from tallystick.dispute.packing import FaultKind
from tallystick.errors import InputError
from tallystick.ids import ZERO_ADDRESS, Bytes32, JobId
from tallystick.market.disputes import ClaimRef
from tallystick.market.events import (
    ChainFact,
    FaultCommitted,
    JobAssigned,
    JobCreated,
    JobFaulted,
    JobReopened,
    LogPosition,
    MilestoneClaimed,
    StakeDeposited,
)
from tallystick.market.terms import JobStatus, ProofKind

WORD = Bytes32("0x" + "66" * 32)
ZK_JOB = JobId("0x" + "77" * 32)
REF = ClaimRef(milestone=0, input_root=WORD, output_root=WORD, trace_root=WORD)
FAULT = ShownFault(FaultKind.OUTPUT, 3, "last", None, None, None, 200_000, b"\x02\xff\x00witness")


def opened(path: Path, identity: str = "chain 1") -> Journal:
    return Journal.open(path / "journal.sqlite3", ManualClock(), identity=identity)


# ---- the journal ------------------------------------------------------------------------------------------------------


def test_case_given_a_restart_is_what_it_was(tmp_path: Path) -> None:
    review = Review(Found.FAULT, "reason", NOW, 1.5, REF, WORD, FAULT, again_at=NOW + 3)
    case = Case(KEY, JOB, 0, NOW, review, last_word="word")
    journal = opened(tmp_path)
    journal.put_case(case)
    journal.close()
    again = opened(tmp_path)
    assert again.case(KEY) == case
    assert again.open_cases() == [case]


def test_open_cases_given_one_that_is_over_leaves_it_out(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.put_case(Case(KEY, JOB, 0, NOW, outcome="final and paid"))
    assert journal.open_cases() == []
    assert [case.is_over for case in journal.latest_cases(5)] == [True]


def test_seed_given_a_restart_is_the_same_and_another_for_another_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    seed = journal.seed
    journal.close()
    assert len(seed) == 32
    assert opened(tmp_path).seed == seed
    assert Journal.in_memory(ManualClock()).seed != seed


def test_paid_given_a_restart_is_what_was_noted(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    paid = Paid("ask:1", KEY, 10**30, WORD)
    journal.note_paid(paid)
    journal.close()
    again = opened(tmp_path)
    assert (again.paid("ask:1"), again.paid_for(KEY)) == (paid, [paid])
    again.forget_paid("ask:1")
    assert (again.paid("ask:1"), again.paid_for(KEY)) == (None, [])


def test_open_given_another_deployment_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(InputError, match="is about chain 1, not about chain 2"):
        opened(tmp_path, "chain 2")


def test_look_into_given_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no journal"):
        Journal.look_into(tmp_path / "journal.sqlite3", ManualClock())


# ---- the follower -----------------------------------------------------------------------------------------------------


def at(block: int, index: int = 0) -> LogPosition:
    return LogPosition(
        block_number=block, block_hash=WORD, block_time=NOW + block, transaction_hash=WORD, log_index=index
    )


def created(job_id: JobId, kind: ProofKind) -> JobCreated:
    seconds = 240 if kind is ProofKind.OPTIMISTIC else 0
    terms = sample_terms(WORD, proof_kind=kind, challenge_seconds=seconds)
    return JobCreated(at=at(1), job_id=job_id, creator=ZERO_ADDRESS, opened_at=NOW, economy_version=1, terms=terms)


def claimed(block: int) -> MilestoneClaimed:
    return MilestoneClaimed(
        at=at(block), job_id=JOB, milestone=0, operator=OPERATOR, output_root=WORD, manifest=WORD, next_deadline=0
    )


LIFE: list[ChainFact] = [
    created(JOB, ProofKind.OPTIMISTIC),
    JobAssigned(at=at(2), job_id=JOB, operator=OPERATOR, agent=OPERATOR, round=1, price=1, deadline=NOW + 100),
    claimed(3),
]
FAULTED: list[ChainFact] = [
    JobFaulted(at=at(5), job_id=JOB, operator=OPERATOR, challenger=ZERO_ADDRESS, milestone=0, slashed=1),
    JobReopened(at=at(5, 1), job_id=JOB, round=2, next_milestone=0, bounty=0),
]


class Script:
    """A scanner that was told what to find."""

    def __init__(self) -> None:
        self.steps: list[ScanStep] = []

    def finds(self, *facts: ChainFact, head: int = 9, back_to: int | None = None) -> None:
        cursor = Cursor(((head, WORD),))
        self.steps.append(ScanStep(back_to, facts, BlockHead(head, WORD, NOW + head), cursor))

    async def poll(self) -> ScanStep:
        return self.steps.pop(0)


async def test_follower_given_facts_keeps_optimistic_jobs_alone(tmp_path: Path) -> None:
    script, journal = Script(), opened(tmp_path)
    follower = Follower(script, journal)
    deposited = StakeDeposited(at=at(1, 2), operator=OPERATOR, amount=1)
    script.finds(deposited, created(ZK_JOB, ProofKind.ZK), *LIFE)
    assert await follower.poll()
    assert list(follower.book) == [JOB]
    assert [claim.milestone for job in follower.standing() for claim in job.claims] == [0]
    assert len(list(journal.facts())) == 3


async def test_follower_given_a_restart_has_the_same_book_and_goes_on(tmp_path: Path) -> None:
    script, journal = Script(), opened(tmp_path)
    follower = Follower(script, journal)
    said = FaultCommitted(at=at(4), job_id=JOB, challenger=OPERATOR, milestone=0)
    script.finds(*LIFE, said)
    await follower.poll()
    journal.close()
    again = opened(tmp_path)
    assert Follower(script, again).book == follower.book
    assert Follower(script, again).disputes(JOB) == (said,)
    assert load_cursor(again) == Cursor(((9, WORD),))


async def test_follower_given_a_fault_that_was_undone_has_the_claim_again(tmp_path: Path) -> None:
    script = Script()
    follower = Follower(script, opened(tmp_path))
    script.finds(*LIFE, *FAULTED)
    await follower.poll()
    assert (follower.standing(), len(follower.faults(JOB))) == ([], 1)
    script.finds(back_to=4, head=10)
    await follower.poll()
    assert ([job.job_id for job in follower.standing()], follower.faults(JOB)) == ([JOB], ())
    assert follower.book[JOB].status is JobStatus.ASSIGNED


async def test_follower_given_jobs_that_were_over_long_ago_forgets_all_but_those_to_keep(tmp_path: Path) -> None:
    script, journal = Script(), opened(tmp_path)
    follower = Follower(script, journal)
    script.finds(*LIFE)
    script.finds(head=9 + 2 * BURIED_BLOCKS)
    await follower.poll()
    await follower.poll()
    follower.forget_buried(set())
    assert list(follower.book) == [JOB]  # it is not over
