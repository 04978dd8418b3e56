"""The latest announcement of each agent."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dispatcher.store.tables import AnnouncementRow
from tallystick.ids import Address
from tallystick.wire.api import MAX_ANNOUNCEMENT_SECONDS, Announcement

KEPT_SECONDS = 2 * MAX_ANNOUNCEMENT_SECONDS
"""Past its end: by then every older announcement has run out as well, so forgetting the nonce lets none be replayed."""


@dataclass(frozen=True)
class NonceUsed:
    """The agent has announced with this nonce, or a later one, already."""

    latest: int


def keep_announcement(session: Session, announcement: Announcement) -> NonceUsed | None:
    """Takes the place of the agent's earlier one. Returns what stands against it, None where it was kept."""
    row = session.get(AnnouncementRow, announcement.agent)
    if row is not None and announcement.nonce <= int(row.nonce):
        return NonceUsed(latest=int(row.nonce))
    session.merge(
        AnnouncementRow(
            agent=announcement.agent,
            operator=announcement.operator,
            nonce=str(announcement.nonce),
            expires_at=announcement.expires_at,
            body=announcement.model_dump_json(),
        )
    )
    return None


def known_announcements(session: Session) -> list[Announcement]:
    """All that are kept, also those that have run out, by agent."""
    bodies = session.scalars(select(AnnouncementRow.body).order_by(AnnouncementRow.agent))
    return [Announcement.model_validate_json(body) for body in bodies]


def announcement_of(session: Session, agent: Address) -> Announcement | None:
    row = session.get(AnnouncementRow, agent)
    return None if row is None else Announcement.model_validate_json(row.body)


def forget_announcements(session: Session, now: int) -> int:
    """Drops those whose end lies far enough back; returns how many."""
    old = delete(AnnouncementRow).where(AnnouncementRow.expires_at < now - KEPT_SECONDS)
    return len(session.execute(old.returning(AnnouncementRow.agent)).all())
