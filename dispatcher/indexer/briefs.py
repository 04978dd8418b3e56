"""What jobs ask for, as far as the database knows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dispatcher.indexer.brief import Brief, brief_of
from dispatcher.store.database import Database
from dispatcher.store.jobs import model_specs
from dispatcher.store.manifests import KeptManifest, kept_manifests
from tallystick.ids import Bytes32, JobId, ModelId
from tallystick.market.book import Job
from tallystick.market.claims import ModelSpec


@dataclass(frozen=True)
class Documents:
    """What jobs name, and what is known of it.

    Attributes:
        digests: Of all manifests that the jobs and their models name, in order.
        kept: Those that were ever tried.
    """

    specs: dict[ModelId, ModelSpec]
    digests: tuple[Bytes32, ...]
    kept: dict[Bytes32, KeptManifest]


def documents_of(session: Session, jobs: Collection[Job]) -> Documents:
    specs = model_specs(session, {job.terms.model_id for job in jobs})
    digests = {job.terms.manifest for job in jobs} | {spec.manifest for spec in specs.values()}
    return Documents(specs=specs, digests=tuple(sorted(digests)), kept=kept_manifests(session, digests))


class BriefReader:
    """Reads briefs; fetches nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, jobs: Collection[Job]) -> dict[JobId, Brief]:
        """Each job's brief, with the trouble where it is not whole."""
        documents = await self._database.run(documents_of, jobs)
        return {job.job_id: brief_of(job, documents.specs.get(job.terms.model_id), documents.kept) for job in jobs}
