"""What a node is asked about one account's transactions. Keeps nothing and signs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.chain.calls import Call
from tallystick.chain.facts import number
from tallystick.chain.fees import Fees, suggest_fees
from tallystick.chain.inclusion import Look, out_of_gas
from tallystick.chain.journal import Attempt
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.refusals import Refusal, meaning_of
from tallystick.chain.reverts import decode_revert, revert_in
from tallystick.errors import ChainError, InsufficientFundsError, RevertError, RpcRefusedError
from tallystick.ids import Address, Bytes32
from tallystick.logs import get_logger

_log = get_logger(__name__)

_GAS_MARGIN = (5, 4)


def about(what: str, error: RevertError) -> RevertError:
    """The same revert, saying what was tried."""
    sentence = f"{what}: {error.what[0].lower()}{error.what[1:]}"
    return RevertError(
        sentence[0].upper() + sentence[1:], name=error.name, arguments=error.arguments, remedy=error.remedy
    )


class Gateway:
    """One account, seen through one reader's endpoint."""

    def __init__(self, reader: ChainReader, address: Address, *, confirmations: int) -> None:
        self._reader = reader
        self._rpc = reader.rpc
        self._address = address
        self._confirmations = confirmations

    # ---- before -------------------------------------------------------------------------------------------------------

    async def simulate(self, call: Call) -> None:
        """Raises RevertError where the contract would refuse."""
        try:
            await self._reader.simulate(call, sender=self._address)
        except RevertError as error:
            raise about(call.description, error) from None

    async def price(self, call: Call) -> tuple[int, Fees]:
        """Gas limit and fees for a call that the account can pay.

        Raises:
            RevertError: the contract would refuse.
            InsufficientFundsError: the balance does not cover the most that it may cost.
        """
        gas, fees = await self._estimate(call), await suggest_fees(self._rpc)
        needed = call.value + gas * fees.max_fee
        if await self._reader.native_balance(self._address) < needed:
            raise await self.cannot_pay(call, needed)
        return gas, fees

    async def _estimate(self, call: Call) -> int:
        """Gas with a margin: what it takes can grow between the estimate and the block."""
        message = {"from": self._address, "to": call.to, "data": "0x" + call.data.hex(), "value": hex(call.value)}
        try:
            estimate = number(await self._rpc.request("eth_estimateGas", message))
        except RpcRefusedError as refusal:
            if meaning_of(refusal) is Refusal.NO_FUNDS:
                raise await self.cannot_pay(call, call.value) from None
            revert = revert_in(refusal)
            if revert is None:
                raise
            raise about(call.description, revert) from None
        return estimate * _GAS_MARGIN[0] // _GAS_MARGIN[1]

    async def cannot_pay(self, call: Call, needed: int) -> InsufficientFundsError:
        """The error that says how much is missing. `needed` in wei."""
        balance = await self._reader.native_balance(self._address)
        return InsufficientFundsError(
            f"{self._address} holds {balance} wei; to {call.description} it needs up to {needed} wei for gas and value.",
            remedy="Send it some of the chain's native coin.",
        )

    async def nonces(self) -> tuple[int, int]:
        """Transactions of the account in blocks, and with those that wait in the node's pool."""
        latest, pending = await self._rpc.batch(
            [
                ("eth_getTransactionCount", [self._address, "latest"]),
                ("eth_getTransactionCount", [self._address, "pending"]),
            ]
        )
        return number(latest), number(pending)

    async def fresh_fees(self) -> Fees:
        return await suggest_fees(self._rpc)

    # ---- offering -----------------------------------------------------------------------------------------------------

    async def offer(self, attempt: Attempt) -> tuple[Refusal, RpcRefusedError] | None:
        """Gives the node the bytes. None where it took them or had them."""
        try:
            await self._rpc.request("eth_sendRawTransaction", "0x" + attempt.raw.hex())
        except RpcRefusedError as refused:
            refusal = meaning_of(refused)
            return None if refusal is Refusal.KNOWN else (refusal, refused)
        return None

    async def knows(self, transaction_hash: Bytes32) -> bool:
        """Whether the node holds the transaction, in its pool or in a block."""
        return await self._rpc.request("eth_getTransactionByHash", transaction_hash) is not None

    # ---- after --------------------------------------------------------------------------------------------------------

    async def look(self, nonce: int, attempts: Sequence[Attempt]) -> Look:
        """Where a transaction stands now, whichever of its attempts was mined."""
        receipt = await self.mined(attempts)
        if receipt is not None:
            return Look(receipt=receipt, is_confirmed=await self._is_confirmed(receipt), nonce_is_used=True)
        count = number(await self._rpc.request("eth_getTransactionCount", self._address, "latest"))
        return Look(receipt=None, is_confirmed=False, nonce_is_used=count > nonce)

    async def mined(self, attempts: Sequence[Attempt]) -> Receipt | None:
        """The receipt of the attempt that is in a block of the node's chain."""
        for attempt in reversed(attempts):
            receipt = await self._reader.transaction_receipt(attempt.transaction_hash)
            if receipt is not None:
                return receipt
        return None

    async def _is_confirmed(self, receipt: Receipt) -> bool:
        head = await self._reader.head()
        if head.number - receipt.block_number + 1 < self._confirmations:
            return False
        # A node may still serve the receipt of a block that it has just left.
        block = await self._reader.block(receipt.block_number)
        return block is not None and block.hash == receipt.block_hash

    async def reason(self, call: Call, receipt: Receipt, gas: int) -> RevertError:
        """Why a mined call was refused, by asking again at the end of its block, then before it.

        The end comes first: whoever was faster did it in the same block, and time has then moved on as well.
        """
        for block in (receipt.block_number, receipt.block_number - 1):
            try:
                await self._reader.simulate(call, sender=self._address, block=block)
            except RevertError as revert:
                return revert
            except ChainError as error:
                # Old state is not to be had everywhere; the failure itself is certain.
                _log.info("revert_reason_unknown", call=call.description, block=block, reason=str(error))
        # An EVM call keeps a 64th of the gas back, so a call that ran out inside leaves as much.
        if receipt.gas_used >= gas * 63 // 64:
            return out_of_gas(receipt.gas_used)
        return decode_revert(b"")
