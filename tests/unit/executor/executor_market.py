"""A market in memory for the agent's tests: contracts as a few rules, and a sender that keeps its word.

Only what stands outside the executor is played here, at the seams that the executor declares; each player's real
counterpart has tests of its own. Every moment at which a real process could be killed calls `Trap.step`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from executor_builders import (
    AGENT,
    DEPLOYMENT,
    DOMAIN,
    FREE_STAKE,
    LOCK,
    OPERATOR,
    TOKEN,
    address,
    hash_of,
    job_manifest,
    model_manifest,
    model_spec,
    position,
    signed_order,
    tensors,
    terms,
)
from executor_claims import OpenClaims, claimed, refused
from executor_prover import Trap

from tallystick.chain.calls import Call
from tallystick.chain.permits import PermitSupport
from tallystick.chain.receipts import Receipt
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead, JobState
from tallystick.clock import ManualClock
from tallystick.errors import RevertError
from tallystick.ids import ZERO_ADDRESS, Address, Bytes32, JobId, ModelId, bytes32
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.events import (
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFact,
    JobReleased,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
)
from tallystick.market.orders import SignedOrder
from tallystick.market.parameters import Economy
from tallystick.market.terms import JobStatus, JobTerms, ProofKind, job_id_of
from tallystick.merkle import milestones_root
from tallystick.storage.store import Store
from tallystick.units import BPS

EMPTY = JobState(
    operator=ZERO_ADDRESS,
    timer=0,
    round=0,
    next_milestone=0,
    status=JobStatus.NONE,
    remaining=0,
    bounty=0,
    accepted_after=0,
    paid_milestones=0,
    economy_version=1,
)
ECONOMY = Economy(
    late_slash_bps=5_000,
    late_finder_bps=1_000,
    late_creator_bps=4_000,
    late_bounty_bps=3_000,
    fault_challenger_bps=4_000,
    fault_creator_bps=3_000,
    fault_bounty_bps=1_000,
    release_bps=100,
)


class Contracts(OpenClaims):
    """The contracts' rules as far as an executor meets them, and a block for every transaction."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.number = 0
        self.times = {0: clock.now()}
        self.facts: list[JobFact] = []
        self.terms: dict[JobId, JobTerms] = {}
        self.states: dict[JobId, JobState] = {}
        self.specs: dict[ModelId, ModelSpec] = {}
        self.credit: Counter[Address] = Counter()
        self.withdrawn: Counter[Address] = Counter()
        self.free_stake = FREE_STAKE
        self.economy = ECONOMY
        self.orders: dict[JobId, SignedOrder] = {}
        self.creators_balance = 10**6
        self.refused: list[str] = []
        self.begin_claims()
        self.done: Counter[str] = Counter()

    # ---- blocks -------------------------------------------------------------------------------------------------------

    def mine(self) -> None:
        self.number += 1
        self.times[self.number] = self.clock.now()

    def head(self) -> BlockHead:
        return BlockHead(self.number, hash_of(f"block {self.number}"), self.times[self.number])

    def state(self, fact: Callable[..., JobFact], **fields: Any) -> None:
        """Adds a fact to the block that is being made."""
        index = sum(1 for known in self.facts if known.at.block_number == self.number)
        self.facts.append(fact(at=position(self.number, index, self.times[self.number]), **fields))

    # ---- what others do -----------------------------------------------------------------------------------------------

    def register(self, spec: ModelSpec) -> None:
        self.specs[model_id_of(spec)] = spec

    def create(self, held: JobTerms) -> JobId:
        self.mine()
        job_id = job_id_of(held, DOMAIN)
        self.terms[job_id] = held
        self._open(job_id, self.clock.now())
        return job_id

    def _open(self, job_id: JobId, opened_at: int) -> None:
        held = self.terms[job_id]
        self.states[job_id] = replace(EMPTY, status=JobStatus.OPEN, round=1, timer=opened_at)
        self.state(JobCreated, job_id=job_id, creator=held.creator, opened_at=opened_at, economy_version=1, terms=held)

    def expire(self, job_id: JobId) -> None:
        self.mine()
        job = self.states[job_id]
        self.state(JobExpired, job_id=job_id, operator=job.operator, finder=address("finder"), slashed=1)
        if job.operator == OPERATOR:
            self.free_stake += LOCK - 1
        self._reopen(job_id)

    def _reopen(self, job_id: JobId) -> None:
        job = self.states[job_id]
        self.states[job_id] = replace(
            job,
            status=JobStatus.OPEN,
            round=job.round + 1,
            timer=self.clock.now(),
            operator=ZERO_ADDRESS,
            next_milestone=job.paid_milestones,
        )
        self.state(JobReopened, job_id=job_id, round=job.round + 1, next_milestone=job.paid_milestones, bounty=0)

    def assign(self, job_id: JobId, operator: Address, agent: Address) -> None:
        if self.states[job_id].status is not JobStatus.OPEN:
            raise refused("JobEscrow_WrongStatus")
        self.mine()
        self._assign(job_id, operator, agent)

    def _assign(self, job_id: JobId, operator: Address, agent: Address) -> None:
        job, held = self.states[job_id], self.terms[job_id]
        deadline = self.clock.now() + held.duration_seconds[job.next_milestone]
        self.states[job_id] = replace(job, status=JobStatus.ASSIGNED, operator=operator, timer=deadline)
        if operator == OPERATOR:
            self.free_stake -= LOCK
        self.state(
            JobAssigned,
            job_id=job_id,
            operator=operator,
            agent=agent,
            round=job.round,
            price=held.max_price,
            deadline=deadline,
        )

    # ---- what the executor does ---------------------------------------------------------------------------------------

    def accept(self, job_id: JobId) -> None:
        if self.free_stake < LOCK:
            raise refused("StakeManager_StakeTooLow")
        self.assign(job_id, OPERATOR, AGENT)
        self.done[f"accept {self.states[job_id].round}"] += 1

    def claim(self, job_id: JobId, milestone: int, call: Call) -> None:
        job, held = self.states[job_id], self.terms[job_id]
        if job.status is not JobStatus.ASSIGNED or job.operator != OPERATOR:
            raise refused("JobEscrow_WrongStatus")
        if milestone != job.next_milestone:
            raise refused("JobEscrow_WrongMilestone")
        if self.clock.now() > job.timer:
            raise refused("JobEscrow_DeadlinePassed")
        if b"a proof that lies" in call.data:
            raise refused("EzklVerifierAdapter_ProofRejected")
        self.mine()
        if held.proof_kind is ProofKind.OPTIMISTIC:
            self._claim_openly(job_id, milestone, call)
            return
        last = milestone + 1 == held.milestone_count
        next_deadline = 0 if last else job.timer + held.duration_seconds[milestone + 1]
        pay = held.price_of(milestone, held.max_price)
        self.credit[OPERATOR] += pay
        self.states[job_id] = replace(
            job,
            next_milestone=milestone + 1,
            paid_milestones=milestone + 1,
            timer=next_deadline,
            status=JobStatus.COMPLETED if last else JobStatus.ASSIGNED,
            operator=ZERO_ADDRESS if last else OPERATOR,
        )
        about = {"job_id": job_id, "operator": OPERATOR}
        output, manifest = claimed(call)
        self.state(
            MilestoneClaimed,
            **about,
            milestone=milestone,
            output_root=output,
            manifest=manifest,
            next_deadline=next_deadline,
        )
        self.state(MilestonePaid, **about, milestone=milestone, to_operator=pay, to_dispatcher=0)
        if last:
            self.free_stake += LOCK
            self.state(JobCompleted, **about, surplus=0)
        self.done[f"claim {milestone}"] += 1

    def release_fee(self, job_id: JobId) -> int:
        """As `JobEscrow.releaseFeeOf`: from `release_bps` of the lock's unfinished part to `late_slash_bps`."""
        job, held = self.states[job_id], self.terms[job_id]
        if job.status is not JobStatus.ASSIGNED:
            raise refused("JobEscrow_WrongStatus")
        duration = held.duration_seconds[job.next_milestone]
        time_held = min(duration, max(0, self.clock.now() - (job.timer - duration)))
        first, last = self.economy.release_bps, self.economy.late_slash_bps
        bps = first * duration + (last - first) * time_held
        return held.stake_lock * sum(held.share_bps[job.next_milestone :]) * bps // (BPS * BPS * duration)

    def release(self, job_id: JobId) -> None:
        fee = self.release_fee(job_id)
        if self.clock.now() > self.states[job_id].timer:
            raise refused("JobEscrow_DeadlinePassed")
        self.mine()
        self.state(JobReleased, job_id=job_id, operator=OPERATOR, fee=fee)
        self.free_stake += LOCK - fee
        self._reopen(job_id)
        self.done["release"] += 1

    def accept_order(self, job_id: JobId) -> None:
        """As `JobEscrow.acceptOrder`, for an order whose money is there."""
        order = self.orders[job_id].order
        if job_id in self.states:
            raise refused("JobEscrow_OrderNonceUsed")
        if self.free_stake < LOCK:
            raise refused("StakeManager_StakeTooLow")
        self.mine()
        self.terms[job_id] = order.terms
        self._open(job_id, order.starts_at)
        self._assign(job_id, OPERATOR, AGENT)
        self.done["accept order"] += 1

    def withdraw(self) -> None:
        if not self.credit[OPERATOR]:
            raise refused("JobEscrow_NothingToWithdraw")
        self.mine()
        self.withdrawn[OPERATOR] += self.credit.pop(OPERATOR)
        self.done["withdraw"] += 1


@dataclass
class Chain:
    """The executor's `Chain`."""

    contracts: Contracts
    trap: Trap
    deployment: Any = DEPLOYMENT

    async def head(self) -> BlockHead:
        self.trap.step("read head")
        return self.contracts.head()

    async def job_state(self, job_id: JobId) -> JobState:
        self.trap.step("read job")
        return self.contracts.states.get(job_id, EMPTY)

    async def model_spec(self, model_id: ModelId) -> ModelSpec:
        self.trap.step("read model")
        return self.contracts.specs[model_id]

    async def free_stake(self, operator: Address) -> int:
        self.trap.step("read stake")
        return self.contracts.free_stake

    async def release_fee_of(self, terms: JobTerms) -> int:
        self.trap.step("read fee")
        return self.contracts.release_fee(job_id_of(terms, DOMAIN))

    async def economy_of(self, version: int) -> Economy:
        return self.contracts.economy

    async def credit_of(self, token: Address, account: Address) -> int:
        self.trap.step("read credit")
        return self.contracts.credit[account] if token == TOKEN else 0

    async def reward_of(self, account: Address) -> int:
        return 0

    @property
    def disputes(self) -> Chain:
        return self

    async def demand_credit_of(self, account: Address) -> int:
        return self.contracts.fees[account]

    # ---- what is asked about orders: each creator has its deposit and has allowed it -----------------------------------

    async def is_contract(self, account: Address) -> bool:
        return False

    async def is_order_nonce_used(self, creator: Address, nonce: int) -> bool:
        return any(self.contracts.orders[job_id].order.nonce == nonce for job_id in self.contracts.states)

    async def balance_of(self, token: Address, account: Address) -> int:
        return self.contracts.creators_balance

    async def allowance(self, token: Address, owner: Address, spender: Address) -> int:
        return self.contracts.creators_balance

    async def permit_support(self, token: Address, owner: Address) -> PermitSupport | None:
        return None


@dataclass
class Scanner:
    """The executor's `Scanner`."""

    contracts: Contracts
    trap: Trap
    cursor: Cursor

    async def poll(self) -> ScanStep:
        self.trap.step("poll")
        seen = -1 if self.cursor.number is None else self.cursor.number
        head = self.contracts.head()
        new = tuple(fact for fact in self.contracts.facts if fact.at.block_number > seen)
        self.cursor = Cursor(((head.number, head.hash),))
        return ScanStep(rolled_back_to=None, facts=new, head=head, cursor=self.cursor)


class Sent:
    """What a sender has on disk: outcomes by key. It outlives the process. `tried` holds every key that was ever used."""

    def __init__(self) -> None:
        self.tried: set[str] = set()
        self.calls: dict[str, Call] = {}
        self.receipts: dict[str, Receipt] = {}


@dataclass
class Transactions:
    """The executor's `Transactions`, as `Sender` is: one transaction a key, a refusal frees it, outcomes are kept."""

    contracts: Contracts
    trap: Trap
    sent: Sent
    address: Address = AGENT

    async def resume(self) -> list[Receipt]:
        self.trap.step("resume")
        return []

    async def send(self, key: str, call: Call) -> Receipt:
        self.trap.step(f"send {key.split(':', maxsplit=1)[0]}")
        self.sent.tried.add(key)
        known = self.sent.calls.setdefault(key, call)
        assert known == call, f"the key {key} stands for another call"
        if key not in self.sent.receipts:
            first = len(self.contracts.facts)
            try:
                self._carry_out(key, call)
            except RevertError:
                self.contracts.refused.append(key)
                del self.sent.calls[key]
                raise
            self.sent.receipts[key] = self._receipt(key, tuple(self.contracts.facts[first:]))
        self.trap.step(f"sent {key.split(':', maxsplit=1)[0]}")
        return self.sent.receipts[key]

    def _carry_out(self, key: str, call: Call) -> None:
        what, *rest = key.split(":")
        if what == "accept":
            self.contracts.accept(JobId(rest[0]))
        elif what == "claim":
            self.contracts.claim(JobId(rest[0]), int(rest[2]), call)
        elif what == "order":
            self.contracts.accept_order(JobId(rest[0]))
        elif what == "release":
            self.contracts.release(JobId(rest[0]))
        elif what == "finalize":
            self.contracts.finalize(JobId(rest[0]))
        elif what == "show":
            self.contracts.show(Bytes32(rest[0]), call)
        elif what == "fees":
            self.contracts.withdraw_fees()
        else:
            self.contracts.withdraw()

    def _receipt(self, key: str, facts: tuple[JobFact, ...]) -> Receipt:
        block = self.contracts.head()
        return Receipt(key, hash_of(key), block.number, block.hash, 21_000, 1, True, facts)


def publish_job(contracts: Contracts, store: Store, *, requirements: str = "", **changes: Any) -> JobId:
    """A model, a job of two milestones and its inputs, all of them sound, on the chain and in the store."""
    return contracts.create(_publish(contracts, store, requirements, changes))


def publish_order(contracts: Contracts, store: Store, *, requirements: str = "", **changes: Any) -> SignedOrder:
    """The same as an order, from now on for ten minutes: nothing of it is on the chain but the model."""
    now = contracts.clock.now()
    held = _publish(contracts, store, requirements, changes)
    signed = signed_order(held, nonce=held.salt, starts_at=now, expires_at=now + 600)
    contracts.orders[job_id_of(held, DOMAIN)] = signed
    return signed


def _publish(contracts: Contracts, store: Store, requirements: str, changes: dict[str, Any]) -> JobTerms:
    model = model_manifest(store)
    spec = model_spec(model)
    inputs = [tensors(milestone) for milestone in range(len(changes.get("share_bps", (0, 0))))]
    manifest = job_manifest(store, spec, inputs, requirements=requirements)
    store.put(model.encode())
    store.put(manifest.encode())
    contracts.register(spec)
    held = terms(
        model_id=model_id_of(spec),
        manifest=manifest.digest(),
        input_root=bytes32(milestones_root([t.root() for t in inputs])),
    )
    return held.model_copy(update=changes)
