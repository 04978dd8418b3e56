"""Fetches the manifests that live jobs name, once each; what cannot be had is tried again, ever later."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from dispatcher.bell import Bell, heard
from dispatcher.indexer.briefs import documents_of
from dispatcher.store.database import Database
from dispatcher.store.manifests import KeptManifest, keep_manifest
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
TICK_SECONDS = 1.0

log = get_logger(__name__)


class BriefFetcher:
    """Args: `facts_bell` tells of new jobs; `market_bell` is rung when a document came in."""

    def __init__(
        self,
        *,
        database: Database,
        store: Store,
        live: Mapping[JobId, Job],
        clock: Clock,
        facts_bell: Bell,
        market_bell: Bell,
    ) -> None:
        self._database = database
        self._store = store
        self._live = live
        self._clock = clock
        self._facts_bell = facts_bell
        self._market_bell = market_bell

    async def step(self) -> float:
        """One round over the live jobs, then rest until there may be a new one."""
        ring = self._facts_bell.listen()
        if await self.fetch_missing(list(self._live.values())):
            self._market_bell.ring()
        await heard(ring, TICK_SECONDS)
        return 0.0

    async def fetch_missing(self, jobs: Collection[Job]) -> int:
        """Tries once whatever is missing and due. Returns how many manifests came in."""
        documents = await self._database.run(documents_of, jobs)
        now = self._clock.now()
        due = [digest for digest in documents.digests if _is_due(documents.kept.get(digest), now)]
        gate = asyncio.Semaphore(FETCHES_AT_ONCE)
        came = await asyncio.gather(*(self._fetch(digest, documents.kept.get(digest), gate) for digest in due))
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


def _is_due(kept: KeptManifest | None, now: int) -> bool:
    return kept is None or (kept.body is None and kept.next_try_at <= now)
