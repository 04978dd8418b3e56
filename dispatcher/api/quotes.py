"""What a job would cost, before it exists."""

from __future__ import annotations

from fastapi import APIRouter

from dispatcher.api.context import Context
from dispatcher.matching.quotes import quote
from tallystick.wire.api import QuoteRequest, QuoteView

router = APIRouter(tags=["quotes"])


@router.post("/v1/quotes")
async def quotes(request: QuoteRequest, context: Context) -> QuoteView:
    """Who could take such a job now, what they ask, and what holds the others back, by both proof kinds. Nothing is
    reserved."""
    market = await context.market.read([])
    seconds = await context.market.milestone_seconds(request.model_id)
    return quote(request, market, seconds, await context.market.model_spec(request.model_id))
