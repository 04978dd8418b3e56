"""Claims on a real chain, right and wrong, and what a challenger makes of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from anvil_chain import dev_account
from challenger_world import CHALLENGER, PASSWORD, UNIT, WINDOW, World, address_of

from challenger.cases import Case, Found
from challenger.watcher import MOST_FAILURES
from tallystick.chain.keys import create_keystore
from tallystick.dispute.faults import ElementFault, OutputFault
from tallystick.engine.trace import Trace
from tallystick.errors import ChainUnavailableError
from tallystick.market.events import FaultCommitted, FaultProven, TraceDemanded
from tallystick.market.parameters import Economy
from tallystick.market.terms import JobTerms

pytestmark = pytest.mark.chain

SHARE = 4 * UNIT
"""40 % of a lock of 10."""
GRACE = 30


async def cases(world: World) -> list[Case]:
    async with world.challenger(sends=False) as parts:
        return parts.journal.latest_cases(10)


async def finders(world: World, terms: JobTerms) -> list[str]:
    """Who has shown that claims of the job are wrong."""
    return [slash.finder for slash in (await world.job(world.job_id(terms))).slashes if slash.is_fault]


async def told(world: World, kind: type[Any]) -> list[Any]:
    return [fact for fact in await world.facts() if isinstance(fact, kind)]


async def stake_of(world: World) -> int:
    async with world.challenger(sends=False) as parts:
        return await parts.reader.balance_of(world.deployment.tokens.stake, address_of(CHALLENGER))


def sent(world: World) -> int:
    return world.chain.transaction_count(CHALLENGER.address)


# ---- Path A -----------------------------------------------------------------------------------------------------------


async def test_challenger_given_a_wrong_element_shows_it_and_collects(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    await world.watch_until_idle()

    assert await finders(world, terms) == [CHALLENGER.address]
    assert await stake_of(world) == SHARE
    [case] = await cases(world)
    assert (case.won, case.outcome.partition(";")[0]) == (True, "shown to be wrong by us")


async def test_challenger_given_an_honest_claim_sends_nothing(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms)
    await world.watch_until_idle()

    assert sent(world) == 0
    [case] = await cases(world)
    assert case.review is not None
    assert case.review.found is Found.AGREES


async def test_challenger_given_a_sample_without_the_claim_does_not_look(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    await world.watch_until_idle(sample="0%")

    assert sent(world) == 0
    [case] = await cases(world)
    assert case.review is not None
    assert case.review.found is Found.NOT_SAMPLED


async def test_challenger_given_a_claim_that_is_final_does_not_look(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    world.chain.pass_time(WINDOW + 1)
    await world.watch_until_idle()

    assert sent(world) == 0
    [case] = await cases(world)
    assert case.review is None
    assert case.last_word.startswith("It is final since ")


async def test_challenger_given_many_claims_shows_the_wrong_one_alone(world: World) -> None:
    terms = await world.accepted_job(milestones=3)
    await world.claim(terms)
    await world.claim(terms, OutputFault(), milestone=1)
    await world.claim(terms, milestone=2)
    await world.watch_until_idle()

    [proven] = await told(world, FaultProven)
    assert (proven.milestone, sent(world)) == (1, 2)
    outcomes = {case.milestone: case.outcome.partition(";")[0] for case in await cases(world)}
    # The claim before it stands; the one after it goes with it.
    assert outcomes == {0: "void", 1: "shown to be wrong by us", 2: "void: milestone 1 was shown to be wrong"}


async def test_challenger_given_a_dry_run_explains_and_sends_nothing(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(4))
    await world.watch_until_idle(sends=False)

    assert sent(world) == 0
    [case] = await cases(world)
    assert case.last_word.startswith("Element ")


async def test_challenger_given_a_share_that_does_not_cover_its_gas_sends_nothing(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    await world.watch_until_idle(stake_worth=1, native_worth=10**9)

    assert sent(world) == 0
    [case] = await cases(world)
    assert "It is not shown: the share of 4000000000000000000 leaves -" in case.last_word


async def test_challenger_given_commit_always_says_it_first_and_shows_it_in_a_later_block(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    world.chain.request("evm_setIntervalMining", 1)
    await world.watch_until_idle(commit="always")

    [committed], [proven] = await told(world, FaultCommitted), await told(world, FaultProven)
    assert committed.at.block_time < proven.at.block_time
    assert await finders(world, terms) == [CHALLENGER.address]


async def test_challenger_given_somebody_faster_sends_nothing_and_says_who(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    other = world.folder / "other.json"
    create_keystore(other, PASSWORD, bytes(dev_account(7).key), light=True)
    async with world.challenger(sends=False, home=world.folder / "other", keystore=other) as slow:
        await slow.watcher.run_once(0.1)
        await world.watch_until_idle()
        await slow.watcher.run_once(0.1)
        [case] = slow.journal.latest_cases(10)

    assert (case.outcome, case.won) == (f"shown to be wrong by {CHALLENGER.address}", False)
    assert world.chain.transaction_count(dev_account(7).address) == 0


# ---- a withheld trace -------------------------------------------------------------------------------------------------


async def asked_once_more(world: World) -> None:
    """A challenger that has looked, and has looked again, and asks."""
    await world.watch_until_idle()
    assert sent(world) == 0
    world.chain.pass_time(GRACE + 1)
    await world.watch_until_idle()


async def test_challenger_given_a_withheld_trace_asks_and_slashes_for_no_answer(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2), withheld=True)
    await asked_once_more(world)
    [asked] = await told(world, TraceDemanded)
    assert (asked.payer, asked.level, sent(world)) == (CHALLENGER.address, 0, 1)

    world.chain.pass_time(WINDOW // 4 + 1)
    await world.watch_until_idle()

    assert await finders(world, terms) == [CHALLENGER.address]
    assert await stake_of(world) == SHARE
    async with world.challenger(sends=False) as parts:
        assert await parts.reader.disputes.demand_credit_of(address_of(CHALLENGER)) == 0
    assert len(await told(world, TraceDemanded)) == 1


async def test_challenger_given_answers_shows_what_they_reveal(world: World) -> None:
    terms = await world.accepted_job()
    false = await world.claim(terms, ElementFault(2, carried=False), withheld=True)
    assert false is not None
    lie = dataclasses.replace(world.trace, tensors=tuple(false.published))
    await asked_once_more(world)
    levels = await answered_to_the_end(world, terms, lie)

    assert levels == [0, 1]
    [proven] = await told(world, FaultProven)
    assert (proven.challenger, proven.step) == (CHALLENGER.address, 2)
    assert await stake_of(world) == SHARE


async def answered_to_the_end(world: World, terms: JobTerms, trace: Trace) -> list[int]:
    """The levels that were asked while the claimer answered everything."""
    while await world.answer_demands(terms, trace):
        await world.watch_until_idle()
    return [fact.level for fact in await told(world, TraceDemanded)]


async def test_challenger_given_a_trace_that_was_late_shows_the_fault_without_asking(world: World) -> None:
    terms = await world.accepted_job()
    false = await world.claim(terms, ElementFault(2))
    assert false is not None
    aside = world.folder / "aside"
    (world.folder / "store").rename(aside)
    await world.watch_until_idle()
    [case] = await cases(world)
    assert case.review is not None
    assert case.review.found is Found.UNJUDGEABLE

    for path in aside.iterdir():
        path.rename(world.folder / "store" / path.name)
    world.chain.pass_time(GRACE + 1)
    await world.watch_until_idle()

    assert await finders(world, terms) == [CHALLENGER.address]
    assert await told(world, TraceDemanded) == []


async def test_challenger_given_an_endpoint_that_fails_for_long_goes_on_where_it_was(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    async with world.challenger() as parts:
        await parts.watcher.step()
        honest, failures = parts.reader.economy_of, 2 * MOST_FAILURES

        async def flaky(version: int) -> Economy:
            nonlocal failures
            failures -= 1
            if failures > 0:
                raise ChainUnavailableError("nothing is to be had")
            return await honest(version)

        parts.reader.economy_of = flaky  # type: ignore[method-assign]
        while failures > 0:
            world.chain.pass_time(3)
            await parts.watcher.run_once(0.1)

    assert await finders(world, terms) == [CHALLENGER.address]


# ---- restarts and reorganisations -------------------------------------------------------------------------------------


async def test_challenger_given_a_reorganisation_that_undid_its_proof_shows_it_again(world: World) -> None:
    terms = await world.accepted_job()
    await world.claim(terms, ElementFault(2))
    await world.watch_until_idle()
    before = await told(world, FaultProven)
    world.chain.reorganise(2)  # what it sent: the proof, and the collection
    assert await told(world, FaultProven) == []
    await world.watch_until_idle()

    assert await finders(world, terms) == [CHALLENGER.address]
    assert await stake_of(world) == SHARE
    [again] = await told(world, FaultProven)
    assert again.at.transaction_hash == before[0].at.transaction_hash
