"""Against a real daemon: the suite of every store runs there too; here is what only a daemon can show."""

import json
import os
import random
from pathlib import Path

import ipfshttpclient
import pytest

from tallystick.errors import ArtifactTooLargeError, InputError
from tallystick.storage import file_tree
from tallystick.storage.folder import FolderStore
from tallystick.storage.ipfs import IpfsStore

API = os.environ.get("TALLYSTICK_TEST_IPFS", "")
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cids.json").read_text())
PLAIN = {"cid-version": "1", "cid-base": "base32"}

pytestmark = [
    pytest.mark.ipfs,
    pytest.mark.skipif(not API, reason="no IPFS daemon named by TALLYSTICK_TEST_IPFS"),
    pytest.mark.filterwarnings("ignore:The 'strict' parameter"),
]


@pytest.fixture
def store() -> IpfsStore:
    return IpfsStore(API, timeout_seconds=20)


@pytest.fixture
def daemon() -> ipfshttpclient.Client:
    return ipfshttpclient.Client(API, timeout=120)


@pytest.mark.parametrize(("size_bytes", "cid"), [(int(size), cid) for size, cid in VECTORS["cids"].items()])
def test_add_given_the_vectors_answers_as_they_say(daemon: ipfshttpclient.Client, size_bytes: int, cid: str) -> None:
    text = VECTORS["text"].encode()
    content = (text * (size_bytes // len(text) + 1))[:size_bytes]

    assert daemon.add_bytes(content, opts=dict(PLAIN)) == cid


@pytest.mark.parametrize("chunks", [1, 2, 173, 174, 175, 349])
def test_put_given_random_content_names_it_as_a_plain_add_and_a_folder_do(
    store: IpfsStore, daemon: ipfshttpclient.Client, tmp_path: Path, chunks: int
) -> None:
    content = random.Random(chunks).randbytes(chunks * file_tree.CHUNK_BYTES - 1)
    folder = FolderStore(tmp_path, max_artifact_bytes=len(content))

    names = {
        folder.put(content),
        IpfsStore(API, max_artifact_bytes=len(content)).put(content),
        daemon.add_bytes(content, opts=dict(PLAIN)),
    }

    assert len(names) == 1


def test_cid_of_given_three_levels_is_what_the_daemon_answers(
    daemon: ipfshttpclient.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_tree, "CHUNK_BYTES", 8)  # three levels of whole chunks would be 8 GB
    content = random.Random(3).randbytes(8 * (file_tree.LINKS_PER_NODE**2 + 1))

    answered = daemon.add_bytes(content, opts={**PLAIN, "chunker": "size-8", "only-hash": "true"})

    assert answered == str(file_tree.cid_of(content))


def test_get_given_content_of_175_chunks_gives_it_back(store: IpfsStore) -> None:
    content = random.Random(175).randbytes(175 * file_tree.CHUNK_BYTES)

    assert store.get(store.put(content)) == content


@pytest.mark.parametrize(
    "layout", [{"chunker": "size-10000"}, {"chunker": "size-4100", "trickle": "true"}, {"raw-leaves": "false"}]
)
def test_get_given_another_layout_than_ours_reads_it_block_by_block(
    store: IpfsStore, daemon: ipfshttpclient.Client, layout: dict[str, str]
) -> None:
    content = random.Random(4).randbytes(1_200_000)
    cid = daemon.add_bytes(content, opts={**PLAIN, **layout})

    assert cid != str(file_tree.cid_of(content))
    assert store.get(cid) == content


def test_get_given_a_huge_file_and_a_small_bound_is_refused(store: IpfsStore) -> None:
    cid = store.put(random.Random(5).randbytes(20 * file_tree.CHUNK_BYTES))

    with pytest.raises(ArtifactTooLargeError, match=r"5\.0 MiB|5 MiB"):
        store.get(cid, max_bytes=1000)


def test_get_given_a_directory_says_so(store: IpfsStore, daemon: ipfshttpclient.Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("inside")
    *_, folder = daemon.add(tmp_path, recursive=True, cid_version=1, opts={"cid-base": "base32"})

    with pytest.raises(InputError, match="is a directory, not a file"):
        store.get(folder["Hash"])


def test_put_given_content_pins_it(store: IpfsStore, daemon: ipfshttpclient.Client) -> None:
    cid = store.put(random.Random(6).randbytes(600_000))

    pins = daemon.pin.ls(cid, opts={"cid-base": "base32"})

    assert cid in pins["Keys"]
