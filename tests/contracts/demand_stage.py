"""Demands on the stage: what is known of a claim, what is asked for next, and a claimer that answers from its trace, or does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brownie import web3
from dispute_stage import DisputeStage, Run
from refusals import Refused, plain, refusal
from stage import CHALLENGE_SECONDS, Stage, Terms, rpc

from tallystick.dispute.claims import Claim
from tallystick.dispute.demand_packing import demand_words, pack_answer, pack_evidence
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Demand, Target
from tallystick.dispute.schedule import Schedule
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Ref, RefKind
from tallystick.engine.trace import Trace

STEP = CHALLENGE_SECONDS // 4
"""Seconds for an answer."""
ETHER = 10**18


def deep_trace(tensor_bytes: int, steps: int = 2) -> Trace:
    """Tables one after the other over a tensor of that size."""
    b, rng = ProgramBuilder(), np.random.default_rng(1)
    at = b.input(TensorHeader(DType.U8, (tensor_bytes,)), "x")
    for _ in range(steps):
        at = b.lookup(at, rng.permutation(256).astype(np.uint8))
    program = b.build(at)
    return run(program, [rng.integers(0, 256, tensor_bytes).astype(np.uint8)])


def step_leaf(step: int, leaf: int = 0) -> Target:
    return Target(Ref(RefKind.STEP, step), leaf)


DEEP = Run(deep_trace(2**21 + 1))
"""Of four levels: two tensors of 8,193 leaves."""


@dataclass
class Asked:
    """One claim, and what was asked of it and shown so far."""

    dispute: DisputeStage
    terms: Terms
    run: Run
    held: HeldTrace
    milestone: int = 0
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        opener = self.run.opener
        claim = Claim(opener.trace_root, self.run.output_root, opener.input_root)
        self.known = Known.of(self.run.trace.program, self.held.commitment, claim)

    @classmethod
    def claimed(cls, dispute: DisputeStage, run: Run | None = None, **changed: Any) -> Asked:
        """A job with one claim of this run, or of the honest one."""
        run = run or dispute.honest
        return cls(dispute, dispute.claimed(run, **changed), run, HeldTrace(run.trace))

    @property
    def stage(self) -> Stage:
        return self.dispute.stage

    @property
    def contract(self) -> Any:
        return self.dispute.demands

    @property
    def job_id(self) -> str:
        return self.stage.job_id(self.terms)

    @property
    def key(self) -> str:
        return plain(self.contract.claimKeyOf(self.job_id, self.milestone))

    @property
    def schedule(self) -> Schedule:
        """As the contract is to have it, from the settlement's word of when the claim was made."""
        claimed_at = int(self.stage.settlement.claimOf(self.job_id, self.milestone)[2])
        return Schedule(claimed_at, CHALLENGE_SECONDS, STEP, STEP)

    @property
    def final_at(self) -> int:
        return int(self.stage.settlement.claimOf(self.job_id, self.milestone)[1])

    # ---- asking ---------------------------------------------------------------------------------------------------

    def next(self, target: Target) -> Demand:
        demand = next_demand(self.known, target)
        assert demand, "everything on the way to it is known"
        return demand

    def evidence(self, demand: Demand) -> bytes:
        return pack_evidence(self.known, self.held.commitment, demand)

    def price(self, demand: Demand) -> int:
        return int(self.contract.priceOf(self.job_id, self.milestone, demand_words(demand)))

    def arguments(self, demand: Demand, words: tuple[Any, ...] | None = None, evidence: bytes | None = None) -> Any:
        proof = self.evidence(demand) if evidence is None else evidence
        return self.terms.abi(), self.run.ref(self.milestone), words or demand_words(demand), proof

    def ask(self, demand: Demand, by: Any = None, value: int = ETHER) -> Any:
        return self.contract.demand(*self.arguments(demand), {"from": by or self.stage.finder, "value": value})

    def refusal_to_ask(self, demand: Demand, value: int = ETHER, **changed: Any) -> Refused:
        return refusal(self.contract.demand, *self.arguments(demand, **changed), sender=self.stage.finder, value=value)

    def id(self, demand: Demand) -> str:
        return plain(self.contract.demandIdOf(self.key, demand_words(demand)))

    def state(self, demand: Demand, key: str | None = None) -> dict[str, Any]:
        demand_id = self.contract.demandIdOf(key or self.key, demand_words(demand))
        return {name: plain(value) for name, value in self.contract.demandOf(demand_id).dict().items()}

    # ---- answering ------------------------------------------------------------------------------------------------

    def answer(self, demand: Demand) -> bytes:
        return pack_answer(answer(self.held, demand))

    def show(self, demand: Demand, by: Any = None, shown: bytes | None = None) -> Any:
        shown = self.answer(demand) if shown is None else shown
        who = by or self.stage.operator
        return self.contract.answer(self.terms.abi(), self.milestone, demand_words(demand), shown, {"from": who})

    def refusal_to_show(self, demand: Demand, shown: bytes | None = None) -> Refused:
        shown = self.answer(demand) if shown is None else shown
        arguments = (self.terms.abi(), self.milestone, demand_words(demand), shown)
        return refusal(self.contract.answer, *arguments, sender=self.stage.operator)

    def learn(self, demand: Demand) -> None:
        """From the answer."""
        self.known = self.known.with_answer(demand, answer(self.held, demand))

    def asked_and_shown(self, demand: Demand) -> tuple[Any, Any]:
        asked, shown = self.ask(demand), self.show(demand)
        self.learn(demand)
        return asked, shown

    def walk(self, target: Target, then: Callable[[Demand], Any]) -> list[Any]:
        """The whole way to a leaf."""
        done = []
        while demand := next_demand(self.known, target):
            done.append(then(demand))
        return done

    # ---- what comes of it -------------------------------------------------------------------------------------------

    def fault(self, demand: Demand, by: Any = None) -> Any:
        who = by or self.stage.stranger
        return self.contract.faultUnanswered(self.terms.abi(), self.milestone, demand_words(demand), {"from": who})

    def refusal_to_fault(self, demand: Demand) -> Refused:
        arguments = (self.terms.abi(), self.milestone, demand_words(demand))
        return refusal(self.contract.faultUnanswered, *arguments, sender=self.stage.stranger)

    def give_back(self, demand: Demand, key: str) -> Any:
        who = {"from": self.stage.stranger}
        return self.contract.giveBack(self.job_id, self.milestone, key, demand_words(demand), who)

    def refusal_to_give_back(self, demand: Demand, key: str, job_id: str = "", milestone: int | None = None) -> Refused:
        place = (job_id or self.job_id, self.milestone if milestone is None else milestone)
        return refusal(self.contract.giveBack, *place, key, demand_words(demand), sender=self.stage.stranger)


def coin(account: Any) -> int:
    """Wei that an account has."""
    return int(web3.eth.get_balance(str(account)))


def set_base_fee(wei: int) -> None:
    """Of the next block."""
    rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))


def of_model(dispute: DisputeStage, run: Run, name: str = "another") -> Asked:
    """A claim of another program."""
    model = dispute.register(name, program_hash=run.opener.program_hash)
    return Asked.claimed(dispute, run, modelId=model)


def at_leaves(asked: Asked) -> Any:
    """A demand on a tensor's root, when the roots of the trace are known."""
    asked.asked_and_shown(asked.next(step_leaf(0)))
    return asked.next(step_leaf(0))


def below(asked: Asked) -> Any:
    """A demand on a node below a tensor's root."""
    for _ in range(2):
        asked.asked_and_shown(asked.next(step_leaf(0)))
    return asked.next(step_leaf(0))
