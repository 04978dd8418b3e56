"""What executors say and hear."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from dispatcher.api.context import Context
from dispatcher.api.polls import WaitSeconds
from dispatcher.api.views import executor_view
from tallystick.errors import DispatcherRefusedError
from tallystick.ids import AddressField
from tallystick.wire.api import (
    MAX_PAGE,
    AnnouncementAccepted,
    ExecutorsView,
    OffersView,
    SignedAnnouncement,
    SignedRefusal,
)

router = APIRouter(tags=["executors"], prefix="/v1/executors")


@router.get("")
async def executors(
    context: Context, after: AddressField | None = None, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE
) -> ExecutorsView:
    """Everyone whose announcement counts now, by agent; `after` is the `next_after` of the page before."""
    found = await context.market.executors(limit + 1, after)
    shown = found[:limit]
    return ExecutorsView(
        executors=tuple(executor_view(executor) for executor in shown),
        next_after=shown[-1].announcement.agent if len(found) > limit else None,
    )


@router.post("/announcements")
async def announce(signed: SignedAnnouncement, context: Context) -> AnnouncementAccepted:
    """Takes the place of the agent's last announcement. Signed by the agent (EIP-712, `Announcement`)."""
    context.announcements.check(signed)
    # Only now is it known that the agent itself asked, so that nobody can use up another's share.
    context.agents.take(f"agent {signed.announcement.agent}")
    return await context.announcements.keep(signed.announcement)


@router.get("/{agent}/offers")
async def offers(agent: AddressField, context: Context, request: Request, wait_seconds: WaitSeconds = 0) -> OffersView:
    """What is on offer to the agent. An offer is of use to its operator's agents alone, so that anyone may look."""
    address = request.client.host if request.client else "unknown"
    context.agents.take(f"polls of {agent} from {address}")
    await context.announcements.require_known(agent)
    found = await context.polls.until_some(lambda: context.offers.offers_to(agent), context.offers_bell, wait_seconds)
    return OffersView(offers=tuple(found))


@router.post("/{agent}/refusals", status_code=204)
async def refuse(agent: AddressField, signed: SignedRefusal, context: Context) -> None:
    """The agent will not take what it was offered: the next one's turn comes at once. Signed by the agent."""
    if signed.refusal.agent != agent:
        raise DispatcherRefusedError(
            f"The refusal is by {signed.refusal.agent}, the address is of {agent}.", code="agent_mismatch", status=422
        )
    context.offers.check(signed)
    context.agents.take(f"agent {agent}")
    await context.offers.refuse(signed.refusal)
