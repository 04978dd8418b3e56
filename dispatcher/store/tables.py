"""The tables. Amounts never stand in columns of their own: they outgrow 64 bits, so they stay inside JSON bodies."""

from __future__ import annotations

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_VERSION = 1
LIVE = "live"


class Base(DeclarativeBase):
    pass


class MetaRow(Base):
    """Single values: schema version, whose facts these are, how far they were read."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class EntryRow(Base):
    """The feed: every fact, and a mark where the chain dropped some. Numbers are never used twice.

    `job_id` and `model_id`: what the fact is about, if it is about one. `body` is the fact as JSON; empty for a mark, whose `block_number` is the last block that still stands.
    """

    __tablename__ = "entries"
    __table_args__ = (Index("entries_by_job", "job_id", "number"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    event: Mapped[str]
    block_number: Mapped[int] = mapped_column(index=True)
    job_id: Mapped[str | None]
    model_id: Mapped[str | None] = mapped_column(index=True)
    body: Mapped[str] = mapped_column(Text)


class JobRow(Base):
    """What jobs are searched by. Follows from the entries and is rebuilt from them whenever those change."""

    __tablename__ = "jobs"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    created_number: Mapped[int] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(index=True)
    creator: Mapped[str] = mapped_column(index=True)
    model_id: Mapped[str] = mapped_column(index=True)


class ManifestRow(Base):
    """A job's or model's manifest by digest, or why it could not be had when it was last tried."""

    __tablename__ = "manifests"

    digest: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str | None] = mapped_column(Text)
    trouble: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int]
    next_try_at: Mapped[int]


class AnnouncementRow(Base):
    """The latest announcement of each agent, kept past its end so that no older one can be replayed."""

    __tablename__ = "announcements"

    agent: Mapped[str] = mapped_column(primary_key=True)
    operator: Mapped[str]
    nonce: Mapped[str]
    expires_at: Mapped[int] = mapped_column(index=True)
    body: Mapped[str] = mapped_column(Text)


class OfferRow(Base):
    """Every offer made. The partial index is the guarantee: one opening of a job has one live offer at most."""

    __tablename__ = "offers"
    __table_args__ = (
        Index(
            "one_live_offer",
            "job_id",
            "round",
            unique=True,
            sqlite_where=text(f"state = '{LIVE}'"),
            postgresql_where=text(f"state = '{LIVE}'"),
        ),
        Index("offers_by_agent", "agent", "state"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str]
    round: Mapped[int]
    operator: Mapped[str]
    agent: Mapped[str]
    offered_at: Mapped[int]
    expires_at: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None]
    ended_at: Mapped[int | None]
