"""JobEscrow.jobIdOf: the same id in Solidity and Python, and none for other terms.

jobIdOf
├── the shared vectors, under their own domain → their ids
├── one field changed, whichever → another id
└── the same terms under another escrow → another id
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from brownie import web3
from stage import Stage, rpc, word

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "terms.json").read_text())
ADDRESS = word("somebody else")[:42]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_job_id_of_the_shared_terms_is_the_shared_id(stage: Stage, case: dict[str, Any]) -> None:
    # The domain holds the escrow's own address, so the code is put where the vectors have it.
    place = VECTORS["domains"]["local"]["escrow"]
    rpc("anvil_setCode", place, web3.eth.get_code(stage.escrow.address).to_0x_hex())
    data = stage.escrow.jobIdOf.encode_input(case["terms"])
    assert rpc("eth_call", {"to": place, "data": data}, "latest") == case["jobIds"]["local"]


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
