"""Which claim is looked at next, and what a look at it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from challenger.cases import Case, CaseKey, Found, Review, claim_of
from challenger.checker import Checker, Progress, Subject
from challenger.follower import Follower
from challenger.journal import Journal
from challenger.ports import Chain
from challenger.pursuit import Pursuit
from challenger.sighting import ref_of
from challenger.strategy import Policy, look_again_at
from tallystick.dispute.economics import Pending, is_sampled, order
from tallystick.errors import ChainError
from tallystick.ids import ModelId
from tallystick.market.book import Job, StandingClaim
from tallystick.market.claims import ModelSpec
from tallystick.service.threads import in_thread


class Docket:
    """The claims that wait.

    Args:
        progress: Told how far a look is.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        follower: Follower,
        journal: Journal,
        checker: Checker,
        pursuit: Pursuit,
        policy: Policy,
        progress: Progress,
    ) -> None:
        self._chain = chain
        self._follower = follower
        self._journal = journal
        self._checker = checker
        self._pursuit = pursuit
        self._policy = policy
        self._progress = progress
        self._specs: dict[ModelId, ModelSpec] = {}
        self._subjects: dict[CaseKey, Subject] = {}

    @property
    def now(self) -> int:
        """Of the newest block."""
        return self._follower.head.time if self._follower.head else 0

    def standing(self, case: Case) -> tuple[Job, StandingClaim] | None:
        """The claim with its job; None where it does not stand any more."""
        job = self._follower.book.get(case.job_id)
        claim = None if job is None else claim_of(job, case.key)
        return None if job is None or claim is None else (job, claim)

    def has_asked(self, case: Case) -> bool:
        """Whether anything was paid for answers: whoever has goes by them, and computes nothing again."""
        return bool(self._journal.paid_for(case.key))

    # ---- the next one -------------------------------------------------------------------------------------------------

    def next_look(self, cases: Iterable[Case], rests: Callable[[Case], bool]) -> Case | None:
        """The most urgent of those that wait for a look, by value at stake against time left."""
        waiting: dict[bytes, Case] = {}
        pending = []
        for case in cases:
            found = self.standing(case)
            if found is not None and self._wants_look(case, rests) and self.now <= found[1].final_at:
                pending.append(self._pending(case, *found))
                waiting[pending[-1].key] = case
        first = next(iter(order(pending, self.now)), None)
        return None if first is None else waiting[first.key]

    def _wants_look(self, case: Case, rests: Callable[[Case], bool]) -> bool:
        if case.review is None:
            return not rests(case)
        return case.review.again_at is not None and case.review.again_at <= self.now and not self.has_asked(case)

    def _pending(self, case: Case, job: Job, claim: StandingClaim) -> Pending:
        spec = self._specs.get(job.terms.model_id)
        seconds = math.ceil(self._checker.seconds_of(spec.program_id)) if spec else 1
        deadline = claim.final_at - self._policy.margin_seconds
        return Pending(case.key.encode(), job.terms.stake_lock, deadline, max(1, seconds))

    # ---- a look -------------------------------------------------------------------------------------------------------

    async def review(self, case: Case) -> Review | None:
        """What looking at a claim comes to; None where it does not stand any more. Raises ChainError."""
        found = self.standing(case)
        if found is None:
            return None
        if not is_sampled(case.key.encode(), self._journal.seed, self._policy.sample_bps):
            return Review(Found.NOT_SAMPLED, "It is not in the sample.", self.now)
        subject = await self.subject(case, *found)
        return await in_thread(lambda: self._checker.look(subject, self._progress), "look")

    async def subject(self, case: Case, job: Job, claim: StandingClaim) -> Subject:
        """The claim with everything that a look needs. Raises ChainError."""
        held = self._subjects.get(case.key)
        if held is None:
            ref = ref_of(self._follower.disputes(job.job_id), claim)
            if ref is None:
                raise ChainError(
                    f"The settlement did not say what {case.key} is made of.",
                    remedy="Start with a new home folder, so that the chain is read from the start.",
                )
            spec = await self.spec(job.terms.model_id)
            held = Subject(case.key, job, claim, ref, spec, self.now, self.now)
            self._subjects[case.key] = held
        stakes = await self._pursuit.stakes(job, claim)
        return replace(held, job=job, claim=claim, now=self.now, again_at=look_again_at(self.now, stakes))

    async def spec(self, model_id: ModelId) -> ModelSpec:
        """Of a model, asked once. Raises ChainError."""
        if model_id not in self._specs:
            self._specs[model_id] = await self._chain.model_spec(model_id)
        return self._specs[model_id]

    def forget(self, key: CaseKey) -> None:
        """A claim that is over."""
        self._checker.forget(key)
        self._subjects.pop(key, None)
