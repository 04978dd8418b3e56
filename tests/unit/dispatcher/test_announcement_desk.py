"""Announcements: signed by the agent, in time, never replayed, and by agents that the chain knows."""

from __future__ import annotations

from typing import Any

import pytest
from dispatcher_builders import DOMAIN, NOW, account, address, announcement, capability

from dispatcher.bell import Bell
from dispatcher.matching.announcement_desk import AnnouncementDesk, check_announcement
from dispatcher.store.announcements import KEPT_SECONDS
from dispatcher.store.database import Database
from tallystick.clock import ManualClock
from tallystick.errors import ChainUnavailableError, DispatcherRefusedError
from tallystick.ids import Address
from tallystick.market.terms import SigningDomain
from tallystick.wire.announcement import sign_announcement
from tallystick.wire.api import MAX_ANNOUNCEMENT_SECONDS, SignedAnnouncement


class Appointments:
    """The chain's answer to `is_agent`."""

    def __init__(self) -> None:
        self.agents = {address("alice")}
        self.away = False

    async def is_agent(self, operator: Address, agent: Address) -> bool:
        if self.away:
            raise ChainUnavailableError("The RPC does not answer.")
        return operator == address("operator alice") and agent in self.agents


class Room:
    def __init__(self, database: Database) -> None:
        self.chain = Appointments()
        self.clock = ManualClock(NOW)
        self.bell = Bell()
        self.desk = AnnouncementDesk(
            database=database, is_agent=self.chain.is_agent, domain=DOMAIN, clock=self.clock, market_bell=self.bell
        )


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


def signed(signer: str = "alice", domain: SigningDomain = DOMAIN, **changes: Any) -> SignedAnnouncement:
    return sign_announcement(announcement(**changes), account(signer), domain)


def refusal_of(given: SignedAnnouncement, now: int = NOW) -> str:
    with pytest.raises(DispatcherRefusedError) as caught:
        check_announcement(given, DOMAIN, now)
    return caught.value.code


def test_check_announcement_given_the_agents_signature_passes() -> None:
    check_announcement(signed(), DOMAIN, NOW)


def test_check_announcement_signed_by_a_rival_is_refused() -> None:
    assert refusal_of(signed("a rival")) == "signature_mismatch"


def test_check_announcement_signed_by_the_operator_for_its_agent_is_refused() -> None:
    assert refusal_of(signed("operator alice")) == "signature_mismatch"


def test_check_announcement_signed_for_another_chain_is_refused() -> None:
    elsewhere = DOMAIN.model_copy(update={"chain_id": 1})

    assert refusal_of(signed(domain=elsewhere)) == "signature_mismatch"


def test_check_announcement_signed_for_another_deployment_is_refused() -> None:
    elsewhere = DOMAIN.model_copy(update={"escrow": address("another escrow")})

    assert refusal_of(signed(domain=elsewhere)) == "signature_mismatch"


@pytest.mark.parametrize(
    "changes",
    [
        {"capability": capability(min_milestone_price=1)},
        {"operator": address("another operator")},
        {"expires_at": NOW + 299},
        {"issued_at": NOW - 1},
        {"nonce": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_check_announcement_given_a_word_changed_after_signing_is_refused(changes: dict[str, Any]) -> None:
    changed = SignedAnnouncement(announcement=announcement(**changes), signature=signed().signature)

    assert refusal_of(changed) == "signature_mismatch"


def test_check_announcement_given_no_signature_at_all_is_refused() -> None:
    nothing = SignedAnnouncement(announcement=announcement(), signature="0x" + "00" * 65)

    assert refusal_of(nothing) == "signature_invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"issued_at": NOW + 31, "expires_at": NOW + 100},
        {"issued_at": NOW - 100, "expires_at": NOW},
        {"issued_at": NOW, "expires_at": NOW + MAX_ANNOUNCEMENT_SECONDS + 1},
        {"issued_at": NOW + 10, "expires_at": NOW + 10},
    ],
    ids=["from the future", "run out", "too long", "no time at all"],
)
def test_check_announcement_out_of_time_is_refused(changes: dict[str, int]) -> None:
    assert refusal_of(signed(**changes)) == "announcement_out_of_time"


def test_check_announcement_given_the_longest_time_passes() -> None:
    check_announcement(signed(expires_at=NOW + MAX_ANNOUNCEMENT_SECONDS), DOMAIN, NOW)


def test_check_announcement_given_a_clock_a_little_ahead_passes() -> None:
    check_announcement(signed(issued_at=NOW + 30, expires_at=NOW + 100), DOMAIN, NOW)


async def test_keep_given_an_appointed_agent_counts_it(room: Room) -> None:
    await room.desk.keep(announcement())

    assert [said.agent for said in await room.desk.alive()] == [address("alice")]


async def test_keep_given_an_agent_that_was_not_appointed_refuses_it(room: Room) -> None:
    room.chain.agents.clear()

    with pytest.raises(DispatcherRefusedError) as caught:
        await room.desk.keep(announcement())

    assert caught.value.code == "not_an_agent"


async def test_keep_given_the_same_announcement_again_refuses_it(room: Room) -> None:
    await room.desk.keep(announcement(nonce=7))

    with pytest.raises(DispatcherRefusedError) as caught:
        await room.desk.keep(announcement(nonce=7))

    assert (caught.value.code, caught.value.values) == ("nonce_used", {"latest_nonce": "7"})


async def test_keep_given_an_older_nonce_leaves_the_newer_announcement(room: Room) -> None:
    await room.desk.keep(announcement(nonce=7, capability=capability(region="us")))

    with pytest.raises(DispatcherRefusedError):
        await room.desk.keep(announcement(nonce=6))

    [said] = await room.desk.alive()
    assert said.capability.region == "us"


async def test_keep_given_the_largest_nonce_there_is_keeps_it(room: Room) -> None:
    accepted = await room.desk.keep(announcement(nonce=2**64 - 1))

    assert accepted.nonce == 2**64 - 1


async def test_keep_while_the_chain_is_away_refuses_an_unknown_agent(room: Room) -> None:
    room.chain.away = True

    with pytest.raises(ChainUnavailableError):
        await room.desk.keep(announcement())


async def test_keep_while_the_chain_is_away_goes_on_with_a_known_agent(room: Room) -> None:
    await room.desk.keep(announcement(nonce=1))
    room.chain.away = True

    await room.desk.keep(announcement(nonce=2))

    assert [said.nonce for said in await room.desk.alive()] == [2]


async def test_keep_while_the_chain_is_away_refuses_a_known_agent_for_another_operator(room: Room) -> None:
    await room.desk.keep(announcement(nonce=1))
    room.chain.away = True

    with pytest.raises(ChainUnavailableError):
        await room.desk.keep(announcement(nonce=2, operator=address("a rich operator")))


async def test_keep_rings_for_the_matcher(room: Room) -> None:
    ring = room.bell.listen()

    await room.desk.keep(announcement())

    assert ring.is_set()


async def test_alive_at_the_announced_end_counts_it_no_more(room: Room) -> None:
    await room.desk.keep(announcement(expires_at=NOW + 300))
    room.clock.advance(300)

    assert await room.desk.alive() == []


async def test_forget_old_given_an_announcement_just_run_out_still_refuses_its_replay(room: Room) -> None:
    # An agent that ends its announcement early must not come back by an older one that counts for longer.
    await room.desk.keep(announcement(nonce=2, expires_at=NOW + 10))
    room.clock.advance(11)
    await room.desk.forget_old()

    with pytest.raises(DispatcherRefusedError, match="nonce"):
        await room.desk.keep(announcement(nonce=1, expires_at=NOW + 600))


async def test_forget_old_given_an_announcement_long_run_out_drops_it(room: Room) -> None:
    await room.desk.keep(announcement(expires_at=NOW + 10))
    room.clock.advance(10 + KEPT_SECONDS + 1)

    assert await room.desk.forget_old() == 1


async def test_require_known_given_an_agent_that_never_announced_refuses_it(room: Room) -> None:
    with pytest.raises(DispatcherRefusedError) as caught:
        await room.desk.require_known(address("alice"))

    assert (caught.value.code, caught.value.status) == ("agent_unknown", 404)


async def test_require_known_given_an_agent_that_announced_passes(room: Room) -> None:
    await room.desk.keep(announcement())

    await room.desk.require_known(address("alice"))
