"""Values in and out of contracts, and the committed ABIs themselves."""

import json
import re

import pytest
from chain_samples import CONTRACTS, OPERATOR, word_of
from eth_abi import encode
from eth_utils import keccak

from tallystick.chain.abi import CONTRACTS as NAMES
from tallystick.chain.abi import all_errors, contract_abi, read_abi, snake_case
from tallystick.chain.facts import FACTS
from tallystick.chain.remedies import REMEDIES
from tallystick.errors import ChainError

STRUCT = {
    "type": "tuple[]",
    "name": "items",
    "internalType": "struct Item[]",
    "components": [
        {"type": "address", "name": "owner", "internalType": "address"},
        {"type": "bytes32[2]", "name": "twoHashes", "internalType": "bytes32[2]"},
    ],
}
SAMPLE = read_abi(
    "Sample",
    [
        {"type": "function", "name": "give", "inputs": [STRUCT], "outputs": [STRUCT, {"type": "bool", "name": ""}]},
        {"type": "constructor", "inputs": []},
        {"type": "receive"},
    ],
)


@pytest.mark.parametrize(
    ("solidity", "python"),
    [("nextDeadline", "next_deadline"), ("jobId", "job_id"), ("round", "round"), ("toOperator", "to_operator")],
)
def test_snake_case_spells_a_name_as_python_does(solidity, python):
    assert snake_case(solidity) == python


def test_function_signature_spells_structs_out():
    assert SAMPLE.functions["give"].signature == "give((address,bytes32[2])[])"


def test_function_encode_is_selector_and_arguments():
    items = [(OPERATOR, [bytes(32), b"\x01" * 32])]
    expected = keccak(text="give((address,bytes32[2])[])")[:4] + encode(["(address,bytes32[2])[]"], [items])
    assert SAMPLE.functions["give"].encode(items) == expected


def test_function_decode_returns_structs_by_python_names():
    items = [(OPERATOR.lower(), [bytes(32), b"\x01" * 32])]
    answer = encode(["(address,bytes32[2])[]", "bool"], [items, True])
    assert SAMPLE.functions["give"].decode(answer) == [
        [{"owner": OPERATOR, "two_hashes": ["0x" + "00" * 32, "0x" + "01" * 32]}],
        True,
    ]


@pytest.mark.parametrize(
    "answer", [b"", b"\x01", bytes(31), b"\xff" * 64], ids=["empty", "short", "cut", "wild offset"]
)
def test_function_decode_given_an_answer_of_another_form_says_so(answer):
    with pytest.raises(ChainError, match="The answer of give"):
        SAMPLE.functions["give"].decode(answer)


def test_event_decode_joins_topics_and_data():
    event = contract_abi("StakeManager").events["StakeDeposited"]
    topics = [bytes.fromhex(word_of(account)[2:]) for account in (OPERATOR, CONTRACTS.job_escrow)]
    assert event.decode(topics, encode(["uint256"], [7])) == {
        "operator": OPERATOR,
        "from": CONTRACTS.job_escrow,
        "amount": 7,
    }


def test_event_topic_is_the_hash_of_its_signature():
    event = contract_abi("JobEscrow").events["JobCompleted"]
    assert event.topic == "0x" + keccak(text="JobCompleted(bytes32,address,uint256)").hex()


def test_contract_abi_has_every_event_that_a_fact_is_read_from():
    missing = [
        (contract, kind.__name__)
        for contract, kinds in FACTS.items()
        for kind in kinds
        if kind.__name__ not in contract_abi(contract).events
    ]
    assert missing == []


def test_contract_abi_events_have_every_field_of_their_facts():
    missing = [
        (kind.__name__, field)
        for contract, kinds in FACTS.items()
        for kind in kinds
        for field in set(kind.model_fields) - {"at", "event"}
        if field not in {snake_case(part.name) for part in contract_abi(contract).events[kind.__name__].inputs}
    ]
    assert missing == []


def test_facts_are_read_from_every_kind_of_fact():
    from typing import get_args

    from tallystick.market.events import ChainFact

    assert {kind for kinds in FACTS.values() for kind in kinds} == set(get_args(ChainFact))


def test_remedies_are_those_of_every_error_of_every_contract():
    assert set(REMEDIES) == {error.name for error in all_errors().values()}


def test_all_errors_of_ours_are_named_after_their_contract():
    """So that an error says who refused, whichever call it bubbled up through."""
    ours = [error.name for error in all_errors().values() if "_" in error.name]
    assert [name for name in ours if not re.fullmatch(rf"({'|'.join(NAMES)})_[A-Z]\w+", name)] == []


@pytest.mark.parametrize("name", NAMES)
def test_contract_abi_has_no_overloaded_function(name):
    """`ContractAbi.functions` is by name."""
    from importlib import resources

    entries = json.loads(resources.files("tallystick.chain").joinpath("abi", f"{name}.json").read_text())
    names = [entry["name"] for entry in entries if entry["type"] == "function"]
    assert len(names) == len(set(names))
