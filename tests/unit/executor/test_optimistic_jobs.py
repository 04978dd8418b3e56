"""An agent with jobs whose claims stand in a window, over a market in memory: the agent, its files and its runs are real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from executor_builders import LOCK, OPERATOR
from executor_market import Contracts, publish_job
from executor_process import POLICY, NewProcess, Process
from executor_programs import WINDOW, inputs, program, publish_program_job

from executor.optimistic.faults import parse_fault
from executor.work import Stage
from tallystick.dispute.artifacts import decode_output, decode_roots, decode_tensor
from tallystick.dispute.claims import Claim
from tallystick.dispute.findings import Agrees, Fault, Withheld
from tallystick.dispute.search import examine
from tallystick.engine.executor import run
from tallystick.engine.fold import tensor_root
from tallystick.engine.program import Array, from_bytes
from tallystick.engine.tree import byte_root
from tallystick.errors import ArtifactMissingError
from tallystick.ids import JobId
from tallystick.market.events import MilestoneClaimed
from tallystick.market.manifests import ResultManifest, TraceManifest
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import get_manifest


async def until(process: Process, job_id: JobId, stage: Stage) -> None:
    await process.run_until(lambda: process.stage(job_id) is stage)


def result_of(contracts: Contracts, store: FolderStore, job_id: JobId, milestone: int) -> ResultManifest:
    [fact] = [
        fact
        for fact in contracts.facts
        if isinstance(fact, MilestoneClaimed) and (fact.job_id, fact.milestone) == (job_id, milestone)
    ]
    return get_manifest(store, fact.manifest, ResultManifest)


def trace_of(store: FolderStore, result: ResultManifest) -> tuple[TraceManifest, list[Array]]:
    assert result.trace is not None
    manifest = TraceManifest.decode(store.get(result.trace.cid))
    found = []
    for ref, step in zip(manifest.tensors, program().steps, strict=True):
        header, data = decode_tensor(store.get(ref.cid))
        assert header == step.header.encode()
        found.append(from_bytes(data, step.header))
    return manifest, found


def claim_of(contracts: Contracts, job_id: JobId, milestone: int) -> Claim:
    _, input_root, _, output_root, _, proof = contracts.claims[job_id, milestone]
    return Claim(trace_root=proof, output_root=output_root, input_root=input_root)


async def test_run_given_two_milestones_claims_the_second_while_the_first_is_in_its_window(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared)
    process = start()
    await until(process, job_id, Stage.AWAITING)

    assert contracts.done == {"accept 1": 1, "claim 0": 1, "claim 1": 1}
    assert contracts.clock.now() <= contracts.windows[job_id, 0]
    assert process.works[job_id].standing == 2


async def test_run_given_every_window_over_is_paid_for_all_and_collects(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared)
    await until(start(), job_id, Stage.AWAITING)
    contracts.clock.advance(WINDOW + 1)

    work = await start().run_until_over(job_id)

    assert work.stage is Stage.DONE
    assert contracts.withdrawn[OPERATOR] == 1_000
    assert contracts.done["paid 0"] == contracts.done["paid 1"] == 1


async def test_run_given_the_windows_last_second_does_not_finalize(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared, 1)
    await until(start(), job_id, Stage.AWAITING)
    contracts.clock.advance(WINDOW)
    process, polls = start(), 30

    await process.run_until(lambda: process.trap.moments.count("poll") > polls)

    assert process.stage(job_id) is Stage.AWAITING
    assert "send finalize" not in process.trap.moments


async def test_run_given_a_window_that_a_demand_made_longer_waits_for_its_new_end(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared, 1)
    await until(start(), job_id, Stage.AWAITING)
    contracts.mine()
    contracts.extend(job_id, 0, 500)
    contracts.clock.advance(WINDOW + 1)
    process = start()
    await process.run_until(lambda: process.trap.moments.count("poll") > 30)
    assert process.stage(job_id) is Stage.AWAITING

    contracts.clock.advance(500)
    assert (await start().run_until_over(job_id)).stage is Stage.DONE


async def test_run_given_an_earlier_claim_final_when_the_next_is_made_has_it_paid_at_once(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared)
    first = start()
    await first.run_until(lambda: contracts.done["claim 0"] == 1)
    contracts.clock.advance(WINDOW + 1)
    process = start()

    await until(process, job_id, Stage.AWAITING)

    assert (contracts.done["paid 0"], contracts.done["paid 1"]) == (1, 0)


async def test_run_given_an_honest_job_publishes_what_a_challenger_agrees_with(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared)
    await until(start(), job_id, Stage.AWAITING)

    for milestone in range(2):
        result = result_of(contracts, shared, job_id, milestone)
        manifest, tensors = trace_of(shared, result)
        roots = decode_roots(shared.get(manifest.roots.cid), program())
        assert roots == tuple(
            tensor_root(step.header.encode(), byte_root(tensor.view("u1")))
            for step, tensor in zip(program().steps, tensors, strict=True)
        )
        claim = claim_of(contracts, job_id, milestone)
        assert isinstance(examine(program(), inputs(milestone), claim, tensors), Agrees)
        output = decode_output(shared.get(result.output.cid), program().output_header)
        assert (output == run(program(), inputs(milestone)).output).all()


async def test_run_given_a_kill_after_the_trace_is_kept_does_not_run_again(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared, 1)
    first = start()
    await first.run_until(lambda: contracts.done["accept 1"] == 1)
    second = start()
    second.optimistic._runner._make = None  # type: ignore[method-assign,assignment]  # whoever runs it fails

    await until(second, job_id, Stage.AWAITING)

    assert contracts.done["claim 0"] == 1


async def test_run_given_jobs_that_await_finality_takes_others_up_to_max_jobs(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    jobs = [publish_program_job(contracts, shared, 1, salt=salt) for salt in range(3)]
    process = start(policy=replace(POLICY, max_jobs=1))

    def all_await() -> bool:
        contracts.clock.advance(0 if contracts.done["accept 1"] == 3 else 1)
        return all(process.stage(job_id) is Stage.AWAITING for job_id in jobs)

    # The clock moves while jobs are refused for the moment, so windows are long here.
    contracts.terms = {j: t.model_copy(update={"challenge_seconds": 10_000}) for j, t in contracts.terms.items()}
    await process.run_until(all_await)

    assert contracts.free_stake == 1_000 - 3 * LOCK


async def test_run_given_a_claim_shown_to_be_wrong_ends_lost_with_the_reason_and_never_takes_it_again(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared)
    await until(start(), job_id, Stage.AWAITING)
    contracts.fault(job_id, 0)
    process = start()
    await process.run_until(lambda: process.stage(job_id) is Stage.REFUSED)

    assert any("showed that a claim was wrong; 40 of the stake was slashed" in word for word in process.journal.words)
    assert "at fault" in process.works[job_id].last_word
    assert contracts.done["accept 1"] == 1


async def test_run_given_its_deadline_missed_while_a_claim_stands_is_paid_for_that_claim(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared)
    await start().run_until(lambda: contracts.done["claim 0"] == 1)
    contracts.clock.advance(1_000)
    contracts.windows[job_id, 0] = contracts.clock.now() + 5
    contracts.mine()
    contracts.extend(job_id, 0, 0)
    process = start()
    await until(process, job_id, Stage.AWAITING)
    contracts.clock.advance(6)

    work = await start().run_until_over(job_id)

    assert work.stage is Stage.LOST
    assert (contracts.done["paid 0"], contracts.withdrawn[OPERATOR]) == (1, 500)


async def test_run_given_both_proof_kinds_does_both(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    proven, run_job = publish_job(contracts, shared), publish_program_job(contracts, shared, salt=2)
    process = start()

    await process.run_until(
        lambda: process.stage(proven) is Stage.DONE and process.stage(run_job) is Stage.AWAITING, seconds=30
    )


async def test_run_given_a_known_program_does_not_rehearse_it_again(
    start: NewProcess, contracts: Contracts, shared: FolderStore, tmp_path: Path
) -> None:
    first = publish_program_job(contracts, shared, 1)
    await until(start(), first, Stage.AWAITING)
    second = publish_program_job(contracts, shared, 1, salt=2)
    process = start()
    await process.follower.poll()
    job = process.follower.book[second]

    await process.optimistic.inspect(job)

    assert list(process.optimistic.trials(job)) == []
    assert 0 < await process.optimistic.estimate(job) < 2.0
    process.journal.close()


# ---- being wrong on purpose -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["op=1,element=120", "op=0,element=699", "weights", "output"])
async def test_run_given_a_fault_on_purpose_makes_a_claim_that_can_be_shown_to_be_wrong(
    start: NewProcess, contracts: Contracts, shared: FolderStore, spec: str
) -> None:
    job_id = publish_program_job(contracts, shared, 1)
    process = start(misbehaviour=parse_fault(spec, 31337))
    await until(process, job_id, Stage.AWAITING)

    _, tensors = trace_of(shared, result_of(contracts, shared, job_id, 0))

    found = examine(program(), inputs(0), claim_of(contracts, job_id, 0), tensors)
    assert isinstance(found, Fault)
    if spec.startswith("op="):
        assert f"{found.step},{found.element}" == spec.replace("op=", "").replace("element=", "")


async def test_run_given_withhold_publishes_nothing_and_answers_nothing(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared, 1)
    process = start(misbehaviour=parse_fault("withhold", 31337))
    await until(process, job_id, Stage.AWAITING)

    with pytest.raises(ArtifactMissingError):
        result_of(contracts, shared, job_id, 0)
    assert isinstance(examine(program(), inputs(0), claim_of(contracts, job_id, 0)), Withheld)


async def test_run_given_late_never_claims_and_ends_lost(
    start: NewProcess, contracts: Contracts, shared: FolderStore, tmp_path: Path
) -> None:
    job_id = publish_program_job(contracts, shared, 1)
    process = start(misbehaviour=parse_fault("late", 31337))
    await until(process, job_id, Stage.CLAIMING)
    assert (tmp_path / "home/jobs" / job_id / "0.trace").is_file()
    contracts.clock.advance(301)
    contracts.mine()

    work = await start(misbehaviour=parse_fault("late", 31337)).run_until_over(job_id)

    assert (work.stage, contracts.done["claim 0"]) == (Stage.LOST, 0)


async def test_run_given_windows_that_end_one_after_the_other_pays_each_when_it_is_final(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_program_job(contracts, shared)
    await until(start(), job_id, Stage.AWAITING)
    contracts.mine()
    contracts.extend(job_id, 1, 100)
    contracts.clock.advance(WINDOW + 1)
    process = start()
    await process.run_until(lambda: contracts.done["paid 0"] == 1 and process.works[job_id].standing == 1)

    contracts.clock.advance(100)
    work = await start().run_until_over(job_id)

    assert (work.stage, contracts.withdrawn[OPERATOR]) == (Stage.DONE, 1_000)
    assert {f"finalize:{job_id}:1:0", f"finalize:{job_id}:1:1"} <= process.sent.tried
