"""An order from its file to its payment, through a whole agent over a market in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from executor_builders import FREE_STAKE, LOCK, OPERATOR, address
from executor_market import Contracts, publish_job, publish_order
from executor_process import POLICY, NewProcess, Process

from executor.orders import OrderAnswer
from executor.work import Stage
from tallystick.errors import RevertError
from tallystick.ids import JobId
from tallystick.storage.folder import FolderStore


async def answer_of(process: Process, job_id: JobId) -> OrderAnswer:
    await process.run_until(lambda: process.box.answer_to(job_id) is not None)
    answer = process.box.answer_to(job_id)
    assert answer is not None
    return answer


async def test_run_given_an_order_posts_and_accepts_it_at_once_and_is_paid_for_it(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    process = start()
    job_id = process.box.put(publish_order(contracts, shared))

    work = await process.run_until_over(job_id)

    assert work.stage is Stage.DONE
    assert contracts.done == {"accept order": 1, "claim 0": 1, "claim 1": 1, "withdraw": 1}
    assert contracts.withdrawn[OPERATOR] == 1_000


async def test_run_given_an_order_rehearses_its_inputs_before_it_promises_anything(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    process = start()
    process.prover.overflows = {1}
    job_id = process.box.put(publish_order(contracts, shared))

    answer = await answer_of(process, job_id)

    assert not answer.taken
    assert "milestone 1 cannot be proven" in answer.reason
    assert not contracts.done


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"min_price": 998, "max_price": 998}, "the ask is 500"),
        ({"payment_token": address("another token")}, "not among the tokens taken"),
    ],
)
async def test_run_given_an_order_that_never_suits_refuses_it_for_good(
    start: NewProcess, contracts: Contracts, shared: FolderStore, changes: dict[str, Any], reason: str
) -> None:
    process = start()
    job_id = process.box.put(publish_order(contracts, shared, **changes))

    answer = await answer_of(process, job_id)

    assert (answer.taken, process.box.waiting()) == (False, [])
    assert reason in answer.reason


async def test_run_given_an_order_whose_creator_cannot_pay_refuses_it_without_looking_at_its_inputs(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    contracts.creators_balance = 999
    process = start()
    job_id = process.box.put(publish_order(contracts, shared))

    answer = await answer_of(process, job_id)

    assert "its creator holds 999" in answer.reason
    assert process.prover.rehearsals.total() == 0


async def test_run_given_an_order_and_no_room_waits_until_there_is(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    first, second = (publish_order(contracts, shared, salt=salt) for salt in (1, 2))
    process = start(policy=replace(POLICY, max_jobs=1))
    jobs = [process.box.put(first), process.box.put(second)]

    def over() -> bool:
        process.let_time_pass()
        return all(process.stage(job_id) is Stage.DONE for job_id in jobs)

    await process.run_until(over)

    assert contracts.done["accept order"] == 2


async def test_run_given_an_order_that_the_contract_refuses_gives_its_promise_back(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    contracts.free_stake = LOCK
    process = start()
    process.trap.troubles["send order"] = [RevertError("The agent was dismissed.", name="", arguments={})]
    signed = publish_order(contracts, shared)
    refused, others = process.box.put(signed), list[JobId]()

    def the_stake_is_there_for_another_job() -> bool:
        if not others and process.box.answer_to(refused) is not None:
            contracts.create(signed.order.terms)
            contracts.assign(refused, address("rival"), address("rival"))
            others.append(publish_job(contracts, shared, salt=2))
        return bool(others) and process.stage(others[0]) is Stage.DONE

    await process.run_until(the_stake_is_there_for_another_job)

    answer = process.box.answer_to(refused)
    assert answer is not None
    assert (answer.taken, answer.reason) == (False, "The agent was dismissed.")


async def test_run_given_an_order_that_the_newest_block_is_too_early_for_tries_again(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    process = start()
    too_early = RevertError("The order has not started.", name="JobEscrow_OrderNotStarted", arguments={})
    process.trap.troubles["send order"] = [too_early] * 2
    job_id = process.box.put(publish_order(contracts, shared))

    def taken() -> bool:
        process.let_time_pass()
        return process.box.answer_to(job_id) is not None

    await process.run_until(taken)

    answer = process.box.answer_to(job_id)
    assert answer is not None
    assert answer.taken


async def test_run_given_an_order_that_somebody_else_posted_says_so(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    signed = publish_order(contracts, shared, exclusive_seconds=300)
    job_id = contracts.create(signed.order.terms)
    process = start()
    process.box.put(signed)

    answer = await answer_of(process, job_id)

    assert (answer.taken, answer.reason) == (False, "it was posted before and is open")


async def test_run_given_a_crash_after_the_acceptance_answers_that_the_order_is_taken(
    start: NewProcess, contracts: Contracts, shared: FolderStore
) -> None:
    contracts.free_stake = FREE_STAKE
    process = start()
    signed = publish_order(contracts, shared)
    job_id = process.box.put(signed)
    await process.run_until(lambda: contracts.done["accept order"] == 1)
    process.box.put(signed)  # as if the answer had not been written

    answer = await answer_of(start(), job_id)

    assert (answer.taken, answer.reason) == (True, "it is ours")
    assert contracts.done["accept order"] == 1
