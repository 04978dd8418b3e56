"""Offers: one agent at a time, kept before they are signed, and alive after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from dispatcher_builders import DISPATCHER, DOMAIN, NOW, SERVICE, account, address, open_job, with_changes
from eth_account import Account

from dispatcher.bell import Bell
from dispatcher.matching.offer_desk import OfferDesk
from dispatcher.store.database import Database, open_database
from dispatcher.store.offers import KeptOffer, keep_offer, live_offers, offers_of_rounds
from tallystick.clock import ManualClock
from tallystick.errors import DispatcherRefusedError
from tallystick.ids import JobId
from tallystick.market.book import Job
from tallystick.market.terms import JobStatus, assignment_message
from tallystick.wire.announcement import sign_refusal
from tallystick.wire.api import Refusal

JOB = open_job()


def an_offer(agent: str = "agent", *, round_: int = 1, expires_at: int = NOW + 20) -> KeptOffer:
    return KeptOffer(JOB.job_id, round_, address(f"operator of {agent}"), address(agent), NOW, expires_at)


class Room:
    """A desk with everything around it."""

    def __init__(self, database: Database) -> None:
        self.jobs: dict[JobId, Job] = {JOB.job_id: JOB}
        self.clock = ManualClock(NOW)
        self.offers_bell, self.market_bell = Bell(), Bell()
        self.desk = OfferDesk(
            database=database,
            find_job=self.jobs.get,
            account=SERVICE,
            domain=DOMAIN,
            clock=self.clock,
            offers_bell=self.offers_bell,
            market_bell=self.market_bell,
        )


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


def a_refusal(agent: str = "agent", round_: int = 1) -> Refusal:
    return Refusal(job_id=JOB.job_id, round=round_, agent=address(agent), reason="busy", issued_at=NOW)


async def test_keep_offer_while_another_agent_has_the_same_opening_keeps_nothing(database: Database) -> None:
    await database.run(keep_offer, an_offer("first"))

    assert not await database.run(keep_offer, an_offer("second"))


async def test_keep_offer_of_a_later_round_is_kept(database: Database) -> None:
    await database.run(keep_offer, an_offer("first"))

    assert await database.run(keep_offer, an_offer("second", round_=2))


async def test_offers_to_given_a_live_offer_carries_the_services_signature(room: Room) -> None:
    await room.desk.make(an_offer())

    [offer] = await room.desk.offers_to(address("agent"))

    message = assignment_message(offer.assignment, DOMAIN)
    assert Account.recover_message(message, signature=offer.signature) == DISPATCHER


async def test_offers_to_given_another_agents_offer_is_empty(room: Room) -> None:
    await room.desk.make(an_offer("first"))

    assert await room.desk.offers_to(address("second")) == []


async def test_offers_to_in_the_last_second_still_has_the_offer(room: Room) -> None:
    await room.desk.make(an_offer())
    room.clock.advance(20)

    assert len(await room.desk.offers_to(address("agent"))) == 1


async def test_offers_to_after_its_end_is_empty_before_any_sweep(room: Room) -> None:
    await room.desk.make(an_offer())
    room.clock.advance(21)

    assert await room.desk.offers_to(address("agent")) == []


async def test_offers_to_once_the_job_is_assigned_is_empty(room: Room) -> None:
    await room.desk.make(an_offer())
    room.jobs[JOB.job_id] = with_changes(JOB, status=JobStatus.ASSIGNED)

    assert await room.desk.offers_to(address("agent")) == []


async def test_offers_to_once_the_job_is_open_in_a_later_round_is_empty(room: Room) -> None:
    await room.desk.make(an_offer())
    room.jobs[JOB.job_id] = with_changes(JOB, round=2)

    assert await room.desk.offers_to(address("agent")) == []


async def test_offers_to_after_a_restart_hands_out_the_same_assignment(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'dispatcher.db'}"
    before = await open_database(url, belongs_to="1:a")
    await Room(before).desk.make(an_offer())
    first = await Room(before).desk.offers_to(address("agent"))
    await before.close()

    after = await open_database(url, belongs_to="1:a")
    second = await Room(after).desk.offers_to(address("agent"))
    await after.close()

    assert second == first


async def test_make_after_a_restart_refuses_a_second_agent_while_the_first_has_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'dispatcher.db'}"
    before = await open_database(url, belongs_to="1:a")
    await Room(before).desk.make(an_offer("first"))
    await before.close()

    after = await open_database(url, belongs_to="1:a")
    made = await Room(after).desk.make(an_offer("second"))
    await after.close()

    assert not made


async def test_make_rings_for_those_who_wait_for_offers(room: Room) -> None:
    ring = room.offers_bell.listen()

    await room.desk.make(an_offer())

    assert ring.is_set()


async def test_sweep_given_an_offer_past_its_end_frees_the_job_for_the_next(room: Room) -> None:
    await room.desk.make(an_offer("first"))
    room.clock.advance(21)

    await room.desk.sweep()

    assert await room.desk.make(an_offer("second", expires_at=NOW + 41))


async def test_sweep_given_an_offer_in_its_last_second_leaves_it(room: Room) -> None:
    await room.desk.make(an_offer())
    room.clock.advance(20)

    assert await room.desk.sweep() == 0


async def test_sweep_given_a_lapsed_offer_rings_for_the_matcher(room: Room) -> None:
    await room.desk.make(an_offer())
    room.clock.advance(21)
    ring = room.market_bell.listen()

    await room.desk.sweep()

    assert ring.is_set()


async def test_sweep_given_an_accepted_job_settles_its_offer(room: Room, database: Database) -> None:
    await room.desk.make(an_offer())
    room.jobs[JOB.job_id] = with_changes(JOB, status=JobStatus.ASSIGNED)

    await room.desk.sweep()

    [kept] = await database.run(offers_of_rounds, {(JOB.job_id, 1)})
    assert kept.state == "settled"


async def test_refuse_given_the_offers_agent_ends_it_with_the_reason(room: Room, database: Database) -> None:
    await room.desk.make(an_offer())

    await room.desk.refuse(a_refusal())

    [kept] = await database.run(offers_of_rounds, {(JOB.job_id, 1)})
    assert (kept.state, kept.reason, kept.ended_at) == ("refused", "busy", NOW)


async def test_refuse_given_another_agent_leaves_the_offer_alone(room: Room, database: Database) -> None:
    await room.desk.make(an_offer("first"))

    with pytest.raises(DispatcherRefusedError) as caught:
        await room.desk.refuse(a_refusal("second"))

    assert caught.value.code == "offer_unknown"
    assert len(await database.run(live_offers)) == 1


async def test_refuse_rings_for_the_matcher(room: Room) -> None:
    await room.desk.make(an_offer())
    ring = room.market_bell.listen()

    await room.desk.refuse(a_refusal())

    assert ring.is_set()


async def test_check_given_a_refusal_signed_by_someone_else_refuses_it(room: Room) -> None:
    forged = sign_refusal(a_refusal("agent"), account("a rival"), DOMAIN)

    with pytest.raises(DispatcherRefusedError, match="is signed by"):
        room.desk.check(forged)


async def test_check_given_the_agents_own_signature_passes(room: Room) -> None:
    room.desk.check(sign_refusal(a_refusal("agent"), account("agent"), DOMAIN))
