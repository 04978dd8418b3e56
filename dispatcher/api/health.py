"""How well the dispatcher sees."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter

from dispatcher.api.context import Context
from dispatcher.store.jobs import count_open
from tallystick.wire.api import HealthView

router = APIRouter(tags=["health"])


@router.get("/v1/health")
async def health(context: Context) -> HealthView:
    """Always 200 while the process serves; `status` says whether it sees the chain."""
    progress = context.progress
    return HealthView(
        status=progress.status,
        version=version("tallystick"),
        dispatcher=context.dispatcher,
        chain_id=context.domain.chain_id,
        escrow=context.domain.escrow,
        confirmations=progress.confirmations_wanted,
        indexed_block=progress.indexed_block,
        head_block=progress.head_block,
        lag_blocks=progress.lag_blocks,
        last_read_at=progress.last_read_at,
        executors=len(await context.announcements.alive()),
        open_jobs=await context.database.run(count_open),
        trouble=progress.explanation,
    )
