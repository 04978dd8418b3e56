"""What commands say about jobs, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from client_builders import CREATOR, PAYMENT, STAKE, START, at, hash_of
from client_job_facts import JOB_ID, assigned, created, expired, refunded, released, whole_job
from rich.console import Console

from client_sdk._events import JobEvent, JobHistory
from client_sdk._journal import FundedBy
from client_sdk.cli._screen import Screen
from client_sdk.cli._views import (
    BURN_ADDRESS,
    NOTHING,
    event_line,
    event_values,
    funding_words,
    job_table,
    job_values,
    jobs_table,
    quote_table,
    reason_lines,
)
from tallystick.market.book import Job
from tallystick.market.disputes import DemandPoint
from tallystick.market.events import (
    BountyPaid,
    ClaimExtended,
    DemandReturned,
    DemandUnanswered,
    DisputeFact,
    FaultCommitted,
    FaultProven,
    JobFact,
    JobFaulted,
    OptimisticClaimed,
    TraceDemanded,
    TraceShown,
)
from tallystick.market.terms import ProofKind
from tallystick.wire.api import KindQuote, QuoteView, RefusalReason
from tallystick.wire.disputes import Disputes


def events_of(*facts: Any) -> list[JobEvent]:
    history = JobHistory(JOB_ID)
    history.extend(facts)
    return history.events


BOUNTY = BountyPaid(at=at(9), job_id=JOB_ID, account=assigned().operator, amount=3)
FAULT = JobFaulted(
    at=at(7), job_id=JOB_ID, operator=assigned().operator, challenger=CREATOR, milestone=0, slashed=10**18
)
ID = hash_of("demand")
COMMITTED = OptimisticClaimed(
    at=at(4), job_id=JOB_ID, milestone=0, input_root=hash_of("input"), trace_root=hash_of("trace")
)
DISPUTE: list[Any] = [
    TraceDemanded(
        at=at(5),
        job_id=JOB_ID,
        demand_id=ID,
        payer=CREATOR,
        milestone=0,
        level=1,
        answer_by=START + 200,
        final_at=START + 900,
        demand=DemandPoint(list=2, of_list=False, tensor=4, count=0, height=0, index=0, node=hash_of("node")),
    ),
    ClaimExtended(at=at(5, 1), job_id=JOB_ID, milestone=0, final_at=START + 900),
    TraceShown(at=at(6), job_id=JOB_ID, demand_id=ID, milestone=0, answer=b"leaves"),
    DemandUnanswered(at=at(6, 1), job_id=JOB_ID, demand_id=ID, payer=CREATOR, milestone=0),
    DemandReturned(at=at(6, 2), job_id=JOB_ID, demand_id=ID, payer=CREATOR, amount=5),
    FaultCommitted(at=at(6, 3), job_id=JOB_ID, challenger=CREATOR, milestone=0),
    FaultProven(
        at=at(7, 4), job_id=JOB_ID, challenger=CREATOR, milestone=0, kind=1, step=4, element=9, computed=3, claimed=5
    ),
]
STORIES = [
    *events_of(*whole_job()),
    *events_of(created(), assigned(), *expired(), BOUNTY, refunded(10)),
    *events_of(created(), assigned(), *released(), FAULT),
    *events_of(created(), assigned(), COMMITTED, *DISPUTE),
]


def test_stories_tell_of_every_fact_that_there_is() -> None:
    names = {kind.model_fields["event"].default for kind in get_args(JobFact | DisputeFact)}

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
    shown = job_table(replace(job, terms=terms), PAYMENT, STAKE)

    assert "5 tUSD rising to 10 tUSD over 300 s" in [str(cell) for cell in shown.columns[1].cells]


def test_job_table_given_two_slashes_shows_both_in_stake_tokens() -> None:
    job = events_of(created(), assigned(), *expired())[-1].job
    slashes = tuple(replace(job.slashes[0], amount=amount) for amount in (25 * 10**17, 10**18))

    shown = job_table(replace(job, slashes=slashes), PAYMENT, STAKE)

    [cell] = [str(cell) for cell in shown.columns[1].cells if " lost " in str(cell)]
    assert [line.partition(" lost ")[2] for line in cell.splitlines()] == [
        f"2.5 {STAKE.symbol} of its stake for a missed deadline",
        f"1 {STAKE.symbol} of its stake for a missed deadline",
    ]


def rows_of(job: Job, disputes: Disputes = NOTHING) -> dict[str, str]:
    names, values = job_table(job, PAYMENT, STAKE, disputes).columns
    return {str(name): str(value) for name, value in zip(names.cells, values.cells, strict=True)}


def test_job_table_given_a_job_given_back_says_by_whom_and_for_what_fee() -> None:
    job = events_of(created(), assigned(), *released())[-1].job

    rows = rows_of(replace(job, releases=(replace(job.releases[0], fee=10**17),), bounty=10**17))

    assert rows["given back"] == f"by {assigned().operator} for 0.1 TALLY"
    assert rows["bounty"] == "0.1 TALLY for whoever completes it"


def test_job_table_given_a_completed_job_says_what_went_back() -> None:
    assert rows_of(events_of(*whole_job())[-1].job)["surplus"] == "2 tUSD"


def test_job_table_given_a_claim_that_waits_says_until_when() -> None:
    job = events_of(*whole_job()[:3])[-1].job

    assert rows_of(job)["milestone 0"] == f"claimed by {assigned().operator}, final after 2023-11-14 22:14:00"


def test_job_values_given_a_claim_that_waits_do_not_count_it_as_paid() -> None:
    values = job_values(events_of(*whole_job()[:3])[-1].job)

    assert (values["milestones_claimed"], values["milestones_paid"]) == (1, 0)


def test_event_line_given_a_completion_with_a_surplus_says_what_goes_back() -> None:
    line = event_line(events_of(*whole_job())[-1], PAYMENT)

    assert line.partition("  ")[2] == "completed, 2 tUSD back to the creator"


@pytest.mark.parametrize("funded_by", get_args(FundedBy))
def test_funding_words_given_any_way_are_a_sentence(funded_by: FundedBy) -> None:
    assert funding_words(funded_by).endswith(".")


@pytest.mark.parametrize("columns", [80, 118])
def test_jobs_table_given_a_narrow_terminal_leaves_the_id_whole(columns: int) -> None:
    console = Console(width=columns)
    with console.capture() as shown:
        console.print(jobs_table([events_of(created())[-1].job]))

    assert JOB_ID in shown.get()


def test_finish_given_a_reader_that_is_no_terminal_keeps_each_row_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    job = events_of(created())[-1].job

    Screen(as_json=False).finish({}, jobs_table([job]))

    [_, row] = capsys.readouterr().out.splitlines()
    assert row.split() == [JOB_ID, "open", "0/2", job.terms.creator, "2023-11-14", "22:13:40"]


def test_jobs_table_given_a_reopened_job_calls_its_time_what_it_is() -> None:
    job = events_of(created(), assigned(), *expired())[-1].job

    last = jobs_table([job]).columns[-1]

    assert (last.header, list(last.cells)) == ("opened", ["2023-11-14 22:14:00"])


@pytest.mark.parametrize(("account", "said"), [(BOUNTY.account, "bounty paid"), (BURN_ADDRESS, "bounty burnt")])
def test_event_line_given_a_bounty_says_whether_anybody_got_it(account: Any, said: str) -> None:
    fact = BOUNTY.model_copy(update={"account": account})

    line = event_line(events_of(*whole_job(), fact)[-1], PAYMENT)

    assert line.partition("  ")[2] == said


def test_reason_lines_given_a_nearest_change_says_it() -> None:
    reason = RefusalReason(code="x", text="Too small.", count=1, executors=(), nearest_change="mem>=8GiB")

    assert reason_lines([reason]) == ["- Too small. Nearest change: mem>=8GiB"]


# ---- optimistic jobs --------------------------------------------------------------------------------------------------


def disputed() -> tuple[Job, Disputes]:
    facts = [created(), assigned(), *whole_job()[2:3], *DISPUTE[:3], FAULT, DISPUTE[-1], *expired(8)[1:]]
    history = JobHistory(JOB_ID)
    history.extend(facts)
    assert history.job is not None
    return history.job, history.disputes


def test_job_table_given_a_dispute_shows_who_asked_what_and_who_was_wrong_where() -> None:
    rows = rows_of(*disputed())

    assert rows["demands"] == "round 1, milestone 0, level 1: the tensor of step 4, answered"
    assert "element 9 of step 4 is 5, and should be 3" in rows["faults"]
    assert rows["compensation"] == "0.000000000000000004 TALLY to the creator"


def test_job_values_given_a_dispute_tell_the_same_to_programs() -> None:
    values = json.loads(json.dumps(job_values(*disputed())))

    assert (values["faults"][0]["kind"], values["demands"][0]["state"], values["compensation"]) == (
        "element",
        "shown",
        4,
    )


def test_job_history_given_a_reorganisation_forgets_what_was_demanded() -> None:
    history = JobHistory(JOB_ID)
    history.extend([created(), assigned(), DISPUTE[0]])
    assert history.disputes.demands

    history.roll_back(4)

    assert history.disputes == Disputes()


@pytest.mark.parametrize(("window", "shown"), [(0, "zk"), (600, "optimistic, challenge window 600 s")])
def test_job_table_shows_the_proof_kind_with_its_window(window: int, shown: str) -> None:
    job = events_of(created())[0].job
    kind = ProofKind.OPTIMISTIC if window else ProofKind.ZK
    terms = job.terms.model_copy(update={"challenge_seconds": window, "proof_kind": kind})

    assert rows_of(replace(job, terms=terms))["proof kind"] == shown


def test_quote_table_shows_both_kinds_side_by_side() -> None:
    kinds = (
        KindQuote(kind="zk", capable=1, lowest_price=2_000_000, median_price=2_000_000),
        KindQuote(kind="optimistic", capable=0, lowest_price=None, median_price=None),
    )
    view = QuoteView(
        capable=1,
        total=3,
        milestones=1,
        lowest_price=2_000_000,
        median_price=2_000_000,
        seconds_estimate=None,
        reasons=(),
        kinds=kinds,
    )

    names, values = quote_table(view, PAYMENT).columns
    rows = dict(zip(names.cells, (str(cell) for cell in values.cells), strict=True))
    assert (rows["as zk"], rows["as optimistic"]) == ("1 of 3, from 2 tUSD a milestone", "0 of 3")
