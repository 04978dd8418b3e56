"""The API as its users meet it: through the client, down to the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_room import ApiRoom, operator
from dispatcher_builders import DISPATCHER, DOMAIN, NOW, Chain, account, address, announcement, capability, terms
from program_market import PROGRAM_JOB, PROGRAM_MODEL_ID, demanded, engine, proven, working

from dispatcher.api.limits import Limits
from dispatcher.store.database import Database
from tallystick.errors import ChainUnavailableError, DispatcherRefusedError, DispatcherUnavailableError
from tallystick.ids import JobId
from tallystick.market.terms import ProofKind, job_id_of
from tallystick.wire.announcement import sign_announcement, sign_refusal
from tallystick.wire.api import QuoteRequest, Refusal

JOB_ID = job_id_of(terms(), DOMAIN)
CHAIN = Chain()


async def one_open_job(room: ApiRoom) -> None:
    await room.happen(CHAIN.registered(1), CHAIN.created(1))
    await room.know()


async def refusal_of(call: Any) -> tuple[str, int]:
    with pytest.raises(DispatcherRefusedError) as caught:
        await call
    return caught.value.code, caught.value.status


def a_refusal(name: str = "alice") -> Refusal:
    return Refusal(job_id=JOB_ID, round=1, agent=address(name), reason="no room", issued_at=NOW)


# ---- health ----------------------------------------------------------------------------------------------------------


async def test_health_at_the_head_is_ok_and_names_the_domain_to_sign_under(room: ApiRoom) -> None:
    await room.happen()

    health = await room.client.health()

    assert (health.status, health.trouble) == ("ok", None)
    assert (health.dispatcher, health.chain_id, health.escrow) == (DISPATCHER, DOMAIN.chain_id, DOMAIN.escrow)


async def test_health_before_the_chain_was_ever_reached_still_answers(room: ApiRoom) -> None:
    assert (await room.client.health()).status == "chain_unavailable"


async def test_health_once_the_chain_is_away_says_since_which_block(room: ApiRoom) -> None:
    await room.happen()
    room.follower.failed(ChainUnavailableError("The RPC does not answer."))

    health = await room.client.health()

    assert (health.status, health.indexed_block) == ("chain_unavailable", 1)
    assert "does not answer" in str(health.trouble)


async def test_job_once_the_chain_is_away_is_still_served(room: ApiRoom) -> None:
    await one_open_job(room)
    room.follower.failed(ChainUnavailableError("The RPC does not answer."))

    assert (await room.client.job(JOB_ID)).status == "open"


# ---- executors and offers --------------------------------------------------------------------------------------------


async def test_announce_given_a_signed_announcement_shows_the_executor(room: ApiRoom) -> None:
    room.answers.free[operator("alice")] = 70
    await room.announce()

    [view] = await room.client.executors()

    assert (view.agent, view.operator, view.free_stake, view.busy) == (address("alice"), operator("alice"), 70, 0)


async def test_executors_given_more_than_a_page_shows_each_once(room: ApiRoom) -> None:
    for name in ("alice", "bob", "carol"):
        await room.announce(name)

    seen: list[str] = []
    after: str | None = None
    while True:
        page = (await room.http.get("/v1/executors", params={"limit": 2} | ({"after": after} if after else {}))).json()
        seen += [view["agent"] for view in page["executors"]]
        after = page["next_after"]
        if after is None:
            break

    assert seen == sorted(address(name) for name in ("alice", "bob", "carol"))


async def test_executors_while_the_chain_is_away_show_no_stake(room: ApiRoom) -> None:
    await room.announce()
    room.answers.away = True

    [view] = await room.client.executors()

    assert view.free_stake is None


async def test_announce_given_a_rivals_signature_is_refused(room: ApiRoom) -> None:
    signed = sign_announcement(announcement(), account("a rival"), DOMAIN)

    assert await refusal_of(room.client.announce(signed)) == ("signature_mismatch", 403)


async def test_announce_given_the_same_twice_is_refused(room: ApiRoom) -> None:
    await room.announce(nonce=5)

    assert await refusal_of(room.announce(nonce=5)) == ("nonce_used", 409)


async def test_announce_while_the_chain_is_away_is_unavailable(room: ApiRoom) -> None:
    room.answers.away = True

    with pytest.raises(DispatcherUnavailableError):
        await room.announce()


async def test_announce_given_a_capability_beyond_its_bounds_is_refused_at_the_place(room: ApiRoom) -> None:
    signed = sign_announcement(announcement(), account("alice"), DOMAIN).model_dump(mode="json")
    signed["announcement"]["capability"]["gpus"] = [signed["announcement"]["capability"]["gpus"][0]] * 65

    answer = await room.http.post("/v1/executors/announcements", json=signed)

    assert (answer.status_code, answer.json()["values"]["place"]) == (422, "body.announcement.capability.gpus")


async def test_offers_given_an_agent_that_never_announced_are_refused(room: ApiRoom) -> None:
    assert await refusal_of(room.client.offers(address("alice"))) == ("agent_unknown", 404)


async def test_match_given_an_open_job_offers_it_to_the_executor(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)

    await room.matcher.match()

    [offer] = await room.client.offers(address("alice"))
    assert (offer.job_id, offer.assignment.operator, offer.assignment.expires_at) == (
        JOB_ID,
        operator("alice"),
        room.chain_clock.now() + 20,
    )


async def test_match_near_the_end_of_the_accept_window_offers_no_longer_than_it(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)
    room.clock.advance(595)
    await room.announce(nonce=2)

    await room.matcher.match()

    [offer] = await room.client.offers(address("alice"))
    assert offer.assignment.expires_at == NOW + 1 + 600


async def test_match_given_a_revoked_stake_offers_nothing(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)
    room.answers.free[operator("alice")] = 99

    assert await room.matcher.match() == 0


async def test_match_while_the_chain_is_away_offers_nothing(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)
    room.answers.away = True

    assert await room.matcher.match() == 0


async def test_match_twice_offers_once(room: ApiRoom) -> None:
    await room.announce("alice")
    await room.announce("bob")
    await one_open_job(room)

    assert [await room.matcher.match(), await room.matcher.match()] == [1, 0]


async def test_offers_given_a_wait_answer_as_soon_as_one_is_made(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)
    waiting = asyncio.create_task(room.client.offers(address("alice"), wait_seconds=20))
    await asyncio.sleep(0.01)

    await room.matcher.match()

    assert len(await asyncio.wait_for(waiting, 5)) == 1


async def test_refuse_given_the_agents_signature_passes_the_job_to_the_next(room: ApiRoom) -> None:
    await room.announce("alice", capability=capability(min_milestone_price=1))
    await room.announce("bob")
    await one_open_job(room)
    await room.matcher.match()

    await room.client.refuse(sign_refusal(a_refusal(), account("alice"), DOMAIN))
    await room.matcher.match()

    assert len(await room.client.offers(address("bob"))) == 1


async def test_refuse_given_a_rivals_signature_is_refused(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)
    await room.matcher.match()

    forged = sign_refusal(a_refusal(), account("a rival"), DOMAIN)

    assert await refusal_of(room.client.refuse(forged)) == ("signature_mismatch", 403)


async def test_refuse_at_another_agents_address_is_refused(room: ApiRoom) -> None:
    signed = sign_refusal(a_refusal(), account("alice"), DOMAIN)

    answer = await room.http.post(f"/v1/executors/{address('bob')}/refusals", json=signed.model_dump(mode="json"))

    assert (answer.status_code, answer.json()["error"]) == (422, "agent_mismatch")


async def test_offers_after_acceptance_on_chain_are_over(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)
    await room.matcher.match()

    await room.happen(CHAIN.assigned(2, JOB_ID, "alice"))

    assert await room.client.offers(address("alice")) == []


async def test_executors_given_a_job_held_count_it_as_busy(room: ApiRoom) -> None:
    await room.announce("alice")
    await one_open_job(room)
    assigned = CHAIN.assigned(2, JOB_ID).model_copy(update={"agent": address("alice")})
    await room.happen(assigned)

    [view] = await room.client.executors()

    assert view.busy == 1


# ---- jobs ------------------------------------------------------------------------------------------------------------


async def test_job_given_an_open_one_shows_terms_price_and_requirements(room: ApiRoom) -> None:
    await one_open_job(room)

    view = await room.client.job(JOB_ID)

    assert (view.status, view.terms, view.price_now, view.manifest.requirements) == ("open", terms(), 1_000, "")


async def test_job_before_its_manifest_is_there_says_what_is_missing(room: ApiRoom) -> None:
    await room.happen(CHAIN.registered(1), CHAIN.created(1))

    view = await room.client.job(JOB_ID)

    assert "not been fetched yet" in str(view.manifest.trouble)


async def test_job_given_payments_and_slashes_shows_them(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(CHAIN.assigned(2, JOB_ID), *CHAIN.paid(3, JOB_ID))

    view = await room.client.job(JOB_ID)

    assert [(paid.milestone, paid.to_operator) for paid in view.payments] == [(0, 500)]


async def test_job_given_back_shows_the_fee_and_its_bounty(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(CHAIN.assigned(2, JOB_ID), *CHAIN.released(3, JOB_ID))

    view = await room.client.job(JOB_ID)

    assert [(release.operator, release.fee) for release in view.releases] == [(address("operator"), 3)]
    assert (view.status, view.round, view.bounty) == ("open", 2, 3)


async def test_job_given_a_claim_in_its_window_shows_it_as_claimed_and_not_paid(room: ApiRoom) -> None:
    held = terms(proof_kind=ProofKind.OPTIMISTIC, challenge_seconds=100)
    job_id = job_id_of(held, DOMAIN)
    await room.happen(CHAIN.created(1, held), CHAIN.assigned(2, job_id), CHAIN.claimed(3, job_id))

    view = await room.client.job(job_id)

    assert (view.next_milestone, view.paid_milestones) == (1, 0)
    assert [(claim.milestone, claim.final_at) for claim in view.claims] == [(0, NOW + 103)]


async def test_job_completed_shows_what_went_back_to_its_creator(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(
        CHAIN.assigned(2, JOB_ID), *CHAIN.paid(3, JOB_ID), *CHAIN.paid(4, JOB_ID, 1), CHAIN.completed(4, JOB_ID)
    )

    assert (await room.client.job(JOB_ID)).surplus == 7


async def test_job_past_its_deadline_says_that_expire_is_callable_since_when(room: ApiRoom) -> None:
    await one_open_job(room)
    await room.happen(CHAIN.assigned(2, JOB_ID))
    room.clock.advance(1_000)

    warm = (await room.client.job(JOB_ID)).warm

    assert warm is not None
    assert (warm.call, warm.since) == ("expire", NOW + 2 + 300 + 1)


async def test_job_given_too_few_confirmations_is_pending(room: ApiRoom) -> None:
    room.progress.confirmations_wanted = 3
    await one_open_job(room)
    await room.happen()

    view = await room.client.job(JOB_ID)

    assert (view.finality, view.confirmations) == ("pending", 2)


async def test_job_given_an_unknown_id_is_refused(room: ApiRoom) -> None:
    assert await refusal_of(room.client.job(JobId("0x" + "00" * 32))) == ("job_unknown", 404)


@pytest.mark.parametrize("job_id", ["0x12", "1", "0x" + "zz" * 32, "..%2f..%2fetc"])
async def test_job_given_what_is_no_id_is_refused(room: ApiRoom, job_id: str) -> None:
    answer = await room.http.get(f"/v1/jobs/{job_id}")

    assert answer.status_code in (404, 422)
    assert answer.json()["error"] in ("invalid_request", "not_found")


async def test_jobs_given_pages_shows_each_job_once(room: ApiRoom) -> None:
    many = [terms(salt=salt) for salt in range(5)]
    await room.happen(*(CHAIN.created(block, held) for block, held in enumerate(many, 1)))

    seen: list[JobId] = []
    after = None
    while True:
        page = await room.client.jobs(limit=2, after=after)
        seen += [view.job_id for view in page.jobs]
        after = page.next_after
        if after is None:
            break

    assert seen == [job_id_of(held, DOMAIN) for held in reversed(many)]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "status=lost", "creator=0x12", "after=" + "x" * 41]
)
async def test_jobs_given_a_query_out_of_bounds_is_refused(room: ApiRoom, query: str) -> None:
    answer = await room.http.get(f"/v1/jobs?{query}")

    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


async def test_why_given_a_job_that_nobody_can_take_tells_why(room: ApiRoom) -> None:
    room.answers.free[operator("alice")] = 80
    await room.announce()
    await one_open_job(room)

    view = await room.client.why(JOB_ID)

    assert (view.status, [reason.code for reason in view.reasons]) == ("open", ["stake_too_low"])
    assert "deposit 20 more" in str(view.reasons[0].nearest_change)


async def test_why_given_a_job_on_offer_says_to_whom(room: ApiRoom) -> None:
    await room.announce()
    await one_open_job(room)
    await room.matcher.match()

    assert f"on offer to agent {address('alice')}" in (await room.client.why(JOB_ID)).summary


# ---- the form of refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v2/health"), ("POST", "/v1/health"), ("DELETE", "/v1/jobs"), ("GET", "/.env")]
)
async def test_any_path_or_method_that_is_not_there_is_refused_in_the_common_form(
    room: ApiRoom, method: str, path: str
) -> None:
    answer = await room.http.request(method, path)

    assert answer.status_code in (404, 405)
    assert set(answer.json()) == {"error", "message", "remedy", "values"}


BAD_BODIES = {
    "empty": b"",
    "cut": b"{",
    "list": b"[]",
    "null": b"null",
    "type": b'{"requirements": 5}',
    "surprise": b'{"surprise": 1}',
    "bytes": b"\xff\xfe",
    "deep": b"[" * 60_000,
    "long number": b'{"milestones": ' + b"9" * 60_000 + b"}",
    "infinity": b'{"milestones": Infinity}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_quote_given_a_body_that_is_none_is_refused_in_the_common_form(room: ApiRoom, body: bytes) -> None:
    answer = await room.http.post("/v1/quotes", content=body, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error", "message", "remedy", "values"}


@pytest.fixture
async def strict(database: Database) -> AsyncIterator[ApiRoom]:
    room = ApiRoom(database, Limits(agent_rate=0.001, agent_burst=2))
    yield room
    await room.close()


async def test_announce_too_often_is_refused_by_agent(strict: ApiRoom) -> None:
    await strict.announce(nonce=1)
    await strict.announce(nonce=2)

    assert await refusal_of(strict.announce(nonce=3)) == ("too_many_requests", 429)


async def test_announce_too_often_does_not_hold_back_another_agent(strict: ApiRoom) -> None:
    await strict.announce(nonce=1)
    await strict.announce(nonce=2)

    await strict.announce("bob")


async def test_announce_forged_too_often_does_not_use_up_the_agents_share(strict: ApiRoom) -> None:
    forged = sign_announcement(announcement(), account("a rival"), DOMAIN)
    for _ in range(5):
        await refusal_of(strict.client.announce(forged))

    await strict.announce()


# ---- optimistic jobs --------------------------------------------------------------------------------------------------


async def test_job_given_a_demand_shows_it_with_the_claim_and_its_later_finality(room: ApiRoom) -> None:
    await room.happen(*working(CHAIN), *demanded(CHAIN, 20))

    view = await room.client.job(PROGRAM_JOB)

    assert (view.proof_kind, view.challenge_seconds) == ("optimistic", 100)
    assert [(claim.milestone, claim.final_at) for claim in view.claims] == [(0, NOW + 400)]
    assert [(demand.state, demand.answer_by) for demand in view.demands] == [("open", NOW + 60)]


async def test_jobs_given_a_fault_show_where_the_claim_was_wrong(room: ApiRoom) -> None:
    await room.happen(*working(CHAIN), *proven(CHAIN, 30))

    [view] = (await room.client.jobs()).jobs

    [fault] = view.faults
    assert (fault.kind, fault.step, fault.element, fault.computed, fault.claimed) == ("element", 7, 120, 3, 4)


async def test_why_given_a_demand_says_that_an_answer_is_awaited(room: ApiRoom) -> None:
    await room.happen(*working(CHAIN), *demanded(CHAIN, 20))

    assert "1 demand awaits an answer" in (await room.client.why(PROGRAM_JOB)).summary


async def test_events_of_a_job_given_a_dispute_have_its_facts(room: ApiRoom) -> None:
    await room.happen(*working(CHAIN), *demanded(CHAIN, 20))

    page = await room.client.events()
    assert [event.fact.event for event in page.events if event.fact][-2:] == ["TraceDemanded", "ClaimExtended"]


async def test_quote_given_a_program_asks_for_backends(room: ApiRoom) -> None:
    await room.happen(*working(CHAIN))
    await room.announce("alice", capability=capability(provers=(engine(),)))
    await room.announce("bob")

    view = await room.client.quote(QuoteRequest(model_id=PROGRAM_MODEL_ID))

    assert (view.proof_kind, view.capable, view.total) == ("optimistic", 1, 2)
