"""JobEscrow.jobIdOf: the same id in Solidity and Python, and none for other terms.

jobIdOf
├── the shared vectors, under their own domain → their ids
├── random terms → the id that Python computes
├── one field changed, whichever → another id
└── the same terms under another escrow → another id
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from brownie import web3
from eth_utils.address import to_checksum_address
from stage import Stage, rpc, word

from tallystick.market.terms import SigningDomain, job_id_of, terms_from_tuple, terms_tuple

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "terms.json").read_text())
ADDRESS = word("somebody else")[:42]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_job_id_of_the_shared_terms_is_the_shared_id(stage: Stage, case: dict[str, Any]) -> None:
    # The domain holds the escrow's own address, so the code is put where the vectors have it.
    place = VECTORS["domains"]["local"]["escrow"]
    rpc("anvil_setCode", place, web3.eth.get_code(stage.escrow.address).to_0x_hex())
    data = stage.escrow.jobIdOf.encode_input(case["terms"])
    assert rpc("eth_call", {"to": place, "data": data}, "latest") == case["jobIds"]["local"]


@pytest.mark.parametrize("seed", range(20))
def test_job_id_of_random_terms_agrees_with_python(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    count = dice.choice([0, 1, 2, 17, 256])
    values = (
        to_checksum_address(dice.randbytes(20)),
        dice.randrange(2**64),
        *(_hash(dice), dice.randrange(3), dice.randrange(2), _hash(dice), _hash(dice)),
        to_checksum_address(dice.randbytes(20)),
        *(dice.randrange(2**128), dice.randrange(2**128), dice.randrange(2**32), dice.randrange(2**128)),
        *(dice.randrange(2**32), dice.randrange(2**32)),
        to_checksum_address(dice.randbytes(20)),
        dice.randrange(2**16),
        tuple(dice.randrange(2**16) for _ in range(count)),
        tuple(dice.randrange(2**32) for _ in range(count)),
    )
    terms = terms_from_tuple(values)
    domain = SigningDomain(chain_id=31337, escrow=stage.escrow.address)
    assert str(stage.escrow.jobIdOf(terms_tuple(terms))) == job_id_of(terms, domain)


def _hash(dice: random.Random) -> bytes:
    return dice.randbytes(32)


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
