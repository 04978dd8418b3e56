"""The defence over a market in memory: demands as challengers make them, answered from real traces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from executor_builders import OPERATOR, hash_of
from executor_claims import Shown
from executor_market import Contracts
from executor_process import NewProcess, Process
from executor_programs import WINDOW, inputs, program, publish_program_job, root_of

from executor.optimistic.faults import parse_fault
from executor.status import read_status
from executor.work import Stage
from tallystick.dispute.claims import Claim
from tallystick.dispute.demand_packing import demand_words, read_answer
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Demand, Target
from tallystick.engine.commitments import program_commitment
from tallystick.engine.executor import run
from tallystick.engine.program import Ref, RefKind, to_bytes
from tallystick.errors import ArtifactMissingError, RevertError
from tallystick.ids import Bytes32, JobId, bytes32
from tallystick.market.disputes import DemandPoint
from tallystick.storage.folder import FolderStore


def point_of(demand: Demand) -> DemandPoint:
    kind, of_list, tensor, count, height, index, node = demand_words(demand)
    return DemandPoint(
        list=kind, of_list=of_list, tensor=tensor, count=count, height=height, index=index, node=bytes32(node)
    )


class Challenger:
    """Asks for a leaf, level by level, and learns from the answers."""

    def __init__(self, contracts: Contracts, job_id: JobId, milestone: int = 0) -> None:
        self.contracts, self.job_id, self.milestone = contracts, job_id, milestone
        _, _, _, output_root, _, proof = contracts.claims[job_id, milestone]
        claim = Claim(trace_root=proof, output_root=output_root, input_root=root_of(inputs(milestone)))
        self.known = Known.of(program(), program_commitment(program()), claim)
        self.asked: dict[Bytes32, Demand] = {}

    def ask(self, target: Target) -> Bytes32 | None:
        demand = next_demand(self.known, target)
        if demand is None:
            return None
        demand_id = self.contracts.demand(self.job_id, self.milestone, point_of(demand), demand.level)
        self.asked[demand_id] = demand
        return demand_id

    def learn(self, demand_id: Bytes32) -> None:
        demand = self.asked[demand_id]
        self.known = self.known.with_answer(demand, read_answer(demand, self.contracts.shown[demand_id]))


@pytest.fixture
async def claimed(start: NewProcess, contracts: Contracts, shared: FolderStore) -> JobId:
    """A job whose claim stands; nobody runs."""
    job_id = publish_program_job(contracts, shared, 1)
    process = start()
    await process.run_until(lambda: process.stage(job_id) is Stage.AWAITING)
    return job_id


def answered(contracts: Contracts, *demands: Bytes32 | None) -> Callable[[], bool]:
    return lambda: set(demands) <= set(contracts.shown)


TARGETS = [
    Target(Ref(RefKind.STEP, 1), 2),
    Target(Ref(RefKind.STEP, 2), 0),
    Target(Ref(RefKind.CONSTANT, 1), 1_600),
    Target(Ref(RefKind.INPUT, 0), 1),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: str(target.ref))
async def test_run_given_demands_down_to_a_leaf_answers_each_until_it_is_known(
    start: NewProcess, contracts: Contracts, claimed: JobId, target: Target
) -> None:
    challenger = Challenger(contracts, claimed)
    demands = 0
    while (demand_id := challenger.ask(target)) is not None:
        await start().run_until(answered(contracts, demand_id))
        challenger.learn(demand_id)
        demands += 1

    leaf = challenger.known.tensors[target.ref].leaves[target.leaf]
    data = to_bytes(run(program(), inputs(0)).tensor(target.ref)).tobytes()
    assert leaf == data[target.leaf * 256 :][:256].ljust(256, b"\0")
    assert 1 <= demands <= 4


async def test_run_given_a_lost_trace_computes_it_again_and_answers(
    start: NewProcess, contracts: Contracts, claimed: JobId, tmp_path: Path
) -> None:
    (tmp_path / "home/jobs" / claimed / "0.trace").write_bytes(b"damaged")
    challenger = Challenger(contracts, claimed)
    demand_id = challenger.ask(TARGETS[0])
    assert demand_id is not None

    await start().run_until(answered(contracts, demand_id))

    challenger.learn(demand_id)


async def test_run_given_many_demands_answers_each_once(
    start: NewProcess, contracts: Contracts, claimed: JobId
) -> None:
    challenger = Challenger(contracts, claimed)
    first = challenger.ask(TARGETS[0])
    assert first is not None
    await start().run_until(answered(contracts, first))
    challenger.learn(first)
    contracts.clock.advance(1)
    wanted = [challenger.ask(target) for target in TARGETS]

    await start().run_until(answered(contracts, *wanted))

    assert len(contracts.shown) == 1 + len(TARGETS)
    assert [key for key in contracts.refused if key.startswith("show")] == []


@pytest.mark.parametrize("moment", range(1, 9))
async def test_run_given_a_kill_at_any_moment_of_an_answer_answers_after_a_restart_once(
    start: NewProcess, contracts: Contracts, claimed: JobId, moment: int
) -> None:
    demand_id = Challenger(contracts, claimed).ask(TARGETS[0])
    from executor_prover import Trap

    await start(trap=Trap(moment)).run_until_killed_or(answered(contracts, demand_id))
    await start().run_until(answered(contracts, demand_id))

    assert list(contracts.shown) == [demand_id]


async def test_run_given_an_answer_of_somebody_else_sends_none(
    start: NewProcess, contracts: Contracts, claimed: JobId
) -> None:
    demand_id = Challenger(contracts, claimed).ask(TARGETS[0])
    assert demand_id is not None
    contracts.mine()
    contracts.state(Shown, job_id=claimed, demand_id=demand_id, milestone=0, answer=b"")
    process = start()

    await process.run_until(lambda: process.trap.moments.count("poll") > 30)

    assert "send show" not in process.trap.moments


async def test_run_given_the_operators_fees_collects_them_at_the_end(
    start: NewProcess, contracts: Contracts, claimed: JobId
) -> None:
    demand_id = Challenger(contracts, claimed).ask(TARGETS[0])
    await start().run_until(answered(contracts, demand_id))
    contracts.clock.advance(4 * WINDOW)

    work = await start().run_until_over(claimed)

    assert work.stage is Stage.DONE
    assert (contracts.withdrawn_fees, contracts.fees[OPERATOR]) == (7, 0)


async def test_status_given_a_demand_that_cannot_be_answered_says_so_until_it_is(
    start: NewProcess, contracts: Contracts, claimed: JobId, tmp_path: Path
) -> None:
    demand_id = Challenger(contracts, claimed).ask(TARGETS[0])
    process = start()
    process.trap.troubles["send show"] = [RevertError("Out of luck.", name="Luck_Out", arguments={})]
    await process.run_until(lambda: any("Out of luck" in alert.text for alert in process.journal.alerts()))
    told = read_status(tmp_path / "home", contracts.clock)

    assert [demand["demand_id"] for demand in told["demands"]] == [demand_id]
    assert "could not be answered yet: Out of luck." in told["alerts"][0]["text"]

    contracts.clock.advance(2)
    again = start()
    await again.run_until(lambda: demand_id in contracts.shown and not again.journal.demands())
    assert read_status(tmp_path / "home", contracts.clock)["demands"] == []


async def test_run_given_artifacts_that_are_gone_says_why_it_cannot_answer(
    start: NewProcess, contracts: Contracts, claimed: JobId
) -> None:
    demand_id = Challenger(contracts, claimed).ask(TARGETS[0])
    process = start()

    async def gone(*_: object) -> None:
        raise ArtifactMissingError("The inputs are not in any store.")

    process.defender._hold = gone  # type: ignore[assignment]
    await process.run_until(lambda: any("not in any store" in alert.text for alert in process.journal.alerts()))

    assert demand_id not in contracts.shown


async def test_run_given_withhold_on_purpose_answers_nothing(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared, 1)
    misbehaviour = parse_fault("withhold", 31337)
    first: Process = start(misbehaviour=misbehaviour)
    await first.run_until(lambda: first.stage(job_id) is Stage.AWAITING)
    Challenger(contracts, job_id).ask(TARGETS[0])
    process = start(misbehaviour=misbehaviour)

    await process.run_until(lambda: process.trap.moments.count("poll") > 30)

    assert not contracts.shown


async def test_look_given_a_demand_on_another_operators_claim_keeps_nothing_of_it(
    start: NewProcess, contracts: Contracts, claimed: JobId
) -> None:
    point = DemandPoint(list=2, of_list=True, tensor=0, count=3, height=2, index=0, node=hash_of("node"))
    contracts.fault(claimed, 0)
    contracts.demand(claimed, 0, point)
    process = start()

    await process.run_until(lambda: process.trap.moments.count("poll") > 30)

    assert process.follower.demands == {}
