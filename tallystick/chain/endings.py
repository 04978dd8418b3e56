"""Writing down how transactions ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tallystick.chain.gateway import Gateway, about
from tallystick.chain.journal import Entry, Journal, State
from tallystick.chain.outcomes import encode_outcome
from tallystick.chain.receipts import Receipt
from tallystick.errors import RevertError, TransactionLostError
from tallystick.ids import Address

StepListener = Callable[[str, State], None]
"""Told after each journaled step: key and state."""


def is_same_place(one: Receipt | None, other: Receipt | None) -> bool:
    """Whether two receipts are of one transaction in one block; no receipt is like no receipt."""
    if one is None or other is None:
        return one is other
    return (one.transaction_hash, one.block_hash) == (other.transaction_hash, other.block_hash)


class Endings:
    """Settles the entries of one journal."""

    def __init__(self, journal: Journal, gateway: Gateway, address: Address, on_step: StepListener) -> None:
        self._journal = journal
        self._gateway = gateway
        self._address = address
        self._on_step = on_step

    async def record(self, entry: Entry, found: Receipt) -> Receipt:
        """Mined and deep enough. Raises RevertError where it was mined in vain."""
        receipt = replace(found, key=entry.key)
        error = None if receipt.status else await self._failure(entry, receipt)
        state = State.FAILED if error else State.MINED
        self._journal.settle(entry.key, state, encode_outcome(receipt, error), receipt.block_number)
        self._on_step(entry.key, state)
        if error is not None:
            raise error
        return receipt

    async def _failure(self, entry: Entry, receipt: Receipt) -> RevertError:
        gas = max(attempt.gas for attempt in entry.attempts)
        reason = await self._gateway.reason(entry.call, receipt, gas)
        return about(f"Transaction {receipt.transaction_hash} to {entry.call.description} was mined in vain", reason)

    def record_loss(self, entry: Entry) -> TransactionLostError:
        """Its nonce is used and none of its attempts was mined. Returns the error to raise."""
        hashes = ", ".join(attempt.transaction_hash for attempt in entry.attempts)
        error = TransactionLostError(
            f"The transaction to {entry.call.description} ({hashes}) can no longer be mined: nonce {entry.nonce} of "
            f"{self._address} was used by another.",
            remedy="Let one program alone use this account; `forget` the key to send anew.",
        )
        self._journal.settle(entry.key, State.FAILED, encode_outcome(None, error), None)
        self._on_step(entry.key, State.FAILED)
        return error
