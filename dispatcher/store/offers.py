"""Offers on disk. Their life: `live`, then exactly one of `refused`, `lapsed` or `settled`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatcher.store.tables import LIVE, OfferRow
from tallystick.ids import Address, JobId

OfferState = Literal["live", "refused", "lapsed", "settled"]


@dataclass(frozen=True)
class KeptOffer:
    """One opening of a job, offered to one agent until `expires_at` (chain time).

    Attributes:
        state: `settled`: the job was accepted, by whomever, or is open no more.
        reason: The agent's, where it refused.
        ended_at: When it stopped being live before its time.
    """

    job_id: JobId
    round: int
    operator: Address
    agent: Address
    offered_at: int
    expires_at: int
    state: OfferState = "live"
    reason: str | None = None
    ended_at: int | None = None


def keep_offer(session: Session, offer: KeptOffer) -> bool:
    """Whether it was kept: not while this opening of the job is on offer to anyone."""
    row = OfferRow(
        job_id=offer.job_id,
        round=offer.round,
        operator=offer.operator,
        agent=offer.agent,
        offered_at=offer.offered_at,
        expires_at=offer.expires_at,
        state=LIVE,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def live_offers(session: Session, agent: Address | None = None) -> list[KeptOffer]:
    """All that are live, oldest first; those of one agent where one is named."""
    query = select(OfferRow).where(OfferRow.state == LIVE).order_by(OfferRow.number)
    if agent is not None:
        query = query.where(OfferRow.agent == agent)
    return [_offer(row) for row in session.scalars(query)]


def offers_of_rounds(session: Session, rounds: Collection[tuple[JobId, int]]) -> list[KeptOffer]:
    """Every offer, of any state, of these openings of jobs, oldest first."""
    query = select(OfferRow).where(OfferRow.job_id.in_({job_id for job_id, _ in rounds})).order_by(OfferRow.number)
    return [_offer(row) for row in session.scalars(query) if (JobId(row.job_id), row.round) in rounds]


def refuse_offer(session: Session, *, job_id: JobId, round_: int, agent: Address, reason: str, now: int) -> bool:
    """Whether there was a live offer to refuse."""
    row = session.scalar(_live_of(job_id, round_).where(OfferRow.agent == agent))
    if row is None:
        return False
    row.state, row.reason, row.ended_at = "refused", reason, now
    return True


def settle_offers(session: Session, offers: Collection[KeptOffer], now: int) -> None:
    """Ends live offers whose opening is over."""
    for offer in offers:
        row = session.scalar(_live_of(offer.job_id, offer.round))
        if row is not None:
            row.state, row.ended_at = "settled", now


def lapse_offers(session: Session, now: int) -> list[KeptOffer]:
    """Ends the live offers whose time is over, and returns them."""
    rows = session.scalars(select(OfferRow).where(OfferRow.state == LIVE, OfferRow.expires_at < now)).all()
    for row in rows:
        row.state, row.ended_at = "lapsed", row.expires_at
    return [_offer(row) for row in rows]


def _live_of(job_id: JobId, round_: int) -> Select[OfferRow]:
    return select(OfferRow).where(OfferRow.job_id == job_id, OfferRow.round == round_, OfferRow.state == LIVE)


def _offer(row: OfferRow) -> KeptOffer:
    return KeptOffer(
        job_id=JobId(row.job_id),
        round=row.round,
        operator=Address(row.operator),
        agent=Address(row.agent),
        offered_at=row.offered_at,
        expires_at=row.expires_at,
        state=cast(OfferState, row.state),
        reason=row.reason,
        ended_at=row.ended_at,
    )
