"""Claims that stand in their windows: waiting until they are final, and having them paid."""

from __future__ import annotations

import asyncio

from executor.desk import Desk
from executor.follower import Follower
from executor.lookout import Lookout
from executor.news import Event, Finalized
from executor.sending import SETTLED, Sending
from executor.work import Instruction
from tallystick.chain.calls import MarketCalls
from tallystick.chain.receipts import Receipt
from tallystick.errors import RevertError
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job, StandingClaim
from tallystick.market.events import MilestonePaid
from tallystick.service.patience import Sleep

log = get_logger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at a claim's window, which demands may make longer."""

_NOTHING_CLAIMED = "MilestoneSettlement_NothingClaimed"


class Settler:
    """Has final claims of one agent's jobs paid. Anyone may, and nobody else has a reason to."""

    def __init__(
        self,
        desk: Desk,
        follower: Follower,
        lookout: Lookout,
        sending: Sending,
        calls: MarketCalls,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._desk = desk
        self._follower = follower
        self._lookout = lookout
        self._sending = sending
        self._calls = calls
        self._sleep = sleep

    async def until_final(self, told: Instruction) -> Event:
        """Waits for the first claim's window to end, however often that moves, and pays what is final."""
        while True:
            claims = self._claims(told.job_id)
            if not claims:
                # The book is behind the chain or before it: the chain itself decides.
                return await self._lookout.look(told.job_id, told.cause)
            if self._desk.now() > claims[0].final_at:
                return await self._finalize(told, claims)
            await self._sleep(LOOK_SECONDS)

    async def _finalize(self, told: Instruction, claims: tuple[StandingClaim, ...]) -> Event:
        try:
            receipt = await self._send(told, self._follower.book[told.job_id], claims[0].milestone)
        except SETTLED as error:
            if isinstance(error, RevertError) and error.name != _NOTHING_CLAIMED:
                # Most likely our clock is ahead of the newest block's time. The machine tries again after a pause.
                raise
            return await self._lookout.look(told.job_id, told.cause)
        left = len(claims) - _paid(receipt, told.job_id)
        if left:
            # Before the book has the payment, it would be made once more, under the same key and to no effect.
            await self._until_read(receipt.block_number)
        return Finalized(cause=told.cause, turn=told.turn, block=receipt.block_number, left=left)

    async def _until_read(self, block: int) -> None:
        while self._follower.head is None or self._follower.head.number < block or not self._follower.caught_up:
            await self._sleep(LOOK_SECONDS)

    async def finalize_early(self, told: Instruction) -> None:
        """Pays what is final while later milestones are still being made. What fails is done at the end."""
        claims = self._claims(told.job_id)
        if not claims or self._desk.now() <= claims[0].final_at:
            return
        try:
            receipt = await self._send(told, self._follower.book[told.job_id], claims[0].milestone)
        except SETTLED as error:
            log.debug("finality_missed", job_id=told.job_id, trouble=str(error))
        else:
            log.info("milestones_paid", job_id=told.job_id, count=_paid(receipt, told.job_id))

    def _claims(self, job_id: JobId) -> tuple[StandingClaim, ...]:
        job = self._follower.book.get(job_id)
        return () if job is None else job.claims

    async def _send(self, told: Instruction, job: Job, first: int) -> Receipt:
        key = f"finalize:{told.job_id}:{told.round}:{first}"
        return await self._sending.send(key, told.attempt, self._calls.finalize(job.terms))


def _paid(receipt: Receipt, job_id: JobId) -> int:
    return sum(1 for fact in receipt.facts if isinstance(fact, MilestonePaid) and fact.job_id == job_id)
