"""Terms with a bit in a word where its type has none. The job's id is a hash of the words as they are brought, so such
terms are not the same as the clean ones, although some readers would see no difference.

createJob
├── clean → created
└── one bit too many, whichever word has it → refused

every function that takes terms, of a job for which it is time
├── clean → goes through
└── one bit too many, whichever word has it → does not reach the job
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dirty_words import narrow_fields, with_bit
from refusals import NotRefusedError, Refused, refusal_of_data
from stage import ASSIGNED, NO_ASSIGNMENT, OPEN, Stage, Terms

ILLEGIBLE = Refused("")
"""What Solidity answers to calldata that is no value of its type: nothing."""


def test_create_job_with_a_bit_too_many_reverts_whichever_word_has_it(stage: Stage) -> None:
    terms = stage.traced_terms(dispatcher=stage.dispatcher.address)
    stage.fund(terms)
    clean = stage.escrow.createJob.encode_input(terms.abi())
    answers = {
        (field, bit): refusal_of_data(stage.escrow, with_bit(clean, field, bit), sender=stage.creator)
        for field, used in narrow_fields().items()
        for bit in (used, 255)
    }
    with pytest.raises(NotRefusedError):
        refusal_of_data(stage.escrow, clean, sender=stage.creator)
    assert len(answers) == 2 * 16
    assert answers == dict.fromkeys(answers, ILLEGIBLE)


# ---- jobs that are there ----------------------------------------------------------------------------------------------


def opened(stage: Stage) -> Terms:
    return stage.create(stage.traced_terms())


def stale(stage: Stage) -> Terms:
    """Open, and its accept window is over."""
    terms = opened(stage)
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"] + 1)
    return terms


def taken(stage: Stage) -> Terms:
    return stage.assigned(stage.traced_terms())


def late(stage: Stage) -> Terms:
    terms = taken(stage)
    stage.at(stage.state(terms)["deadline"] + 1)
    return terms


def claimed(stage: Stage) -> Terms:
    terms = taken(stage)
    stage.settle(terms, 0)
    return terms


Call = tuple[Any, tuple[Any, ...], Any]
"""A function, its arguments behind the terms, who calls it."""

CALLS: dict[str, tuple[Callable[[Stage], Terms], Callable[[Stage, Terms], Call]]] = {
    "accept": (opened, lambda s, _: (s.escrow.accept, (s.operator, NO_ASSIGNMENT, b""), s.operator)),
    "cancel": (opened, lambda s, _: (s.escrow.cancel, (), s.creator)),
    "refund": (stale, lambda s, _: (s.escrow.refund, (), s.stranger)),
    "releaseEarly": (taken, lambda s, _: (s.escrow.releaseEarly, (), s.operator)),
    "expire": (late, lambda s, _: (s.escrow.expire, (), s.finder)),
    "claim": (taken, lambda s, terms: (s.settlement.claim, (s.claim(terms, 0),), s.operator)),
    "claimMilestone": (
        taken,
        lambda s, _: (s.escrow.claimMilestone, (0, s.operator, b"\1" * 32, b"\2" * 32), s.settlement),
    ),
    "payMilestone": (claimed, lambda s, _: (s.escrow.payMilestone, (), s.settlement)),
    "faultMilestone": (claimed, lambda s, _: (s.escrow.faultMilestone, (0, s.finder), s.settlement)),
    "fault": (claimed, lambda s, _: (s.settlement.fault, (0, s.finder), s.judge)),
    "priceOf": (opened, lambda s, _: (s.escrow.priceOf, (), s.stranger)),
    "releaseFeeOf": (taken, lambda s, _: (s.escrow.releaseFeeOf, (), s.stranger)),
}


@pytest.mark.parametrize("name", CALLS)
def test_terms_with_a_bit_too_many_do_not_reach_the_job(stage: Stage, name: str) -> None:
    stage.bond(stage.operator)
    prepare, call = CALLS[name]
    terms = prepare(stage)
    function, arguments, sender = call(stage, terms)
    clean = function.encode_input(terms.abi(), *arguments)

    def answer(data: str) -> Refused:
        contract = stage.settlement if function._address == stage.settlement.address else stage.escrow
        return refusal_of_data(contract, data, sender=sender)

    with pytest.raises(NotRefusedError):
        answer(clean)
    answers = {field: answer(with_bit(clean, field, used)) for field, used in narrow_fields().items()}
    assert {field: seen for field, seen in answers.items() if not _is_of_no_job(seen)} == {}


def _is_of_no_job(answer: Refused) -> bool:
    evidence = {"JobEscrow_WrongStatus": "status", "MilestoneSettlement_AlreadyFinal": "finalAt"}
    return answer == ILLEGIBLE or answer.arguments.get(evidence.get(answer.name, "")) == 0


def test_list_of_terms_with_a_bit_too_many_does_not_reach_the_job(stage: Stage) -> None:
    terms = late(stage)
    clean = stage.escrow.expireMany.encode_input([terms.abi()])
    for field, used in narrow_fields().items():
        data = with_bit(clean, field, used, in_list=True)
        stage.finder.transfer(stage.escrow, data=data, gas_limit=500_000, silent=True)
        assert stage.state(terms)["status"] == ASSIGNED
    stage.finder.transfer(stage.escrow, data=clean, silent=True)
    assert stage.state(terms)["status"] == OPEN
