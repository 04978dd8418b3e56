"""An honest claim under everything that can be sent at it: a flood of demands, and any sequence of calls.

demand
└── 1,000 at once (250 in the short run), from many accounts → all are answered at a gain, the claim is final no later than after one of them
any calls, in any order
└── by anyone but an operator that answers in time → the claim is paid, and nothing of its stake is gone
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from brownie import web3
from demand_stage import STEP, Asked, of_model, step_leaf
from dispute_stage import DisputeStage, Run
from refusals import NotRefusedError, Refused, refusal
from stage import COMPLETED, TALLY, Stage, rpc

from tallystick.dispute.demand_packing import demand_words
from tallystick.dispute.known import next_demand
from tallystick.dispute.levels import Demand, Target
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run
from tallystick.engine.fold import leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Ref
from tallystick.engine.trace import Trace

LONG = bool(os.environ.get("TALLYSTICK_TEST_LONG"))
FLOOD = 1_000 if LONG else 250
A_BLOCK = 120
"""Transactions: 30,000,000 gas."""
TIP = 10**9
"""Wei per gas that demands are reckoned with beyond the base fee."""
WALKS, CALLS = (20, 150) if LONG else (3, 40)
LOCK = 50 * TALLY


@pytest.fixture(scope="module")
def dispute(stage: Stage) -> DisputeStage:
    return DisputeStage.of(stage)


# ---- a flood ----------------------------------------------------------------------------------------------------------


def long_trace(steps: int) -> Trace:
    """Tables one after the other over ten bytes: as many tensors as there are steps, each asked for by itself."""
    b, table = ProgramBuilder(), np.random.default_rng(1).permutation(256).astype(np.uint8)
    at = b.input(TensorHeader(DType.U8, (10,)), "x")
    for _ in range(steps):
        at = b.lookup(at, table)
    return run(b.build(at), [np.arange(10, dtype=np.uint8)])


Call = tuple[Any, Any, tuple[Any, ...], int]
"""Sender, function, arguments, wei."""


def sent_together(calls: Sequence[Call]) -> list[dict[str, Any]]:
    """Receipts; as many in a block as fit."""
    hashes: list[str] = []
    rpc("evm_setAutomine", False)
    try:
        for first in range(0, len(calls), A_BLOCK):
            # In a batch: by itself, a send is answered only when there is a receipt.
            batch = [("eth_sendTransaction", [_message(*call)]) for call in calls[first : first + A_BLOCK]]
            hashes += [answer["result"] for answer in web3.provider.make_batch_request(batch)]
            rpc("evm_mine")
    finally:
        rpc("evm_setAutomine", True)
    return [rpc("eth_getTransactionReceipt", each) for each in hashes]


def _message(sender: Any, function: Any, arguments: tuple[Any, ...], value: int) -> dict[str, str]:
    data = function.encode_input(*arguments)
    return {"from": str(sender), "to": function._address, "data": data, "value": hex(value), "gas": hex(240_000)}


def paid(receipts: Iterable[dict[str, Any]]) -> int:
    """Wei, at the base fee of each block and a small tip."""
    return sum(int(each["gasUsed"], 16) * (_base_fee(each["blockNumber"]) + TIP) for each in receipts)


def _base_fee(number: str) -> int:
    return int(rpc("eth_getBlockByNumber", number, False)["baseFeePerGas"], 16)


def test_flood_of_demands_is_answered_at_a_gain_and_delays_no_further(dispute: DisputeStage) -> None:
    stage = dispute.stage
    asked = of_model(dispute, Run(long_trace(FLOOD)), "long")
    asked.asked_and_shown(asked.next(step_leaf(0)))
    demands = [asked.next(step_leaf(step)) for step in range(FLOOD)]
    asked.ask(demands[0])
    after_one, alone, crowd = (
        asked.final_at,
        asked.state(demands[0])["base"],
        [stage.finder, stage.rival, stage.stranger],
    )

    flood = [(crowd[k % 3], asked.contract.demand, asked.arguments(demand), 10**18) for k, demand in enumerate(demands)]
    assert all(receipt["status"] == "0x1" for receipt in sent_together(flood[1:]))
    assert int(asked.contract.openOf(asked.key)) == FLOOD
    assert asked.final_at == after_one == asked.schedule.final_after(1)

    before = int(asked.contract.creditOf(stage.operator))
    shown = [(stage.operator, asked.contract.answer, _answer(asked, demand), 0) for demand in demands]
    answers = sent_together(shown)
    assert all(receipt["status"] == "0x1" for receipt in answers)
    earned = int(asked.contract.creditOf(stage.operator)) - before
    assert earned > paid(answers)
    # What crowding costs grows with its square, far beyond the fees, and nobody has it.
    assert int(asked.contract.burnt()) > FLOOD // 4 * FLOOD * alone > earned
    assert (asked.final_at, int(asked.contract.openOf(asked.key))) == (after_one, 0)
    stage.finalize(asked.terms)
    assert stage.state(asked.terms)["status"] == COMPLETED


def _answer(asked: Asked, demand: Demand) -> tuple[Any, ...]:
    return asked.terms.abi(), 0, demand_words(demand), asked.answer(demand)


# ---- any sequence -----------------------------------------------------------------------------------------------------


class Walk:
    """Anybody sends anything at one honest claim; its operator answers in time, and does nothing else."""

    def __init__(self, dispute: DisputeStage, seed: int) -> None:
        self.chance, self.dispute, self.stage = random.Random(seed), dispute, dispute.stage
        self.asked, self.open, self.done = Asked.claimed(dispute), dict[Demand, int](), 0
        self.people = [self.stage.finder, self.stage.stranger, self.stage.rival, self.stage.creator]
        steps = range(len(dispute.honest.trace.program.steps))
        self.known = [dispute.honest.packed(step, 1) for step in steps]
        self.known += [dispute.wrong(step, 2).packed(step, 2) for step in steps]

    def refused(self, function: Any, *arguments: Any, sender: Any = None) -> Refused | None:
        """None where it would go through."""
        try:
            return refusal(function, *arguments, sender=sender or self.chance.choice(self.people))
        except NotRefusedError:
            return None

    # ---- acts -----------------------------------------------------------------------------------------------------

    def prove(self) -> None:
        packed = bytearray(self.chance.choice(self.known))
        for _ in range(self.chance.randrange(3)):
            packed[self.chance.randrange(len(packed))] ^= 1 << self.chance.randrange(8)
        terms, ref, salt = self.asked.terms.abi(), self.asked.run.ref(), bytes(32)
        assert self.refused(self.dispute.judge.proveFault, terms, ref, bytes(packed))
        assert self.refused(self.dispute.judge.proveFaultCommitted, terms, ref, bytes(packed), salt)

    def commit(self) -> None:
        arguments = (self.asked.terms.abi(), 0, self.chance.randbytes(32))
        person = self.chance.choice(self.people)
        if not self.refused(self.dispute.judge.commit, *arguments, sender=person):
            self.dispute.judge.commit(*arguments, {"from": person})

    def ask(self) -> None:
        kind = self.chance.choice(list(self.asked.known.lists))
        ref = Ref(kind, self.chance.randrange(self.asked.known.lists[kind].count))
        leaves = leaf_count(self.asked.run.trace.program.header(ref).byte_size)
        demand = next_demand(self.asked.known, Target(ref, self.chance.randrange(leaves)))
        if demand is None or demand in self.open or self.stage.now() + 1 > self.asked.schedule.latest_demand(0):
            return
        self.asked.ask(demand, by=self.chance.choice(self.people))
        self.open[demand] = self.stage.now()

    def accuse(self) -> None:
        terms, words = self.asked.terms.abi(), [demand_words(demand) for demand in self.open]
        assert all(self.refused(self.asked.contract.faultUnanswered, terms, 0, each) for each in words)
        key = self.asked.key
        assert all(self.refused(self.asked.contract.giveBack, self.asked.job_id, 0, key, each) for each in words)

    def reach_inside(self) -> None:
        terms, person = self.asked.terms.abi(), self.chance.choice(self.people)
        stage, late = self.stage, self.asked.final_at + 1
        assert self.refused(self.dispute.judge.faultWithheld, terms, 0, person.address)
        assert self.refused(self.dispute.judge.extend, terms, 0, late)
        assert self.refused(stage.settlement.fault, terms, 0, person.address)
        assert self.refused(stage.settlement.extend, terms, 0, late)
        assert self.refused(stage.settlement.finalize, terms)
        assert self.refused(stage.escrow.faultMilestone, terms, 0, person.address)
        assert self.refused(stage.escrow.expire, terms)

    def pass_time(self) -> None:
        self.answer_all()
        self.stage.at(min(self.stage.now() + self.chance.randrange(STEP // 2), self.asked.final_at))

    def answer_all(self) -> None:
        for demand in list(self.open):
            wrong = bytes([self.asked.answer(demand)[0] ^ 1]) + self.asked.answer(demand)[1:]
            assert self.asked.refusal_to_show(demand, wrong)
            self.asked.show(demand)
            self.asked.learn(demand)
            del self.open[demand]

    def play(self, calls: int) -> None:
        acts = [self.prove, self.prove, self.commit, self.ask, self.ask, self.accuse, self.reach_inside, self.pass_time]
        for _ in range(calls):
            if self.open and self.stage.now() + STEP // 2 > min(self.open.values()) + STEP:
                self.answer_all()
            self.chance.choice(acts)()
        self.answer_all()


@pytest.mark.parametrize("seed", range(WALKS))
def test_honest_claim_survives_any_sequence_of_calls(dispute: DisputeStage, seed: int) -> None:
    stage, walk = dispute.stage, Walk(dispute, seed)
    walk.play(CALLS)
    stage.finalize(walk.asked.terms)
    assert stage.state(walk.asked.terms)["status"] == COMPLETED
    assert stage.stakes.freeStakeOf(stage.operator) == LOCK
    assert stage.settlement.claimOf(stage.job_id(walk.asked.terms), 0)[1] <= walk.asked.schedule.bound
