"""What jobs ask for: fetched from a real store, checked, and tried again when it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest
from dispatcher_builders import (
    DOMAIN,
    MODEL_ID,
    MODEL_MANIFEST,
    NOW,
    SPEC,
    Chain,
    hash_of,
    job_manifest,
    open_job,
    terms,
)

from dispatcher.bell import Bell
from dispatcher.indexer.brief import brief_of
from dispatcher.indexer.brief_fetcher import BriefFetcher
from dispatcher.indexer.briefs import BriefReader
from dispatcher.store.database import Database
from dispatcher.store.ledger import record_step
from dispatcher.store.manifests import KeptManifest
from tallystick.clock import ManualClock
from tallystick.hashing import sha256
from tallystick.ids import Bytes32, bytes32
from tallystick.market.book import Job
from tallystick.market.manifests import Manifest
from tallystick.market.terms import JobMode, job_id_of
from tallystick.storage.cid import manifest_cid
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import put_manifest

JOB_ID = job_id_of(terms(), DOMAIN)


class CountingStore(FolderStore):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[str] = []

    def get(self, cid: str, *, max_bytes: int = 0) -> bytes:
        self.asked.append(cid)
        return super().get(cid, max_bytes=max_bytes)


class Room:
    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.store = CountingStore(folder)
        self.clock = ManualClock(NOW)
        self.market_bell = Bell()
        self.fetcher = BriefFetcher(
            database=database,
            store=self.store,
            live={},
            clock=self.clock,
            facts_bell=Bell(),
            market_bell=self.market_bell,
        )
        self.reader = BriefReader(database)

    async def trouble(self, job: Job) -> str | None:
        return (await self.reader.read([job]))[job.job_id].trouble


@pytest.fixture
async def room(database: Database, tmp_path: Path) -> Room:
    await database.run(record_step, Chain().step([Chain().registered(1), Chain().created(2)], head=2))
    return Room(database, tmp_path / "store")


async def test_fetch_missing_given_both_manifests_makes_the_brief_whole(room: Room) -> None:
    put_manifest(room.store, job_manifest())
    put_manifest(room.store, MODEL_MANIFEST)

    await room.fetcher.fetch_missing([open_job()])

    [brief] = (await room.reader.read([open_job()])).values()
    assert (brief.manifest, brief.model, brief.trouble) == (job_manifest(), MODEL_MANIFEST, None)


async def test_fetch_missing_once_all_is_there_asks_the_store_no_more(room: Room) -> None:
    put_manifest(room.store, job_manifest())
    put_manifest(room.store, MODEL_MANIFEST)
    await room.fetcher.fetch_missing([open_job()])
    asked = len(room.store.asked)
    room.clock.advance(1_000)

    await room.fetcher.fetch_missing([open_job()])

    assert len(room.store.asked) == asked


async def test_fetch_missing_given_an_absent_manifest_keeps_the_reason(room: Room) -> None:
    put_manifest(room.store, MODEL_MANIFEST)

    await room.fetcher.fetch_missing([open_job()])

    assert manifest_cid(terms().manifest) in str(await room.trouble(open_job()))


async def test_fetch_missing_right_after_a_failure_does_not_try_again(room: Room) -> None:
    await room.fetcher.fetch_missing([open_job()])
    asked = len(room.store.asked)

    await room.fetcher.fetch_missing([open_job()])

    assert len(room.store.asked) == asked


async def test_fetch_missing_later_finds_what_was_put_meanwhile(room: Room) -> None:
    await room.fetcher.fetch_missing([open_job()])
    put_manifest(room.store, job_manifest())
    put_manifest(room.store, MODEL_MANIFEST)
    room.clock.advance(2)

    came = await room.fetcher.fetch_missing([open_job()])

    assert (came, await room.trouble(open_job())) == (2, None)


async def test_fetch_missing_given_failure_after_failure_asks_at_least_once_a_minute(room: Room) -> None:
    for _ in range(20):
        await room.fetcher.fetch_missing([open_job()])
        room.clock.advance(61)
    asked = len(room.store.asked)

    await room.fetcher.fetch_missing([open_job()])

    assert len(room.store.asked) == asked + 2


async def test_fetch_missing_given_a_manifest_beyond_the_bound_does_not_take_it(room: Room) -> None:
    large = b"x" * (256 * 1024 + 1)
    room.store.put(large)
    digest = bytes32(sha256(large))
    await room.database.run(record_step, Chain().step([Chain().created(3, terms(manifest=digest, salt=9))], head=3))
    job = open_job(manifest=digest, salt=9)

    await room.fetcher.fetch_missing([job])

    assert "cannot be had" in str(await room.trouble(job))


# ---- whether they fit together ---------------------------------------------------------------------------------------


def kept(*manifests: Manifest) -> dict[Bytes32, KeptManifest]:
    return {one.digest(): KeptManifest(one.digest(), one.encode().decode(), None, 0, 0) for one in manifests}


def test_brief_of_given_an_unregistered_model_says_so() -> None:
    assert "registration" in str(brief_of(open_job(), None, kept(job_manifest())).trouble)


def test_brief_of_before_anything_was_fetched_says_so() -> None:
    assert "not been fetched yet" in str(brief_of(open_job(), SPEC, {}).trouble)


def test_brief_of_given_another_models_manifest_names_both() -> None:
    other = job_manifest().model_copy(update={"model_id": hash_of("another model")})
    job = open_job(manifest=other.digest())

    trouble = brief_of(job, SPEC, kept(other, MODEL_MANIFEST)).trouble

    assert hash_of("another model") in str(trouble)
    assert MODEL_ID in str(trouble)


def test_brief_of_given_too_few_inputs_counts_them() -> None:
    one_input = job_manifest(milestones=1)
    job = open_job(manifest=one_input.digest())

    assert "has 1 inputs; its terms need 2" in str(brief_of(job, SPEC, kept(one_input, MODEL_MANIFEST)).trouble)


def test_brief_of_given_a_chained_job_needs_its_first_input_alone() -> None:
    one_input = job_manifest(milestones=1)
    job = open_job(manifest=one_input.digest(), mode=JobMode.CHAINED)

    assert brief_of(job, SPEC, kept(one_input, MODEL_MANIFEST)).trouble is None


def test_brief_of_given_a_model_manifest_about_another_program_names_it() -> None:
    other = MODEL_MANIFEST.model_copy(update={"program_id": hash_of("another program")})
    spec = SPEC.model_copy(update={"manifest": other.digest()})

    assert hash_of("another program") in str(brief_of(open_job(), spec, kept(job_manifest(), other)).trouble)


def test_brief_of_given_a_manifest_of_another_form_says_so() -> None:
    job = open_job()
    kept_ones = kept(MODEL_MANIFEST) | {job.terms.manifest: KeptManifest(job.terms.manifest, '{"hello":1}', None, 0, 0)}

    assert "cannot be used" in str(brief_of(job, SPEC, kept_ones).trouble)
