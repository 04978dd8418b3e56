"""Watching all claims at once: each is looked at in its turn, and pursued as far as it is worth it.

Looks are one at a time, because they take every core; what is sent about different claims does not wait for one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from challenger.cases import Case, CaseKey, Found, case_key
from challenger.docket import Docket
from challenger.follower import Follower
from challenger.journal import Journal
from challenger.pursuit import Plan, Pursuit, is_too_early
from challenger.strategy import Decision, Do
from tallystick.errors import ChainUnavailableError, RpcRefusedError, TallystickError
from tallystick.ids import Address, JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.service.patience import Patience

log = get_logger(__name__)

MOST_FAILURES = 8
"""Of what was sent about one claim and refused, before it is left alone until the next start."""

MOST_EARLY = 100
"""Looks for the block behind a commitment; a chain that makes none is not waited for."""
AFTER_A_BREAK_SECONDS = 60

Tell = Callable[[Case, Plan, str], None]
"""Told of each decision about a claim, and of what came of it where something was done."""


class Watcher:
    """
    Args:
        account: Ours; None where nothing is sent.
        sends: Whether what is decided is done; if not, it is told and nothing more.
        tell: For people.
        only: Which claims are looked at.
    """

    def __init__(
        self,
        *,
        follower: Follower,
        journal: Journal,
        docket: Docket,
        pursuit: Pursuit,
        account: Address | None,
        chain_link: Patience,
        sends: bool,
        tell: Tell,
        only: Callable[[JobId, int], bool] = lambda *_: True,
    ) -> None:
        self._follower = follower
        self._journal = journal
        self._docket = docket
        self._pursuit = pursuit
        self._account = account
        self._chain_link = chain_link
        self._sends = sends
        self._tell = tell
        self._only = only
        self._pursuing: dict[CaseKey, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._changes = 0
        self._waits_for_block = False
        self._early: dict[CaseKey, int] = {}
        self._failures: dict[CaseKey, int] = {}
        self._resting: dict[CaseKey, int] = {}
        self._told: dict[CaseKey, str] = {}

    # ---- the loop -----------------------------------------------------------------------------------------------------

    async def run(self, poll_seconds: float) -> None:
        """Until cancelled."""
        try:
            while True:
                await self.step()
                if self._follower.caught_up:
                    await asyncio.sleep(poll_seconds)
        finally:
            await self._stop()

    async def run_once(self, poll_seconds: float) -> None:
        """Until every claim that stands was looked at, and there is nothing to do about any but to wait."""
        try:
            while True:
                before = self._changes
                await self.step()
                await self._finished()
                if (
                    self._follower.caught_up
                    and self._changes == before
                    and self._docket.next_look(self._cases(), self._rests) is None
                ):
                    return
                if self._waits_for_block:
                    await asyncio.sleep(poll_seconds)
        finally:
            await self._stop()

    async def step(self) -> None:
        """One look at the chain, and at everything that follows from it at once."""
        await self._chain_link.until_answered(self._follower.poll)
        if not self._follower.caught_up:
            return
        self._open_cases()
        self._look_on()
        for case in self._cases():
            self._pursue(case)
        self._follower.forget_buried({case.job_id for case in self._journal.open_cases()})

    def _cases(self) -> list[Case]:
        return [case for case in self._journal.open_cases() if self._only(case.job_id, case.milestone)]

    @property
    def now(self) -> int:
        """Of the newest block."""
        return self._follower.head.time if self._follower.head else 0

    async def _finished(self) -> None:
        running = self._running()
        if running:
            await asyncio.wait(running)

    def _running(self) -> list[asyncio.Task[None]]:
        return [*self._pursuing.values(), *([self._looking] if self._looking else [])]

    async def _stop(self) -> None:
        running = self._running()
        for work in running:
            work.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _open_cases(self) -> None:
        """A case for each claim that stands; one that was over stands again where the chain was reorganised."""
        for job in self._follower.standing():
            for claim in job.claims:
                if not self._only(job.job_id, claim.milestone):
                    continue
                key = case_key(job.job_id, claim)
                case = self._journal.case(key)
                if case is None:
                    log.info("claim_seen", about=key, final_at=claim.final_at)
                    self._journal.put_case(Case(key, job.job_id, claim.milestone, claimed_at=claim.claimed_at))
                elif case.is_over:
                    log.warning("claim_stands_again", about=key, outcome=case.outcome)
                    self._journal.put_case(replace(case, outcome="", won=False))

    # ---- looking ------------------------------------------------------------------------------------------------------

    def _look_on(self) -> None:
        if self._looking is None:
            case = self._docket.next_look(self._cases(), self._rests)
            if case is not None:
                self._looking = asyncio.create_task(self._look(case))

    async def _look(self, case: Case) -> None:
        try:
            review = await self._docket.review(case)
            if review is not None:
                log.info("claim_looked_at", about=case.key, found=review.found, seconds=review.seconds)
                self._journal.put_case(replace(self._journal.case(case.key) or case, review=review))
        except TallystickError as error:
            # The endpoint's or the node's trouble, not the claim's: it waits for its next turn.
            log.warning("look_failed", about=case.key, reason=str(error))
            self._resting[case.key] = self.now + 2
            self._journal.put_case(replace(self._journal.case(case.key) or case, last_word=str(error)))
        except Exception:
            # A fault of this program that somebody's artifacts have found: the other claims are watched all the same.
            log.exception("look_broke", about=case.key)
            self._resting[case.key] = self.now + AFTER_A_BREAK_SECONDS
        finally:
            self._looking, self._changes = None, self._changes + 1

    def _rests(self, case: Case) -> bool:
        return self._resting.get(case.key, 0) > self.now

    # ---- pursuing -----------------------------------------------------------------------------------------------------

    def _pursue(self, case: Case) -> None:
        if case.key in self._pursuing or self._rests(case):
            return
        if self._failures.get(case.key, 0) >= MOST_FAILURES:
            return
        stands = self._docket.standing(case) is not None
        if stands and (case.review is None or case.review.found not in (Found.FAULT, Found.WITHHELD)):
            self._tell_once(case)
            return
        self._pursuing[case.key] = asyncio.create_task(self._guarded(case, stands=stands))

    async def _guarded(self, case: Case, *, stands: bool) -> None:
        try:
            await (self._take_next_step(case) if stands else self._end(case))
        except TallystickError as error:
            self._failed(case, error)
        except Exception:
            log.exception("pursuit_broke", about=case.key)
            self._resting[case.key] = self.now + AFTER_A_BREAK_SECONDS
        finally:
            self._pursuing.pop(case.key, None)

    def _failed(self, case: Case, error: TallystickError) -> None:
        self._waits_for_block = is_too_early(error) and self._early.setdefault(case.key, 0) < MOST_EARLY
        if self._waits_for_block:
            self._early[case.key] += 1
            self._changes += 1
            return
        if isinstance(error, ChainUnavailableError | RpcRefusedError):
            # The endpoint's trouble, which says nothing about the claim.
            log.warning("pursuit_put_off", about=case.key, reason=str(error))
            self._resting[case.key] = self.now + 2
            return
        failures = self._failures[case.key] = self._failures.get(case.key, 0) + 1
        log.warning("pursuit_failed", about=case.key, reason=str(error), failures=failures)
        self._resting[case.key] = self.now + min(60, 2**failures)
        self._journal.put_case(replace(self._journal.case(case.key) or case, last_word=str(error)))

    async def _take_next_step(self, case: Case) -> None:
        found = self._docket.standing(case)
        if found is None:
            return
        job, claim = found
        subject = None
        if case.review is not None and case.review.found is Found.WITHHELD:
            until = claim.claimed_at + self._grace(job)
            if case.review.looked_at <= until and not self._docket.has_asked(case):
                reason = f"{case.review.reason} It may be on its way: it is looked for once more."
                self._note(case, Plan(Decision(Do.WAIT, reason, until), case.review), "")
                return
            subject = await self._docket.subject(case, job, claim)
        plan = await self._pursuit.plan(case, job, subject, self.now)
        if plan.decision.do in (Do.LEAVE, Do.WAIT) or not self._sends:
            self._note(case, plan, "")
            return
        log.info("decision_made", about=case.key, do=plan.decision.do, reason=plan.decision.reason)
        done = await self._pursuit.carry_out(self._journal.case(case.key) or case, job, plan)
        self._failures.pop(case.key, None)
        self._changes += 1
        self._note(case, plan, done)

    def _grace(self, job: Job) -> int:
        """How long after a claim a trace may still be on its way to the store."""
        return min(30, job.terms.challenge_seconds // 8)

    def _note(self, case: Case, plan: Plan, done: str) -> None:
        word = done or plan.decision.reason
        if self._told.get(case.key) == word:
            return
        self._told[case.key] = word
        held = self._journal.case(case.key) or case
        self._journal.put_case(replace(held, last_word=word))
        log.info("claim_considered", about=case.key, do=plan.decision.do, reason=plan.decision.reason, done=done)
        self._tell(replace(held, last_word=word), plan, done)

    def _tell_once(self, case: Case) -> None:
        found = self._docket.standing(case)
        if case.review is not None:
            self._note(case, Plan.of_review(case.review), "")
        elif found is not None and self.now > found[1].final_at:
            reason = f"It is final since {found[1].final_at}: nobody can show it to be wrong any more."
            self._note(case, Plan(Decision(Do.LEAVE, reason), None), "")

    # ---- the end ------------------------------------------------------------------------------------------------------

    async def _end(self, case: Case) -> None:
        """What became of a claim that does not stand any more; what is due is collected first."""
        outcome, won = self._outcome(case)
        if self._sends and (won or self._docket.has_asked(case)):
            reward, fees = await self._pursuit.settle(case)
            log.info("rewards_collected", about=case.key, reward=reward, fees_wei=fees)
            outcome += f"; collected {reward} of the stake token (in its smallest unit) and {fees} wei of fees"
        self._changes += 1
        self._docket.forget(case.key)
        held = self._journal.case(case.key) or case
        self._journal.put_case(replace(held, outcome=outcome, won=won, last_word=outcome))
        log.info("claim_over", about=case.key, outcome=outcome, won=won)

    def _outcome(self, case: Case) -> tuple[str, bool]:
        job = self._follower.book.get(case.job_id)
        for fact in self._follower.faults(case.job_id):
            if fact.at.block_time >= case.claimed_at:
                if fact.milestone == case.milestone:
                    won = fact.challenger == self._account
                    return f"shown to be wrong by {'us' if won else fact.challenger}", won
                if fact.milestone < case.milestone:
                    return f"void: milestone {fact.milestone} was shown to be wrong", False
        transaction = case.key.rpartition(":")[2]
        paid = job is not None and any(each.claim_transaction_hash == transaction for each in job.payments)
        return ("final and paid" if paid else "void"), False
