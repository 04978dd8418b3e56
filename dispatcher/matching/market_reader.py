"""Gathers the one picture that the policy decides on, from the ledger, the announcements, the offers and the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from statistics import median

from dispatcher.indexer.briefs import BriefReader
from dispatcher.indexer.chain_clock import ChainClock
from dispatcher.indexer.progress import Progress
from dispatcher.matching.announcement_desk import AnnouncementDesk
from dispatcher.matching.history import milestone_durations
from dispatcher.matching.market import Executor, Market, Opening
from dispatcher.matching.standings import Standings
from dispatcher.store.database import Database
from dispatcher.store.entries import facts_of
from dispatcher.store.jobs import model_specs, recent_work
from dispatcher.store.offers import KeptOffer, live_offers, offers_of_rounds
from tallystick.clock import Clock
from tallystick.ids import Address, JobId, ModelId
from tallystick.market.book import Job
from tallystick.market.claims import ModelSpec
from tallystick.market.terms import JobStatus, ProofKind
from tallystick.wire.api import Announcement
from tallystick.wire.disputes import Disputes, disputes_of


class MarketReader:
    """Reads; changes nothing."""

    def __init__(
        self,
        *,
        database: Database,
        live: Mapping[JobId, Job],
        briefs: BriefReader,
        announcements: AnnouncementDesk,
        standings: Standings,
        progress: Progress,
        clock: Clock,
        chain_clock: ChainClock,
        dispatcher: Address,
    ) -> None:
        self._database = database
        self._live = live
        self._briefs = briefs
        self._announcements = announcements
        self._standings = standings
        self._progress = progress
        self._clock = clock
        self._chain_clock = chain_clock
        self._dispatcher = dispatcher

    async def read(self, jobs: Collection[Job]) -> Market:
        """The market as the named jobs meet it; only those that are open become openings."""
        return Market(
            openings=await self._openings([job for job in jobs if job.status is JobStatus.OPEN]),
            executors=await self._executors(await self._announcements.known()),
            dispatcher=self._dispatcher,
            now=self._chain_clock.now(),
            wall_now=self._clock.now(),
        )

    async def executors(self, limit: int, after: Address | None = None) -> tuple[Executor, ...]:
        """Those whose announcement counts now, by agent, from behind the agent `after` on."""
        alive = [said for said in await self._announcements.alive() if after is None or said.agent > after]
        return await self._executors(alive[:limit])

    async def milestone_seconds(self, model_id: ModelId | None) -> float | None:
        """Median time of one milestone in the model's newest finished jobs; None where there are none."""
        if model_id is None:
            return None
        histories = await self._database.run(recent_work, model_id)
        durations = [seconds for facts in histories for seconds in milestone_durations(facts)]
        return float(median(durations)) if durations else None

    async def model_spec(self, model_id: ModelId | None) -> ModelSpec | None:
        """A model's registration; None where it was not read."""
        specs = await self._database.run(model_specs, {model_id}) if model_id is not None else {}
        return next(iter(specs.values()), None)

    async def disputes(self, jobs: Collection[Job]) -> dict[JobId, Disputes]:
        """What was done about the claims of each of the jobs that is Optimistic."""
        optimistic = [job.job_id for job in jobs if job.terms.proof_kind is ProofKind.OPTIMISTIC]
        facts = await self._database.run(facts_of, optimistic) if optimistic else {}
        return {job_id: disputes_of(held) for job_id, held in facts.items()}

    async def _openings(self, jobs: Collection[Job]) -> tuple[Opening, ...]:
        briefs = await self._briefs.read(jobs)
        offers = await self._database.run(offers_of_rounds, {(job.job_id, job.round) for job in jobs})
        return tuple(
            Opening(
                job=job,
                brief=briefs[job.job_id],
                offers=tuple(offer for offer in offers if offer.job_id == job.job_id),
                confirmations_missing=self._confirmations_missing(job),
            )
            for job in jobs
        )

    def _confirmations_missing(self, job: Job) -> int:
        return max(0, self._progress.confirmations_wanted - self._progress.confirmations_of(job.updated_block))

    async def _executors(self, said: Collection[Announcement]) -> tuple[Executor, ...]:
        alive_pairs = [(one.operator, one.agent) for one in said if one.expires_at > self._clock.now()]
        standings = await self._standings.of(alive_pairs)
        offered = await self._database.run(live_offers)
        held = Counter(job.agent for job in self._live.values() if job.status is JobStatus.ASSIGNED)
        held.update(offer.agent for offer in offered)
        return tuple(
            Executor(
                announcement=one,
                standing=standings.get((one.operator, one.agent)),
                busy=held[one.agent],
                reserved_stake=self._reserved(one.operator, offered),
            )
            for one in said
        )

    def _reserved(self, operator: Address, offered: Collection[KeptOffer]) -> int:
        jobs = (self._live.get(offer.job_id) for offer in offered if offer.operator == operator)
        return sum(job.terms.stake_lock for job in jobs if job is not None)
