"""What a mined transaction did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.chain.facts import hex_bytes, number
from tallystick.ids import Bytes32, bytes32
from tallystick.market.events import ChainFact


@dataclass(frozen=True)
class Receipt:
    """A mined transaction.

    Attributes:
        key: The idempotency key it was sent under; empty where it was only looked up.
        effective_gas_price: In wei per gas; times `gas_used` it is what the sender paid.
        status: False where the contract refused on the chain.
        facts: What the deployment's contracts stated in it, in order.
    """

    key: str
    transaction_hash: Bytes32
    block_number: int
    block_hash: Bytes32
    gas_used: int
    effective_gas_price: int
    status: bool
    facts: tuple[ChainFact, ...]

    @property
    def fee(self) -> int:
        """What the sender paid for it, in wei."""
        return self.gas_used * self.effective_gas_price


def read_receipt(raw: Mapping[str, Any], facts: tuple[ChainFact, ...]) -> Receipt:
    """A receipt as JSON-RPC has it."""
    return Receipt(
        key="",
        transaction_hash=bytes32(hex_bytes(raw["transactionHash"])),
        block_number=number(raw["blockNumber"]),
        block_hash=bytes32(hex_bytes(raw["blockHash"])),
        gas_used=number(raw["gasUsed"]),
        effective_gas_price=number(raw["effectiveGasPrice"]),
        status=number(raw["status"]) == 1,
        facts=facts,
    )
