"""Where announcements are checked and kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dispatcher.bell import Bell
from dispatcher.store.announcements import (
    NonceUsed,
    announcement_of,
    forget_announcements,
    keep_announcement,
    known_announcements,
)
from dispatcher.store.database import Database
from tallystick.clock import Clock
from tallystick.errors import ChainError, DispatcherRefusedError, InputError
from tallystick.ids import Address
from tallystick.logs import get_logger
from tallystick.market.terms import SigningDomain
from tallystick.wire.announcement import announcer_of
from tallystick.wire.api import MAX_ANNOUNCEMENT_SECONDS, Announcement, AnnouncementAccepted, SignedAnnouncement

CLOCK_SKEW_SECONDS = 30
"""How far ahead of ours an honest machine's clock may be."""

IsAgent = Callable[[Address, Address], Awaitable[bool]]
"""Whether, on chain, an operator (first) has appointed an agent (second). Raises ChainError."""

log = get_logger(__name__)


def check_announcement(signed: SignedAnnouncement, domain: SigningDomain, now: int) -> None:
    """Refuses what can be refused without the chain. Pure. Raises DispatcherRefusedError."""
    said = signed.announcement
    try:
        signer = announcer_of(signed, domain)
    except InputError as error:
        raise DispatcherRefusedError(error.what, code="signature_invalid", status=403, remedy=error.remedy) from error
    if signer != said.agent:
        raise DispatcherRefusedError(
            f"The announcement of {said.agent} is signed by {signer}, or for another deployment or content.",
            code="signature_mismatch",
            status=403,
            values={"agent": said.agent, "signer": signer, "chain_id": domain.chain_id, "escrow": domain.escrow},
            remedy="Sign with the agent's key, under the domain that /v1/health names.",
        )
    _check_times(said, now)


def _check_times(said: Announcement, now: int) -> None:
    if said.issued_at > now + CLOCK_SKEW_SECONDS:
        trouble = f"is issued {said.issued_at - now} s in the future"
    elif said.expires_at <= now:
        trouble = f"ran out {now - said.expires_at} s ago"
    elif not 0 < said.expires_at - said.issued_at <= MAX_ANNOUNCEMENT_SECONDS:
        trouble = f"counts for {said.expires_at - said.issued_at} s, which is not 1 to {MAX_ANNOUNCEMENT_SECONDS}"
    else:
        return
    raise DispatcherRefusedError(
        f"The announcement of {said.agent} {trouble}.",
        code="announcement_out_of_time",
        status=422,
        values={"issued_at": said.issued_at, "expires_at": said.expires_at, "now": now},
        remedy=f"Set the machine's clock; announce for at most {MAX_ANNOUNCEMENT_SECONDS} s, and again before the end.",
    )


class AnnouncementDesk:
    """Keeps each agent's latest announcement. Times here are this machine's, for no chain is needed to announce."""

    def __init__(
        self, *, database: Database, is_agent: IsAgent, domain: SigningDomain, clock: Clock, market_bell: Bell
    ) -> None:
        self._database = database
        self._is_agent = is_agent
        self._domain = domain
        self._clock = clock
        self._bell = market_bell

    def check(self, signed: SignedAnnouncement) -> None:
        """Raises DispatcherRefusedError: signature or times."""
        check_announcement(signed, self._domain, self._clock.now())

    async def keep(self, said: Announcement) -> AnnouncementAccepted:
        """Keeps a checked announcement.

        Raises:
            DispatcherRefusedError: not an agent of that operator, or the nonce is not above the last.
            ChainError: the chain is away, and this agent has not announced for that operator before.
        """
        await self._check_appointment(said)
        against = await self._database.run(keep_announcement, said)
        if isinstance(against, NonceUsed):
            raise DispatcherRefusedError(
                f"Agent {said.agent} has announced with nonce {against.latest} already; {said.nonce} is not above it.",
                code="nonce_used",
                status=409,
                values={"latest_nonce": str(against.latest)},
                remedy="Use a larger nonce, for example the time in milliseconds.",
            )
        log.info("announcement_kept", agent=said.agent, operator=said.operator, expires_at=said.expires_at)
        self._bell.ring()
        return AnnouncementAccepted(expires_at=said.expires_at, nonce=said.nonce)

    async def known(self) -> list[Announcement]:
        """All that are kept, run out or not."""
        return await self._database.run(known_announcements)

    async def alive(self) -> list[Announcement]:
        """Those that count now."""
        now = self._clock.now()
        return [said for said in await self.known() if said.expires_at > now]

    async def require_known(self, agent: Address) -> None:
        """Raises DispatcherRefusedError (`agent_unknown`) where the agent has not announced, or not lately."""
        said = await self._database.run(announcement_of, agent)
        if said is None or said.expires_at <= self._clock.now():
            raise DispatcherRefusedError(
                f"Agent {agent} has no announcement that counts now.",
                code="agent_unknown",
                status=404,
                values={"agent": agent},
                remedy="Announce first, and again before the announcement ends.",
            )

    async def forget_old(self) -> int:
        """Drops what has run out long ago; returns how many."""
        return await self._database.run(forget_announcements, self._clock.now())

    async def _check_appointment(self, said: Announcement) -> None:
        try:
            appointed = await self._is_agent(said.operator, said.agent)
        except ChainError:
            before = await self._database.run(announcement_of, said.agent)
            if before is None or before.operator != said.operator:
                raise
            # The chain said yes last time; matching asks it again before anything is offered.
            return
        if not appointed:
            raise DispatcherRefusedError(
                f"{said.agent} is not an agent of operator {said.operator} on chain.",
                code="not_an_agent",
                status=403,
                values={"operator": said.operator, "agent": said.agent},
                remedy="Appoint it with the operator's key: `tallystick executor stake --agent`.",
            )
