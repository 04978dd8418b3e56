from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from executor_builders import AGENT, FREE_STAKE, LOCK, OPERATOR, address, offer
from executor_market import Contracts, publish_job
from executor_process import POLICY, NewProcess

from executor.work import Stage
from tallystick.errors import (
    ChainUnavailableError,
    InsufficientFundsError,
    ModelError,
    ProverTimeoutError,
    RevertError,
    TransactionLostError,
)
from tallystick.market.terms import JobStatus
from tallystick.storage.folder import FolderStore

PAID_FOR_BOTH = {"accept 1": 1, "claim 0": 1, "claim 1": 1, "withdraw": 1}


async def test_run_given_a_job_of_two_milestones_is_paid_for_both(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)

    work = await start().run_until_over(job_id)

    assert work.stage is Stage.DONE
    assert contracts.done == PAID_FOR_BOTH
    assert contracts.withdrawn[OPERATOR] == 1_000


async def test_run_given_a_claim_puts_the_output_where_the_chain_says_it_is(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    from tallystick.market.book import fold
    from tallystick.market.manifests import ResultManifest
    from tallystick.storage.manifests import get_manifest
    from tallystick.tensors import QuantisedTensors

    job_id = publish_job(contracts, shared)
    await start().run_until_over(job_id)

    second = fold(contracts.facts)[job_id].payments[1]
    result = get_manifest(shared, second.result_manifest, ResultManifest)
    output = QuantisedTensors.decode(shared.get(result.output.cid))
    assert (result.milestone, output.values) == (1, ((1, -1),))


async def test_run_given_a_finished_job_removes_its_proofs(
    start: NewProcess, contracts: Contracts, shared: FolderStore, tmp_path: Any
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    await process.run_until(
        lambda: process.stage(job_id) is Stage.DONE and not (tmp_path / "home/jobs" / job_id).exists()
    )

    assert process.prover.proofs == {0: 1, 1: 1}


async def test_run_given_more_jobs_than_it_may_hold_takes_the_next_when_one_is_done(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    jobs = [publish_job(contracts, shared, salt=salt) for salt in range(3)]
    process = start(policy=replace(POLICY, max_jobs=1))

    def over() -> bool:
        process.let_time_pass()
        return all(process.stage(job_id) is Stage.DONE for job_id in jobs)

    await process.run_until(over)

    assert contracts.done == {"accept 1": 3, "claim 0": 3, "claim 1": 3, "withdraw": 3}


async def test_run_given_stake_for_one_of_two_jobs_promises_it_once(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    contracts.free_stake = LOCK + LOCK // 2
    jobs = [publish_job(contracts, shared, salt=salt) for salt in range(2)]
    process = start()
    await process.run_until(
        lambda: (
            {process.stage(job_id) for job_id in jobs} == {Stage.DONE, Stage.REFUSED}
            or all(process.stage(job_id) is Stage.DONE for job_id in jobs)
        )
    )

    refused = [work for work in process.works.values() if "promised" in work.last_word]
    assert len(refused) == 1


async def test_run_given_another_operator_was_faster_leaves_the_job(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()

    def a_rival_accepts() -> None:
        if contracts.states[job_id].status is JobStatus.OPEN:
            contracts.assign(job_id, address("rival"), address("rival"))

    process.prover.meanwhile = a_rival_accepts

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.LOST
    assert "another was faster" in work.last_word
    assert not contracts.done


async def test_run_given_a_deadline_missed_ends_lost_and_never_takes_the_job_again(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    process.prover.trouble = None
    await process.run_until(lambda: process.stage(job_id) is Stage.PROVING)
    contracts.clock.advance(601)
    contracts.expire(job_id)

    restarted = start()
    await restarted.run_until(lambda: restarted.stage(job_id) is Stage.REFUSED)

    assert "was late" in restarted.works[job_id].last_word
    assert contracts.done["accept 1"] == 1


async def test_run_given_a_proof_that_the_contract_refuses_proves_again(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    process.prover.lies = 1

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.DONE
    assert process.prover.proofs == {0: 2, 1: 1}


async def test_run_given_keys_that_are_not_the_registered_ones_refuses_before_it_promises(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    process.prover.trouble = ModelError("The keys are of another program.")

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.REFUSED
    assert not contracts.done


async def test_run_given_a_model_found_unsound_refuses_its_next_job_without_trying(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    first = publish_job(contracts, shared)
    process = start()
    process.prover.trouble = ModelError("The keys are of another program.")
    await process.run_until_over(first)
    second = publish_job(contracts, shared, salt=2)

    restarted = start()
    work = await restarted.run_until_over(second)

    assert "another program" in work.last_word
    assert "make keys" not in restarted.trap.moments


async def test_run_given_an_input_that_cannot_be_proven_refuses_before_it_promises(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    process.prover.overflows = {1}

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.REFUSED
    assert not contracts.done


async def test_run_given_an_offer_that_lapses_while_inputs_are_tried_accepts_by_the_next(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared, exclusive_seconds=60)
    process = start()
    process.prover.while_rehearsing = lambda: contracts.clock.advance(20)
    process.agent.offered(offer(contracts.terms[job_id]))
    await process.run_until(lambda: process.stage(job_id) is Stage.REFUSED)
    assert process.prover.rehearsals == {0: 1, 1: 1}

    restarted = start()
    restarted.agent.offered(offer(contracts.terms[job_id], expires_at=contracts.clock.now() + 20))
    await restarted.run_until(lambda: restarted.stage(job_id) is Stage.DONE)

    assert restarted.prover.rehearsals.total() == 0


async def test_run_given_an_offer_that_comes_while_an_earlier_one_lapses_accepts_by_it(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared, exclusive_seconds=60)
    process = start()

    def lapse_and_offer_again() -> None:
        contracts.clock.advance(20)
        process.agent.offered(offer(contracts.terms[job_id], expires_at=contracts.clock.now() + 20))

    process.prover.while_rehearsing = lapse_and_offer_again
    process.agent.offered(offer(contracts.terms[job_id]))
    await process.run_until(lambda: process.stage(job_id) is Stage.DONE)

    assert process.refusals == []


async def test_run_given_a_prover_that_runs_out_of_time_does_not_hold_it_against_the_model(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    first = publish_job(contracts, shared)
    process = start()
    process.prover.trouble = ProverTimeoutError("It took too long.")
    await process.run_until_over(first)
    second = publish_job(contracts, shared, salt=2)

    work = await start().run_until_over(second)

    assert work.stage is Stage.DONE


async def test_run_given_requirements_it_does_not_meet_refuses_even_an_offer(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared, requirements="gpu>=1", exclusive_seconds=60)
    process = start(unmet=lambda text: (f"{text} is required",))
    process.agent.offered(offer(contracts.terms[job_id]))

    await process.run_until(lambda: bool(process.refusals))

    assert process.stage(job_id) is Stage.REFUSED
    assert [reason for _, reason in process.refusals] == ["gpu>=1 is required"]


async def test_run_given_an_offer_in_the_exclusive_time_accepts_by_it(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared, exclusive_seconds=60)
    process = start()
    process.agent.offered(offer(contracts.terms[job_id]))

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.DONE
    assert process.refusals == []


async def test_run_given_no_dispatcher_takes_the_job_when_the_exclusive_time_is_over(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared, exclusive_seconds=60)
    process = start()
    await process.run_until(lambda: process.stage(job_id) is Stage.REFUSED)
    assert not contracts.done
    contracts.clock.advance(60)

    await start().run_until(lambda: contracts.done == PAID_FOR_BOTH)

    assert contracts.withdrawn[OPERATOR] == 1_000


async def test_run_given_a_job_resumed_from_another_operator_starts_at_its_next_milestone(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    contracts.assign(job_id, address("rival"), address("rival"))
    contracts.states[job_id] = replace(contracts.states[job_id], next_milestone=1, paid_milestones=1)
    contracts.expire(job_id)
    process = start()

    work = await process.run_until_over(job_id)

    assert (work.stage, process.prover.proofs) == (Stage.DONE, {1: 1})


async def test_run_given_a_lost_home_folder_finds_its_job_on_the_chain(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    contracts.assign(job_id, OPERATOR, AGENT)

    work = await start().run_until_over(job_id)

    assert work.stage is Stage.DONE
    assert contracts.done["claim 1"] == 1


async def test_run_given_a_job_of_the_operators_other_agent_leaves_it_alone(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    contracts.assign(job_id, OPERATOR, address("the other agent"))
    process = start()
    await process.run_until(lambda: process.trap.moments.count("poll") > 5)

    assert process.works == {}


async def test_run_given_inputs_gone_from_the_store_after_acceptance_works_from_its_copies(
    start: NewProcess, contracts: Contracts, shared: FolderStore, tmp_path: Any
) -> None:
    import shutil

    job_id = publish_job(contracts, shared)
    process = start()
    await process.run_until(lambda: process.stage(job_id) is Stage.PREPARING)
    shutil.rmtree(tmp_path / "shared/blocks")
    (tmp_path / "shared/blocks").mkdir()

    work = await start().run_until_over(job_id)

    assert work.stage is Stage.DONE


async def test_run_given_too_little_stake_waits_until_there_is_enough(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    contracts.free_stake = LOCK - 1
    job_id = publish_job(contracts, shared)
    process = start()
    await process.run_until(lambda: process.stage(job_id) is Stage.REFUSED)
    contracts.free_stake = FREE_STAKE
    contracts.clock.advance(30)

    restarted = start()
    await restarted.run_until(lambda: restarted.stage(job_id) is Stage.DONE)

    assert contracts.done == PAID_FOR_BOTH


AWAY = ChainUnavailableError("away")
NO_GAS = InsufficientFundsError("no gas money")
LOST = TransactionLostError("its nonce was used")
REFUSED = RevertError("not an agent", name="StakeManager_NotAgent", arguments={})
FAULT = KeyError("a fault of the program")


@pytest.mark.parametrize(
    ("moment", "trouble"),
    [
        ("poll", AWAY),
        ("read job", AWAY),
        ("read stake", AWAY),
        ("read model", AWAY),
        ("read credit", AWAY),
        ("send accept", AWAY),
        ("sent accept", AWAY),
        ("send claim", AWAY),
        ("sent claim", AWAY),
        ("send collect", AWAY),
        ("sent collect", AWAY),
        ("send accept", NO_GAS),
        ("send claim", NO_GAS),
        ("send claim", LOST),
        ("send claim", REFUSED),
        ("send collect", LOST),
        ("prove", ProverTimeoutError("slow")),
        ("prove", FAULT),
        ("send claim", FAULT),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_run_given_trouble_that_passes_is_paid_all_the_same(
    start: NewProcess, contracts: Contracts, shared: FolderStore, moment: str, trouble: Exception
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    process.trap.troubles[moment] = [trouble] * 3

    def done() -> bool:
        process.let_time_pass()
        return process.stage(job_id) is Stage.DONE

    await process.run_until(done)

    assert contracts.done == PAID_FOR_BOTH


async def test_run_given_a_deadline_missed_after_one_milestone_collects_that_one(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    job_id = publish_job(contracts, shared)
    process = start()
    await process.run_until(lambda: contracts.done["claim 0"] == 1)
    contracts.clock.advance(601)
    contracts.mine()

    work = await start().run_until_over(job_id)

    assert work.stage is Stage.LOST
    assert "deadline of milestone 1 passed" in "".join(work.story)
    assert contracts.withdrawn[OPERATOR] == 500
