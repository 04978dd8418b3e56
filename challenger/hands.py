"""Sending what was decided. Each thing has one key for ever, so that whatever happens in between it is sent once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from challenger.cases import Case, Review
from challenger.journal import Journal, Paid
from challenger.ports import Chain, Transactions
from challenger.withheld import Question
from tallystick.chain.abi import contract_abi
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.facts import hex_bytes, number
from tallystick.chain.receipts import Receipt
from tallystick.errors import (
    ChainError,
    InputError,
    RevertError,
    RpcRefusedError,
    TransactionLostError,
    WitnessError,
)
from tallystick.ids import Bytes32, raw
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.disputes import ClaimRef, DemandPoint, commitment_digest, demand_tuple
from tallystick.service.patience import Patience

log = get_logger(__name__)

Found = TypeVar("Found")

PRICE_CALL_GAS = 300_000
PRICE_MARGIN = (5, 4)
"""More than a demand costs comes back as credit; less is refused, and the base fee moves."""

_GONE = ("TraceDemands_NothingToWithdraw", "StakeManager_NothingToWithdraw", "TraceDemands_Over")
"""Refusals of what somebody else has done for us."""


class Hands:
    """
    Args:
        transactions: None where nothing may be sent.
        chain_link, sending: Patience with the endpoint's answers, and with transactions, which also wait for gas money.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        transactions: Transactions | None,
        calls: MarketCalls,
        journal: Journal,
        chain_link: Patience,
        sending: Patience,
    ) -> None:
        self._chain = chain
        self._transactions = transactions
        self._calls = calls
        self._journal = journal
        self._chain_link = chain_link
        self._sending = sending

    # ---- before anything is sent --------------------------------------------------------------------------------------

    async def check_with_judge(self, review: Review) -> None:
        """Has the contract look at the witness, without a transaction.

        Raises:
            WitnessError: it finds no such fault.
        """
        fault, claim, program_id = review.fault, review.claim, review.program_id
        if fault is None or claim is None or program_id is None:
            raise WitnessError("Missing", "There is no witness.")
        try:
            judged = await self._ask(lambda: self._chain.disputes.fault_of(program_id, claim, fault.witness))
        except RevertError as refused:
            raise WitnessError("Judge", f"The judge finds no fault in it: {refused.what}") from refused
        if (judged.kind, judged.step) != (int(fault.kind), fault.step):
            raise WitnessError("Judge", f"The judge finds another fault: kind {judged.kind} at step {judged.step}.")

    async def gas_of_proof(self, job: Job, review: Review) -> int | None:
        """What showing the fault takes as the node has it; None where it would be refused at the moment."""
        call = self._proof(job, review)
        message = {"to": call.to, "data": "0x" + call.data.hex()}
        if self._transactions is not None:
            message["from"] = self._transactions.address
        try:
            return number(await self._chain.rpc.request("eth_estimateGas", message))
        except ChainError:
            return None

    async def price_of(self, job: Job, milestone: int, point: DemandPoint) -> int:
        """What to send along with a demand, in wei.

        It goes by the base fee, which many nodes show as 0 to a call that offers no price for its gas.
        """
        function = contract_abi("TraceDemands").functions["priceOf"]
        offered = number(await self._ask(lambda: self._chain.rpc.request("eth_gasPrice")))
        message = {
            "to": self._chain.deployment.contracts.trace_demands,
            "data": "0x" + function.encode(raw(job.job_id), milestone, demand_tuple(point)).hex(),
            "gas": hex(PRICE_CALL_GAS),
            "gasPrice": hex(_with_margin(offered)),
        }
        if self._transactions is not None:
            message["from"] = self._transactions.address
        try:
            [price] = function.decode(hex_bytes(await self._chain.rpc.request("eth_call", message, "latest")))
        except RpcRefusedError:
            # Nobody to pay for such a call, as in a dry run.
            price = await self._ask(lambda: self._chain.disputes.demand_price(job.job_id, milestone, point))
        return _with_margin(int(price))

    # ---- showing a fault ----------------------------------------------------------------------------------------------

    def _proof(self, job: Job, review: Review) -> Call:
        witness, claim = _in_hand(review)
        return self._calls.prove_fault(job.terms, claim, witness)

    def salt(self, case: Case) -> bytes:
        """Of the case's commitment: the same whenever it is asked for, and known to nobody else."""
        return hashlib.sha256(self._journal.seed + b"salt" + case.key.encode()).digest()

    async def commit(self, case: Case, job: Job, review: Review) -> Receipt:
        witness, _ = _in_hand(review)
        digest = commitment_digest(witness, self._sender.address, self.salt(case))
        call = self._calls.commit_fault(job.terms, case.milestone, digest)
        return await self._send(_key("commit", case.key), call)

    async def prove(self, case: Case, job: Job, review: Review) -> Receipt:
        return await self._send(_key("prove", case.key), self._proof(job, review))

    async def prove_committed(self, case: Case, job: Job, review: Review) -> Receipt:
        witness, claim = _in_hand(review)
        call = self._calls.prove_fault_committed(job.terms, claim, witness, self.salt(case))
        return await self._send(_key("open", case.key), call)

    # ---- a withheld trace ---------------------------------------------------------------------------------------------

    async def ask(self, case: Case, job: Job, claim: ClaimRef, question: Question, wei: int) -> Receipt:
        """Asks, and pays `wei`, or what was decided on before an earlier try was cut off."""
        claim_key = await self._ask(lambda: self._chain.disputes.claim_key_of(job.job_id, case.milestone))
        purpose = _key("ask", case.key, str(question.point.node), str(question.point.index), str(claim_key))
        paid = self._journal.paid(purpose) or Paid(purpose, case.key, wei, str(claim_key))
        self._journal.note_paid(paid)
        call = self._calls.demand(job.terms, claim, question.point, question.evidence, paid.wei)
        try:
            return await self._send(purpose, call)
        except (RevertError, TransactionLostError):
            self._journal.forget_paid(purpose)
            raise

    async def slash_unanswered(self, case: Case, job: Job, point: DemandPoint) -> Receipt:
        call = self._calls.fault_unanswered(job.terms, case.milestone, point)
        return await self._send(_key("slash", case.key, str(point.node), str(point.index)), call)

    async def give_back(self, case: Case, claim_key: Bytes32, point: DemandPoint) -> None:
        call = self._calls.give_back(case.job_id, case.milestone, claim_key, point)
        await self._send_unless_done(_key("back", case.key, str(point.node), str(point.index)), call)

    # ---- money --------------------------------------------------------------------------------------------------------

    async def collect(self, case: Case) -> tuple[int, int]:
        """Takes what the account is owed: of slashes in the stake token's smallest unit, and of fees in wei."""
        account = self._sender.address
        reward = await self._ask(lambda: self._chain.reward_of(account))
        if reward:
            await self._send_unless_done(_key("reward", case.key), self._calls.withdraw_reward(account))
        credit = await self._ask(lambda: self._chain.disputes.demand_credit_of(account))
        if credit:
            await self._send_unless_done(_key("fees", case.key), self._calls.withdraw_demand_fees(account))
        return reward, credit

    # ---- sending ------------------------------------------------------------------------------------------------------

    @property
    def _sender(self) -> Transactions:
        if self._transactions is None:
            raise InputError("There is no key to send with.", remedy="Name one with --keystore.")
        return self._transactions

    async def _ask(self, ask: Callable[[], Awaitable[Found]]) -> Found:
        return await self._chain_link.until_answered(ask)

    async def _send(self, key: str, call: Call) -> Receipt:
        """Raises RevertError where it is refused; the key is free then for another try."""
        sender = self._sender
        try:
            return await self._sending.until_answered(lambda: sender.send(key, call))
        except (RevertError, TransactionLostError):
            sender.forget(key)
            raise

    async def _send_unless_done(self, key: str, call: Call) -> None:
        try:
            await self._send(key, call)
        except RevertError as refused:
            if refused.name not in _GONE:
                raise
            log.info("nothing_left", key=key, reason=refused.name)


def _in_hand(review: Review) -> tuple[bytes, ClaimRef]:
    if review.fault is None or review.claim is None:
        raise WitnessError("Missing", "There is no witness.")
    return review.fault.witness, review.claim


def _with_margin(wei: int) -> int:
    return wei * PRICE_MARGIN[0] // PRICE_MARGIN[1]


def _key(verb: str, *parts: str) -> str:
    """A transaction's key: short enough, and another for everything else."""
    return f"{verb}:{hashlib.sha256('|'.join(parts).encode()).hexdigest()}"
