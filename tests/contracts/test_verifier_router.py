"""VerifierRouter: which adapters there are. How they are called is in test_settlement_proof.py.

addAdapter
├── by a stranger, the guardian, the deployer → AccessManagedUnauthorized
├── not a contract → VerifierRouter_NotAContract
├── a gas cap of nothing → VerifierRouter_ZeroGasCap
├── one that is there already, with whatever cap → VerifierRouter_AdapterExists
├── for another kind → added, the first one stays as it was
├── with the largest cap that there is → kept whole
└── → AdapterAdded

gasCapOf
├── one that was never added → zero
└── one that was, for another kind → zero

there is no way back
└── whatever changes something is addAdapter or setAuthority
"""

from __future__ import annotations

import pytest
from refusals import plain, refusal, refused
from stage import GAS_CAP, OPTIMISTIC, ZERO, ZK, Stage, event

MOST_GAS = 2**40 - 1


@pytest.mark.parametrize("person", ["stranger", "guardian", "deployer"])
def test_add_adapter_by_anyone_but_the_governor_reverts(stage: Stage, person: str) -> None:
    caller = getattr(stage, person)
    assert refusal(stage.router.addAdapter, ZK, stage.escrow, 1, sender=caller) == refused(
        "AccessManagedUnauthorized", caller=caller
    )


def test_add_adapter_that_is_no_contract_reverts(stage: Stage) -> None:
    assert refusal(stage.router.addAdapter, ZK, stage.stranger, 1, sender=stage.governor) == refused(
        "VerifierRouter_NotAContract", adapter=stage.stranger
    )


def test_add_adapter_without_gas_cap_reverts(stage: Stage) -> None:
    assert refusal(stage.router.addAdapter, ZK, stage.escrow, 0, sender=stage.governor) == refused(
        "VerifierRouter_ZeroGasCap", adapter=stage.escrow
    )


@pytest.mark.parametrize("cap", [1, GAS_CAP, MOST_GAS])
def test_add_adapter_again_reverts(stage: Stage, cap: int) -> None:
    assert refusal(stage.router.addAdapter, ZK, stage.adapter, cap, sender=stage.governor) == refused(
        "VerifierRouter_AdapterExists", proofKind=ZK, adapter=stage.adapter
    )


def test_add_adapter_for_another_kind_leaves_the_first_as_it_was(stage: Stage) -> None:
    stage.router.addAdapter(OPTIMISTIC, stage.adapter, 7, {"from": stage.governor})
    assert [int(stage.router.gasCapOf(kind, stage.adapter)) for kind in (ZK, OPTIMISTIC)] == [GAS_CAP, 7]


def test_add_adapter_keeps_the_largest_cap_whole(stage: Stage) -> None:
    stage.router.addAdapter(ZK, stage.escrow, MOST_GAS, {"from": stage.governor})
    assert int(stage.router.gasCapOf(ZK, stage.escrow)) == MOST_GAS


def test_add_adapter_says_so(stage: Stage) -> None:
    added = stage.router.addAdapter(OPTIMISTIC, stage.escrow, 7, {"from": stage.governor})
    assert event(added, "AdapterAdded") == {"proofKind": OPTIMISTIC, "adapter": plain(stage.escrow), "gasCap": 7}


@pytest.mark.parametrize("kind", [0, OPTIMISTIC])
def test_gas_cap_of_an_adapter_of_another_kind_is_zero(stage: Stage, kind: int) -> None:
    assert int(stage.router.gasCapOf(kind, stage.adapter)) == 0


def test_gas_cap_of_an_unknown_adapter_is_zero(stage: Stage) -> None:
    assert int(stage.router.gasCapOf(ZK, ZERO)) == 0


def test_router_has_nothing_that_takes_an_adapter_back(stage: Stage) -> None:
    functions = [entry for entry in stage.router.abi if entry["type"] == "function"]
    changing = {entry["name"] for entry in functions if entry["stateMutability"] not in ("view", "pure")}
    assert changing == {"addAdapter", "setAuthority"}
