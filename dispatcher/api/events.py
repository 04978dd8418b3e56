"""The feed: every fact in order, and the news when the chain drops some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from dispatcher.api.context import ApiContext, Context
from dispatcher.api.polls import WaitSeconds
from dispatcher.store.entries import Entry, entries_after
from tallystick.wire.api import MAX_PAGE, EventPage, EventView

router = APIRouter(tags=["events"])


@router.get("/v1/events")
async def events(
    context: Context,
    after: Annotated[str | None, Query(max_length=40)] = None,
    wait_seconds: WaitSeconds = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> EventPage:
    """Oldest first, from the beginning or behind the cursor `after`. Whoever reads in order is never misled."""
    start = context.cursors.read(after)
    entries = await context.polls.until_some(
        lambda: context.database.run(entries_after, start, limit), context.facts_bell, wait_seconds
    )
    return event_page(context, entries, start)


def event_page(context: ApiContext, entries: Sequence[Entry], start: int) -> EventPage:
    return EventPage(
        events=tuple(_event(context, entry) for entry in entries),
        next_cursor=context.cursors.write(entries[-1].number if entries else start),
    )


def _event(context: ApiContext, entry: Entry) -> EventView:
    return EventView(
        cursor=context.cursors.write(entry.number),
        fact=entry.fact,
        rolled_back_to=entry.block_number if entry.fact is None else None,
        finality=context.progress.finality_of(entry.block_number),
    )
