"""What commands say about jobs, for people and for programs."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from client_builders import PAYMENT, at
from client_job_facts import JOB_ID, assigned, created, expired, refunded, whole_job

from client_sdk._events import JobEvent, JobHistory
from client_sdk.cli._views import event_line, event_values, job_table, job_values, reason_lines
from tallystick.market.events import BountyPaid, JobFact
from tallystick.wire.api import RefusalReason


def events_of(*facts: Any) -> list[JobEvent]:
    history = JobHistory(JOB_ID)
    history.extend(facts)
    return history.events


BOUNTY = BountyPaid(at=at(9), job_id=JOB_ID, account=assigned().operator, amount=3)
STORIES = [*events_of(*whole_job()), *events_of(created(), assigned(), *expired(), BOUNTY, refunded(10))]


def test_stories_tell_of_every_fact_that_there_is() -> None:
    names = {kind.model_fields["event"].default for kind in get_args(JobFact)}

    assert {event.name for event in STORIES} == names


@pytest.mark.parametrize("event", STORIES, ids=lambda event: event.name)
def test_event_line_given_any_event_is_a_time_and_a_sentence(event: JobEvent) -> None:
    assert event.fact is not None
    assert len(event_line(event, PAYMENT)) > len("2023-11-14 22:13:20  ")


@pytest.mark.parametrize("event", STORIES, ids=lambda event: event.name)
def test_event_values_given_any_event_are_json(event: JobEvent) -> None:
    assert json.loads(json.dumps(event_values(event)))["job_id"] == JOB_ID


def test_event_line_given_a_reorganisation_names_the_block() -> None:
    history = JobHistory(JOB_ID)
    history.extend([created(2), assigned(3)])
    history.roll_back(2)

    assert event_line(history.events[-1], PAYMENT) == "the chain took back what came after block 2"


def test_event_line_given_a_payment_counts_it() -> None:
    lines = [event_line(event, PAYMENT).partition("  ")[2] for event in events_of(*whole_job())]

    assert lines[3] == "milestone 0 paid, 1 of 2"


def test_job_values_given_a_job_are_json_with_amounts_in_smallest_units() -> None:
    values = json.loads(json.dumps(job_values(events_of(*whole_job())[-1].job)))

    assert (values["status"], values["price"], values["payments"][0]["to_operator"]) == (
        "completed",
        8_000_000,
        4_000_000,
    )


def test_job_table_given_a_rising_price_shows_both_ends() -> None:
    job = events_of(created())[0].job
    terms = job.terms.model_copy(update={"min_price": 5_000_000, "ramp_seconds": 300})
    from dataclasses import replace

    shown = job_table(replace(job, terms=terms), PAYMENT)

    assert "5 tUSD rising to 10 tUSD over 300 s" in [str(cell) for cell in shown.columns[1].cells]


def test_reason_lines_given_a_nearest_change_says_it() -> None:
    reason = RefusalReason(code="x", text="Too small.", count=1, executors=(), nearest_change="mem>=8GiB")

    assert reason_lines([reason]) == ["- Too small. Nearest change: mem>=8GiB"]
