"""Keys by content: found again, made once, repaired when damaged. What makes them is a stand-in here."""

import dataclasses
import os

import pytest

from tallystick.errors import ProverFailedError, ProverTimeoutError
from tallystick.proving.digests import FileDigests
from tallystick.proving.keys import KeyCache, KeyFiles, KeyIdentity, read_vka
from tallystick.proving.locks import folder_lock

IDENTITY = KeyIdentity(onnx=b"onnx", settings=b"settings", srs_sha256="0x" + "11" * 32, prover_version="23.0.5")


class Maker:
    """Writes keys that say which making they are from."""

    def __init__(self, leave_out: str = "") -> None:
        self.calls = 0
        self._leave_out = leave_out

    def __call__(self, files: KeyFiles) -> None:
        self.calls += 1
        for path in (files.compiled, files.vk, files.pk, files.vka):
            if path.name != self._leave_out:
                path.write_bytes(f"{path.name} {self.calls}".encode())


@pytest.fixture
def cache(tmp_path):
    return KeyCache(tmp_path / "keys", FileDigests())


@pytest.fixture
def maker():
    return Maker()


def test_ensure_given_new_content_makes_the_keys(cache, maker):
    files = cache.ensure(IDENTITY, maker, lock_seconds=1)

    assert files.pk.read_bytes() == b"pk.key 1"


def test_ensure_gives_the_maker_the_model_and_settings(cache):
    seen = []

    def make(files):
        seen.extend([files.onnx.read_bytes(), files.settings.read_bytes()])
        Maker()(files)

    cache.ensure(IDENTITY, make, lock_seconds=1)

    assert seen == [b"onnx", b"settings"]


def test_ensure_given_the_same_content_makes_nothing(cache, maker):
    cache.ensure(IDENTITY, maker, lock_seconds=1)
    cache.ensure(IDENTITY, maker, lock_seconds=1)

    assert maker.calls == 1


def test_ensure_given_a_cache_of_another_process_makes_nothing(cache, maker, tmp_path):
    cache.ensure(IDENTITY, maker, lock_seconds=1)
    KeyCache(tmp_path / "keys", FileDigests()).ensure(IDENTITY, maker, lock_seconds=1)

    assert maker.calls == 1


@pytest.mark.parametrize(
    "change",
    [{"onnx": b"x"}, {"settings": b"x"}, {"srs_sha256": "0x" + "22" * 32}, {"prover_version": "23.0.6"}],
    ids=lambda change: next(iter(change)),
)
def test_identity_when_any_part_differs_has_another_name(change):
    assert dataclasses.replace(IDENTITY, **change).name != IDENTITY.name


def test_identity_when_bytes_move_from_one_part_to_the_next_has_another_name():
    moved = dataclasses.replace(IDENTITY, onnx=b"onnxs", settings=b"ettings")

    assert moved.name != IDENTITY.name


@pytest.mark.parametrize("name", ["vk.key", "pk.key", "vka.bin", "model.compiled", "network.onnx", "settings.json"])
def test_ensure_when_a_file_was_changed_makes_the_keys_again(cache, maker, name):
    files = cache.ensure(IDENTITY, maker, lock_seconds=1)
    (files.folder / name).write_bytes(b"tampered")

    assert cache.ensure(IDENTITY, maker, lock_seconds=1).pk.read_bytes() == b"pk.key 2"


def test_ensure_when_a_file_is_gone_makes_the_keys_again(cache, maker):
    files = cache.ensure(IDENTITY, maker, lock_seconds=1)
    files.vk.unlink()

    assert cache.ensure(IDENTITY, maker, lock_seconds=1).vk.read_bytes() == b"vk.key 2"


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"pk.key": 3}'])
def test_ensure_when_the_record_is_damaged_makes_the_keys_again(cache, maker, record):
    files = cache.ensure(IDENTITY, maker, lock_seconds=1)
    (files.folder / "record.json").write_text(record)
    cache.ensure(IDENTITY, maker, lock_seconds=1)

    assert maker.calls == 2


def test_find_when_the_maker_failed_finds_nothing(cache):
    def fail(files):
        files.vk.write_bytes(b"half")
        raise ProverFailedError("no")

    with pytest.raises(ProverFailedError):
        cache.ensure(IDENTITY, fail, lock_seconds=1)

    assert cache.find(IDENTITY) is None


def test_ensure_when_a_process_died_while_making_starts_afresh(cache, maker, tmp_path):
    left = tmp_path / "keys" / f"{IDENTITY.name}.part"
    left.mkdir(parents=True)
    (left / "pk.key").write_bytes(b"half")

    assert cache.ensure(IDENTITY, maker, lock_seconds=1).pk.read_bytes() == b"pk.key 1"


def test_ensure_when_the_maker_leaves_a_file_out_names_it(cache):
    with pytest.raises(ProverFailedError, match=r"wrote no vka\.bin"):
        cache.ensure(IDENTITY, Maker(leave_out="vka.bin"), lock_seconds=1)


def test_ensure_when_another_process_holds_the_lock_gives_up_after_the_limit(cache, maker, tmp_path):
    with (
        folder_lock(tmp_path / "keys" / f"{IDENTITY.name}.lock", seconds=0),
        pytest.raises(ProverTimeoutError, match="Another process"),
    ):
        cache.ensure(IDENTITY, maker, lock_seconds=0)


def identity_of(number):
    return dataclasses.replace(IDENTITY, onnx=f"onnx {number}".encode())


def size_of_one(tmp_path):
    files = KeyCache(tmp_path / "scale", FileDigests()).ensure(identity_of(0), Maker(), lock_seconds=1)
    return sum(path.stat().st_size for path in files.folder.iterdir())


@pytest.fixture
def two_fit(tmp_path):
    """A cache with room for two sets of keys, and the sets 0 and 1 in it, 0 used last long ago."""
    cache = KeyCache(tmp_path / "keys", FileDigests(), max_bytes=int(size_of_one(tmp_path) * 2.5))
    for number in range(2):
        files = cache.ensure(identity_of(number), Maker(), lock_seconds=1)
        os.utime(files.folder / "record.json", (number + 1, number + 1))
    return cache


def kept_of(cache, count=3):
    return [number for number in range(count) if cache.find(identity_of(number)) is not None]


def test_ensure_beyond_the_bound_removes_the_longest_unused(two_fit, maker):
    two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert kept_of(two_fit) == [1, 2]


def test_ensure_given_keys_that_are_there_makes_them_the_last_used(two_fit, maker):
    two_fit.ensure(identity_of(0), maker, lock_seconds=1)
    two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert kept_of(two_fit) == [0, 2]


def test_find_does_not_make_keys_the_last_used(two_fit, maker):
    two_fit.find(identity_of(0))
    two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert kept_of(two_fit) == [1, 2]


def test_ensure_beyond_the_bound_keeps_what_is_held(two_fit, maker):
    with two_fit.held(identity_of(0), seconds=1):
        two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert kept_of(two_fit) == [0, 2]


def test_held_by_two_at_once_is_held_until_the_last_lets_go(two_fit, maker):
    with two_fit.held(identity_of(0), seconds=0):
        with two_fit.held(identity_of(0), seconds=0):
            pass
        two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert kept_of(two_fit) == [0, 2]


def test_ensure_given_keys_larger_than_the_bound_keeps_them_alone(two_fit, tmp_path, maker):
    KeyCache(tmp_path / "keys", FileDigests(), max_bytes=1).ensure(identity_of(2), maker, lock_seconds=1)

    assert kept_of(two_fit) == [2]


def test_ensure_given_no_bound_keeps_everything(cache, maker):
    for number in range(3):
        cache.ensure(identity_of(number), maker, lock_seconds=1)

    assert kept_of(cache) == [0, 1, 2]


def test_ensure_after_a_removal_makes_the_keys_again(two_fit, maker):
    two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert two_fit.ensure(identity_of(0), maker, lock_seconds=1).pk.is_file()


def test_ensure_with_a_bound_removes_what_a_dead_process_left_unfinished(two_fit, tmp_path, maker):
    left = tmp_path / "keys" / "of another.part"
    left.mkdir()
    two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert not left.exists()


def test_ensure_with_a_bound_leaves_what_another_process_is_making(two_fit, tmp_path, maker):
    made = tmp_path / "keys" / "of another.part"
    made.mkdir()
    with folder_lock(tmp_path / "keys" / "of another.lock", seconds=0):
        two_fit.ensure(identity_of(2), maker, lock_seconds=1)

    assert made.exists()


def test_read_vka_keeps_order_and_bytes_of_the_words():
    words = (bytes(range(32)), b"\xff" * 32)

    assert read_vka((2).to_bytes(8, "little") + b"".join(words)) == words


@pytest.mark.parametrize(
    "data",
    [b"", bytes(8), (2).to_bytes(8, "little") + bytes(32), (1).to_bytes(8, "little") + bytes(33)],
    ids=["empty", "no words", "too few", "too long"],
)
def test_read_vka_given_another_form_is_refused(data):
    with pytest.raises(ProverFailedError, match="verifying-key artifact"):
        read_vka(data)
