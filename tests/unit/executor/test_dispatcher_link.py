from __future__ import annotations

import asyncio
from typing import Any

import pytest
from executor_builders import AGENT, DOMAIN, NOW, OPERATOR, account, address, offer, terms
from executor_prover import KilledError

from executor.dispatcher_link import ANNOUNCED_SECONDS, DispatcherLink
from tallystick.clock import ManualClock
from tallystick.errors import DispatcherRefusedError, DispatcherUnavailableError
from tallystick.ids import Address
from tallystick.service.patience import Patience
from tallystick.wire.announcement import announcer_of, refuser_of
from tallystick.wire.api import AnnouncementAccepted, Offer, SignedAnnouncement, SignedRefusal
from tallystick.wire.capability import Capability


class Dispatcher:
    """Answers with what a test lists; an exception is raised. Ends the test when there is nothing left to say."""

    def __init__(self, *, announcing: list[Any] | None = None, offering: list[Any] | None = None) -> None:
        self.announcing = announcing or []
        self.offering = offering or []
        self.announced: list[SignedAnnouncement] = []
        self.refused: list[SignedRefusal] = []

    async def announce(self, signed: SignedAnnouncement) -> AnnouncementAccepted:
        self.announced.append(signed)
        self._say(self.announcing)
        return AnnouncementAccepted(expires_at=signed.announcement.expires_at, nonce=signed.announcement.nonce)

    async def offers(self, agent: Address, wait_seconds: int = 0) -> list[Offer]:
        said: list[Offer] = self._say(self.offering)
        return said

    async def refuse(self, signed: SignedRefusal) -> None:
        self.refused.append(signed)
        self._say(self.announcing)

    def _say(self, lines: list[Any]) -> Any:
        if not lines:
            raise KilledError("the end of the test")
        said = lines.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


class NoRecord:
    def put_link(self, name: str, trouble: str) -> None:
        pass


def linked(
    dispatcher: Dispatcher, heard: list[Offer] | None = None, clock: ManualClock | None = None
) -> DispatcherLink:
    async def no_pause(_: float) -> None:
        pass

    return DispatcherLink(
        dispatcher=dispatcher,
        operator=OPERATOR,
        account=account("agent"),
        domain=DOMAIN,
        capability=Capability(cpu_cores=2, memory_bytes=1, disk_bytes=1),
        clock=clock or ManualClock(NOW),
        link=Patience("dispatcher", (DispatcherUnavailableError,), NoRecord(), sleep=no_pause),
        offered=(heard if heard is not None else []).append,
        sleep=no_pause,
    )


async def until_end(work: Any) -> None:
    with pytest.raises(KilledError):
        await work


AWAY = DispatcherUnavailableError("away")


async def test_announce_given_a_machine_is_signed_by_the_agent_for_its_operator() -> None:
    dispatcher = Dispatcher()

    await until_end(linked(dispatcher).announce_for_ever())

    [signed] = dispatcher.announced
    assert announcer_of(signed, DOMAIN) == AGENT
    assert signed.announcement.operator == OPERATOR
    assert signed.announcement.expires_at == NOW + ANNOUNCED_SECONDS


async def test_announce_given_a_dispatcher_away_tries_until_it_is_heard() -> None:
    dispatcher = Dispatcher(announcing=[AWAY, AWAY])

    await until_end(linked(dispatcher).announce_for_ever())

    assert len(dispatcher.announced) == 3


async def test_announce_given_several_uses_growing_nonces_although_the_clock_stands_still() -> None:
    dispatcher = Dispatcher(announcing=[AWAY, AWAY])

    await until_end(linked(dispatcher).announce_for_ever())

    nonces = [signed.announcement.nonce for signed in dispatcher.announced]
    assert nonces == sorted(set(nonces))


async def test_announce_given_a_nonce_that_was_used_goes_beyond_it() -> None:
    used = DispatcherRefusedError("used", code="nonce_used", values={"latest_nonce": str(NOW + 500)})
    dispatcher = Dispatcher(announcing=[used])

    await until_end(linked(dispatcher).announce_for_ever())

    assert dispatcher.announced[1].announcement.nonce == NOW + 501


async def test_listen_given_an_offer_hands_it_on() -> None:
    heard: list[Offer] = []
    ours = offer(terms())

    await until_end(linked(Dispatcher(offering=[[ours]]), heard).listen_for_ever())

    assert heard == [ours]


OURS = offer(terms())
MISLEADING = [
    offer(terms(), operator=address("another operator")),
    OURS.model_copy(update={"round": 2}),
    OURS.model_copy(update={"terms": terms(salt=2)}),
    OURS.model_copy(update={"assignment": offer(terms(salt=2)).assignment}),
]


@pytest.mark.parametrize("misleading", MISLEADING)
async def test_listen_given_an_offer_that_contradicts_itself_drops_it(misleading: Offer) -> None:
    heard: list[Offer] = []

    await until_end(linked(Dispatcher(offering=[[misleading]]), heard).listen_for_ever())

    assert heard == []


async def test_listen_given_a_dispatcher_that_comes_back_announces_again_at_once() -> None:
    dispatcher = Dispatcher(announcing=[None], offering=[AWAY, []])
    link = linked(dispatcher)
    announcing = asyncio.ensure_future(link.announce_for_ever())
    await asyncio.sleep(0)

    await until_end(link.listen_for_ever())
    await until_end(announcing)

    assert len(dispatcher.announced) == 2


async def test_refuse_given_a_reason_is_signed_by_the_agent() -> None:
    dispatcher = Dispatcher(announcing=[None])

    await linked(dispatcher).refuse(offer(terms()), "no room " * 100)

    [signed] = dispatcher.refused
    assert refuser_of(signed, DOMAIN) == AGENT
    assert len(signed.refusal.reason) == 300


@pytest.mark.parametrize("trouble", [AWAY, DispatcherRefusedError("no such offer")])
async def test_refuse_given_a_dispatcher_that_does_not_listen_goes_on(trouble: Exception) -> None:
    dispatcher = Dispatcher(announcing=[trouble])

    await linked(dispatcher).refuse(offer(terms()), "no room")

    assert len(dispatcher.refused) == 1
