"""A withheld trace, level by level: what is asked, and what the answers show, whoever asked."""

from __future__ import annotations

import dataclasses

import pytest
from challenger_samples import TRACE, Bench, quietly
from hypothesis import given
from hypothesis import strategies as st

from challenger.cases import ShownFault
from challenger.checker import Checker, Subject
from challenger.withheld import Question, words_of
from tallystick.dispute.demand_packing import pack_answer, read_demand
from tallystick.dispute.faults import AnyFault, ElementFault, HeaderFault, PaddingFault
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.packing import FaultKind
from tallystick.engine.fold import LEAF_BYTES
from tallystick.errors import WitnessError
from tallystick.market.disputes import DemandPoint

Told = list[tuple[DemandPoint, bytes]]
STEPS = TRACE.program.steps


def answered(question: Question, liar: HeldTrace) -> tuple[DemandPoint, bytes]:
    demand = read_demand(words_of(question.point), len(STEPS))
    assert demand.level == question.level
    return question.point, pack_answer(answer(liar, demand))


def to_the_end(checker: Checker, subject: Subject, liar: HeldTrace) -> tuple[ShownFault, list[int]]:
    """The fault that a claimer who answers everything is shown to have made, and the levels that were asked."""
    told: Told = []
    asked = []
    while isinstance(found := checker.question(subject, told, quietly), Question):
        asked.append(found.level)
        assert found.levels_left >= 1
        told.append(answered(found, liar))
    return found, asked


def liar_of(bench: Bench, fault: AnyFault) -> tuple[Subject, HeldTrace]:
    false = bench.false(fault)
    trace = dataclasses.replace(TRACE, tensors=tuple(false.published))
    return bench.subject(false, withheld=True), HeldTrace(trace, bench.commitment)


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_question_given_answers_to_everything_finds_the_wrong_step(bench: Bench, step: int) -> None:
    subject, liar = liar_of(bench, ElementFault(step, carried=False))
    fault, asked = to_the_end(bench.checker(), subject, liar)
    assert (fault.kind, fault.step) == (FaultKind.ELEMENT, step)
    assert asked == [0, 1]


def test_question_given_a_wrong_header_finds_it(bench: Bench) -> None:
    subject, liar = liar_of(bench, HeaderFault(3))
    fault, _ = to_the_end(bench.checker(), subject, liar)
    assert (fault.kind, fault.step) == (FaultKind.HEADER, 3)


def test_question_given_published_roots_begins_at_the_tensor(bench: Bench) -> None:
    false = bench.false(ElementFault(2))
    manifest = bench.published(false.published)
    subject = bench.subject(false, manifest)
    bench.lose(manifest.tensors[2])
    found = bench.checker().question(subject, [], quietly)
    assert isinstance(found, Question)
    assert (found.level, found.point.tensor, found.point.is_tensor_root) == (1, 2, True)


def test_question_given_answers_that_others_asked_for_goes_on_from_there(bench: Bench) -> None:
    subject, liar = liar_of(bench, ElementFault(4, carried=False))
    checker = bench.checker()
    first = checker.question(subject, [], quietly)
    assert isinstance(first, Question)
    roots = answered(first, liar)
    # Somebody asks for a tensor that nobody else would, and for an input.
    other = DemandPoint(list=2, of_list=False, tensor=9, count=0, height=0, index=0, node=first.point.node)
    beside = DemandPoint(list=0, of_list=False, tensor=0, count=0, height=0, index=0, node=first.point.node)
    found = checker.question(subject, [(beside, b"x"), roots, (other, b"\0\0")], quietly)
    assert isinstance(found, Question)
    assert (found.level, found.point.tensor) == (1, 4)


def test_question_given_an_honest_claim_asks_nothing(bench: Bench) -> None:
    with pytest.raises(WitnessError, match="Nothing that was shown of the trace differs"):
        bench.checker().question(bench.subject(), [], quietly)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checker, Subject]:
    """For many answers to one question."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    return bench.checker(), liar_of(bench, ElementFault(2))[0]


@given(data=st.binary(max_size=600))
def test_question_given_any_bytes_as_an_answer_takes_nothing_from_them(
    one: tuple[Checker, Subject], data: bytes
) -> None:
    checker, subject = one
    first = checker.question(subject, [], quietly)
    assert isinstance(first, Question)
    assert checker.question(subject, [(first.point, data)], quietly) == first


def test_question_given_padding_that_only_a_shown_leaf_has_finds_it(bench: Bench) -> None:
    step = next(index for index, each in enumerate(STEPS) if each.header.byte_size % LEAF_BYTES)
    false = bench.false(PaddingFault(step))
    manifest = bench.published(false.published)
    subject = bench.subject(false, manifest)
    found = bench.checker().look(subject, quietly)
    assert found.fault is not None
    assert found.fault.kind is FaultKind.PADDING
