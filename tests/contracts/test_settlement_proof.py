"""What stands between a claim and the adapter that checks its proof: ProofCheckLib, seen through MilestoneSettlement.claim.

claim: the gas
├── less than the cap and what the call itself needs
│   ├── → MilestoneSettlement_TooLittleGas, before the adapter is asked
│   └── also for a claim in the middle of a batch → MilestoneSettlement_TooLittleGas
├── one unit short → MilestoneSettlement_TooLittleGas
├── just enough → the adapter gets its whole cap
├── plenty → the adapter gets its cap and no more
└── an adapter that burns all it gets → MilestoneSettlement_CheckFailed, the rest of the gas is left
claim: the adapter
├── refuses with an error → that error, with its evidence
├── refuses without a word → MilestoneSettlement_CheckFailed
├── answers another word → MilestoneSettlement_WrongMagic
├── answers less than a word → MilestoneSettlement_WrongMagic
└── agrees → paid
claim: the proof
├── is of another statement, whichever word differs → refused
├── is of the same statement for another program → refused
├── was made for another job over the same input → refused
└── is of a chained milestone, for the same one without its start → refused
"""

from __future__ import annotations

from typing import Any

import pytest
from refusals import Refused, plain, refusal, refused
from stage import (
    BURN_GAS,
    CHAINED,
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
    Terms,
    word,
)

REQUIRED = GAS_CAP + GAS_CAP // 63 + 10_000
SPENT_ON_ENTRY = 2_000
"""The most that an adapter spends before it looks how much gas it has."""


@pytest.fixture
def metered(stage: Stage) -> Terms:
    """A job whose proofs are checked by an adapter that says how much gas it was given."""
    meter = stage.deploy("MockGasMeter")
    stage.router.addAdapter(ZK, meter, GAS_CAP, {"from": stage.governor})
    return stage.assigned(modelId=stage.register_model("metered", adapter=meter.address))


def claim_refusal(stage: Stage, terms: Terms, claim: tuple[Any, ...], gas: int | None = None) -> Refused:
    return refusal(stage.settlement.claim, terms.abi(), claim, sender=stage.operator, gas=gas)


def refusal_of(stage: Stage, proof: bytes, gas: int | None = None) -> Refused:
    """How a claim with this proof is refused."""
    terms = stage.assigned()
    return claim_refusal(stage, terms, stage.claim(terms, 0, proof=proof), gas)


def least_gas(stage: Stage, terms: Terms, claim: tuple[Any, ...]) -> int:
    """The least gas with which the adapter is asked: found by halving, because its last few units depend on the call."""
    low, high = REQUIRED, REQUIRED + 200_000
    while high - low > 1:
        middle = (low + high) // 2
        asked = claim_refusal(stage, terms, claim, middle).name != "MilestoneSettlement_TooLittleGas"
        low, high = (low, middle) if asked else (middle, high)
    return high


# ---- gas --------------------------------------------------------------------------------------------------------------


def test_claim_with_too_little_gas_reverts_before_the_adapter_is_asked(stage: Stage) -> None:
    # A wrong proof: had the adapter been asked, its own error would show.
    found = refusal_of(stage, b"\x00", gas=REQUIRED)
    assert (found.name, found.arguments["required"]) == ("MilestoneSettlement_TooLittleGas", REQUIRED)
    assert found.arguments["available"] < REQUIRED


def test_claim_in_a_batch_that_has_used_up_the_gas_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    first, second = (stage.claim(terms, milestone) for milestone in (0, 1))
    found = [
        refusal(stage.settlement.claimMany, [(terms.abi(), batch)], sender=stage.operator, gas=REQUIRED + 100_000).name
        for batch in ([second], [first, second])
    ]
    assert found == ["JobEscrow_WrongMilestone", "MilestoneSettlement_TooLittleGas"]


def test_claim_with_one_unit_of_gas_too_little_reverts(stage: Stage, metered: Terms) -> None:
    claim = stage.claim(metered, 0, proof=b"")
    found = claim_refusal(stage, metered, claim, least_gas(stage, metered, claim) - 1)
    assert (found.name, found.arguments["required"]) == ("MilestoneSettlement_TooLittleGas", REQUIRED)
    assert REQUIRED - 64 < found.arguments["available"] < REQUIRED


def test_claim_with_just_enough_gas_gives_the_adapter_its_whole_cap(stage: Stage, metered: Terms) -> None:
    claim = stage.claim(metered, 0, proof=b"")
    found = claim_refusal(stage, metered, claim, least_gas(stage, metered, claim))
    assert found.name == "MockGasMeter_Given"
    assert GAS_CAP - SPENT_ON_ENTRY < found.arguments["gasGiven"] < GAS_CAP


def test_claim_with_plenty_of_gas_gives_the_adapter_the_same(stage: Stage, metered: Terms) -> None:
    claim = stage.claim(metered, 0, proof=b"")
    just_enough = claim_refusal(stage, metered, claim, least_gas(stage, metered, claim))
    assert claim_refusal(stage, metered, claim, 5 * GAS_CAP) == just_enough


def test_claim_by_adapter_that_burns_its_gas_leaves_the_rest(stage: Stage) -> None:
    # Had the whole of it been handed on, too little would be left to say so.
    assert refusal_of(stage, BURN_GAS, gas=REQUIRED + 100_000) == refused(
        "MilestoneSettlement_CheckFailed", adapter=stage.adapter
    )


# ---- the adapter's answer ---------------------------------------------------------------------------------------------


def test_claim_with_a_refused_proof_reverts_with_the_adapters_error(stage: Stage) -> None:
    terms = stage.assigned()
    right = stage.claim(terms, 0)[5]
    claim = stage.claim(terms, 0, proof=RIGHT + bytes(32))
    assert claim_refusal(stage, terms, claim) == refused("MockAdapter_Refused", expected=right[1:], actual=NO_HASH)


def test_claim_by_adapter_that_reverts_without_a_word_reverts_by_name(stage: Stage) -> None:
    assert refusal_of(stage, SILENT) == refused("MilestoneSettlement_CheckFailed", adapter=stage.adapter)


@pytest.mark.parametrize(("behaviour", "magic"), [(WRONG_MAGIC, "0xdeadbeef"), (SHORT_ANSWER, "0x00000000")])
def test_claim_by_adapter_with_another_answer_reverts(stage: Stage, behaviour: bytes, magic: str) -> None:
    assert refusal_of(stage, behaviour) == refused("MilestoneSettlement_WrongMagic", adapter=stage.adapter, magic=magic)


def test_claim_by_adapter_that_agrees_is_paid(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert stage.state(terms)["paidMilestones"] == 1


# ---- what the proof is of ---------------------------------------------------------------------------------------------

STATEMENT = (
    "schemaVersion",
    "chainId",
    "settlement",
    "jobId",
    "milestone",
    "modelId",
    "inputRoot",
    "startRoot",
    "outputRoot",
    "proofKind",
)
OTHERS = (2, 1, ZERO, word("job"), 1, word("model"), word("input"), word("start"), word("output"), OPTIMISTIC)


@pytest.mark.parametrize("field", STATEMENT)
def test_claim_with_a_proof_of_another_statement_reverts(stage: Stage, field: str) -> None:
    terms = stage.assigned()
    claim = list(stage.claim(terms, 0))
    statement = list(plain(stage.settlement.statementOf(terms.abi(), tuple(claim))))
    place = STATEMENT.index(field)
    statement[place] = OTHERS[place]
    claim[5] = stage.proof(tuple(statement), terms["modelId"])
    assert claim_refusal(stage, terms, tuple(claim)).name == "MockAdapter_Refused"


def test_claim_with_a_proof_for_another_program_reverts(stage: Stage) -> None:
    terms = stage.assigned()
    claim = stage.claim(terms, 0, proof=b"")
    statement = stage.settlement.statementOf(terms.abi(), claim)
    laundered = stage.proof(statement, stage.register_model("another"))
    assert claim_refusal(stage, terms, (*claim[:5], laundered)).name == "MockAdapter_Refused"


def test_claim_with_a_proof_that_another_job_was_paid_for_reverts(stage: Stage) -> None:
    """An adapter that binds the whole statement needs no record of used proofs."""
    first, second = stage.assigned(salt=1), stage.assigned(salt=2)
    used = stage.claim(first, 0)[5]
    stage.settle(first, 0)
    claim = stage.claim(second, 0, proof=used)
    assert claim_refusal(stage, second, claim).name == "MockAdapter_Refused"


def test_claim_chained_with_a_proof_that_knows_no_start_reverts(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    claim = stage.claim(terms, 0, proof=b"")
    statement = list(plain(stage.settlement.statementOf(terms.abi(), claim)))
    statement[7] = NO_HASH
    proof = stage.proof(tuple(statement), terms["modelId"])
    assert claim_refusal(stage, terms, (*claim[:5], proof)).name == "MockAdapter_Refused"
