"""The dispatcher over real sockets, on a real chain."""

from __future__ import annotations

import pytest
from dispatcher_market import OPERATORS, DispatcherMarket, address_of, agent_of, until

from tallystick.errors import RevertError
from tallystick.ids import JobId, raw
from tallystick.wire.api import MAX_WAIT_SECONDS, HealthView, JobView, Offer
from tallystick.wire.dispatcher_client import DispatcherClient

pytestmark = pytest.mark.chain


async def offer_to(client: DispatcherClient, name: str, seconds: int = MAX_WAIT_SECONDS) -> Offer:
    offers = await client.offers(address_of(agent_of(name)), wait_seconds=seconds)
    assert offers, f"{name} was offered nothing within {seconds} s"
    return offers[0]


async def job_once(client: DispatcherClient, job_id: JobId, status: str, round_: int = 1) -> JobView:
    async def look() -> JobView | None:
        views = (await client.jobs()).jobs
        found = [view for view in views if (view.job_id, view.status, view.round) == (job_id, status, round_)]
        return found[0] if found else None

    return await until(look)


async def test_offer_given_a_funded_job_is_accepted_by_the_contract_in_exclusive_time(market: DispatcherMarket) -> None:
    await market.equip("alice")
    async with market.dispatcher() as running, DispatcherClient(running.url) as client:
        await market.announce(client, "alice")
        job_id, terms = await market.fund()
        offer = await offer_to(client, "alice")

        operator, signature = address_of(OPERATORS["alice"]), raw(offer.signature)
        await market.send(agent_of("alice"), market.calls.accept(terms, operator, offer.assignment, signature))

        view = await job_once(client, job_id, "assigned")
        assert (view.operator, view.agent) == (operator, address_of(agent_of("alice")))


async def test_offer_made_to_one_operator_is_refused_by_the_contract_for_another(market: DispatcherMarket) -> None:
    await market.equip("alice")
    await market.equip("bob")
    async with market.dispatcher() as running, DispatcherClient(running.url) as client:
        await market.announce(client, "alice")
        _, terms = await market.fund()
        offer = await offer_to(client, "alice")

        rival, signature = address_of(OPERATORS["bob"]), raw(offer.signature)
        with pytest.raises(RevertError) as caught:
            await market.send(agent_of("bob"), market.calls.accept(terms, rival, offer.assignment, signature))

        assert caught.value.name == "JobEscrow_AssignmentMismatch"


async def test_job_given_a_reorganised_acceptance_is_open_again(market: DispatcherMarket) -> None:
    await market.equip("alice")
    async with market.dispatcher() as running, DispatcherClient(running.url) as client:
        await market.announce(client, "alice")
        job_id, terms = await market.fund()
        offer = await offer_to(client, "alice")
        operator, signature = address_of(OPERATORS["alice"]), raw(offer.signature)
        await market.send(agent_of("alice"), market.calls.accept(terms, operator, offer.assignment, signature))
        await job_once(client, job_id, "assigned")

        market.chain.reorganise(1)
        market.chain.mine()

        await job_once(client, job_id, "open")
        page = await client.events()
        assert any(event.rolled_back_to is not None for event in page.events)


async def test_keeper_given_a_missed_deadline_reopens_the_job_for_another(market: DispatcherMarket) -> None:
    await market.equip("alice")
    await market.equip("bob")
    async with market.dispatcher(keeper=True) as running, DispatcherClient(running.url) as client:
        await market.announce(client, "alice", ask=1)
        job_id, terms = await market.fund()
        offer = await offer_to(client, "alice")
        operator, signature = address_of(OPERATORS["alice"]), raw(offer.signature)
        await market.send(agent_of("alice"), market.calls.accept(terms, operator, offer.assignment, signature))
        await market.announce(client, "bob", ask=400)

        market.chain.pass_time(301)

        view = await job_once(client, job_id, "open", round_=2)
        assert view.slashes[0].operator == operator
        assert (await offer_to(client, "bob")).round == 2


async def test_why_given_stake_below_the_lock_tells_how_much_is_missing(market: DispatcherMarket) -> None:
    await market.equip("alice")
    async with market.dispatcher() as running, DispatcherClient(running.url) as client:
        await market.announce(client, "alice")
        job_id, _ = await market.fund(stake_lock=3 * 10**19)
        await job_once(client, job_id, "open")

        async def reasons() -> list[tuple[str, str | None]]:
            view = await client.why(job_id)
            return [(one.code, one.nearest_change) for one in view.reasons if one.code == "stake_too_low"]

        [(_, change)] = await until(reasons)
        assert f"deposit {2 * 10**19} more" in str(change)


async def test_health_once_the_chain_is_gone_says_so_and_jobs_are_still_served(market: DispatcherMarket) -> None:
    async with market.dispatcher() as running, DispatcherClient(running.url) as client:
        job_id, _ = await market.fund()
        await job_once(client, job_id, "open")

        market.chain.stop()

        async def trouble() -> HealthView | None:
            health = await client.health()
            return health if health.status == "chain_unavailable" else None

        await until(trouble)
        assert (await client.job(job_id)).status == "open"
