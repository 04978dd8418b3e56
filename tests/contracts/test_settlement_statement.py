"""What a claim is about, as anyone can put it together: MilestoneSettlement.statementOf, digestOf, and an Optimistic claim's
commitment. The types are written out here once more, and hashed by eth_account.

statementOf
├── a parallel job → no start root
├── a chained job → the input is the start root
├── a chained job's later milestone → the output before it is both
├── an Optimistic job → its kind
├── before the job is there, or by whomever → the same
└── an input that is not the job's → MilestoneSettlement_InputNotInJob
digestOf
├── → the EIP-712 encoding under this settlement's domain
├── of a statement that differs in one word, whichever → another digest
├── by another settlement → another digest
└── domain and type → as in docs and interface
claimOf
├── nothing claimed, or a Zk claim → all zero
├── → keccak256(abi.encode(hashStruct(statement), traceRoot)), final `challengeSeconds` later
├── another trace root, or another output → another commitment
└── each milestone → its own
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import chain
from eth_abi.abi import encode
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak
from refusals import Refused, plain, refusal, refused
from stage import CHAINED, CHALLENGE_SECONDS, NO_HASH, OPTIMISTIC, PARALLEL, ZERO, ZK, Stage, Terms, word

STATEMENT_FIELDS = (
    ("schemaVersion", "uint16"),
    ("chainId", "uint256"),
    ("settlement", "address"),
    ("jobId", "bytes32"),
    ("milestone", "uint16"),
    ("modelId", "bytes32"),
    ("inputRoot", "bytes32"),
    ("startRoot", "bytes32"),
    ("outputRoot", "bytes32"),
    ("proofKind", "uint8"),
)
TYPE = (
    "Statement(uint16 schemaVersion,uint256 chainId,address settlement,bytes32 jobId,uint16 milestone,"
    "bytes32 modelId,bytes32 inputRoot,bytes32 startRoot,bytes32 outputRoot,uint8 proofKind)"
)
OTHERS = (2, 1, ZERO, word("job"), 7, word("model"), word("input"), word("start"), word("output"), OPTIMISTIC)


def message(settlement: Any, statement: tuple[Any, ...]) -> SignableMessage:
    domain = {
        "name": "Tallystick",
        "version": "1",
        "chainId": chain.id,
        "verifyingContract": settlement.address,
    }
    types = {"Statement": [{"name": name, "type": kind} for name, kind in STATEMENT_FIELDS]}
    names = [name for name, _ in STATEMENT_FIELDS]
    return encode_typed_data(domain, types, dict(zip(names, statement, strict=True)))


def digest(settlement: Any, statement: tuple[Any, ...]) -> str:
    made = message(settlement, statement)
    return "0x" + keccak(b"\x19" + made.version + made.header + made.body).hex()


def commitment(stage: Stage, statement: tuple[Any, ...], trace_root: str) -> str:
    hashed = bytes(message(stage.settlement, statement).body)
    return "0x" + keccak(encode(["bytes32", "bytes32"], [hashed, bytes.fromhex(trace_root[2:])])).hex()


def statement_of(stage: Stage, terms: Terms, claim: tuple[Any, ...]) -> tuple[Any, ...]:
    return plain(stage.settlement.statementOf(terms.abi(), claim))


def claimed(claim: tuple[Any, ...]) -> dict[str, Any]:
    """A claim's words by name, as `Stage.statement` reads them."""
    return {"milestone": claim[0], "inputRoot": claim[1], "outputRoot": claim[3]}


# ---- statementOf ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "start"), [(PARALLEL, NO_HASH), (CHAINED, word("input 0"))], ids=["parallel", "chained"]
)
def test_statement_of_a_claim_is_what_everyone_can_put_together(stage: Stage, mode: int, start: str) -> None:
    terms = stage.create(mode=mode)
    claim = stage.claim(terms, 0)
    assert statement_of(stage, terms, claim) == (
        1,
        31337,
        plain(stage.settlement),
        stage.job_id(terms),
        0,
        stage.model,
        word("input 0"),
        start,
        claim[3],
        ZK,
    )


def test_statement_of_a_later_chained_claim_starts_from_the_output_before_it(stage: Stage) -> None:
    terms = stage.assigned(mode=CHAINED)
    stage.settle(terms, 0, outputRoot=word("first"))
    assert statement_of(stage, terms, stage.claim(terms, 1))[6:8] == (word("first"), word("first"))


def test_statement_of_an_optimistic_claim_names_its_kind(stage: Stage) -> None:
    terms = stage.create(stage.traced_terms())
    found = statement_of(stage, terms, stage.claim(terms, 0))
    assert (found[5], found[9]) == (stage.traced, OPTIMISTIC)


def test_statement_of_a_job_that_is_not_there_yet_is_the_same(stage: Stage) -> None:
    terms = stage.terms()
    claim = stage.claim(terms, 1)
    before = statement_of(stage, terms, claim)
    stage.assigned(terms)
    assert statement_of(stage, terms, claim) == before


@pytest.mark.parametrize("mode", [PARALLEL, CHAINED], ids=["parallel", "chained"])
def test_statement_of_a_foreign_input_reverts(stage: Stage, mode: int) -> None:
    terms = stage.create(mode=mode)
    claim = stage.claim(terms, 0, inputRoot=word("nobody's"))
    found: Refused = refusal(stage.settlement.statementOf, terms.abi(), claim, sender=stage.stranger)
    assert found == refused(
        "MilestoneSettlement_InputNotInJob",
        inputRoot=word("nobody's"),
        milestone=0,
        jobInputRoot=terms["inputRoot"],
    )


# ---- digestOf ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [PARALLEL, CHAINED], ids=["parallel", "chained"])
def test_digest_of_a_statement_is_its_eip_712_encoding(stage: Stage, mode: int) -> None:
    terms = stage.terms(mode=mode)
    statement = stage.statement(terms, claimed(stage.claim(terms, 0)))
    assert str(stage.settlement.digestOf(statement)) == digest(stage.settlement, statement)


@pytest.mark.parametrize("place", range(len(STATEMENT_FIELDS)), ids=[name for name, _ in STATEMENT_FIELDS])
def test_digest_of_another_statement_is_another(stage: Stage, place: int) -> None:
    terms = stage.terms()
    statement = stage.statement(terms, claimed(stage.claim(terms, 0)))
    changed = (*statement[:place], OTHERS[place], *statement[place + 1 :])
    found = str(stage.settlement.digestOf(changed))
    assert found == digest(stage.settlement, changed) != str(stage.settlement.digestOf(statement))


def test_digest_by_another_settlement_is_another(stage: Stage) -> None:
    escrow, settlement = stage.coming(1), stage.coming(2)
    stakes = stage.deploy("StakeManager", stage.stake, stage.parameters, escrow)
    other = stage.deploy("MilestoneSettlement", stage.deploy("JobEscrow", stakes, stage.registry, settlement))
    terms = stage.terms()
    statement = stage.statement(terms, claimed(stage.claim(terms, 0)))
    found = str(other.digestOf(statement))
    assert found == digest(other, statement) != str(stage.settlement.digestOf(statement))


def test_statement_type_is_spelled_as_its_fields(stage: Stage) -> None:
    """What a signer without a library hashes."""
    terms = stage.terms()
    statement = stage.statement(terms, claimed(stage.claim(terms, 0)))
    words = encode([kind for _, kind in STATEMENT_FIELDS], [_bytes(value) for value in statement])
    assert keccak(keccak(text=TYPE) + words) == bytes(message(stage.settlement, statement).body)


def _bytes(value: Any) -> Any:
    return bytes.fromhex(value[2:]) if isinstance(value, str) and len(value) == 66 else value


# ---- claimOf ----------------------------------------------------------------------------------------------------------


def held(stage: Stage, terms: Terms, milestone: int) -> tuple[str, int, int]:
    return plain(stage.settlement.claimOf(stage.job_id(terms), milestone))


def test_claim_of_nothing_is_zero(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    assert held(stage, terms, 0) == (NO_HASH, 0, 0)


def test_claim_of_a_zk_milestone_is_zero(stage: Stage) -> None:
    terms = stage.assigned()
    stage.settle(terms, 0)
    assert held(stage, terms, 0) == (NO_HASH, 0, 0)


@pytest.mark.parametrize("mode", [PARALLEL, CHAINED], ids=["parallel", "chained"])
def test_claim_of_an_optimistic_milestone_commits_to_statement_and_trace(stage: Stage, mode: int) -> None:
    terms = stage.assigned(stage.traced_terms(mode=mode))
    claim = stage.claim(terms, 0, proof=word("trace"))
    stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    expected = commitment(stage, stage.statement(terms, claimed(claim)), word("trace"))
    assert held(stage, terms, 0) == (expected, stage.now() + CHALLENGE_SECONDS, stage.now())


@pytest.mark.parametrize("changed", [{"proof": word("another trace")}, {"outputRoot": word("another output")}])
def test_claim_of_something_else_is_another_commitment(stage: Stage, changed: dict[str, Any]) -> None:
    first, second = (stage.assigned(stage.traced_terms(salt=salt)) for salt in (1, 2))
    stage.settle(first, 0)
    claim = stage.claim(second, 0, **changed)
    stage.settlement.claim(second.abi(), claim, {"from": stage.operator})
    expected = commitment(stage, stage.statement(second, claimed(claim)), claim[5])
    unchanged = stage.claim(second, 0)
    right = commitment(stage, stage.statement(second, claimed(unchanged)), unchanged[5])
    assert held(stage, second, 0)[0] == expected != right


def test_claim_of_each_milestone_is_held_by_itself(stage: Stage) -> None:
    terms = stage.assigned(stage.traced_terms())
    claims = [stage.claim(terms, milestone) for milestone in (0, 1)]
    for claim in claims:
        stage.settlement.claim(terms.abi(), claim, {"from": stage.operator})
    expected = [commitment(stage, stage.statement(terms, claimed(claim)), claim[5]) for claim in claims]
    assert [held(stage, terms, milestone)[0] for milestone in (0, 1)] == expected
