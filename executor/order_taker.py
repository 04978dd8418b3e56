"""Takes orders: rehearsed like any job, then posted and accepted in one transaction. What follows is the agent's work, which
finds the job on the chain as its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from executor.acceptance import LATER_SECONDS, Decline
from executor.desk import Desk
from executor.follower import Follower
from executor.judge import Judge
from executor.order_checks import OrderChain, check_order
from executor.orders import OrderBox, WaitingOrder
from executor.ports import Transactions
from tallystick.chain.calls import MarketCalls
from tallystick.errors import (
    ChainError,
    ChainUnavailableError,
    InputError,
    RevertError,
    RpcRefusedError,
    TallystickError,
)
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.service.patience import Patience, Sleep

log = get_logger(__name__)

LOOK_SECONDS = 1.0

_TOO_EARLY = "JobEscrow_OrderNotStarted"
_PASSING = (ChainUnavailableError, RpcRefusedError)


class OrderTaker:
    """One agent's orders.

    Args:
        forget: Removes what was fetched for a job that did not become ours.
        sending: Patience with transactions.
    """

    def __init__(
        self,
        *,
        box: OrderBox,
        chain: OrderChain,
        judge: Judge,
        desk: Desk,
        follower: Follower,
        transactions: Transactions,
        calls: MarketCalls,
        sending: Patience,
        forget: Callable[[JobId], Awaitable[None]],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._box = box
        self._chain = chain
        self._judge = judge
        self._desk = desk
        self._follower = follower
        self._transactions = transactions
        self._calls = calls
        self._sending = sending
        self._forget = forget
        self._sleep = sleep
        self._not_before: dict[JobId, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # Before it has caught up, the book may lack a job that was taken by its order long ago.
            if self._follower.caught_up:
                await self.step()
            await self._sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """One look at every order that waits."""
        waiting = self._box.waiting()
        self._not_before = {one.job_id: self._not_before.get(one.job_id, 0) for one in waiting}
        for order in waiting:
            if self._desk.now() < self._not_before[order.job_id]:
                continue
            try:
                await self._look_at(order)
            except Exception:  # one order's fault must not end the agent
                log.exception("order_failed", job_id=order.job_id)
                self._not_before[order.job_id] = self._desk.now() + LATER_SECONDS

    async def _look_at(self, order: WaitingOrder) -> None:
        known = self._follower.book.get(order.job_id)
        if known is not None:
            self._settle_known(order, known)
            return
        now = self._desk.now()
        if now < order.signed.order.starts_at:
            self._not_before[order.job_id] = order.signed.order.starts_at
            return
        try:
            await check_order(self._chain, order.signed, now)
        except _PASSING:
            self._not_before[order.job_id] = now + LATER_SECONDS
        except TallystickError as error:
            await self._refuse(order, str(error))
        else:
            await self._judge_and_take(order)

    async def _judge_and_take(self, order: WaitingOrder) -> None:
        answer = await self._judge.judge(order.as_job())
        if not isinstance(answer, Decline):
            await self._take(order)
        elif answer.retry_at is None:
            await self._refuse(order, answer.reason)
        else:
            log.info("order_waits", job_id=order.job_id, reason=answer.reason, until=answer.retry_at)
            self._not_before[order.job_id] = answer.retry_at

    async def _take(self, order: WaitingOrder) -> None:
        call = self._calls.accept_order(order.signed, self._desk.policy.operator)
        key = f"order:{order.job_id}:{order.put_at}"
        try:
            receipt = await self._sending.until_answered(lambda: self._transactions.send(key, call))
        except (ChainError, InputError) as error:
            self._desk.take_back(order.job_id)
            if isinstance(error, RevertError) and error.name == _TOO_EARLY:
                # Our clock is ahead of the newest block's time.
                self._not_before[order.job_id] = self._desk.now() + LATER_SECONDS
            else:
                await self._refuse(order, str(error))
            return
        log.info("order_taken", job_id=order.job_id, block=receipt.block_number)
        self._box.answer(order.job_id, taken=True, reason=f"posted and accepted in block {receipt.block_number}")

    async def _refuse(self, order: WaitingOrder, reason: str) -> None:
        log.info("order_refused", job_id=order.job_id, reason=reason)
        self._box.answer(order.job_id, taken=False, reason=reason)
        await self._forget(order.job_id)

    def _settle_known(self, order: WaitingOrder, job: Job) -> None:
        ours = job.operator == self._desk.policy.operator
        reason = "it is ours" if ours else f"it was posted before and is {job.status.name.lower()}"
        self._box.answer(order.job_id, taken=ours, reason=reason)
