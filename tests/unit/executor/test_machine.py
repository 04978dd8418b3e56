from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from executor_builders import JOB_ID

from executor.machine import adopt, begin, handle
from executor.moves import MAX_FAILURES, MAX_PAUSE_SECONDS
from executor.news import (
    AcceptMined,
    AcceptRefused,
    Answer,
    ChainSays,
    ClaimMined,
    ClaimRefused,
    Collected,
    Event,
    Finalized,
    KeysReady,
    ProofReady,
    Released,
    ReleaseDeclined,
    TimeShort,
    Verdict,
    WorkFailed,
)
from executor.work import HELD, OVER, WORKING, Do, JobWork, Stage
from tallystick.errors import ImpossibleTransitionError
from tallystick.market.terms import JobStatus

LIVE = [stage for stage in Stage if stage not in OVER]
DEADLINE = 5_000


def at(stage: Stage, **changes: Any) -> JobWork:
    """A job of three milestones in `stage`, at milestone 1 of round 1, with instruction 7 standing."""
    work = JobWork(JOB_ID, 1, 3, stage=stage, milestone=1, deadline=DEADLINE, block=10, turn=7, cause="before")
    return replace(work, story=("how it came here",), **changes)


def says(status: JobStatus = JobStatus.ASSIGNED, **changes: Any) -> ChainSays:
    """The chain agrees with `at`, unless told otherwise."""
    held: dict[str, Any] = {
        "mine": status is JobStatus.ASSIGNED,
        "round": 1,
        "next_milestone": 1,
        "deadline": DEADLINE if status is JobStatus.ASSIGNED else None,
        "block": 11,
        "block_time": 4_000,
    }
    return ChainSays(cause="block 11", status=status, **(held | changes))


ANSWERS: dict[type[Answer], dict[str, Any]] = {
    Verdict: {"accepted": True, "reason": "fine"},
    AcceptMined: {"block": 12},
    AcceptRefused: {"reason": "no"},
    KeysReady: {},
    ProofReady: {},
    ClaimMined: {"block": 12, "next_deadline": 6_000},
    ClaimRefused: {"reason": "no", "proof_at_fault": False},
    Finalized: {"block": 12, "left": 0},
    TimeShort: {"needed_seconds": 100.0, "left_seconds": 50.0},
    Released: {"block": 12, "fee": 3},
    ReleaseDeclined: {"reason": "no cheaper"},
    Collected: {"note": "home"},
    WorkFailed: {"reason": "broken"},
}


def answer(kind: type[Answer], turn: int = 7, **changes: Any) -> Answer:
    return kind(cause="answer", turn=turn, **(ANSWERS[kind] | changes))


EXPECTED: list[tuple[Stage, Event, Stage, Do]] = [
    (Stage.CONSIDERED, answer(Verdict), Stage.ACCEPTING, Do.SEND_ACCEPT),
    (Stage.CONSIDERED, answer(Verdict, accepted=False), Stage.REFUSED, Do.CLEAN_UP),
    (Stage.CONSIDERED, answer(WorkFailed), Stage.REFUSED, Do.CLEAN_UP),
    (Stage.ACCEPTING, answer(AcceptMined), Stage.ASSIGNED, Do.READ_CHAIN),
    (Stage.ACCEPTING, answer(AcceptRefused), Stage.REFUSED, Do.CLEAN_UP),
    (Stage.ACCEPTING, answer(WorkFailed), Stage.ACCEPTING, Do.SEND_ACCEPT),
    (Stage.ASSIGNED, answer(WorkFailed), Stage.ASSIGNED, Do.READ_CHAIN),
    (Stage.PREPARING, answer(KeysReady), Stage.PROVING, Do.PROVE),
    (Stage.PREPARING, answer(WorkFailed), Stage.PREPARING, Do.PREPARE),
    (Stage.PROVING, answer(ProofReady), Stage.CLAIMING, Do.SEND_CLAIM),
    (Stage.PROVING, answer(WorkFailed), Stage.PROVING, Do.PROVE),
    (Stage.CLAIMING, answer(ClaimMined), Stage.PROVING, Do.PROVE),
    (Stage.CLAIMING, answer(ClaimRefused), Stage.CLAIMING, Do.SEND_CLAIM),
    (Stage.CLAIMING, answer(ClaimRefused, proof_at_fault=True), Stage.PROVING, Do.PROVE),
    (Stage.CLAIMING, answer(WorkFailed), Stage.CLAIMING, Do.SEND_CLAIM),
    (Stage.AWAITING, answer(Finalized), Stage.COLLECTING, Do.COLLECT),
    (Stage.AWAITING, answer(Finalized, left=1), Stage.AWAITING, Do.AWAIT_FINALITY),
    (Stage.AWAITING, answer(WorkFailed), Stage.AWAITING, Do.AWAIT_FINALITY),
    (Stage.PREPARING, answer(TimeShort), Stage.RELEASING, Do.SEND_RELEASE),
    (Stage.PROVING, answer(TimeShort), Stage.RELEASING, Do.SEND_RELEASE),
    (Stage.PROVING, answer(TimeShort, left_seconds=70.0), Stage.PROVING, Do.PROVE),
    (Stage.RELEASING, answer(Released), Stage.COLLECTING, Do.COLLECT),
    (Stage.RELEASING, answer(ReleaseDeclined), Stage.PREPARING, Do.PREPARE),
    (Stage.RELEASING, answer(WorkFailed), Stage.RELEASING, Do.SEND_RELEASE),
    (Stage.COLLECTING, answer(Collected), Stage.DONE, Do.CLEAN_UP),
    (Stage.COLLECTING, answer(WorkFailed), Stage.COLLECTING, Do.COLLECT),
    # The chain's word moves a job from wherever it is to where the chain has it.
    (Stage.CONSIDERED, says(), Stage.PREPARING, Do.PREPARE),
    (Stage.ACCEPTING, says(), Stage.PREPARING, Do.PREPARE),
    (Stage.ASSIGNED, says(), Stage.PREPARING, Do.PREPARE),
    (Stage.CONSIDERED, says(mine=False), Stage.LOST, Do.CLEAN_UP),
    (Stage.ACCEPTING, says(mine=False), Stage.LOST, Do.CLEAN_UP),
    (Stage.ACCEPTING, says(JobStatus.REFUNDED), Stage.LOST, Do.CLEAN_UP),
    (Stage.ACCEPTING, says(JobStatus.OPEN, round=2), Stage.REFUSED, Do.CLEAN_UP),
    (Stage.PROVING, says(next_milestone=2), Stage.PROVING, Do.PROVE),
    (Stage.CLAIMING, says(next_milestone=2), Stage.PROVING, Do.PROVE),
    (Stage.PROVING, says(next_milestone=0), Stage.PROVING, Do.PROVE),
    (Stage.CLAIMING, says(JobStatus.COMPLETED, next_milestone=3), Stage.COLLECTING, Do.COLLECT),
    (Stage.COLLECTING, says(next_milestone=2), Stage.PROVING, Do.PROVE),
    (Stage.PROVING, says(JobStatus.OPEN), Stage.ACCEPTING, Do.SEND_ACCEPT),
    (Stage.CLAIMING, says(next_milestone=3, deadline=None, standing=3), Stage.AWAITING, Do.AWAIT_FINALITY),
    (Stage.ASSIGNED, says(next_milestone=3, deadline=None, standing=1), Stage.AWAITING, Do.AWAIT_FINALITY),
    (Stage.AWAITING, says(JobStatus.COMPLETED, next_milestone=3), Stage.COLLECTING, Do.COLLECT),
    (Stage.AWAITING, says(JobStatus.OPEN, round=2), Stage.COLLECTING, Do.COLLECT),
    (Stage.AWAITING, says(next_milestone=0), Stage.PROVING, Do.PROVE),
]


@pytest.mark.parametrize(("stage", "event", "next_stage", "do"), EXPECTED)
def test_handle_given_an_event_of_the_table_leads_to_the_stage_and_its_instruction(
    stage: Stage, event: Event, next_stage: Stage, do: Do
) -> None:
    milestone = 3 if stage is Stage.COLLECTING else 1

    moved, told = handle(at(stage, milestone=milestone), event)

    assert (moved.stage, [instruction.do for instruction in told]) == (next_stage, [do])


IN_THE_TABLE = {(stage, type(event)) for stage, event, _, _ in EXPECTED if not isinstance(event, ChainSays)}


@pytest.mark.parametrize(
    ("stage", "kind"), [(stage, kind) for stage in LIVE for kind in ANSWERS if (stage, kind) not in IN_THE_TABLE]
)
def test_handle_given_an_answer_the_stage_cannot_have_tells_the_story(stage: Stage, kind: type[Answer]) -> None:
    with pytest.raises(ImpossibleTransitionError, match="how it came here"):
        handle(at(stage), answer(kind))


@pytest.mark.parametrize("stage", LIVE)
@pytest.mark.parametrize("kind", ANSWERS)
def test_handle_given_an_answer_to_an_older_instruction_changes_nothing(stage: Stage, kind: type[Answer]) -> None:
    work = at(stage)

    assert handle(work, answer(kind, turn=6)) == (work, [])


@pytest.mark.parametrize("stage", sorted(OVER))
@pytest.mark.parametrize("event", [says(resumed=True), *(answer(kind) for kind in ANSWERS)])
def test_handle_given_a_job_that_is_over_changes_nothing(stage: Stage, event: Event) -> None:
    work = at(stage)

    assert handle(work, event) == (work, [])


STANDING = {
    Stage.CONSIDERED: (JobStatus.OPEN, Do.INSPECT),
    Stage.ACCEPTING: (JobStatus.OPEN, Do.SEND_ACCEPT),
    Stage.PREPARING: (JobStatus.ASSIGNED, Do.PREPARE),
    Stage.PROVING: (JobStatus.ASSIGNED, Do.PROVE),
    Stage.CLAIMING: (JobStatus.ASSIGNED, Do.SEND_CLAIM),
    Stage.AWAITING: (JobStatus.ASSIGNED, Do.AWAIT_FINALITY),
    Stage.RELEASING: (JobStatus.ASSIGNED, Do.SEND_RELEASE),
    Stage.COLLECTING: (JobStatus.COMPLETED, Do.COLLECT),
}


@pytest.mark.parametrize("stage", STANDING)
def test_handle_given_a_restart_gives_the_standing_instruction_again(stage: Stage) -> None:
    status, do = STANDING[stage]

    moved, told = handle(at(stage), says(status, resumed=True))

    assert (moved.stage, [instruction.do for instruction in told]) == (stage, [do])


@pytest.mark.parametrize("stage", STANDING)
def test_handle_given_a_restart_repeats_a_transaction_under_its_old_key(stage: Stage) -> None:
    status, _ = STANDING[stage]

    _, [instruction] = handle(at(stage), says(status, resumed=True))

    assert (instruction.round, instruction.milestone, instruction.attempt) == (1, 1, 0)


@pytest.mark.parametrize("stage", STANDING)
def test_handle_given_the_chain_agrees_gives_no_instruction(stage: Stage) -> None:
    status, _ = STANDING[stage]

    assert handle(at(stage), says(status))[1] == []


@pytest.mark.parametrize("stage", LIVE)
def test_handle_given_news_older_than_what_is_known_changes_nothing(stage: Stage) -> None:
    work = at(stage)

    assert handle(work, says(JobStatus.OPEN, round=2, block=9, resumed=True)) == (work, [])


@pytest.mark.parametrize("stage", sorted(HELD))
@pytest.mark.parametrize(
    "event",
    [
        says(JobStatus.OPEN, round=2),
        says(mine=False, round=2),
        says(JobStatus.REFUNDED, round=2),
        says(JobStatus.NONE),
        says(block_time=DEADLINE + 1),
    ],
)
def test_handle_given_a_job_taken_from_us_collects_what_was_earned_and_ends_lost(stage: Stage, event: Event) -> None:
    moved, [collect] = handle(at(stage), event)
    ended, [clean_up] = handle(moved, answer(Collected, turn=moved.turn))

    assert (collect.do, ended.stage, clean_up.do) == (Do.COLLECT, Stage.LOST, Do.CLEAN_UP)


def test_handle_given_the_last_second_before_the_deadline_goes_on() -> None:
    moved, told = handle(at(Stage.PROVING), says(block_time=DEADLINE))

    assert (moved.stage, told) == (Stage.PROVING, [])


def test_handle_given_a_deadline_that_passed_while_collecting_does_not_start_over() -> None:
    collecting = at(Stage.COLLECTING, ending=Stage.LOST)

    moved, told = handle(collecting, says(block_time=DEADLINE + 1))

    assert (moved.stage, told) == (Stage.COLLECTING, [])


def test_handle_given_the_last_claim_is_mined_collects() -> None:
    moved, [told] = handle(at(Stage.CLAIMING, milestone=2), answer(ClaimMined, next_deadline=None))

    assert (told.do, moved.milestone, moved.deadline, moved.ending) == (Do.COLLECT, 3, None, Stage.DONE)


def test_handle_given_the_last_claim_is_mined_and_not_final_awaits_finality() -> None:
    claimed = at(Stage.CLAIMING, milestone=2, standing=1)

    moved, [told] = handle(claimed, answer(ClaimMined, next_deadline=None, is_paid=False))

    assert (told.do, moved.milestone, moved.standing, moved.deadline) == (Do.AWAIT_FINALITY, 3, 2, None)


def test_handle_given_a_claim_that_is_not_final_makes_the_next_milestone_meanwhile() -> None:
    moved, [told] = handle(at(Stage.CLAIMING), answer(ClaimMined, is_paid=False))

    assert (told.do, told.milestone, moved.standing) == (Do.PROVE, 2, 1)


def test_handle_given_every_claim_final_and_paid_ends_done() -> None:
    moved, _ = handle(at(Stage.AWAITING, milestone=3, standing=3), answer(Finalized))
    ended, _ = handle(moved, answer(Collected, turn=moved.turn))

    assert (moved.standing, ended.stage) == (0, Stage.DONE)


def test_handle_given_a_fault_of_ours_collects_what_was_earned_and_tells_who_showed_it() -> None:
    event = says(JobStatus.OPEN, round=2, fault="0xc0 showed that a claim was wrong")

    moved, [told] = handle(at(Stage.AWAITING, milestone=3, standing=2), event)

    assert (told.do, moved.ending, moved.last_word) == (Do.COLLECT, Stage.LOST, event.fault)


@pytest.mark.parametrize("stage", sorted(WORKING))
def test_handle_given_a_deadline_missed_while_a_claim_stands_keeps_its_trace_until_that_is_paid(stage: Stage) -> None:
    late, [told] = handle(at(stage), says(block_time=DEADLINE + 1, standing=1))
    paid, _ = handle(late, answer(Finalized, turn=late.turn))
    ended, [clean_up] = handle(paid, answer(Collected, turn=paid.turn))

    assert (late.stage, told.do) == (Stage.AWAITING, Do.AWAIT_FINALITY)
    assert (paid.stage, ended.stage, clean_up.do) == (Stage.COLLECTING, Stage.LOST, Do.CLEAN_UP)


def test_handle_given_a_missed_deadline_and_a_claim_that_stands_does_not_start_over() -> None:
    awaiting = at(Stage.AWAITING, ending=Stage.LOST, standing=1)

    moved, told = handle(awaiting, says(block_time=DEADLINE + 1, standing=1))

    assert (moved.stage, told) == (Stage.AWAITING, [])


def test_handle_given_finality_that_fails_often_goes_on_trying() -> None:
    moved, [told] = handle(at(Stage.AWAITING, failures=100), answer(WorkFailed))

    assert (moved.stage, told.pause_seconds) == (Stage.AWAITING, MAX_PAUSE_SECONDS)


def test_handle_given_a_claim_is_mined_takes_over_the_next_deadline() -> None:
    moved, [told] = handle(at(Stage.CLAIMING), answer(ClaimMined))

    assert (moved.deadline, told.milestone) == (6_000, 2)


def test_handle_given_a_refused_proof_asks_for_a_fresh_one_under_a_new_key() -> None:
    _, [told] = handle(at(Stage.CLAIMING), answer(ClaimRefused, proof_at_fault=True))

    assert (told.do, told.fresh, told.attempt) == (Do.PROVE, True, 1)


def test_handle_given_a_fresh_proof_takes_later_ones_from_disk_again() -> None:
    moved, _ = handle(at(Stage.PROVING, fresh_proof=True), answer(ProofReady))

    assert not moved.fresh_proof


def test_handle_given_a_dropped_acceptance_accepts_again_under_a_new_key() -> None:
    _, [told] = handle(at(Stage.PROVING), says(JobStatus.OPEN))

    assert (told.do, told.attempt) == (Do.SEND_ACCEPT, 1)


@pytest.mark.parametrize("stage", [Stage.PREPARING, Stage.PROVING])
def test_handle_given_work_that_fails_too_often_lets_the_job_go_and_says_why(stage: Stage) -> None:
    moved, [told] = handle(at(stage, failures=MAX_FAILURES), answer(WorkFailed))

    assert (told.do, moved.stage) == (Do.SEND_RELEASE, Stage.RELEASING)
    assert "broken" in moved.last_word


def test_handle_given_proofs_that_the_contract_refuses_too_often_lets_the_job_go() -> None:
    moved, _ = handle(at(Stage.CLAIMING, failures=MAX_FAILURES), answer(ClaimRefused, proof_at_fault=True))

    assert moved.stage is Stage.RELEASING


def test_handle_given_an_acceptance_that_fails_too_often_has_nothing_to_let_go() -> None:
    moved, _ = handle(at(Stage.ACCEPTING, failures=MAX_FAILURES), answer(WorkFailed))

    assert moved.stage is Stage.LOST


@pytest.mark.parametrize(
    ("needed", "left", "stage"),
    [(90.0, 60.0, Stage.PROVING), (90.5, 60.0, Stage.RELEASING), (1.0, 0.0, Stage.RELEASING)],
)
def test_handle_given_too_little_time_lets_go_only_beyond_the_margin(needed: float, left: float, stage: Stage) -> None:
    moved, _ = handle(at(Stage.PROVING), answer(TimeShort, needed_seconds=needed, left_seconds=left))

    assert moved.stage is stage


def test_handle_given_a_little_too_little_time_goes_on_and_does_not_ask_the_clock_again() -> None:
    moved, [told] = handle(at(Stage.PROVING), answer(TimeShort, left_seconds=70.0))

    assert (told.do, told.committed, moved.failures) == (Do.PROVE, True, 0)


def test_handle_given_a_release_that_is_no_cheaper_goes_on_whatever_the_clock_says() -> None:
    _, [told] = handle(at(Stage.RELEASING), answer(ReleaseDeclined))

    assert (told.do, told.committed) == (Do.PREPARE, True)


def test_handle_given_a_release_that_is_no_cheaper_and_work_that_cannot_be_done_ends_lost() -> None:
    moved, [told] = handle(at(Stage.RELEASING, failures=MAX_FAILURES), answer(ReleaseDeclined))

    assert (told.do, moved.ending) == (Do.COLLECT, Stage.LOST)


@pytest.mark.parametrize("event", [answer(ClaimMined), says(next_milestone=2), says(next_milestone=0)])
def test_handle_given_another_milestone_asks_the_clock_again(event: Event) -> None:
    _, [told] = handle(at(Stage.CLAIMING, committed=True), event)

    assert not told.committed


def test_handle_given_a_job_given_back_collects_what_was_earned_and_ends_released() -> None:
    moved, _ = handle(at(Stage.RELEASING), answer(Released))
    ended, [clean_up] = handle(moved, answer(Collected, turn=moved.turn))

    assert (moved.deadline, ended.stage, clean_up.do) == (None, Stage.RELEASED, Do.CLEAN_UP)


def test_handle_given_a_job_given_back_tells_the_fee_and_the_reason() -> None:
    moved, _ = handle(at(Stage.RELEASING, last_word="too slow"), answer(Released))

    assert moved.last_word == "given back in block 12 for a fee of 3: too slow"


@pytest.mark.parametrize("stage", sorted(WORKING))
def test_handle_given_a_release_that_the_chain_tells_of_ends_released(stage: Stage) -> None:
    moved, [told] = handle(at(stage), says(JobStatus.OPEN, round=2, given_back=True))

    assert (told.do, moved.ending) == (Do.COLLECT, Stage.RELEASED)


def test_handle_given_news_while_collecting_after_a_release_does_not_start_over() -> None:
    collecting = at(Stage.COLLECTING, ending=Stage.RELEASED)

    assert handle(collecting, says(JobStatus.OPEN, round=2))[1] == []


@pytest.mark.parametrize("event", [answer(ClaimRefused), answer(WorkFailed)])
def test_handle_given_a_claim_that_fails_often_goes_on_until_its_deadline(event: Event) -> None:
    moved, [told] = handle(at(Stage.CLAIMING, failures=100), event)

    assert (moved.stage, told.do, told.pause_seconds) == (Stage.CLAIMING, Do.SEND_CLAIM, MAX_PAUSE_SECONDS)


def test_handle_given_failures_in_a_row_pauses_longer_each_time() -> None:
    work, pauses = at(Stage.PROVING), []
    for _ in range(MAX_FAILURES):
        work, [told] = handle(work, answer(WorkFailed, turn=work.turn))
        pauses.append(told.pause_seconds)

    assert pauses == [1, 2, 4, 8, 16]


def test_handle_given_a_paid_milestone_starts_counting_failures_anew() -> None:
    moved, [told] = handle(at(Stage.CLAIMING, failures=3), answer(ClaimMined))

    assert (moved.failures, told.pause_seconds) == (0, 0)


def test_handle_given_a_collection_that_fails_too_often_ends_as_the_job_ended() -> None:
    moved, _ = handle(at(Stage.COLLECTING, failures=MAX_FAILURES), answer(WorkFailed))

    assert moved.stage is Stage.DONE
    assert "withdraw it at any time" in moved.last_word


def test_handle_given_an_answer_hands_its_cause_on_to_the_instruction() -> None:
    _, [told] = handle(at(Stage.PREPARING), answer(KeysReady))

    assert told.cause == "answer"


def test_handle_given_another_round_that_is_ours_goes_on_in_that_round() -> None:
    moved, [told] = handle(at(Stage.ACCEPTING), says(round=2, next_milestone=2))

    assert (moved.round, told.round, told.milestone) == (2, 2, 2)


def test_begin_given_a_former_life_in_the_same_round_does_not_reuse_its_keys() -> None:
    former = at(Stage.REFUSED, retries=2)

    work, [told] = begin(JOB_ID, round_=1, milestone=0, milestone_count=3, cause="offer", former=former)

    assert (told.do, work.turn, told.attempt) == (Do.INSPECT, 8, 2)


def test_begin_given_a_former_life_in_another_round_starts_its_keys_anew() -> None:
    former = at(Stage.LOST, retries=2)

    _, [told] = begin(JOB_ID, round_=2, milestone=1, milestone_count=3, cause="offer", former=former)

    assert told.attempt == 0


def test_adopt_given_a_job_found_on_the_chain_asks_the_chain_first() -> None:
    work, [told] = adopt(JOB_ID, round_=1, milestone=1, milestone_count=3, cause="block 3")

    assert (work.stage, told.do) == (Stage.ASSIGNED, Do.READ_CHAIN)


def test_handle_given_many_refused_acceptances_does_not_try_for_ever() -> None:
    moved, _ = handle(at(Stage.ACCEPTING, failures=MAX_FAILURES), answer(AcceptRefused, retry_at=9_999))

    assert (moved.stage, moved.retry_at) == (Stage.REFUSED, None)
