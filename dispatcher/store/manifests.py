"""Manifests by digest: their canonical bytes, or why they could not be had when last tried."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.store.tables import ManifestRow
from tallystick.ids import Bytes32


@dataclass(frozen=True)
class KeptManifest:
    """Exactly one of `body` and `trouble` is there. `tries` counts failures in a row."""

    digest: Bytes32
    body: str | None
    trouble: str | None
    tries: int
    next_try_at: int


def keep_manifest(session: Session, kept: KeptManifest) -> None:
    session.merge(
        ManifestRow(
            digest=kept.digest,
            body=kept.body,
            trouble=kept.trouble,
            tries=kept.tries,
            next_try_at=kept.next_try_at,
        )
    )


def kept_manifests(session: Session, digests: Collection[Bytes32]) -> dict[Bytes32, KeptManifest]:
    """Those of the digests that were ever tried."""
    rows = session.scalars(select(ManifestRow).where(ManifestRow.digest.in_(digests)))
    return {
        Bytes32(row.digest): KeptManifest(
            digest=Bytes32(row.digest),
            body=row.body,
            trouble=row.trouble,
            tries=row.tries,
            next_try_at=row.next_try_at,
        )
        for row in rows
    }
