"""A job's history, also when the chain changes its mind."""

from __future__ import annotations

from client_job_facts import JOB_ID, assigned, created, expired, whole_job

from client_sdk._events import REORGANISED, JobHistory
from tallystick.ids import JobId
from tallystick.market.terms import JobStatus


def names_of(history: JobHistory) -> list[str]:
    return [event.name for event in history.events]


def test_extend_given_a_whole_job_tells_it_in_order() -> None:
    history = JobHistory(JOB_ID)
    history.extend(whole_job())

    assert names_of(history) == [
        "JobCreated",
        "JobAssigned",
        "MilestoneClaimed",
        "MilestonePaid",
        "MilestoneClaimed",
        "MilestonePaid",
        "JobCompleted",
    ]


def test_extend_gives_each_event_the_job_after_it() -> None:
    history = JobHistory(JOB_ID)
    history.extend(whole_job())

    assert [event.job.next_milestone for event in history.events] == [0, 0, 1, 1, 2, 2, 2]
    assert [event.job.paid_milestones for event in history.events] == [0, 0, 0, 1, 1, 2, 2]


def test_extend_given_another_jobs_fact_tells_nothing() -> None:
    history = JobHistory(JobId("0x" + "11" * 32))
    history.extend(whole_job())

    assert (history.events, history.job) == ([], None)


def test_extend_given_an_expired_job_shows_it_open_again() -> None:
    history = JobHistory(JOB_ID)
    history.extend([created(), assigned(), *expired()])

    assert history.job is not None
    assert (history.job.status, history.job.round, len(history.job.slashes)) == (JobStatus.OPEN, 2, 1)


def test_roll_back_given_an_earlier_block_takes_the_later_facts_back() -> None:
    history = JobHistory(JOB_ID)
    history.extend([created(2), assigned(3)])
    history.roll_back(2)

    assert names_of(history)[-1] == REORGANISED
    assert history.events[-1].job.status is JobStatus.OPEN
    assert history.events[-1].rolled_back_to == 2


def test_roll_back_given_nothing_to_take_back_tells_nothing() -> None:
    history = JobHistory(JOB_ID)
    history.extend([created(2)])
    history.roll_back(2)

    assert names_of(history) == ["JobCreated"]


def test_roll_back_given_the_creations_block_leaves_no_job_and_shows_the_last_one() -> None:
    history = JobHistory(JOB_ID)
    history.extend([created(2), assigned(3)])
    history.roll_back(1)

    assert history.job is None
    assert history.events[-1].job.status is JobStatus.ASSIGNED


def test_extend_given_the_facts_of_the_other_fork_goes_on_from_there() -> None:
    history = JobHistory(JOB_ID)
    history.extend([created(2), assigned(3)])
    history.roll_back(2)
    history.extend([assigned(4, fork="b")])

    assert [fact.at.block_number for fact in history.facts] == [2, 4]
    assert history.job is not None and history.job.status is JobStatus.ASSIGNED
