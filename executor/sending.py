"""Transactions under keys, waited for."""

from __future__ import annotations

from executor.ports import Transactions
from tallystick.chain.calls import Call
from tallystick.chain.receipts import Receipt
from tallystick.errors import RevertError, TransactionLostError
from tallystick.service.patience import Patience

SETTLED = (RevertError, TransactionLostError)
"""Ends of a transaction after which the chain is asked how things stand."""


class Sending:
    """One agent's way to send.

    Args:
        link: Patience with transactions, which also wait for gas money.
    """

    def __init__(self, transactions: Transactions, link: Patience) -> None:
        self._transactions = transactions
        self._link = link

    async def send(self, key: str, attempt: int, call: Call) -> Receipt:
        """The same key for the same purpose for ever, unless an earlier attempt can no longer count. Raises what
        `Sender.send` raises, but for what is waited for."""
        full = f"{key}:{attempt}" if attempt else key
        return await self._link.until_answered(lambda: self._transactions.send(full, call))
