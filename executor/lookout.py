"""How a job stands on the chain, as one event for the machine."""

from __future__ import annotations

from executor.follower import Follower
from executor.news import ChainSays
from executor.ports import Chain
from tallystick.ids import Address, JobId
from tallystick.market.book import Job
from tallystick.service.patience import Patience


class Lookout:
    """Looks for one operator and one of its agents.

    Args:
        link: Patience with the endpoint.
    """

    def __init__(self, chain: Chain, follower: Follower, link: Patience, *, operator: Address, agent: Address) -> None:
        self._chain = chain
        self._follower = follower
        self._link = link
        self._operator = operator
        self._agent = agent

    async def look(self, job_id: JobId, cause: str, *, resumed: bool = False) -> ChainSays:
        """Waited for."""
        return await self._link.until_answered(lambda: self._look(job_id, cause, resumed))

    async def _look(self, job_id: JobId, cause: str, resumed: bool) -> ChainSays:
        # In this order the state is of the head or of a later block, never of an earlier one.
        head = await self._chain.head()
        state = await self._chain.job_state(job_id)
        known = self._follower.book.get(job_id)
        agent = known.agent if known is not None and known.round == state.round else None
        return ChainSays(
            cause=cause,
            status=state.status,
            # One operator may have several agents; which of them has the job is told by the event alone.
            mine=state.operator == self._operator and agent in (None, self._agent),
            round=state.round,
            next_milestone=state.next_milestone,
            deadline=state.deadline,
            block=head.number,
            block_time=head.time,
            given_back=known is not None and self._gave_back(known),
            standing=state.next_milestone - state.paid_milestones if state.is_pending else 0,
            fault="" if known is None else self._fault(known),
            resumed=resumed,
        )

    def _fault(self, job: Job) -> str:
        """What the newest slash was for, where a claim of ours was shown to be wrong."""
        last = job.slashes[-1] if job.slashes else None
        if last is None or not last.is_fault or last.operator != self._operator:
            return ""
        return f"{last.finder} showed that a claim was wrong; {last.amount} of the stake was slashed"

    def _gave_back(self, job: Job) -> bool:
        """An operator that was late, or let go, never takes the same job again, so the two tell its only turn's end."""
        released = any(release.operator == self._operator for release in job.releases)
        return released and self._operator not in job.failed_operators
