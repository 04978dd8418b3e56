"""Leads stuck jobs on: watches for calls that time has made possible and, where it has a funded key, makes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatcher.scheduling.warm import warm_call
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.receipts import Receipt
from tallystick.clock import Clock
from tallystick.errors import ChainError
from tallystick.hashing import sha256
from tallystick.ids import JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.terms import JobTerms
from tallystick.wire.api import WarmView

RETRY_SECONDS = 10
MOST_AT_ONCE = 8
"""Jobs of one transaction: each may have hundreds of milestones to pay, and all must fit one block."""

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
        warm = [_Warm(job, call) for job in self._live.values() if (call := warm_call(job, now))]
        keys = {one.key for one in warm}
        self._not_before = {key: at for key, at in self._not_before.items() if key in keys}
        due: list[_Warm] = []
        for one in warm:
            if one.key not in self._not_before:
                log.info("job_warmed", job_id=one.job.job_id, call=one.call.call, since=one.call.since)
            if now >= self._not_before.get(one.key, 0):
                self._not_before[one.key] = now + RETRY_SECONDS
                due.append(one)
        for batch in _batches(due):
            await self._lead_on(batch)

    async def _lead_on(self, batch: Sequence[_Warm]) -> None:
        if self._open_sender is None:
            return
        name = batch[0].call.call
        try:
            sender = await self._open_sender()
            receipt = await sender.send(_key_of(batch), self._chain_call(name, [one.job.terms for one in batch]))
        except ChainError as error:
            for one in batch:
                log.warning("keeper_refused", job_id=one.job.job_id, call=name, error=str(error))
            return
        for one in batch:
            log.info("job_led_on", job_id=one.job.job_id, call=name, transaction_hash=receipt.transaction_hash)

    def _chain_call(self, name: str, terms: Sequence[JobTerms]) -> Call:
        if len(terms) > 1:
            many = {"expire": self._calls.expire_many, "finalize": self._calls.finalize_many}
            return many[name](terms)
        one = {"expire": self._calls.expire, "refund": self._calls.refund, "finalize": self._calls.finalize}
        return one[name](terms[0])


@dataclass(frozen=True)
class _Warm:
    """A job that time has made stuck, and the call that leads it on."""

    job: Job
    call: WarmView

    @property
    def key(self) -> str:
        # The time is part of it: after a reorganisation the same round can run out at another one.
        return f"{self.call.call}:{self.job.job_id}:{self.job.round}:{self.call.since}"


def _batches(due: Sequence[_Warm]) -> Iterator[Sequence[_Warm]]:
    """Calls of one name for several jobs in one transaction, where the contracts have one that skips what is not due."""
    by_name: dict[str, list[_Warm]] = {}
    for one in due:
        by_name.setdefault(one.call.call, []).append(one)
    for name, group in by_name.items():
        size = MOST_AT_ONCE if name in ("expire", "finalize") else 1
        yield from (group[start : start + size] for start in range(0, len(group), size))


def _key_of(batch: Sequence[_Warm]) -> str:
    if len(batch) == 1:
        return batch[0].key
    return f"{batch[0].call.call}_many:{sha256(*(one.key.encode() for one in batch)).hex()[:32]}"
