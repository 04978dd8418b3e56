"""Sending transactions: the only module that signs them.

The order of things is what makes it safe to kill this process at any instruction. A call is journaled, then signed with
a nonce and the signed bytes journaled, and only then offered to a node. Whoever comes after offers the same bytes
again, and a chain takes the same bytes once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from tallystick.chain.calls import Call
from tallystick.chain.endings import Endings, StepListener, is_same_place
from tallystick.chain.fees import Fees, bumped
from tallystick.chain.gateway import Gateway
from tallystick.chain.inclusion import Timing, Verdict, Watch
from tallystick.chain.journal import Attempt, Entry, Journal, State, same_call
from tallystick.chain.outcomes import decode_outcome
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.refusals import Refusal
from tallystick.chain.turns import Turns
from tallystick.clock import Clock, SystemClock
from tallystick.errors import InputError, InsufficientFundsError, RevertError, RpcRefusedError, TransactionLostError
from tallystick.ids import bytes32, parse_address
from tallystick.logs import get_logger

_log = get_logger(__name__)

REORG_BLOCKS = 64
"""A transaction this deep is taken as settled for ever: two epochs on Ethereum, more than was ever undone since."""

MAX_ATTEMPTS = 12
"""Eleven bumps of 12.5 % make 3.6 times the first fee; past that, waiting is better than paying."""

MAX_KEY = 200


def _no_listener(_key: str, _state: State) -> None:
    pass


class Sender:
    """One account's transactions through one reader's endpoint.

    Args:
        journal: The file that remembers them. It belongs to one account on one chain; keep it as long as the key.
        confirmations: Blocks, the transaction's own included, before a receipt is believed.
        on_step: Told of each journaled step, for progress.

    Raises:
        InputError: another process uses the journal, or it belongs to another account or chain.
    """

    def __init__(
        self,
        reader: ChainReader,
        account: LocalAccount,
        journal: Path,
        *,
        confirmations: int = 1,
        clock: Clock | None = None,
        timing: Timing | None = None,
        on_step: StepListener = _no_listener,
    ) -> None:
        self.address = parse_address(account.address)
        self._reader = reader
        self._account = account
        self._gateway = Gateway(reader, self.address, confirmations=confirmations)
        self._journal = Journal(journal, chain_id=reader.deployment.chain_id, address=self.address)
        self._clock = clock or SystemClock()
        self._timing = timing or Timing()
        self._on_step = on_step
        self._endings = Endings(self._journal, self._gateway, self.address, on_step)
        self._nonces = asyncio.Lock()
        self._turns = Turns()
        self._chain_is_checked = False

    def close(self) -> None:
        """Lets go of the journal. What is in flight stays in flight; `resume` of a later sender settles it."""
        self._journal.close()

    async def send(self, key: str, call: Call) -> Receipt:
        """Has a call mined once, however often it is asked for under `key` and whatever happens in between.

        Args:
            key: Chosen by the caller, one for each thing that shall happen once: `claim:<jobId>:<milestone>:<round>`.

        Raises:
            InputError: the key stands for another call already.
            RevertError: the contract refuses; found before anything is sent, or, where the chain moved on in between,
                in the mined transaction. The first frees the key, the second is the key's outcome from then on.
            InsufficientFundsError: the account cannot pay for gas and value. Nothing was sent.
            TransactionLostError: the nonce was used by another program with the same account.
            ChainUnavailableError: no answer. Call again with the same key: it goes on where it was.
        """
        if not 0 < len(key) <= MAX_KEY:
            raise InputError(f"A key has 1 to {MAX_KEY} characters, not {len(key)}.")
        await self._check_chain()
        # Two calls with one key are one after the other, so that the second finds the first one's outcome.
        async with self._turns.take(key):
            entry = self._journal.find(key)
            if entry is not None and not same_call(entry.call, call):
                raise InputError(
                    f"The key {key!r} stands for another call already: {entry.call.description}.",
                    remedy="Use a key of its own for each thing that shall happen once.",
                )
            return await self._go_on(entry) if entry else await self._send_first(key, call)

    async def resume(self) -> list[Receipt]:
        """Settles what an earlier process left in flight, and what a reorganisation of the chain has undone since.

        Failures are logged, not raised: `send` with the same key raises them to whoever wants to know.

        Returns:
            Receipts of those that were in flight and are mined now, in the order of their nonces.
        """
        await self._check_chain()
        head = await self._reader.head()
        receipts = []
        for listed in self._journal.unsettled(since_block=max(0, head.number - REORG_BLOCKS)):
            async with self._turns.take(listed.key):
                receipt = await self._resume(listed.key)
            if receipt is not None and (receipt.block_number, State.MINED) != (listed.block_number, listed.state):
                receipts.append(receipt)
        return receipts

    def forget(self, key: str) -> None:
        """Frees the key of a transaction that failed, so that the next `send` under it makes a new one.

        Raises:
            InputError: the transaction is in flight or was mined with success.
        """
        entry = self._journal.find(key)
        if entry is None:
            return
        if entry.state not in (State.INTENT, State.FAILED):
            raise InputError(
                f"The transaction under {key!r} is {entry.state}, so its key cannot be freed.",
                remedy="Call `send` again with the same key to hear its outcome.",
            )
        self._journal.forget(key)

    # ---- going on -----------------------------------------------------------------------------------------------------

    async def _check_chain(self) -> None:
        """A local chain that starts anew keeps its id but not its first block, and its nonces start over."""
        if self._chain_is_checked:
            return
        genesis = await self._reader.block(0)
        if genesis is not None:
            self._journal.claim(
                "genesis", genesis.hash, f"The journal {self._journal.path} belongs to a chain that started otherwise"
            )
        self._chain_is_checked = True

    async def _resume(self, key: str) -> Receipt | None:
        entry = self._journal.find(key)
        if entry is None:
            return None
        try:
            return await self._go_on(entry)
        except (RevertError, InsufficientFundsError, TransactionLostError) as error:
            _log.warning("transaction_failed", key=key, description=entry.call.description, reason=str(error))
            if entry.state is State.INTENT:
                # Nothing was signed, and what was wanted is not possible any more.
                self._journal.forget(key)
            return None

    async def _go_on(self, entry: Entry) -> Receipt:
        if entry.state is State.INTENT:
            return await self._send_first(entry.key, entry.call)
        if entry.state in (State.MINED, State.FAILED):
            return await self._recheck(entry)
        return await self._wait(await self._offer(entry))

    # ---- the first time -----------------------------------------------------------------------------------------------

    async def _send_first(self, key: str, call: Call) -> Receipt:
        await self._gateway.simulate(call)
        async with self._nonces:
            gas, fees = await self._gateway.price(call)
            nonce = await self._next_nonce()
            self._journal.intend(key, call)
            self._on_step(key, State.INTENT)
            self._sign(key, call, nonce, gas, fees)
            entry = await self._offer(self._journal.get(key), is_new=True)
        return await self._wait(entry)

    async def _next_nonce(self) -> int:
        """The chain's count or the journal's next, whichever is higher, with no hole before it."""
        following = self._journal.next_nonce()
        await self._fill_nonces(following)
        _, pending = await self._gateway.nonces()
        return max(pending, following)

    async def _fill_nonces(self, end: int) -> None:
        """Offers again whatever the journal holds from the chain's count up to `end`: a reorganisation may have undone it,
        and everything after would wait behind the hole."""
        latest, _ = await self._gateway.nonces()
        for entry in self._journal.from_nonce(latest):
            if entry.signed_nonce < end:
                await self._gateway.offer(entry.attempts[-1])

    def _sign(self, key: str, call: Call, nonce: int, gas: int, fees: Fees) -> None:
        transaction: dict[str, Any] = {
            "type": 2,
            "chainId": self._reader.deployment.chain_id,
            "nonce": nonce,
            "to": call.to,
            "value": call.value,
            "data": call.data,
            "gas": gas,
            "maxFeePerGas": fees.max_fee,
            "maxPriorityFeePerGas": fees.priority_fee,
        }
        signed = self._account.sign_transaction(transaction)
        attempt = Attempt(
            transaction_hash=bytes32(bytes(signed.hash)),
            raw=bytes(signed.raw_transaction),
            gas=gas,
            fees=fees,
            signed_at=self._clock.now(),
        )
        self._journal.sign(key, nonce, attempt)
        self._on_step(key, State.SIGNED)

    # ---- offering -----------------------------------------------------------------------------------------------------

    async def _offer(self, entry: Entry, *, is_new: bool = False) -> Entry:
        """Offers the latest attempt, with higher fees where the node wants them.

        Args:
            is_new: These bytes were never offered before, so where they are refused nobody else has them.
        """
        last = entry.attempts[-1]
        if not is_new:
            await self._fill_nonces(entry.signed_nonce)
        answer = await self._gateway.offer(last)
        if answer is None:
            self._journal.mark_broadcast(entry.key)
            self._on_step(entry.key, State.BROADCAST)
            return self._journal.get(entry.key)
        refusal, refused = answer
        if refusal is Refusal.FEE_TOO_LOW and len(entry.attempts) < MAX_ATTEMPTS:
            return await self._offer(await self._raise_fees(entry), is_new=is_new)
        if refusal is Refusal.NO_FUNDS and is_new:
            self._journal.forget(entry.key)
            raise await self._gateway.cannot_pay(entry.call, entry.call.value + last.gas * last.fees.max_fee)
        is_hopeless = refusal is Refusal.FEE_TOO_LOW and entry.state is State.SIGNED
        if refusal is not Refusal.OTHER and not is_hopeless:
            # It may be mined already, or another node may hold it: waiting finds out.
            return entry
        raise RpcRefusedError(
            f"{refused.what} The transaction to {entry.call.description} is kept under {entry.key!r}.",
            code=refused.code,
            message=refused.message,
            data=refused.data,
            remedy="Call again with the same key, perhaps through another endpoint.",
        )

    async def _raise_fees(self, entry: Entry) -> Entry:
        last = entry.attempts[-1]
        fees = bumped(last.fees, await self._gateway.fresh_fees())
        self._sign(entry.key, entry.call, entry.signed_nonce, last.gas, fees)
        _log.info("fees_raised", key=entry.key, nonce=entry.nonce, max_fee=fees.max_fee, attempt=len(entry.attempts))
        return self._journal.get(entry.key)

    async def _offer_again(self, entry: Entry) -> Entry:
        """For a transaction that nobody includes: the same bytes where the node lost them, else more for its gas."""
        last = entry.attempts[-1]
        if not await self._gateway.knows(last.transaction_hash):
            # Any attempt will do, and the node may refuse the dearest one for lack of funds.
            for earlier in entry.attempts[:-1]:
                await self._gateway.offer(earlier)
        elif len(entry.attempts) < MAX_ATTEMPTS:
            entry = await self._raise_fees(entry)
        return await self._offer(entry)

    # ---- waiting ------------------------------------------------------------------------------------------------------

    async def _wait(self, entry: Entry) -> Receipt:
        watch = Watch(self._timing, now=self._clock.now())
        while True:
            look = await watch.shielded(self._gateway.look(entry.signed_nonce, entry.attempts))
            verdict = Verdict.WAIT if look is None else watch.judge(look, self._clock.now())
            if look is not None and look.receipt is not None and verdict is Verdict.DONE:
                return await self._endings.record(entry, look.receipt)
            if verdict is Verdict.LOST:
                raise self._endings.record_loss(entry)
            if verdict is Verdict.UNDONE:
                _log.warning("transaction_undone", key=entry.key, nonce=entry.nonce)
                entry = await watch.shielded(self._offer(entry)) or entry
            if verdict is Verdict.STALE:
                entry = await watch.shielded(self._offer_again(entry)) or self._journal.get(entry.key)
            await asyncio.sleep(self._timing.poll_seconds)

    # ---- outcomes -----------------------------------------------------------------------------------------------------

    async def _recheck(self, entry: Entry) -> Receipt:
        """The recorded outcome, unless the chain has been reorganised and says otherwise now."""
        receipt, error = decode_outcome(entry.recorded_outcome)
        if await self._is_undone(entry, receipt):
            _log.warning("transaction_undone", key=entry.key, nonce=entry.nonce)
            self._journal.mark_broadcast(entry.key)
            return await self._wait(await self._offer(self._journal.get(entry.key)))
        if error is not None:
            raise error
        if receipt is None:
            raise InputError(f"The journal {self._journal.path} holds neither receipt nor error for {entry.key!r}.")
        return receipt

    async def _is_undone(self, entry: Entry, receipt: Receipt | None) -> bool:
        """Whether the chain says otherwise now than the journal."""
        head = await self._reader.head()
        if receipt is None or head.number - receipt.block_number < REORG_BLOCKS:
            return not is_same_place(await self._gateway.mined(entry.attempts), receipt)
        # Deeper, a node may have dropped the receipt; an account's count it keeps.
        latest, _ = await self._gateway.nonces()
        return latest <= entry.signed_nonce
