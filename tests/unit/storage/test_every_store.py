"""One suite over all stores. The IPFS one joins where TALLYSTICK_TEST_IPFS names a daemon's API (`make test-ipfs`)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tallystick.errors import ArtifactMissingError, ArtifactTooLargeError, InputError
from tallystick.storage.cid import node_cid, raw_cid
from tallystick.storage.file_tree import CHUNK_BYTES, cid_of
from tallystick.storage.folder import FolderStore
from tallystick.storage.store import Store

pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter")  # of ipfshttpclient to urllib3

OpenStore = Callable[..., Store]


@pytest.fixture(params=["folder", pytest.param("ipfs", marks=pytest.mark.ipfs)])
def open_fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    if request.param == "folder":
        yield lambda **options: FolderStore(tmp_path, **options)
        return
    api = os.environ.get("TALLYSTICK_TEST_IPFS")
    if not api:
        pytest.skip("no IPFS daemon named by TALLYSTICK_TEST_IPFS")
    from tallystick.storage.ipfs import IpfsStore

    yield lambda **options: IpfsStore(api, timeout_seconds=2, **options)


@pytest.fixture
def store(open_fresh: OpenStore) -> Store:
    return open_fresh()


def new_content(size_bytes: int) -> bytes:
    """Content that no earlier test and no earlier run has put anywhere."""
    seed = uuid4().bytes
    return (seed * (size_bytes // len(seed) + 1))[:size_bytes]


SIZES = [1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 5 * CHUNK_BYTES + 7]


@pytest.mark.parametrize("size_bytes", SIZES)
def test_get_given_what_was_put_gives_it_back(store: Store, size_bytes: int) -> None:
    content = new_content(size_bytes)

    assert store.get(store.put(content)) == content


@pytest.mark.parametrize("size_bytes", SIZES)
def test_put_given_content_names_it_as_every_store_does(store: Store, size_bytes: int) -> None:
    content = new_content(size_bytes)

    assert store.put(content) == str(cid_of(content))


def test_put_given_nothing_can_be_got_back(store: Store) -> None:
    assert store.get(store.put(b""), max_bytes=0) == b""


def test_put_given_the_same_twice_is_no_different_from_once(store: Store) -> None:
    content = new_content(3 * CHUNK_BYTES)

    assert store.put(content) == store.put(content)
    assert store.get(str(cid_of(content))) == content


def test_put_given_more_than_the_store_takes_is_refused(open_fresh: OpenStore) -> None:
    content = new_content(1001)

    with pytest.raises(ArtifactTooLargeError, match=r"1001 B.*1000 B|1\.0 KiB.*1000 B"):
        open_fresh(max_artifact_bytes=1000).put(content)


@pytest.mark.parametrize("size_bytes", [1000, CHUNK_BYTES + 1000])
def test_get_given_a_bound_of_exactly_the_size_gives_it(store: Store, size_bytes: int) -> None:
    content = new_content(size_bytes)

    assert store.get(store.put(content), max_bytes=size_bytes) == content


@pytest.mark.parametrize("size_bytes", [1000, CHUNK_BYTES + 1000])
def test_get_given_a_bound_below_the_size_is_refused(store: Store, size_bytes: int) -> None:
    cid = store.put(new_content(size_bytes))

    with pytest.raises(ArtifactTooLargeError, match=cid):
        store.get(cid, max_bytes=size_bytes - 1)


@pytest.mark.parametrize("name", [raw_cid, node_cid])
def test_get_given_what_nobody_put_says_that_it_is_missing(store: Store, name: Callable[[bytes], object]) -> None:
    cid = str(name(new_content(20)))

    with pytest.raises(ArtifactMissingError, match=cid):
        store.get(cid)


@pytest.mark.parametrize("cid", ["", "../../etc/passwd", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH", "bafkrei"])
def test_get_given_no_cid_is_refused(store: Store, cid: str) -> None:
    with pytest.raises(InputError, match="CID"):
        store.get(cid)


def test_has_given_no_cid_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="CID"):
        store.has("../../etc/passwd")


@pytest.mark.parametrize("size_bytes", [1000, 2 * CHUNK_BYTES])
def test_has_given_what_was_put_is_true(store: Store, size_bytes: int) -> None:
    assert store.has(store.put(new_content(size_bytes)))


def test_has_given_what_nobody_put_is_false(store: Store) -> None:
    assert not store.has(str(raw_cid(new_content(20))))
