"""A market in memory for the agent's tests: contracts as a few rules, a sender that keeps its word, a quick prover.

Only what stands outside the executor is played here, at the seams that the executor declares; each player's real
counterpart has tests of its own. Every moment at which a real process could be killed calls `Trap.step`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import decode as abi_decode
from executor_builders import (
    AGENT,
    DEPLOYMENT,
    DOMAIN,
    FREE_STAKE,
    LOCK,
    OPERATOR,
    TOKEN,
    VKA,
    address,
    hash_of,
    job_manifest,
    model_manifest,
    model_spec,
    position,
    tensors,
    terms,
)

from tallystick.chain.calls import Call
from tallystick.chain.receipts import Receipt
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead, JobState
from tallystick.clock import ManualClock
from tallystick.errors import ProverTimeoutError, RevertError, TensorError
from tallystick.ids import ZERO_ADDRESS, Address, JobId, ModelId, bytes32
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.events import (
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFact,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
)
from tallystick.market.terms import JobStatus, JobTerms, job_id_of
from tallystick.merkle import milestones_root
from tallystick.proving.prover import CircuitFiles, Limits, Progress, Proved, no_progress
from tallystick.storage.store import Store
from tallystick.tensors import QuantisedTensors


class KilledError(BaseException):
    """As kill -9: nothing may catch it."""


class Trap:
    """Counts the moments of a run, and kills it at one of them. Idle looks at the chain come as often as they like, so
    they are not counted; what a look finds is. `troubles` are errors in wait at moments of a name, met one by one."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.moments: list[str] = []
        self.troubles: dict[str, list[Exception]] = {}

    def step(self, name: str) -> None:
        self.moments.append(name)
        if self.at is not None and name != "poll" and self.count == self.at:
            raise KilledError(f"moment {self.at}: {name}")
        if self.troubles.get(name):
            raise self.troubles[name].pop(0)

    @property
    def count(self) -> int:
        return sum(1 for moment in self.moments if moment != "poll")


def _refused(name: str) -> RevertError:
    return RevertError(f"The contract refused: {name}.", name=name, arguments={})


EMPTY = JobState(JobStatus.NONE, 0, 0, 0, 0, ZERO_ADDRESS, 0, 0)


class Contracts:
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
        self.states[job_id] = replace(EMPTY, status=JobStatus.OPEN, round=1, opened_at=self.clock.now())
        self.state(JobCreated, job_id=job_id, creator=held.creator, terms=held)
        return job_id

    def expire(self, job_id: JobId) -> None:
        self.mine()
        job = self.states[job_id]
        self.state(JobExpired, job_id=job_id, operator=job.operator, finder=address("finder"), slashed=1)
        if job.operator == OPERATOR:
            self.free_stake += LOCK - 1
        self.states[job_id] = replace(
            job,
            status=JobStatus.OPEN,
            round=job.round + 1,
            opened_at=self.clock.now(),
            deadline=0,
            operator=ZERO_ADDRESS,
        )
        self.state(JobReopened, job_id=job_id, round=job.round + 1, next_milestone=job.next_milestone, bounty=0)

    def assign(self, job_id: JobId, operator: Address, agent: Address) -> None:
        job, held = self.states[job_id], self.terms[job_id]
        if job.status is not JobStatus.OPEN:
            raise _refused("JobEscrow_WrongStatus")
        deadline = self.clock.now() + held.duration_seconds[job.next_milestone]
        self.mine()
        self.states[job_id] = replace(
            job, status=JobStatus.ASSIGNED, operator=operator, deadline=deadline, price=held.max_price
        )
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
            raise _refused("StakeManager_StakeTooLow")
        self.assign(job_id, OPERATOR, AGENT)
        self.done[f"accept {self.states[job_id].round}"] += 1

    def claim(self, job_id: JobId, milestone: int, call: Call) -> None:
        job, held = self.states[job_id], self.terms[job_id]
        if job.status is not JobStatus.ASSIGNED or job.operator != OPERATOR:
            raise _refused("MilestoneSettlement_NotAssigned")
        if milestone != job.next_milestone:
            raise _refused("MilestoneSettlement_WrongMilestone")
        if self.clock.now() > job.deadline:
            raise _refused("MilestoneSettlement_DeadlinePassed")
        if b"a proof that lies" in call.data:
            raise _refused("EzklVerifierAdapter_ProofRejected")
        self.mine()
        last = milestone + 1 == held.milestone_count
        next_deadline = 0 if last else job.deadline + held.duration_seconds[milestone + 1]
        pay = held.price_of(milestone, job.price)
        self.credit[OPERATOR] += pay
        self.states[job_id] = replace(
            job,
            next_milestone=milestone + 1,
            deadline=next_deadline,
            status=JobStatus.COMPLETED if last else JobStatus.ASSIGNED,
            operator=ZERO_ADDRESS if last else OPERATOR,
        )
        about = {"job_id": job_id, "operator": OPERATOR}
        output, manifest = _claimed(call)
        self.state(MilestoneClaimed, **about, milestone=milestone, output_root=output, manifest=manifest)
        self.state(
            MilestonePaid,
            **about,
            milestone=milestone,
            to_operator=pay,
            to_dispatcher=0,
            to_creator=0,
            next_deadline=next_deadline,
        )
        if last:
            self.free_stake += LOCK
            self.state(JobCompleted, **about)
        self.done[f"claim {milestone}"] += 1

    def withdraw(self) -> None:
        if not self.credit[OPERATOR]:
            raise _refused("JobEscrow_NothingToWithdraw")
        self.mine()
        self.withdrawn[OPERATOR] += self.credit.pop(OPERATOR)
        self.done["withdraw"] += 1


_CLAIM = "(uint16,bytes32,bytes32[],bytes32,bytes32,bytes)"


def _claimed(call: Call) -> tuple[str, str]:
    """Output root and result manifest of a claim's calldata: the second argument, behind the terms."""
    start = int.from_bytes(call.data[4 + 32 : 4 + 64], "big")
    [claim] = abi_decode([_CLAIM], (32).to_bytes(32, "big") + call.data[4 + start :])
    return bytes32(claim[3]), bytes32(claim[4])


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

    async def min_lock(self) -> int:
        return LOCK

    async def credit_of(self, token: Address, account: Address) -> int:
        self.trap.step("read credit")
        return self.contracts.credit[account] if token == TOKEN else 0

    async def reward_of(self, account: Address) -> int:
        return 0


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
        else:
            self.contracts.withdraw()

    def _receipt(self, key: str, facts: tuple[JobFact, ...]) -> Receipt:
        block = self.contracts.head()
        return Receipt(key, hash_of(key), block.number, block.hash, 21_000, 1, True, facts)


class QuickProver:
    """A `Prover` whose proofs are made of their input.

    Attributes:
        lies: So many next proofs are such as the contract refuses.
        trouble: What making keys ends in.
        overflows: First values of the inputs that cannot be proven.
        hangs: First values of the inputs whose rehearsal is stopped.
        rehearsals: Inputs by first value, how often each was tried.
        meanwhile, while_rehearsing: What happens in the world while an estimate is asked for, while an input is tried.
    """

    backend = "ezkl"
    version = "1"

    def __init__(self, trap: Trap) -> None:
        self.trap = trap
        self.keys: set[bytes] = set()
        self.proofs: Counter[int] = Counter()
        self.rehearsals: Counter[int] = Counter()
        self.rehearsal_limits: list[float] = []
        self.overflows: set[int] = set()
        self.hangs: set[int] = set()
        self.seconds = 1.0
        self.rehearsal_seconds = 0.1
        self.lies = 0
        self.trouble: Exception | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.while_rehearsing: Callable[[], None] = lambda: None

    def build_circuit(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def ensure_keys(self, circuit: CircuitFiles, *, limits: Limits, progress: Progress = no_progress) -> None:
        self.trap.step("make keys")
        if self.trouble is not None:
            raise self.trouble
        self.keys.add(circuit.onnx)

    def rehearse(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> None:
        self.trap.step("rehearse")
        self.rehearsal_limits.append(limits.seconds)
        self.while_rehearsing()
        self.rehearsals[inputs.values[0][0]] += 1
        if inputs.values[0][0] in self.hangs:
            raise ProverTimeoutError("It took too long.")
        self._refuse_overflow(inputs)

    def _refuse_overflow(self, inputs: QuantisedTensors) -> None:
        if inputs.values[0][0] in self.overflows:
            raise TensorError("A value leaves the range that the circuit was made for.")

    def prove(
        self, circuit: CircuitFiles, inputs: QuantisedTensors, *, limits: Limits, progress: Progress = no_progress
    ) -> Proved:
        self.trap.step("prove")
        self._refuse_overflow(inputs)
        self.proofs[inputs.values[0][0]] += 1
        outputs = QuantisedTensors(shapes=((1, 2),), values=((inputs.values[0][0], -1),))
        said = b"a proof that lies" if self.lies else b"a proof"
        self.lies = max(0, self.lies - 1)
        self.trap.step("proved")
        instances = (*inputs.field_elements(), *outputs.field_elements())
        return Proved(said, instances, len(inputs.field_elements()), VKA, outputs)

    def estimate_seconds(self, circuit: CircuitFiles) -> float:
        self.meanwhile()
        return self.seconds

    def estimate_rehearsal_seconds(self, circuit: CircuitFiles) -> float:
        return self.rehearsal_seconds


def publish_job(contracts: Contracts, store: Store, *, requirements: str = "", **changes: Any) -> JobId:
    """A model, a job of two milestones and its inputs, all of them sound, on the chain and in the store."""
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
    return contracts.create(held.model_copy(update=changes))
