"""JobEscrow.accept while the dispatcher has the first choice.

accept
├── within the exclusive time
│   ├── no signature → JobEscrow_ExclusiveUntil
│   ├── an assignment of another job, operator or round → JobEscrow_AssignmentMismatch
│   ├── an assignment of the first round in the second → JobEscrow_AssignmentMismatch
│   ├── an assignment
│   │   ├── that expired a second ago → JobEscrow_AssignmentExpired
│   │   └── in its last second → accepted
│   ├── signed by somebody else → JobEscrow_BadAssignmentSignature
│   ├── signed for another chain or another escrow → JobEscrow_BadAssignmentSignature
│   ├── signed by the dispatcher, brought by the operator's agent → accepted
│   └── the dispatcher is a contract
│       ├── that knows the signature → accepted
│       └── that does not → JobEscrow_BadAssignmentSignature
└── in the second in which the exclusive time ends
    ├── without an assignment → accepted
    └── with a worthless one → accepted
"""

from __future__ import annotations

import pytest
from brownie import chain
from eth_account import Account
from refusals import plain, refusal, refused
from stage import ASSIGNED, NO_ASSIGNMENT, ZERO, Stage, Terms, word

from tallystick.market.terms import Assignment, SigningDomain, assignment_message

UNSIGNED = (NO_ASSIGNMENT, b"")


def test_accept_without_assignment_in_the_exclusive_time_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    until = stage.state(terms)["openedAt"] + 200
    stage.at(until - 1)
    assert refusal(stage.escrow.accept, terms.abi(), stage.operator, *UNSIGNED, sender=stage.operator) == refused(
        "JobEscrow_ExclusiveUntil", until=until, nowAt=until - 1
    )


@pytest.mark.parametrize("changed", [{"jobId": word("another")}, {"operator": ZERO}, {"round": 2}])
def test_accept_with_assignment_of_something_else_reverts(stage: Stage, changed: dict) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator, **changed)
    call = (terms.abi(), stage.operator, assignment, stage.sign(assignment))
    job_id, operator, round_, _ = assignment
    assert refusal(stage.escrow.accept, *call, sender=stage.operator) == refused(
        "JobEscrow_AssignmentMismatch", jobId=job_id, operator=operator, round=round_
    )


def test_accept_with_assignment_of_the_first_round_in_the_second_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    assignment = stage.assignment(terms, stage.operator, expiresAt=2**63)
    signature = stage.sign(assignment)
    stage.accept(terms, assignment=assignment, signature=signature)
    stage.expire(terms)
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, signature, sender=stage.operator
    ) == refused("JobEscrow_AssignmentMismatch", jobId=stage.job_id(terms), operator=stage.operator, round=1)


def test_accept_with_expired_assignment_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator, expiresAt=stage.now() + 60)
    signature = stage.sign(assignment)
    stage.at(assignment[3] + 1)
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, signature, sender=stage.operator
    ) == refused("JobEscrow_AssignmentExpired", expiresAt=assignment[3], nowAt=assignment[3] + 1)


def test_accept_in_the_last_second_of_an_assignment_assigns_the_job(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator, expiresAt=stage.now() + 60)
    stage.at(assignment[3])
    stage.accept(terms, assignment=assignment, signature=stage.sign(assignment))
    assert stage.state(terms)["status"] == ASSIGNED


def test_accept_with_assignment_that_another_signed_reverts(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator)
    forged = stage.sign(assignment, Account.from_key("0x" + "bad0" * 16))
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, forged, sender=stage.operator
    ) == refused("JobEscrow_BadAssignmentSignature", dispatcher=stage.dispatcher)


@pytest.mark.parametrize("elsewhere", ["chain", "escrow"])
def test_accept_with_assignment_signed_for_elsewhere_reverts(stage: Stage, elsewhere: str) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator)
    job_id, operator, round_, expires_at = assignment
    domain = SigningDomain(
        chain_id=chain.id + (elsewhere == "chain"),
        escrow=stage.settlement.address if elsewhere == "escrow" else stage.escrow.address,
    )
    offered = Assignment(job_id=job_id, operator=operator, round=round_, expires_at=expires_at)
    signature = stage.dispatcher.sign_message(assignment_message(offered, domain)).signature
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, signature, sender=stage.operator
    ) == refused("JobEscrow_BadAssignmentSignature", dispatcher=stage.dispatcher)


def test_accept_by_the_agent_with_assignment_of_the_operator_assigns_the_operator(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    assignment = stage.assignment(terms, stage.operator)
    call = (terms.abi(), stage.operator, assignment, stage.sign(assignment))
    stage.escrow.accept(*call, {"from": stage.agent})
    assert stage.state(terms)["operator"] == plain(stage.operator)


def contract_dispatcher_terms(stage: Stage) -> Terms:
    contract = stage.deploy("MockDispatcher", stage.dispatcher.address)
    return stage.create(stage.dispatched_terms(dispatcher=contract.address))


def test_accept_with_assignment_of_a_dispatching_contract_assigns_the_job(stage: Stage) -> None:
    terms = contract_dispatcher_terms(stage)
    assignment = stage.assignment(terms, stage.operator)
    stage.accept(terms, assignment=assignment, signature=stage.sign(assignment))
    assert stage.state(terms)["status"] == ASSIGNED


def test_accept_with_assignment_that_a_dispatching_contract_denies_reverts(stage: Stage) -> None:
    terms = contract_dispatcher_terms(stage)
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator)
    forged = stage.sign(assignment, Account.from_key("0x" + "bad0" * 16))
    assert refusal(
        stage.escrow.accept, terms.abi(), stage.operator, assignment, forged, sender=stage.operator
    ) == refused("JobEscrow_BadAssignmentSignature", dispatcher=terms["dispatcher"])


def test_accept_when_the_exclusive_time_ends_needs_no_assignment(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    stage.at(stage.state(terms)["openedAt"] + 200)
    stage.accept(terms)
    assert stage.state(terms)["operator"] == plain(stage.operator)


def test_accept_when_the_exclusive_time_ends_does_not_look_at_an_assignment(stage: Stage) -> None:
    terms = stage.create(stage.dispatched_terms())
    stage.bond(stage.operator)
    worthless = stage.assignment(terms, stage.rival, round=9, expiresAt=0)
    stage.at(stage.state(terms)["openedAt"] + 200)
    stage.accept(terms, assignment=worthless, signature=b"\x01")
    assert stage.state(terms)["operator"] == plain(stage.operator)
