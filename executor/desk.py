"""Where it is decided what to take: the policy of `acceptance.py`, asked with how things stand at the moment."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

from executor.acceptance import Accept, Decline, Findings, Policy, Standing, consider
from executor.follower import Follower
from executor.ports import Chain
from executor.schedule import Task, first_late, milestone_tasks, slack
from executor.work import UNDECIDED, WORKING, JobWork, Stage
from tallystick.clock import Clock
from tallystick.ids import JobId
from tallystick.market.book import Job
from tallystick.market.terms import Assignment

_HELD = WORKING | {Stage.ACCEPTING}
"""What counts against `max_jobs`. A job all of whose claims stand in their windows keeps its stake locked, which the chain counts,
but needs the machine no more: others can be taken."""


class Desk:
    """Keeps count of what is promised, so that two acceptances at once never promise the same stake.

    Args:
        works: The agent's jobs; only read here.
    """

    def __init__(
        self, policy: Policy, chain: Chain, follower: Follower, works: Mapping[JobId, JobWork], clock: Clock
    ) -> None:
        self.policy = policy
        self._chain = chain
        self._follower = follower
        self._works = works
        self._clock = clock
        self._deciding = asyncio.Lock()
        self._promised = {job_id for job_id, work in works.items() if work.stage is Stage.ACCEPTING}
        self._estimates: dict[JobId, float] = {}

    def now(self) -> int:
        """The time that the next block should have: a quiet chain's last block is old, a test chain's clock runs ahead."""
        head = self._follower.head
        return max(self._clock.now(), head.time if head else 0)

    async def decide(self, job: Job, assignment: Assignment | None, findings: Findings | None) -> Accept | Decline:
        """The answer; a yes with an estimate of the work is a promise until `settle`."""
        async with self._deciding:
            standing = await self._standing(job)
            answer = consider(job, policy=self.policy, standing=standing, assignment=assignment, findings=findings)
            if isinstance(answer, Accept) and findings is not None and findings.estimate_seconds is not None:
                self._promised.add(job.job_id)
                self.note_estimate(job.job_id, findings.estimate_seconds)
            return answer

    def can_spare(self, seconds: float) -> bool:
        """Whether everything already taken would still be in time if the machine did something else for so long first."""
        return first_late(self._tasks_but(None), self.now() + round(self.policy.seconds(seconds))) is None

    def spare_seconds(self) -> float:
        """How long the machine could do something else with everything already taken still in time."""
        return slack(self._tasks_but(None), self.now())

    def settle(self, work: JobWork) -> None:
        """A promise ends once the chain's own count has it, or once there is nothing to promise any more."""
        if work.stage not in UNDECIDED:
            self._promised.discard(work.job_id)

    def take_back(self, job_id: JobId) -> None:
        """Ends a promise of something that never became a job of ours."""
        self._promised.discard(job_id)

    def note_estimate(self, job_id: JobId, seconds: float) -> None:
        """What one milestone of a job that is held should take."""
        self._estimates[job_id] = seconds

    async def _standing(self, asked: Job) -> Standing:
        others = self._held_but(asked.job_id)
        promised = [self._follower.book.get(job_id) for job_id in self._promised - {asked.job_id}]
        return Standing(
            now=self.now(),
            chain_id=self._chain.deployment.chain_id,
            free_stake=await self._chain.free_stake(self.policy.operator),
            promised_stake=sum(job.terms.stake_lock for job in promised if job),
            jobs_held=len(others),
            tasks=tuple(self._tasks_but(asked.job_id)),
        )

    def _held_but(self, job_id: JobId | None) -> list[JobWork]:
        return [
            work
            for work in self._works.values()
            if work.job_id != job_id and (work.stage in _HELD or work.job_id in self._promised)
        ]

    def _tasks_but(self, job_id: JobId | None) -> list[Task]:
        return [task for work in self._held_but(job_id) for task in self._tasks(work)]

    def _tasks(self, work: JobWork) -> list[Task]:
        """What is still to be proven; work of unknown length leaves no room for more."""
        job = self._follower.book.get(work.job_id)
        if job is None or work.stage is Stage.RELEASING:
            return []
        estimate = self._estimates.get(work.job_id)
        seconds = math.inf if estimate is None else self.policy.seconds(estimate)
        return milestone_tasks(job.terms.duration_seconds[work.milestone :], work.deadline, self.now(), seconds)
