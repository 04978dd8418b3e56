"""Answers demands, by itself and beside all other work, from the traces that are kept. `defend.py` decides which."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from executor.defend import Duty, Trouble, after_failure, alert, duties, next_answers
from executor.desk import Desk
from executor.follower import Follower
from executor.journal import Journal
from executor.sending import SETTLED, Sending
from tallystick.chain.calls import MarketCalls
from tallystick.dispute.demand_packing import pack_answer, read_demand
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.levels import check_answer
from tallystick.engine.program import Program, RefKind
from tallystick.errors import ModelError, RevertError, TallystickError
from tallystick.ids import Address, Bytes32, raw
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.disputes import DemandPoint
from tallystick.service.patience import Sleep
from tallystick.service.threads import in_thread

log = get_logger(__name__)

LOOK_SECONDS = 1.0
TRACES_HELD = 2
"""In memory, with their trees; a whole trace and half of it again each."""

SETTLED_ERRORS = ("TraceDemands_Over", "TraceDemands_NotStanding")
"""Somebody else answered, or the claim is paid or void: there is nothing left to do."""

Hold = Callable[[Job, int], Awaitable[HeldTrace]]
"""The trace that a milestone of a job was claimed with."""


@dataclass(eq=False)
class _Claimed:
    """One claim's trace, read once for all that ask about it; its trees are made by one at a time."""

    trace: asyncio.Future[HeldTrace]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Defender:
    """One agent's defence.

    Args:
        agent: That made the claims.
    """

    def __init__(
        self,
        *,
        agent: Address,
        follower: Follower,
        desk: Desk,
        hold: Hold,
        sending: Sending,
        calls: MarketCalls,
        journal: Journal,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._agent = agent
        self._follower = follower
        self._desk = desk
        self._hold = hold
        self._sending = sending
        self._calls = calls
        self._journal = journal
        self._sleep = sleep
        self._busy: set[Bytes32] = set()
        self._over: set[Bytes32] = set()
        self._troubles: dict[Bytes32, Trouble] = {}
        self._attempts: dict[Bytes32, int] = {}
        self._claimed: OrderedDict[tuple[str, int, Bytes32], _Claimed] = OrderedDict()
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                if self._follower.caught_up:
                    for duty in self.look():
                        tasks.create_task(self._answer(duty))
                await self._sleep(LOOK_SECONDS)

    def look(self) -> list[Duty]:
        """What has to be begun now, which is taken as begun."""
        now, waiting = self._desk.now(), self._waiting()
        self._forget(waiting)
        self._say(waiting, now)
        begun = next_answers(waiting, now=now, busy=self._busy, troubles=self._troubles)
        self._busy.update(duty.demand_id for duty in begun)
        return begun

    def _waiting(self) -> list[Duty]:
        operator = self._desk.policy.operator
        demands = [d for d in self._follower.demands.values() if d.demand_id not in self._over]
        return duties(demands, self._follower.book, operator=operator, agent=self._agent)

    def _forget(self, waiting: list[Duty]) -> None:
        open_ids = {duty.demand_id for duty in waiting}
        self._troubles = {held: trouble for held, trouble in self._troubles.items() if held in open_ids}
        self._over &= set(self._follower.demands)
        if not waiting and not self._busy:
            self._claimed.clear()

    def _say(self, waiting: list[Duty], now: int) -> None:
        """Alerts that are new go to the log and the journal; those that are over leave it."""
        said = {f"demand {d.demand_id}": alert(d, self._troubles.get(d.demand_id), now) for d in waiting}
        alerts = {name: text for name, text in said.items() if text}
        if alerts == self._told:
            return
        for name, text in alerts.items():
            if self._told.get(name) != text:
                log.error("demand_unanswered", demand=name.removeprefix("demand "), trouble=text)
        self._journal.put_alerts("demand ", alerts)
        self._told = alerts

    # ---- one demand -------------------------------------------------------------------------------------------------

    async def _answer(self, duty: Duty) -> None:
        try:
            await self._show(duty)
        except RevertError as error:
            if error.name in SETTLED_ERRORS:
                self._over.add(duty.demand_id)
            else:
                self._fail(duty, str(error))
        except TallystickError as error:
            self._fail(duty, str(error))
        except Exception as error:  # one demand's fault must not leave the others unanswered
            log.exception("answer_failed", demand=duty.demand_id)
            self._fail(duty, f"{type(error).__name__}: {error}")
        finally:
            self._busy.discard(duty.demand_id)

    async def _show(self, duty: Duty) -> None:
        demand = duty.demand
        shown = await self._shown(duty)
        call = self._calls.show(duty.job.terms, demand.milestone, demand.demand, shown)
        attempt = self._attempts.get(duty.demand_id, 0)
        try:
            receipt = await self._sending.send(f"show:{duty.demand_id}", attempt, call)
        except SETTLED:
            self._attempts[duty.demand_id] = attempt + 1
            raise
        self._over.add(duty.demand_id)
        self._troubles.pop(duty.demand_id, None)
        log.info(
            "demand_answered",
            job_id=demand.job_id,
            milestone=demand.milestone,
            demand=duty.demand_id,
            level=demand.level,
            bytes=len(shown),
            block=receipt.block_number,
        )

    def _fail(self, duty: Duty, what: str) -> None:
        former = self._troubles.get(duty.demand_id)
        self._troubles[duty.demand_id] = after_failure(former, what, now=self._desk.now(), deadline=duty.deadline)

    async def _shown(self, duty: Duty) -> bytes:
        claimed = self._trace_of(duty)
        try:
            held = await asyncio.shield(claimed.trace)
        except TallystickError:
            self._claimed.pop(_key(duty), None)
            raise
        async with claimed.turn:
            return await in_thread(lambda: packed_answer(held, duty.demand.demand), "answer")

    def _trace_of(self, duty: Duty) -> _Claimed:
        claimed = self._claimed.get(_key(duty))
        if claimed is None:
            trace = asyncio.ensure_future(self._hold(duty.job, duty.demand.milestone))
            claimed = self._claimed[_key(duty)] = _Claimed(trace)
            while len(self._claimed) > TRACES_HELD:
                self._claimed.popitem(last=False)
        self._claimed.move_to_end(_key(duty))
        return claimed


def _key(duty: Duty) -> tuple[str, int, Bytes32]:
    return duty.job.job_id, duty.claim.milestone, duty.claim.transaction_hash


def packed_answer(held: HeldTrace, point: DemandPoint) -> bytes:
    """What `TraceDemands.answer` takes. Raises ModelError where the trace is not what the demand is about."""
    words = (point.list, point.of_list, point.tensor, point.count, point.height, point.index, raw(point.node))
    demand = read_demand(words, _length(held.trace.program, point.list))
    found = answer(held, demand)
    if not check_answer(demand, found):
        raise ModelError(
            "The trace that is kept is not the one that was claimed.", remedy="Look for its disk's faults."
        )
    return pack_answer(found)


def _length(program: Program, kind: int) -> int:
    lists = {RefKind.INPUT: program.inputs, RefKind.CONSTANT: program.constants, RefKind.STEP: program.steps}
    return next((len(items) for each, items in lists.items() if each == kind), 0)
