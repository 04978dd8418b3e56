"""VerifierRouter

addAdapter
├── by anyone but the governor → OwnableUnauthorizedAccount
├── not a contract → VerifierRouter_NotAContract
├── a gas cap of nothing → VerifierRouter_ZeroGasCap
├── one that is there already, with whatever cap → VerifierRouter_AdapterExists
├── for another kind → added
└── after the governor handed over → only the new one, once it has accepted

check
├── an adapter that was never added, or for another kind → VerifierRouter_UnknownAdapter
├── gas
│   ├── less than the cap and what the call itself needs → VerifierRouter_TooLittleGas
│   ├── just enough → the adapter gets its cap, and the answer counts
│   └── an adapter that burns all it gets → VerifierRouter_CheckFailed, the rest of the gas is left
├── the adapter refuses
│   ├── with an error → that error
│   └── without a word → VerifierRouter_CheckFailed
├── the adapter answers
│   ├── another word → VerifierRouter_WrongMagic
│   └── less than a word → VerifierRouter_WrongMagic
└── the adapter agrees → passes
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import chain
from refusals import Refused, refusal, refused
from stage import (
    BURN_GAS,
    GAS_CAP,
    NO_HASH,
    OPTIMISTIC,
    RIGHT,
    SHORT_ANSWER,
    SILENT,
    WRONG_MAGIC,
    ZERO,
    ZK,
    Stage,
    event,
    word,
)

PROGRAM = word("program digits")
REQUIRED = GAS_CAP + GAS_CAP // 63 + 10_000


def statement(stage: Stage, kind: int = ZK) -> tuple[Any, ...]:
    roots = (word("input"), NO_HASH, word("output"))
    return (1, chain.id, stage.settlement.address, word("job"), 0, stage.model, *roots, kind)


def check_refusal(stage: Stage, proof: bytes, *, kind: int = ZK, gas: int | None = None) -> Refused:
    call = (stage.adapter, PROGRAM, statement(stage, kind), proof)
    return refusal(stage.router.check, *call, sender=stage.stranger, gas=gas)


def right_proof(stage: Stage) -> bytes:
    return stage.proof(statement(stage), stage.model, RIGHT)


# ---- addAdapter -------------------------------------------------------------------------------------------------------


def test_add_adapter_by_a_stranger_reverts(stage: Stage) -> None:
    assert refusal(stage.router.addAdapter, ZK, stage.escrow, 1, sender=stage.stranger) == refused(
        "OwnableUnauthorizedAccount", account=stage.stranger
    )


def test_add_adapter_that_is_no_contract_reverts(stage: Stage) -> None:
    assert refusal(stage.router.addAdapter, ZK, stage.stranger, 1, sender=stage.governor) == refused(
        "VerifierRouter_NotAContract", adapter=stage.stranger
    )


def test_add_adapter_without_gas_cap_reverts(stage: Stage) -> None:
    assert refusal(stage.router.addAdapter, ZK, stage.escrow, 0, sender=stage.governor) == refused(
        "VerifierRouter_ZeroGasCap", adapter=stage.escrow
    )


def test_add_adapter_again_with_another_cap_reverts(stage: Stage) -> None:
    assert refusal(stage.router.addAdapter, ZK, stage.adapter, 1, sender=stage.governor) == refused(
        "VerifierRouter_AdapterExists", proofKind=ZK, adapter=stage.adapter
    )


def test_add_adapter_for_another_kind_leaves_the_first_as_it_was(stage: Stage) -> None:
    added = stage.router.addAdapter(OPTIMISTIC, stage.adapter, 7, {"from": stage.governor})
    caps = [int(stage.router.gasCapOf(kind, stage.adapter)) for kind in (ZK, OPTIMISTIC)]
    assert caps == [GAS_CAP, 7]
    assert event(added, "AdapterAdded")["gasCap"] == 7


def test_add_adapter_after_a_hand_over_is_the_new_governors(stage: Stage) -> None:
    stage.router.transferOwnership(stage.rival, {"from": stage.governor})
    assert refusal(stage.router.addAdapter, ZK, stage.escrow, 1, sender=stage.rival) == refused(
        "OwnableUnauthorizedAccount", account=stage.rival
    )
    stage.router.acceptOwnership({"from": stage.rival})
    stage.router.addAdapter(ZK, stage.escrow, 1, {"from": stage.rival})
    assert int(stage.router.gasCapOf(ZK, stage.escrow)) == 1


# ---- check ------------------------------------------------------------------------------------------------------------


def test_check_by_unknown_adapter_reverts(stage: Stage) -> None:
    call = (ZERO, PROGRAM, statement(stage), b"")
    assert refusal(stage.router.check, *call, sender=stage.stranger) == refused(
        "VerifierRouter_UnknownAdapter", proofKind=ZK, adapter=ZERO
    )


def test_check_by_adapter_of_another_kind_reverts(stage: Stage) -> None:
    assert check_refusal(stage, b"", kind=OPTIMISTIC) == refused(
        "VerifierRouter_UnknownAdapter", proofKind=OPTIMISTIC, adapter=stage.adapter
    )


def test_check_of_a_right_proof_passes(stage: Stage) -> None:
    stage.router.check(stage.adapter, PROGRAM, statement(stage), right_proof(stage))


def test_check_with_too_little_gas_reverts_before_the_adapter_is_asked(stage: Stage) -> None:
    # A wrong proof: had the adapter been asked, its own error would show.
    found = check_refusal(stage, b"\x00", gas=REQUIRED)
    assert (found.name, found.arguments["required"]) == ("VerifierRouter_TooLittleGas", REQUIRED)
    assert found.arguments["available"] < REQUIRED


def test_check_with_just_enough_gas_gives_the_adapter_its_cap(stage: Stage) -> None:
    shortfall = REQUIRED - check_refusal(stage, b"\x00", gas=REQUIRED).arguments["available"]
    # 64 of slack for the words that the number of the gas itself costs in calldata and memory.
    assert check_refusal(stage, b"\x00", gas=REQUIRED + shortfall + 64).name == "MockAdapter_Refused"


def test_check_by_adapter_that_burns_its_gas_leaves_the_rest(stage: Stage) -> None:
    # Had the whole of it been handed on, too little would be left to say so.
    assert check_refusal(stage, BURN_GAS, gas=REQUIRED + 50_000) == refused(
        "VerifierRouter_CheckFailed", adapter=stage.adapter
    )


def test_check_of_a_refused_proof_reverts_with_the_adapters_error(stage: Stage) -> None:
    right = right_proof(stage)
    wrong = RIGHT + bytes(32)
    assert check_refusal(stage, wrong) == refused("MockAdapter_Refused", expected=right[1:], actual=NO_HASH)


def test_check_by_adapter_that_reverts_without_a_word_reverts_by_name(stage: Stage) -> None:
    assert check_refusal(stage, SILENT) == refused("VerifierRouter_CheckFailed", adapter=stage.adapter)


@pytest.mark.parametrize(("behaviour", "magic"), [(WRONG_MAGIC, "0xdeadbeef"), (SHORT_ANSWER, "0x00000000")])
def test_check_by_adapter_with_another_answer_reverts(stage: Stage, behaviour: bytes, magic: str) -> None:
    assert check_refusal(stage, behaviour) == refused("VerifierRouter_WrongMagic", adapter=stage.adapter, magic=magic)
