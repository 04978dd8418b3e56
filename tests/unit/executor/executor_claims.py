"""The part of the market in memory that is about claims which are not final at once: windows, demands, faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from eth_abi.abi import decode as abi_decode
from executor_builders import LOCK, OPERATOR, address, hash_of

from tallystick.chain.calls import Call
from tallystick.errors import RevertError
from tallystick.ids import ZERO_ADDRESS, Address, Bytes32, JobId, bytes32
from tallystick.market.disputes import DemandPoint, demand_id_of
from tallystick.market.events import (
    ClaimExtended,
    JobCompleted,
    JobFaulted,
    MilestoneClaimed,
    MilestonePaid,
    StakeSlashed,
    TraceDemanded,
    TraceShown,
)
from tallystick.market.terms import JobStatus

Shown = TraceShown


def refused(name: str) -> RevertError:
    return RevertError(f"The contract refused: {name}.", name=name, arguments={})


class OpenClaims:
    """A part of `Contracts`."""

    clock: Any
    terms: dict[JobId, Any]
    states: dict[JobId, Any]
    facts: list[Any]
    credit: Counter[Address]
    done: Counter[str]
    free_stake: int
    mine: Callable[[], None]
    state: Callable[..., None]
    _reopen: Callable[[JobId], None]

    def begin_claims(self) -> None:
        self.windows: dict[tuple[JobId, int], int] = {}
        self.claims: dict[tuple[JobId, int], Any] = {}
        self.answer_by: dict[Bytes32, int] = {}
        self.shown: dict[Bytes32, bytes] = {}
        self.fees: Counter[Address] = Counter()
        self.withdrawn_fees = 0

    def _claim_openly(self, job_id: JobId, milestone: int, call: Call) -> None:
        job, held = self.states[job_id], self.terms[job_id]
        last = milestone + 1 == held.milestone_count
        next_deadline = 0 if last else job.timer + held.duration_seconds[milestone + 1]
        self.states[job_id] = replace(job, next_milestone=milestone + 1, timer=next_deadline)
        self.windows[job_id, milestone] = self.clock.now() + held.challenge_seconds
        output, manifest = claimed(call)
        self.state(
            MilestoneClaimed,
            job_id=job_id,
            operator=OPERATOR,
            milestone=milestone,
            output_root=output,
            manifest=manifest,
            next_deadline=next_deadline,
        )
        self.claims[job_id, milestone] = _claim_of(call)
        self.done[f"claim {milestone}"] += 1

    def finalize(self, job_id: JobId) -> None:
        job, held = self.states[job_id], self.terms[job_id]
        waiting = range(job.paid_milestones, job.next_milestone)
        if not waiting:
            raise refused("MilestoneSettlement_NothingClaimed")
        if self.clock.now() <= self.windows[job_id, waiting[0]]:
            raise refused("MilestoneSettlement_NotFinal")
        self.mine()
        for milestone in waiting:
            if self.clock.now() <= self.windows[job_id, milestone]:
                break
            pay = held.price_of(milestone, held.max_price)
            self.credit[OPERATOR] += pay
            job = replace(job, paid_milestones=milestone + 1)
            about = {"job_id": job_id, "operator": OPERATOR}
            self.state(MilestonePaid, **about, milestone=milestone, to_operator=pay, to_dispatcher=0)
            self.done[f"paid {milestone}"] += 1
            if milestone + 1 == held.milestone_count:
                job = replace(job, status=JobStatus.COMPLETED, operator=ZERO_ADDRESS)
                self.free_stake += LOCK
                self.state(JobCompleted, **about, surplus=0)
        self.states[job_id] = job

    def extend(self, job_id: JobId, milestone: int, seconds: int) -> None:
        """Somebody asks, so a claim is final later."""
        self.windows[job_id, milestone] += seconds
        self.state(ClaimExtended, job_id=job_id, milestone=milestone, final_at=self.windows[job_id, milestone])

    def demand(self, job_id: JobId, milestone: int, point: DemandPoint, level: int = 0) -> Bytes32:
        self.mine()
        demand_id = demand_id_of(hash_of(f"{job_id} {milestone}"), point)
        answer_by = self.clock.now() + self.terms[job_id].challenge_seconds // 4
        self.answer_by[demand_id] = answer_by
        self.extend(job_id, milestone, self.terms[job_id].challenge_seconds // 2)
        self.state(
            TraceDemanded,
            job_id=job_id,
            demand_id=demand_id,
            payer=address("challenger"),
            milestone=milestone,
            level=level,
            answer_by=answer_by,
            final_at=self.windows[job_id, milestone],
            demand=point,
        )
        return demand_id

    def show(self, demand_id: Bytes32, call: Call) -> None:
        [asked] = [f for f in self.facts if isinstance(f, TraceDemanded) and f.demand_id == demand_id]
        if demand_id in self.shown:
            raise refused("TraceDemands_Over")
        if self.clock.now() > self.answer_by[demand_id]:
            raise refused("TraceDemands_TooLate")
        self.mine()
        self.shown[demand_id] = _last_bytes(call)
        self.fees[OPERATOR] += 7
        held = {"job_id": asked.job_id, "demand_id": demand_id, "milestone": asked.milestone}
        self.state(TraceShown, **held, answer=self.shown[demand_id])

    def fault(self, job_id: JobId, milestone: int) -> None:
        """A challenger shows that a claim is wrong."""
        self.mine()
        finder = address("challenger")
        self.state(JobFaulted, job_id=job_id, operator=OPERATOR, challenger=finder, milestone=milestone, slashed=40)
        self._reopen(job_id)
        amounts = {"amount": 40, "to_finder": 20, "to_creator": 10, "to_bounty": 0, "burned": 10}
        self.state(StakeSlashed, job_id=job_id, operator=OPERATOR, finder=finder, **amounts)
        self.free_stake += LOCK - 40

    def withdraw_fees(self) -> None:
        self.mine()
        self.withdrawn_fees += self.fees.pop(OPERATOR)
        self.done["withdraw fees"] += 1


_CLAIM = "(uint16,bytes32,bytes32[],bytes32,bytes32,bytes)"


def _claim_of(call: Call) -> Any:
    """A claim's calldata: the second argument, behind the terms."""
    start = int.from_bytes(call.data[4 + 32 : 4 + 64], "big")
    [claim] = abi_decode([_CLAIM], (32).to_bytes(32, "big") + call.data[4 + start :])
    return claim


def claimed(call: Call) -> tuple[str, str]:
    """Output root and result manifest of a claim's calldata."""
    claim = _claim_of(call)
    return bytes32(claim[3]), bytes32(claim[4])


def _last_bytes(call: Call) -> bytes:
    """The answer in the calldata of `TraceDemands.answer`: its last argument, behind seven words of a demand."""
    place = 4 + 32 * (1 + 1 + 7)
    start = int.from_bytes(call.data[place : place + 32], "big")
    [answer] = abi_decode(["bytes"], (32).to_bytes(32, "big") + call.data[4 + start :])
    return bytes(answer)
