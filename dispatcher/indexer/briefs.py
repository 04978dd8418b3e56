"""What a job asks for beyond its terms: its manifest and its model's, fetched once from the store and checked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from dispatcher.indexer.brief import Brief, brief_of
from dispatcher.store.database import Database
from dispatcher.store.jobs import model_specs
from dispatcher.store.manifests import KeptManifest, keep_manifest, kept_manifests
from tallystick.clock import Clock
from tallystick.errors import ArtifactError, InputError
from tallystick.ids import Bytes32, JobId
from tallystick.logs import get_logger
from tallystick.market.book import Job
from tallystick.market.manifests import MAX_MANIFEST_BYTES
from tallystick.storage.cid import manifest_cid
from tallystick.storage.store import Store

FETCH_SECONDS = 20.0
FETCHES_AT_ONCE = 4
LONGEST_WAIT_SECONDS = 60

log = get_logger(__name__)


class BriefReader:
    """Reads briefs from the database, and into it: what could not be had is tried again, ever later."""

    def __init__(self, *, database: Database, store: Store, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock

    async def read(self, jobs: Collection[Job]) -> dict[JobId, Brief]:
        """The jobs' briefs as far as they are known; fetches nothing."""
        specs = await self._database.run(model_specs, {job.terms.model_id for job in jobs})
        digests = {job.terms.manifest for job in jobs} | {spec.manifest for spec in specs.values()}
        kept = await self._database.run(kept_manifests, digests)
        return {job.job_id: brief_of(job, specs.get(job.terms.model_id), kept) for job in jobs}

    async def fetch_missing(self, jobs: Collection[Job]) -> int:
        """Tries once whatever is missing and due. Returns how many manifests came in."""
        specs = await self._database.run(model_specs, {job.terms.model_id for job in jobs})
        digests = {job.terms.manifest for job in jobs} | {spec.manifest for spec in specs.values()}
        kept = await self._database.run(kept_manifests, digests)
        now = self._clock.now()
        due = [digest for digest in sorted(digests) if digest not in kept or _is_due(kept[digest], now)]
        gate = asyncio.Semaphore(FETCHES_AT_ONCE)
        came = await asyncio.gather(*(self._fetch(digest, kept.get(digest), gate) for digest in due))
        return sum(came)

    async def _fetch(self, digest: Bytes32, before: KeptManifest | None, gate: asyncio.Semaphore) -> bool:
        async with gate:
            body, trouble = await self._from_store(digest)
        tries = 0 if body is not None else (before.tries if before else 0) + 1
        wait = min(2**tries, LONGEST_WAIT_SECONDS)
        next_try_at = self._clock.now() + wait
        await self._database.run(keep_manifest, KeptManifest(digest, body, trouble, tries, next_try_at))
        if trouble:
            log.warning("manifest_missed", digest=digest, trouble=trouble, retry_seconds=wait)
        return body is not None

    async def _from_store(self, digest: Bytes32) -> tuple[str | None, str | None]:
        """The body, or the trouble. The store checks the hash; it runs in a thread, because its drivers block."""
        cid = manifest_cid(digest)
        fetch = asyncio.to_thread(self._store.get, cid, max_bytes=MAX_MANIFEST_BYTES)
        try:
            return (await asyncio.wait_for(fetch, FETCH_SECONDS)).decode(), None
        except TimeoutError:
            return None, f"The store did not give {cid} within {FETCH_SECONDS:.0f} s."
        except UnicodeDecodeError:
            return None, f"{cid} is no text."
        except (ArtifactError, InputError) as error:
            return None, str(error)


def _is_due(kept: KeptManifest, now: int) -> bool:
    return kept.body is None and kept.next_try_at <= now
