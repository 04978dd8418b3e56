"""What is done about one claim after it was looked at, up to the last coin. Decides nothing: `strategy.py` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from challenger.cases import Case, Found, Review, ShownFault, claim_of
from challenger.checker import Checker, Progress, Subject
from challenger.follower import Follower
from challenger.hands import Hands
from challenger.journal import Journal
from challenger.ports import Chain
from challenger.strategy import (
    COLLECT_GAS,
    Asking,
    Commitments,
    Decision,
    Do,
    Policy,
    Stakes,
    ask_on,
    leave_alone,
    outlook,
    show_fault,
)
from challenger.withheld import Question
from tallystick.chain.fees import suggest_fees
from tallystick.errors import RevertError, TallystickError, WitnessError
from tallystick.ids import Address, Bytes32
from tallystick.logs import get_logger
from tallystick.market.book import Job, StandingClaim
from tallystick.market.disputes import DemandPoint, demand_id_of
from tallystick.market.events import DemandReturned, DemandUnanswered, FaultCommitted, TraceDemanded, TraceShown
from tallystick.service.threads import in_thread

log = get_logger(__name__)

_NOT_YET = "TraceDispute_NotCommitted"
"""The commitment is not in an earlier block yet."""


@dataclass(frozen=True)
class Plan:
    """What is to be done about a claim, with what it takes.

    Attributes:
        question: Where the decision is to ask, to wait for an answer, or to slash for the lack of one.
        price: Of the question, in wei.
        gas: Of what would be sent, as far as it is known.
        net: What is left of the share after all costs, in the unit of who asks; None where nobody said what that is.
        stakes: Of the claim; None where nothing was looked at.
    """

    decision: Decision
    review: Review | None
    stakes: Stakes | None = None
    question: Question | None = None
    price: int = 0
    gas: int | None = None
    net: int | None = None

    @classmethod
    def of_review(cls, review: Review) -> Plan:
        """Where there is nothing to do whatever it costs."""
        return cls(leave_alone(review), review)


@dataclass(frozen=True)
class Asked:
    """A demand of a claim, whoever made it."""

    demand: TraceDemanded
    answer: TraceShown | None
    is_over: bool


class Pursuit:
    """
    Args:
        account: Ours; None where nothing may be sent.
        progress: Told how far a computation is.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        follower: Follower,
        journal: Journal,
        checker: Checker,
        hands: Hands,
        policy: Policy,
        account: Address | None,
        progress: Progress,
    ) -> None:
        self._progress = progress
        self._chain = chain
        self._follower = follower
        self._journal = journal
        self._checker = checker
        self._hands = hands
        self._policy = policy
        self._account = account
        self._judged: dict[str, ShownFault] = {}

    # ---- deciding -----------------------------------------------------------------------------------------------------

    async def plan(self, case: Case, job: Job, subject: Subject | None, now: int) -> Plan:
        """What to do about a claim that stands.

        Args:
            subject: The claim; needed where a trace is withheld.

        Raises:
            TallystickError: it cannot be told at the moment.
        """
        review, claim = case.review, claim_of(job, case.key)
        if review is None or claim is None:
            return Plan(Decision(Do.WAIT, "It was not looked at yet."), review)
        stakes = await self.stakes(job, claim)
        if review.found is Found.FAULT:
            return await self._plan_proof(case, job, review, stakes, now)
        if review.found is Found.WITHHELD and subject is not None:
            return await self._plan_question(case, job, subject, stakes, now)
        return Plan(leave_alone(review), review, stakes)

    async def stakes(self, job: Job, claim: StandingClaim) -> Stakes:
        """What a claim is about, at the most that is offered for gas now."""
        economy = await self._chain.economy_of(job.economy_version)
        return Stakes(
            claimed_at=claim.claimed_at,
            final_at=claim.final_at,
            window=job.terms.challenge_seconds,
            lock=job.terms.stake_lock,
            challenger_bps=economy.fault_challenger_bps,
            gas_price=(await suggest_fees(self._chain.rpc)).max_fee,
        )

    async def _plan_proof(self, case: Case, job: Job, review: Review, stakes: Stakes, now: int) -> Plan:
        review = await self._judge(case, job, review)
        decision = show_fault(review, stakes, self._commitments(case, stakes), self._policy, now)
        gas = review.fault.gas if review.fault else 0
        net = outlook(stakes, self._policy, gas + COLLECT_GAS).net
        return Plan(decision, review, stakes, gas=gas or None, net=net)

    async def _judge(self, case: Case, job: Job, review: Review) -> Review:
        """With the gas that the node estimates, once the judge has seen the witness."""
        if case.key not in self._judged and review.fault is not None:
            await self._hands.check_with_judge(review)
            gas = await self._hands.gas_of_proof(job, review)
            self._judged[case.key] = replace(review.fault, gas=gas or review.fault.gas)
        return replace(review, fault=self._judged.get(case.key, review.fault))

    async def _plan_question(self, case: Case, job: Job, subject: Subject, stakes: Stakes, now: int) -> Plan:
        asked = await self.asked(case, job)
        answers = [(each.demand.demand, each.answer.answer) for each in asked.values() if each.answer]
        found = await self._next_question(subject, answers)
        if isinstance(found, ShownFault):
            review = replace(subject_review(case), found=Found.FAULT, reason=found.sentence, fault=found, again_at=None)
            self._journal.put_case(replace(case, review=review))
            return await self._plan_proof(case, job, review, stakes, now)
        standing = next((each for each in asked.values() if each.demand.demand == found.point), None)
        price = 0 if standing else await self._hands.price_of(job, case.milestone, found.point)
        asking = Asking(
            level=found.level,
            price=price,
            spent=self._spent(case),
            answer_by=standing.demand.answer_by if standing else None,
            is_ours=bool(standing and standing.demand.payer == self._account),
            levels_left=found.levels_left,
        )
        return Plan(ask_on(asking, stakes, self._policy, now), case.review, stakes, found, price)

    async def _next_question(
        self, subject: Subject, answers: Sequence[tuple[DemandPoint, bytes]]
    ) -> Question | ShownFault:
        return await in_thread(lambda: self._checker.question(subject, answers, self._progress), "question")

    def _spent(self, case: Case) -> int:
        return sum(paid.wei for paid in self._journal.paid_for(case.key))

    # ---- what others did ----------------------------------------------------------------------------------------------

    def _commitments(self, case: Case, stakes: Stakes) -> Commitments:
        made = [
            fact
            for fact in self._follower.disputes(case.job_id)
            if isinstance(fact, FaultCommitted)
            and fact.milestone == case.milestone
            and fact.at.block_time >= stakes.claimed_at
        ]
        ours = [fact.at.block_time for fact in made if fact.challenger == self._account]
        return Commitments(ours[-1] if ours else None, any(fact.challenger != self._account for fact in made))

    async def asked(self, case: Case, job: Job) -> dict[Bytes32, Asked]:
        """All demands of a claim that stands, by their ids."""
        key = await self._chain.disputes.claim_key_of(job.job_id, case.milestone)
        return {} if key is None else self._asked_under(case, key)

    def _asked_under(self, case: Case, claim_key: Bytes32) -> dict[Bytes32, Asked]:
        asked: dict[Bytes32, Asked] = {}
        for fact in self._follower.disputes(case.job_id):
            if isinstance(fact, TraceDemanded) and fact.demand_id == demand_id_of(claim_key, fact.demand):
                asked[fact.demand_id] = Asked(fact, None, False)
            elif isinstance(fact, TraceShown) and fact.demand_id in asked:
                asked[fact.demand_id] = replace(asked[fact.demand_id], answer=fact, is_over=True)
            elif isinstance(fact, DemandUnanswered | DemandReturned) and fact.demand_id in asked:
                asked[fact.demand_id] = replace(asked[fact.demand_id], is_over=True)
        return asked

    # ---- doing --------------------------------------------------------------------------------------------------------

    async def carry_out(self, case: Case, job: Job, plan: Plan) -> str:
        """Sends what was planned, and says what came of it. Raises TallystickError where it came to nothing."""
        review, do = plan.review, plan.decision.do
        if review is None:
            return "nothing"
        if do is Do.COMMIT:
            receipt = await self._hands.commit(case, job, review)
        elif do is Do.PROVE:
            receipt = await self._hands.prove(case, job, review)
        elif do is Do.PROVE_COMMITTED:
            receipt = await self._hands.prove_committed(case, job, review)
        elif do is Do.ASK and plan.question is not None and review.claim is not None:
            receipt = await self._hands.ask(case, job, review.claim, plan.question, plan.price)
        elif do is Do.SLASH and plan.question is not None:
            receipt = await self._hands.slash_unanswered(case, job, plan.question.point)
        else:
            return "nothing"
        log.info("transaction_mined", about=case.key, did=do, gas_used=receipt.gas_used, fee_wei=receipt.fee)
        return f"{do}: block {receipt.block_number}, {receipt.gas_used:,} gas"

    async def settle(self, case: Case) -> tuple[int, int]:
        """Of a claim that does not stand any more: fees that are due go home, and with them the share of the slash."""
        for claim_key in {paid.claim_key for paid in self._journal.paid_for(case.key)}:
            for each in self._asked_under(case, Bytes32(claim_key)).values():
                if each.demand.payer == self._account and not each.is_over:
                    await self._hands.give_back(case, Bytes32(claim_key), each.demand.demand)
        self._checker.forget(case.key)
        return await self._hands.collect(case)


def subject_review(case: Case) -> Review:
    if case.review is None:
        raise WitnessError("Missing", "The claim was not looked at.")
    return case.review


def is_too_early(error: TallystickError) -> bool:
    """Whether a refusal says that the commitment is not in an earlier block yet."""
    return isinstance(error, RevertError) and error.name == _NOT_YET
