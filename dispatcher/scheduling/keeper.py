"""Leads stuck jobs on: watches for calls that time has made possible and, where it has a funded key, makes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from dispatcher.scheduling.warm import warm_call
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.receipts import Receipt
from tallystick.clock import Clock
from tallystick.errors import ChainError
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.wire.api import WarmView

RETRY_SECONDS = 10

log = get_logger(__name__)


class CallSender(Protocol):
    """`tallystick.chain.sender.Sender`, as far as it is used here."""

    async def send(self, key: str, call: Call) -> Receipt: ...


class Keeper:
    """Looks at the live jobs whenever it is asked to.

    Args:
        live: The live jobs, as the chain follower keeps them.
        clock: The chain's.
        open_sender: None leaves the calls to others: the job's view says that they are possible.
    """

    def __init__(
        self,
        *,
        live: Mapping[JobId, Job],
        calls: MarketCalls,
        clock: Clock,
        open_sender: Callable[[], Awaitable[CallSender]] | None,
    ) -> None:
        self._live = live
        self._calls = calls
        self._clock = clock
        self._open_sender = open_sender
        self._not_before: dict[str, int] = {}

    async def sweep(self) -> None:
        """One look. A call that does not succeed is tried again later: the chain decides, not our clock."""
        now = self._clock.now()
        warm = {_key(job, call): (job, call) for job in self._live.values() if (call := warm_call(job, now))}
        self._not_before = {key: at for key, at in self._not_before.items() if key in warm}
        for key, (job, call) in warm.items():
            if key not in self._not_before:
                log.info("job_warmed", job_id=job.job_id, call=call.call, since=call.since)
            if now >= self._not_before.get(key, 0):
                self._not_before[key] = now + RETRY_SECONDS
                await self._lead_on(key, job, call)

    async def _lead_on(self, key: str, job: Job, call: WarmView) -> None:
        if self._open_sender is None:
            return
        chain_call = self._chain_call(job, call)
        try:
            sender = await self._open_sender()
            receipt = await sender.send(key, chain_call)
        except ChainError as error:
            log.warning("keeper_refused", job_id=job.job_id, call=call.call, error=str(error))
            return
        log.info("job_led_on", job_id=job.job_id, call=call.call, transaction_hash=receipt.transaction_hash)

    def _chain_call(self, job: Job, call: WarmView) -> Call:
        make = {"expire": self._calls.expire, "refund": self._calls.refund, "finalize": self._calls.finalize}
        return make[call.call](job.terms)


def _key(job: Job, call: WarmView) -> str:
    # The time is part of it: after a reorganisation the same round can run out at another one.
    return f"{call.call}:{job.job_id}:{job.round}:{call.since}"
