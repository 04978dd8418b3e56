"""What a transaction was told to do, read back from the chain: data that a claim carried is published for good."""

from __future__ import annotations

from tallystick.chain.abi import contract_abi
from tallystick.chain.facts import hex_bytes
from tallystick.chain.reader import ChainReader
from tallystick.errors import ChainError
from tallystick.ids import Bytes32, raw
from tallystick.market.claims import Claim


def read_claim(calldata: bytes) -> Claim | None:
    """The claim in the calldata of `MilestoneSettlement.claim`; None for any other call."""
    try:
        _terms, claimed = contract_abi("MilestoneSettlement").functions["claim"].decode_arguments(calldata)
    except ChainError:
        return None
    return Claim.model_validate({**claimed, "proof": raw(claimed["proof"])})


async def claim_in(reader: ChainReader, transaction_hash: Bytes32) -> Claim | None:
    """The claim that a transaction made.

    None where the endpoint has no such transaction, or where the claim was made through another contract, whose
    calldata has another form. Raises ChainUnavailableError.
    """
    found = await reader.rpc.request("eth_getTransactionByHash", transaction_hash)
    return None if found is None else read_claim(hex_bytes(found["input"]))
