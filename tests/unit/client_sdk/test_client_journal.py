"""What is written down before money moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from client_job_facts import TERMS

from client_sdk._journal import JobJournal, JournalEntry
from tallystick.errors import InputError
from tallystick.ids import JobId


def entry(fingerprint: str = "a", salt: int = 7, created_block: int | None = None) -> JournalEntry:
    job_id = JobId(f"0x{salt:064x}")
    terms = TERMS.model_copy(update={"salt": salt})
    return JournalEntry(fingerprint=fingerprint, job_id=job_id, terms=terms, created_block=created_block)


@pytest.fixture
def journal(tmp_path: Path) -> JobJournal:
    return JobJournal(tmp_path / "jobs")


def test_find_given_an_entry_of_an_earlier_process_returns_it(journal: JobJournal, tmp_path: Path) -> None:
    journal.write(entry())

    assert JobJournal(tmp_path / "jobs").find(entry().job_id) == entry()


def test_write_given_an_entry_again_replaces_it(journal: JobJournal) -> None:
    journal.write(entry())
    journal.write(entry(created_block=3))

    assert list(journal.entries()) == [entry(created_block=3)]


def test_write_leaves_no_half_written_file(journal: JobJournal, tmp_path: Path) -> None:
    journal.write(entry())

    assert [place.suffix for place in (tmp_path / "jobs").iterdir()] == [".json"]


def test_resumable_given_an_unsettled_entry_of_the_same_request_finds_it(journal: JobJournal) -> None:
    journal.write(entry())

    assert journal.resumable("a", None) == entry()


def test_resumable_given_a_settled_entry_and_no_salt_finds_nothing(journal: JobJournal) -> None:
    journal.write(entry(created_block=3))

    assert journal.resumable("a", None) is None


def test_resumable_given_a_settled_entry_and_its_salt_finds_it(journal: JobJournal) -> None:
    journal.write(entry(created_block=3))

    assert journal.resumable("a", 7) == entry(created_block=3)


def test_resumable_given_an_unsettled_entry_and_another_salt_finds_nothing(journal: JobJournal) -> None:
    journal.write(entry())

    assert journal.resumable("a", 8) is None


def test_resumable_given_the_salt_of_another_request_is_refused(journal: JobJournal) -> None:
    journal.write(entry("a"))

    with pytest.raises(InputError, match="Salt 7 already stands for job 0x0"):
        journal.resumable("b", 7)


def test_forget_given_an_entry_removes_it(journal: JobJournal) -> None:
    journal.write(entry())
    journal.forget(entry())

    assert journal.find(entry().job_id) is None


def test_entries_given_a_damaged_file_warns_before_it_is_thrown_away(journal: JobJournal, tmp_path: Path) -> None:
    journal.write(entry())
    next((tmp_path / "jobs").glob("*.json")).write_text("{")

    with pytest.raises(InputError, match="it may have been paid for"):
        list(journal.entries())
