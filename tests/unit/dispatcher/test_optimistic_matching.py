"""Optimistic jobs: who can take them, what stands against the others, what is quoted, and what is said of their claims."""

from __future__ import annotations

from typing import Any

import pytest
from dispatcher_builders import MODEL_MANIFEST, NOW, Chain, address, executor, market, opening, terms
from program_market import (
    EZKL,
    JOB_MANIFEST,
    PROGRAM_JOB,
    PROGRAM_MANIFEST,
    PROGRAM_SPEC,
    demanded,
    engine,
    program_executor,
    program_opening,
    program_terms,
    proven,
    unanswered,
    working,
)

from dispatcher.indexer.brief import brief_of
from dispatcher.matching.explain import explain_opening
from dispatcher.matching.market import Executor, Opening
from dispatcher.matching.policy import decide
from dispatcher.matching.quotes import quote
from dispatcher.matching.why import why
from dispatcher.store.manifests import KeptManifest
from tallystick.market.book import Job, fold, opened
from tallystick.market.events import ChainFact, JobFact
from tallystick.market.manifests import Manifest
from tallystick.market.terms import ProofKind
from tallystick.wire.api import QuoteRequest, RefusalReason
from tallystick.wire.capability import ENGINES
from tallystick.wire.disputes import disputes_of

CHAIN = Chain()


def reasons(one: Opening, *executors: Executor) -> list[RefusalReason]:
    return list(explain_opening(one, market(*executors, openings=[one])).reasons)


# ---- who can take one -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_decide_given_an_optimistic_job_offers_it_to_whoever_has_a_backend(name: str) -> None:
    able = program_executor("alice", engine(name.removeprefix("engine-")))

    [decision] = decide(market(executor("bob"), able, openings=[program_opening()]))

    assert decision.executor.announcement.agent == address("alice")


def test_decide_given_a_job_with_a_circuit_never_offers_it_to_a_backend() -> None:
    assert decide(market(program_executor("alice"), openings=[opening()])) == []


def test_decide_given_an_executor_of_both_kinds_offers_it_jobs_of_both() -> None:
    both = program_executor("alice", EZKL, engine(), max_jobs=2)

    assert len(decide(market(both, openings=[opening(), program_opening(salt=2)]))) == 2


def test_reasons_given_an_executor_without_a_backend_name_the_backends_and_how_to_find_out() -> None:
    [reason] = reasons(program_opening(), executor("alice"))

    assert reason.code == "backend_missing"
    assert all(name in reason.text for name in ENGINES)
    assert "tallystick executor doctor" in str(reason.nearest_change)


def test_reasons_given_a_backend_of_other_semantics_say_which_are_needed() -> None:
    [reason] = reasons(program_opening(), program_executor("alice", engine(semantics=2)))

    assert (reason.code, "which are 1" in reason.text) == ("semantics_unmet", True)


def test_reasons_given_one_backend_of_the_right_semantics_beside_another_are_none() -> None:
    assert reasons(program_opening(), program_executor("alice", engine("cuda", 2), engine())) == []


# ---- quotes -----------------------------------------------------------------------------------------------------------

MIXED = (
    executor("a", min_milestone_price=300),
    program_executor("b", min_milestone_price=100),
    program_executor("c", EZKL, engine(), min_milestone_price=200),
)


@pytest.mark.parametrize(
    ("kind", "capable", "lowest"),
    [(None, 3, 100), ("zk", 2, 200), ("optimistic", 2, 100)],
)
def test_quote_given_a_kind_counts_who_does_that_kind(kind: Any, capable: int, lowest: int) -> None:
    view = quote(QuoteRequest(proof_kind=kind), market(*MIXED), None)

    assert (view.proof_kind, view.capable, view.total, view.lowest_price) == (kind, capable, 3, lowest)


def test_quote_shows_both_kinds_side_by_side_whichever_was_asked_for() -> None:
    view = quote(QuoteRequest(proof_kind="zk"), market(*MIXED), None)

    assert [(one.kind, one.capable, one.lowest_price) for one in view.kinds] == [
        ("zk", 2, 200),
        ("optimistic", 2, 100),
    ]


def test_quote_given_a_known_model_asks_for_its_own_kind_and_semantics() -> None:
    others = market(program_executor("a", engine(semantics=2)), program_executor("b"), executor("c"))

    view = quote(QuoteRequest(), others, None, PROGRAM_SPEC)

    assert (view.proof_kind, view.capable) == ("optimistic", 1)
    assert {reason.code for reason in view.reasons} == {"semantics_unmet", "backend_missing"}


# ---- documents --------------------------------------------------------------------------------------------------------


def kept(manifest: Manifest) -> KeptManifest:
    return KeptManifest(manifest.digest(), manifest.encode().decode(), None, 0, 0)


def brief_trouble(model: Manifest, **changes: Any) -> str | None:
    spec = PROGRAM_SPEC.model_copy(update={"manifest": model.digest(), **changes})
    documents = {JOB_MANIFEST.digest(): kept(JOB_MANIFEST), model.digest(): kept(model)}
    return brief_of(opened(CHAIN.created(0, program_terms())), spec, documents).trouble


def test_brief_of_given_a_program_is_whole() -> None:
    assert brief_trouble(PROGRAM_MANIFEST) is None


@pytest.mark.parametrize(
    ("model", "changes"),
    [(MODEL_MANIFEST, {"program_id": MODEL_MANIFEST.program_id}), (PROGRAM_MANIFEST, {"proof_kind": ProofKind.ZK})],
)
def test_brief_of_given_kinds_that_contradict_each_other_names_all_three(model: Manifest, changes: Any) -> None:
    trouble = brief_trouble(model, **changes)

    assert "of proof kind optimistic, its model's registration of" in str(trouble)


# ---- why --------------------------------------------------------------------------------------------------------------


def told(*facts: ChainFact, now: int) -> str:
    job = book_of(*facts)
    return why(job, market(openings=[Opening(job, program_opening().brief)], now=now), disputes_of(facts)).summary


def book_of(*facts: ChainFact) -> Job:
    return fold(fact for fact in facts if isinstance(fact, JobFact))[PROGRAM_JOB]


def test_why_given_an_open_demand_says_until_when_it_has_to_be_answered() -> None:
    summary = told(*working(CHAIN), *demanded(CHAIN, 20), now=NOW + 50)

    assert summary.endswith("1 demand awaits an answer, the first within 10 s.")


def test_why_given_a_demand_that_was_not_answered_calls_it_a_fault() -> None:
    summary = told(*working(CHAIN), *demanded(CHAIN, 20), now=NOW + 65)

    assert summary.endswith("the first was due 5 s ago, which is a fault.")


def test_why_at_the_last_second_for_an_answer_still_waits() -> None:
    assert "within 0 s" in told(*working(CHAIN), *demanded(CHAIN, 20), now=NOW + 60)


def test_why_given_a_demand_reads_the_later_finality() -> None:
    assert "becomes final in 351 s" in told(*working(CHAIN), *demanded(CHAIN, 20), now=NOW + 50)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (proven, "of milestone 1, element 120 of step 7 is 4, and should be 3"),
        (unanswered, "of milestone 1, a part of its trace was asked for and not shown in time"),
    ],
)
def test_why_given_a_job_that_a_fault_opened_again_says_who_was_slashed_for_what(fault: Any, words: str) -> None:
    summary = told(*working(CHAIN), *demanded(CHAIN, 20), *fault(CHAIN, 30), now=NOW + 31)

    assert summary.startswith(f"Operator {address('operator')} was slashed in round 1: {words}. ")


def test_why_given_a_finished_optimistic_job_does_not_call_it_proven() -> None:
    facts = [*working(CHAIN)[:3], *CHAIN.paid(10, PROGRAM_JOB), *CHAIN.paid(11, PROGRAM_JOB, 1)]

    assert told(*facts, CHAIN.completed(12, PROGRAM_JOB), now=NOW + 50).startswith(
        "All 2 milestones are final and paid"
    )
    assert terms().proof_kind is ProofKind.ZK
