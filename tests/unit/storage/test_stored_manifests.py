from pathlib import Path

import pytest

from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, ArtifactTooLargeError
from tallystick.hashing import sha256
from tallystick.ids import JobId, ModelId, bytes32
from tallystick.market.manifests import MAX_MANIFEST_BYTES, ArtifactRef, JobManifest, ResultManifest
from tallystick.storage.cid import manifest_cid, raw_cid
from tallystick.storage.file_tree import CHUNK_BYTES
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import get_manifest, put_manifest

INPUT = ArtifactRef(cid=str(raw_cid(b"input")), size_bytes=5)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def job_manifest(inputs: int = 1) -> JobManifest:
    return JobManifest(model_id=ModelId("0x" + "11" * 32), requirements="gpu>=1", inputs=(INPUT,) * inputs)


def test_get_manifest_given_the_digest_of_one_that_was_put_gives_it_back(store: FolderStore) -> None:
    digest = put_manifest(store, job_manifest())

    assert get_manifest(store, digest, JobManifest) == job_manifest()


def test_put_manifest_given_one_returns_what_the_chain_will_hold(store: FolderStore) -> None:
    assert put_manifest(store, job_manifest()) == job_manifest().digest()


def test_put_manifest_given_the_largest_keeps_it_as_one_block(store: FolderStore) -> None:
    many = next(count for count in range(2500, 1, -1) if len(job_manifest(count).encode()) <= MAX_MANIFEST_BYTES)

    assert store.has(manifest_cid(put_manifest(store, job_manifest(many))))


def test_put_manifest_given_too_many_inputs_is_refused(store: FolderStore) -> None:
    with pytest.raises(ArtifactTooLargeError, match=r"JobManifest.*256 KiB"):
        put_manifest(store, job_manifest(5000))


def test_max_manifest_bytes_is_no_more_than_one_block() -> None:
    assert MAX_MANIFEST_BYTES <= CHUNK_BYTES


def test_get_manifest_given_another_form_than_published_names_both(store: FolderStore) -> None:
    result = ResultManifest(job_id=JobId("0x" + "22" * 32), milestone=0, output=INPUT)
    digest = put_manifest(store, result)

    with pytest.raises(ArtifactCorruptError, match=f"{digest} is not the JobManifest"):
        get_manifest(store, digest, JobManifest)


def test_get_manifest_given_content_that_is_no_document_is_refused(store: FolderStore) -> None:
    store.put(b"not a manifest")

    with pytest.raises(ArtifactCorruptError, match="not JSON"):
        get_manifest(store, bytes32(sha256(b"not a manifest")), JobManifest)


def test_get_manifest_given_a_digest_of_nothing_kept_says_that_it_is_missing(store: FolderStore) -> None:
    with pytest.raises(ArtifactMissingError, match=manifest_cid(bytes32(bytes(32)))):
        get_manifest(store, bytes32(bytes(32)), JobManifest)
