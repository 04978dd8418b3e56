"""A deployment that stands nowhere, and logs as a node would state them."""

from typing import Any

from eth_abi import encode
from eth_utils import keccak

from tallystick.chain.deployment import Contracts, Deployment, Tokens
from tallystick.ids import parse_address


def address(byte: int) -> str:
    return parse_address("0x" + bytes([byte] * 20).hex())


CONTRACTS = Contracts(
    job_escrow=address(0xE1),
    milestone_settlement=address(0xE2),
    stake_manager=address(0xE3),
    model_registry=address(0xE4),
    verifier_router=address(0xE5),
    protocol_parameters=address(0xE8),
    authority=address(0xE9),
    timelock=address(0xEA),
    ezkl_verifier_adapter=address(0xE6),
    ezkl_verifier=address(0xE7),
    trace_dispute=address(0xEB),
    trace_demands=address(0xEC),
)
DEPLOYMENT = Deployment(
    chain_id=31337, block=5, contracts=CONTRACTS, tokens=Tokens(payment=address(0xA1), stake=address(0xA2))
)

OPERATOR, AGENT = address(0x21), address(0x22)


def word_of(account: str) -> str:
    return "0x" + "00" * 12 + account[2:].lower()


def topic(signature: str) -> str:
    return "0x" + keccak(text=signature).hex()


def block_hash(number: int, fork: int = 0) -> str:
    return "0x" + keccak(text=f"block {number} of fork {fork}").hex()


def raw_log(emitter: str, topics: list[str], data: bytes = b"", *, block: int = 7, index: int = 0) -> dict[str, Any]:
    return {
        "address": emitter.lower(),
        "topics": topics,
        "data": "0x" + data.hex(),
        "blockNumber": hex(block),
        "blockHash": block_hash(block),
        "blockTimestamp": hex(1_700_000_000 + block),
        "transactionHash": "0x" + keccak(text=f"transaction in {block}").hex(),
        "transactionIndex": "0x0",
        "logIndex": hex(index),
        "removed": False,
    }


def deposit_log(amount: int = 5, *, emitter: str = CONTRACTS.stake_manager, **place: Any) -> dict[str, Any]:
    topics = [topic("StakeDeposited(address,address,uint256)"), word_of(OPERATOR), word_of(OPERATOR)]
    return raw_log(emitter, topics, encode(["uint256"], [amount]), **place)


def appointed_log(**place: Any) -> dict[str, Any]:
    topics = [topic("AgentAppointed(address,address)"), word_of(OPERATOR), word_of(AGENT)]
    return raw_log(CONTRACTS.stake_manager, topics, **place)
