from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from executor_builders import JOB_ID, NOW, OPERATOR, TOKEN, created, hash_of, offer, position, terms

from executor.journal import FILE_NAME, Earning, Journal
from executor.work import JobWork, Stage
from tallystick.clock import ManualClock
from tallystick.errors import InputError
from tallystick.ids import JobId, ModelId
from tallystick.market.events import JobFact, JobRefunded
from tallystick.service.patience import Link


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE_NAME


def opened(path: Path, identity: str = "us") -> Journal:
    return Journal.open(path, ManualClock(NOW), identity=identity)


def reopened(journal: Journal, path: Path) -> Journal:
    journal.close()
    return opened(path)


WORK = JobWork(
    JOB_ID, 2, 3, stage=Stage.CLAIMING, milestone=1, deadline=9, block=4, turn=7, retries=1, story=("a", "b")
)


def test_works_given_a_restart_are_as_they_were_put(path: Path) -> None:
    journal = opened(path)
    journal.put_work(WORK)

    assert reopened(journal, path).works() == {JOB_ID: WORK}


def test_offer_of_given_the_round_it_was_made_for_is_the_offer(path: Path) -> None:
    journal, made = opened(path), offer(terms())
    journal.put_work(WORK, made)

    assert reopened(journal, path).offer_of(JOB_ID, 1) == made


def test_offer_of_given_another_round_is_none(path: Path) -> None:
    journal = opened(path)
    journal.put_work(WORK, offer(terms()))

    assert journal.offer_of(JOB_ID, 2) is None


def test_forget_work_given_a_job_removes_it_with_its_offer(path: Path) -> None:
    journal = opened(path)
    journal.put_work(WORK, offer(terms()))
    journal.forget_work([JOB_ID])

    assert (journal.works(), journal.offer_of(JOB_ID, 1)) == ({}, None)


def refunded(block: int) -> JobRefunded:
    return JobRefunded(at=position(block), job_id=created(terms()).job_id, creator=OPERATOR, amount=1)


def earning(block: int, amount: int = 5) -> Earning:
    return Earning(JOB_ID, block, block, TOKEN, amount)


def test_facts_given_several_are_in_the_chains_order(path: Path) -> None:
    journal = opened(path)
    facts: list[JobFact] = [refunded(3), created(terms(), 1)]
    journal.record(rolled_back_to=None, facts=facts, earned=[], cursor="1")

    assert reopened(journal, path).facts() == [facts[1], facts[0]]


def test_record_given_a_rollback_forgets_what_came_later(path: Path) -> None:
    journal = opened(path)
    journal.record(
        rolled_back_to=None, facts=[created(terms(), 1), refunded(3)], earned=[earning(1), earning(3)], cursor="1"
    )
    journal.record(rolled_back_to=2, facts=[], earned=[], cursor="2")

    assert ([fact.at.block_number for fact in journal.facts()], journal.earnings()) == ([1], [earning(1)])


def test_record_given_the_same_facts_twice_holds_them_once(path: Path) -> None:
    journal = opened(path)
    for _ in range(2):
        journal.record(rolled_back_to=None, facts=[refunded(3)], earned=[earning(3)], cursor="1")

    assert (len(journal.facts()), len(journal.earnings())) == (1, 1)


def test_earnings_given_an_amount_of_128_bits_are_exact(path: Path) -> None:
    journal = opened(path)
    journal.record(rolled_back_to=None, facts=[], earned=[earning(1, 2**128 - 1)], cursor="1")

    assert journal.earnings()[0].amount == 2**128 - 1


def test_forget_facts_given_a_job_drops_its_facts_alone(path: Path) -> None:
    journal = opened(path)
    other = created(terms(salt=2), 2)
    journal.record(rolled_back_to=None, facts=[created(terms(), 1), other], earned=[], cursor="1")
    journal.forget_facts([created(terms(), 1).job_id])

    assert journal.facts() == [other]


def test_verdict_on_given_another_version_of_the_prover_is_open(path: Path) -> None:
    journal, model = opened(path), ModelId(hash_of("model"))
    journal.judge_model(model, "ezkl 23.0.5", "a liar")

    assert [journal.verdict_on(model, version) for version in ("ezkl 23.0.5", "ezkl 24")] == ["a liar", None]


def test_rehearsal_of_given_a_restart_is_what_was_noted(path: Path) -> None:
    journal = opened(path)
    journal.note_rehearsal(JOB_ID, 0, "ezkl 23.0.5")
    journal.note_rehearsal(JOB_ID, 1, "ezkl 23.0.5", "it overflows")
    again = reopened(journal, path)

    assert [again.rehearsal_of(JOB_ID, m, "ezkl 23.0.5") for m in range(3)] == ["", "it overflows", None]


def test_rehearsal_of_given_another_version_of_the_prover_is_open(path: Path) -> None:
    journal = opened(path)
    journal.note_rehearsal(JOB_ID, 0, "ezkl 23.0.5", "it overflows")

    assert journal.rehearsal_of(JOB_ID, 0, "ezkl 24") is None


def test_forget_work_given_a_job_removes_its_rehearsals(path: Path) -> None:
    journal = opened(path)
    journal.note_rehearsal(JOB_ID, 0, "ezkl 23.0.5")
    journal.forget_work([JOB_ID])

    assert journal.rehearsal_of(JOB_ID, 0, "ezkl 23.0.5") is None


@pytest.mark.parametrize(("version", "lacking"), [(1, "rehearsals, demands, alerts"), (2, "demands, alerts")])
def test_open_given_an_older_journal_brings_it_up_with_its_jobs(path: Path, version: int, lacking: str) -> None:
    journal = opened(path)
    journal.put_work(WORK)
    journal.close()
    database = sqlite3.connect(path)
    dropped = "".join(f"DROP TABLE {table};" for table in lacking.split(", "))
    database.executescript(f"{dropped} PRAGMA user_version = {version};")
    database.close()

    brought_up = opened(path)
    brought_up.note_rehearsal(JOB_ID, 0, "ezkl 23.0.5")
    brought_up.put_alerts("demand ", {"demand 0x1": "late"})

    assert brought_up.works() == {JOB_ID: WORK}


def test_open_given_another_identity_refuses(path: Path) -> None:
    opened(path, "us").close()

    with pytest.raises(InputError, match="is about us, not about them"):
        opened(path, "them")


def test_open_given_another_version_refuses(path: Path) -> None:
    opened(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(InputError, match="version 99"):
        opened(path)


def test_look_into_given_no_journal_says_what_to_do(path: Path) -> None:
    with pytest.raises(InputError, match="start the executor once"):
        Journal.look_into(path, ManualClock())


def test_look_into_given_a_journal_in_use_reads_beside_its_writer(path: Path) -> None:
    journal = opened(path)
    journal.put_work(WORK)
    journal.put_link("chain", "away")
    beside = Journal.look_into(path, ManualClock())

    assert (beside.works(), beside.links()) == ({JOB_ID: WORK}, [Link("chain", "away", NOW)])


def test_look_into_given_a_write_refuses(path: Path) -> None:
    opened(path).close()
    beside = Journal.look_into(path, ManualClock())

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        beside.put_link("chain", "away")


def test_updated_at_given_a_work_is_when_it_was_put(path: Path) -> None:
    journal = opened(path)
    journal.put_work(WORK)

    assert journal.updated_at(JobId(JOB_ID)) == NOW
