"""What a transaction offers for its gas (EIP-1559). In wei per gas.

Chains without a base fee are refused, not served: they also lack the transient storage (EIP-1153) that the contracts
need, so no deployment can be on one.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.chain.facts import number
from tallystick.chain.rpc import Rpc
from tallystick.errors import ChainError, RpcRefusedError

FALLBACK_PRIORITY_FEE = 10**9


@dataclass(frozen=True)
class Fees:
    """`max_fee` is the most that may be paid, `priority_fee` the part of it for the block's proposer."""

    max_fee: int
    priority_fee: int


def offer(base_fee: int, priority_fee: int) -> Fees:
    """An offer that stays good while the base fee doubles: six full blocks in a row at least."""
    return Fees(max_fee=2 * base_fee + priority_fee, priority_fee=priority_fee)


def _raised(fee: int) -> int:
    """12.5 % more, rounded up. Nodes ask for 10 % or 12.5 % to replace a transaction."""
    return -(-fee * 9 // 8)


def bumped(last: Fees, fresh: Fees) -> Fees:
    """An offer that nodes accept in place of `last`, and at least the present one."""
    return Fees(
        max_fee=max(_raised(last.max_fee), fresh.max_fee),
        priority_fee=max(_raised(last.priority_fee), fresh.priority_fee, 1),
    )


async def suggest_fees(rpc: Rpc) -> Fees:
    """The present offer. Raises ChainError on a chain without a base fee, and what `Rpc.request` raises."""
    block = await rpc.request("eth_getBlockByNumber", "latest", False)
    if block is None or block.get("baseFeePerGas") is None:
        raise ChainError(
            f"The chain behind {rpc.host} has no base fee (EIP-1559).", remedy="Use a chain at Cancun or later."
        )
    try:
        priority_fee = number(await rpc.request("eth_maxPriorityFeePerGas"))
    except RpcRefusedError:
        priority_fee = FALLBACK_PRIORITY_FEE
    return offer(number(block["baseFeePerGas"]), priority_fee)
