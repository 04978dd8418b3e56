import os
import threading
from pathlib import Path

import pytest

from tallystick.clock import ManualClock
from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, StoreUnavailableError
from tallystick.storage.file_tree import CHUNK_BYTES
from tallystick.storage.folder import ABANDONED_SECONDS, FolderStore


def block_files(root: Path) -> list[Path]:
    return sorted(file for file in (root / "blocks").rglob("*") if file.is_file())


def test_put_given_content_keeps_each_block_in_a_file_named_by_its_cid(tmp_path: Path) -> None:
    cid = FolderStore(tmp_path).put(b"hello world\n")

    assert block_files(tmp_path) == [tmp_path / "blocks" / cid[-3:-1] / cid]


def test_put_given_content_leaves_nothing_incoming(tmp_path: Path) -> None:
    FolderStore(tmp_path).put(bytes(3 * CHUNK_BYTES))

    assert list((tmp_path / "incoming").iterdir()) == []


def test_get_given_a_damaged_block_names_cid_file_and_remedy(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    cid = store.put(b"hello world\n")
    (file,) = block_files(tmp_path)
    file.write_bytes(b"hello w0rld\n")

    with pytest.raises(ArtifactCorruptError) as caught:
        store.get(cid)

    assert cid in caught.value.what
    assert str(file) in caught.value.what
    assert "Put the content again" in caught.value.remedy


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: data + b"!"])
def test_get_given_a_damaged_leaf_of_a_tree_is_refused(tmp_path: Path, damage) -> None:
    store = FolderStore(tmp_path)
    cid = store.put(b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES)
    leaf = next(file for file in block_files(tmp_path) if file.name != cid)
    leaf.write_bytes(damage(leaf.read_bytes()))

    with pytest.raises(ArtifactCorruptError, match=leaf.name):
        store.get(cid)


def test_put_given_content_that_was_damaged_repairs_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    cid = store.put(b"hello world\n")
    (file,) = block_files(tmp_path)
    file.write_bytes(b"half")

    store.put(b"hello world\n")

    assert store.get(cid) == b"hello world\n"


def test_get_given_a_lost_leaf_names_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    cid = store.put(b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES)
    leaf = next(file for file in block_files(tmp_path) if file.name != cid)
    leaf.unlink()

    with pytest.raises(ArtifactMissingError, match=leaf.name):
        store.get(cid)


def test_has_given_a_lost_leaf_is_false(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    cid = store.put(b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES)
    next(file for file in block_files(tmp_path) if file.name != cid).unlink()

    assert not store.has(cid)


def test_has_given_a_damaged_node_is_false(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    cid = store.put(b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES)
    next(file for file in block_files(tmp_path) if file.name == cid).write_bytes(b"nothing of that kind")

    assert not store.has(cid)


def test_put_given_many_threads_with_the_same_content_keeps_it_once(tmp_path: Path) -> None:
    content = os.urandom(4 * CHUNK_BYTES)
    failures: list[BaseException] = []

    def put() -> None:
        try:
            FolderStore(tmp_path).put(content)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(block_files(tmp_path)) == 5


def test_folder_store_given_a_file_in_its_place_says_that_it_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(StoreUnavailableError, match=f"{tmp_path}/taken"):
        FolderStore(tmp_path / "taken")


def test_put_given_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    (tmp_path / "incoming").rmdir()

    with pytest.raises(StoreUnavailableError, match="cannot be used"):
        store.put(b"hello world\n")


def test_folder_store_given_an_abandoned_incoming_file_removes_it(tmp_path: Path) -> None:
    FolderStore(tmp_path)
    abandoned = tmp_path / "incoming" / "bafkrei.abandoned"
    abandoned.write_bytes(b"half a bl")
    now = int(abandoned.stat().st_mtime)

    FolderStore(tmp_path, clock=ManualClock(now + ABANDONED_SECONDS + 1))

    assert not abandoned.exists()


def test_folder_store_given_a_fresh_incoming_file_leaves_it_to_its_writer(tmp_path: Path) -> None:
    FolderStore(tmp_path)
    fresh = tmp_path / "incoming" / "bafkrei.fresh"
    fresh.write_bytes(b"half a bl")

    FolderStore(tmp_path, clock=ManualClock(int(fresh.stat().st_mtime) + ABANDONED_SECONDS - 1))

    assert fresh.exists()
