"""JobEscrow.jobIdOf and jobDomain: the same id in Solidity and Python, and none for other terms.

jobIdOf
├── the shared vectors, under their own domains → their ids
├── random terms → the id that Python computes
├── one field changed, whichever → another id
├── shares and durations that change places → another id
├── the same terms under another escrow → another id
└── the chain changes its id
    ├── → the same id as before, and the job is found
    ├── an assignment that was signed for the old one → JobEscrow_BadAssignmentSignature
    └── an assignment that was signed for the new one → the job is taken

jobDomain
└── → EIP-712's, of name, version, chain and escrow
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brownie import chain, web3
from eth_utils.address import to_checksum_address
from refusals import NotRefusedError, plain, refusal, refused
from stage import OPEN, Stage, Terms, rpc, word

from tallystick.market.terms import (
    NO_ASSIGNMENT,
    Assignment,
    SigningDomain,
    assignment_message,
    assignment_tuple,
    job_id_of,
    terms_from_tuple,
    terms_tuple,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "terms.json").read_text())
ADDRESS = word("somebody else")[:42]


@pytest.mark.parametrize("domain", VECTORS["domains"])
def test_job_id_of_the_shared_terms_is_the_shared_id(stage: Stage, domain: str) -> None:
    # The domain is a constant in the escrow's code; here is the same code with another one.
    separator, place = VECTORS["domains"][domain]["separator"], VECTORS["domains"][domain]["escrow"]
    code = web3.eth.get_code(stage.escrow.address).to_0x_hex()
    rpc("anvil_setCode", place, code.replace(str(stage.escrow.jobDomain())[2:], separator[2:]))
    ids = {case["name"]: _job_id_at(stage, place, case["terms"]) for case in VECTORS["cases"]}
    assert ids == {case["name"]: case["jobIds"][domain] for case in VECTORS["cases"]}


def _job_id_at(stage: Stage, place: str, terms: Any) -> str:
    return str(rpc("eth_call", {"to": place, "data": stage.escrow.jobIdOf.encode_input(terms)}, "latest"))


@pytest.mark.parametrize("seed", range(20))
def test_job_id_of_random_terms_agrees_with_python(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    count = dice.choice([0, 1, 2, 17, 256])
    values = (
        to_checksum_address(dice.randbytes(20)),
        dice.randrange(2**64),
        *(dice.randbytes(32), dice.randrange(3), dice.randrange(2), dice.randbytes(32), dice.randbytes(32)),
        to_checksum_address(dice.randbytes(20)),
        *(dice.randrange(2**96), dice.randrange(2**96), dice.randrange(2**32), dice.randrange(2**96)),
        *(dice.randrange(2**32) for _ in range(3)),
        to_checksum_address(dice.randbytes(20)),
        dice.randrange(2**16),
        tuple(dice.randrange(2**16) for _ in range(count)),
        tuple(dice.randrange(2**32) for _ in range(count)),
    )
    terms = terms_from_tuple(values)
    assert str(stage.escrow.jobIdOf(terms_tuple(terms))) == job_id_of(terms, domain_of(stage))


def domain_of(stage: Stage, chain_id: int | None = None) -> SigningDomain:
    return SigningDomain(chain_id=chain_id or chain.id, escrow=stage.escrow.address)


CHANGES: dict[str, Any] = {
    "creator": ADDRESS,
    "salt": 2,
    "modelId": word("another model"),
    "proofKind": 2,
    "mode": 1,
    "inputRoot": word("another input"),
    "manifest": word("another manifest"),
    "paymentToken": ADDRESS,
    "minPrice": 1,
    "maxPrice": 1,
    "rampSeconds": 1,
    "stakeLock": 1,
    "acceptSeconds": 1,
    "exclusiveSeconds": 1,
    "challengeSeconds": 1,
    "dispatcher": ADDRESS,
    "dispatcherFeeBps": 1,
    "shareBps": [4_000, 6_000],
    "durationSeconds": [300, 500],
}


def test_job_id_of_changes_cover_every_field(stage: Stage) -> None:
    assert list(CHANGES) == list(stage.terms())


@pytest.mark.parametrize("field", CHANGES)
def test_job_id_of_changed_terms_is_another(stage: Stage, field: str) -> None:
    usual, changed = stage.terms(), stage.terms()
    changed[field] = CHANGES[field]
    assert stage.job_id(changed) != stage.job_id(usual)


def test_job_id_of_arrays_that_change_places_is_another(stage: Stage) -> None:
    one = stage.terms(shareBps=[6_000, 4_000], durationSeconds=[500, 300])
    two = stage.terms(shareBps=[500, 300], durationSeconds=[6_000, 4_000])
    assert stage.job_id(one) != stage.job_id(two)


def test_job_id_of_the_same_terms_elsewhere_is_another(stage: Stage) -> None:
    terms = stage.terms()
    here = stage.job_id(terms)
    assert Stage.job_id(_elsewhere(stage), terms) != here


def _elsewhere(stage: Stage) -> Stage:
    """A second deployment on the same chain, by the same people."""
    second = object.__new__(Stage)
    second.__dict__.update(stage.__dict__)
    second._deploy_contracts()
    return second


# ---- a chain that changes its id --------------------------------------------------------------------------------------


@pytest.fixture
def earlier(stage: Stage) -> tuple[Terms, str]:
    """A job, and its id, from before the chain has another."""
    stage.bond(stage.operator)
    terms = stage.create(stage.dispatched_terms())
    return terms, stage.job_id(terms)


@pytest.fixture
def old_chain(earlier: tuple[Terms, str]) -> Iterator[int]:
    """What the chain was called before. A snapshot does not hold it."""
    before = chain.id
    rpc("anvil_setChainId", before + 1)
    yield before
    rpc("anvil_setChainId", before)


def assigned_by(stage: Stage, job_id: str, chain_id: int) -> tuple[Any, ...]:
    """Assignment and signature for the operator, as `accept` takes them."""
    offer = {"job_id": job_id, "operator": stage.operator.address, "round": 1, "expires_at": 2**40}
    offered = Assignment.model_validate(offer)
    message = assignment_message(offered, domain_of(stage, chain_id))
    return assignment_tuple(offered), stage.dispatcher.sign_message(message).signature


def test_job_id_of_chain_that_changed_its_id_is_the_same(
    stage: Stage, earlier: tuple[Terms, str], old_chain: int
) -> None:
    terms, job_id = earlier
    assert (stage.job_id(terms), stage.state(terms)["status"]) == (job_id, OPEN)


def test_accept_on_chain_that_changed_its_id_refuses_an_assignment_of_the_old_one(
    stage: Stage, earlier: tuple[Terms, str], old_chain: int
) -> None:
    terms, job_id = earlier
    call = (terms.abi(), stage.operator, *assigned_by(stage, job_id, old_chain))
    assert refusal(stage.escrow.accept, *call, sender=stage.operator) == refused(
        "JobEscrow_BadAssignmentSignature", dispatcher=stage.dispatcher
    )


def test_accept_on_chain_that_changed_its_id_takes_an_assignment_of_the_new_one(
    stage: Stage, earlier: tuple[Terms, str], old_chain: int
) -> None:
    terms, job_id = earlier
    call = (terms.abi(), stage.operator, *assigned_by(stage, job_id, old_chain + 1))
    # Only asked, not sent: anvil goes on signing for the id that it started with.
    with pytest.raises(NotRefusedError):
        refusal(stage.escrow.accept, *call, sender=stage.operator)


# ---- the domain -------------------------------------------------------------------------------------------------------


def test_job_domain_is_of_name_version_chain_and_escrow(stage: Stage) -> None:
    header = assignment_message(NO_ASSIGNMENT, domain_of(stage)).header
    assert plain(stage.escrow.jobDomain()) == plain(header)
