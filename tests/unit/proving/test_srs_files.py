"""Finding, making, taking over and checking SRS files. The contents are stand-ins of the right form and size."""

import hashlib

import pytest

from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, InputError
from tallystick.ids import bytes32
from tallystick.proving.digests import FileDigests
from tallystick.proving.srs import (
    check_srs,
    describe_srs,
    find_or_make_srs,
    find_srs,
    install_ceremony_srs,
    srs_logrows,
)


def write_srs(path, logrows, fill=b"\x07"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(logrows.to_bytes(4, "little") + fill * (2**logrows * 128))
    return path


def digest_of(path):
    return bytes32(hashlib.sha256(path.read_bytes()).digest())


def find_or_make(folder, logrows, make):
    return find_or_make_srs(folder, logrows, make, lock_seconds=1, digests=FileDigests())


def test_find_or_make_given_an_empty_folder_makes_a_development_srs(tmp_path):
    path, reference = find_or_make(tmp_path / "srs", 4, lambda p: write_srs(p, 4))

    assert (reference.origin, reference.logrows, reference.sha256) == ("development", 4, digest_of(path))


def test_find_or_make_given_one_of_that_size_makes_none(tmp_path):
    first, _ = find_or_make(tmp_path, 4, lambda p: write_srs(p, 4))
    second, _ = find_or_make(tmp_path, 4, lambda p: pytest.fail("made again"))

    assert second == first


def test_find_or_make_given_a_larger_development_srs_makes_one_of_its_own_size(tmp_path):
    find_or_make(tmp_path, 5, lambda p: write_srs(p, 5))
    _, reference = find_or_make(tmp_path, 4, lambda p: write_srs(p, 4))

    assert reference.logrows == 4


def test_find_or_make_when_the_maker_fails_leaves_no_file(tmp_path):
    def fail(path):
        path.write_bytes(b"half")
        raise InputError("no")

    with pytest.raises(InputError):
        find_or_make(tmp_path, 4, fail)

    assert find_srs(tmp_path, 4) is None


def test_find_given_a_ceremony_prefers_it(tmp_path):
    write_srs(tmp_path / "development-4.srs", 4)
    ceremony = write_srs(tmp_path / "ceremony-6.srs", 6)

    assert find_srs(tmp_path, 4) == (ceremony, "ceremony")


def test_find_given_several_ceremonies_takes_the_smallest_that_suffices(tmp_path):
    for logrows in (3, 6, 5, 10):
        write_srs(tmp_path / f"ceremony-{logrows}.srs", logrows)

    assert find_srs(tmp_path, 4) == (tmp_path / "ceremony-5.srs", "ceremony")


def test_find_given_only_a_smaller_ceremony_finds_nothing(tmp_path):
    write_srs(tmp_path / "ceremony-3.srs", 3)

    assert find_srs(tmp_path, 4) is None


def test_install_ceremony_given_its_digest_copies_it_as_ceremony(tmp_path):
    source = write_srs(tmp_path / "downloaded", 5)
    path, reference = install_ceremony_srs(source, tmp_path / "srs", sha256=digest_of(source))

    assert (find_srs(tmp_path / "srs", 5), reference.origin) == ((path, "ceremony"), "ceremony")


def test_install_ceremony_given_another_digest_is_refused(tmp_path):
    source = write_srs(tmp_path / "downloaded", 5)

    with pytest.raises(InputError, match="Download it again"):
        install_ceremony_srs(source, tmp_path / "srs", sha256="0x" + "00" * 32)


def test_check_given_the_pinned_file_passes(tmp_path):
    path = write_srs(tmp_path / "any", 4)

    check_srs(path, describe_srs(path, "development", FileDigests()), FileDigests())


def test_check_given_another_srs_of_the_same_size_is_refused_with_both_digests(tmp_path):
    wanted = describe_srs(write_srs(tmp_path / "wanted", 4), "development", FileDigests())
    other = write_srs(tmp_path / "other", 4, fill=b"\x08")

    with pytest.raises(ArtifactCorruptError, match=wanted.sha256):
        check_srs(other, wanted, FileDigests())


def test_check_when_the_file_changes_after_a_first_check_is_refused(tmp_path):
    digests = FileDigests()
    path = write_srs(tmp_path / "any", 4)
    wanted = describe_srs(path, "development", digests)
    write_srs(path, 4, fill=b"\x08")

    with pytest.raises(ArtifactCorruptError):
        check_srs(path, wanted, digests)


@pytest.mark.parametrize(
    "content", [b"", b"\x04\x00", bytes(4), b"not an srs at all", (4).to_bytes(4, "little") + bytes(100)]
)
def test_logrows_given_no_srs_is_refused(tmp_path, content):
    path = tmp_path / "any"
    path.write_bytes(content)

    with pytest.raises(ArtifactCorruptError, match="not an SRS"):
        srs_logrows(path)


def test_logrows_given_no_file_says_so(tmp_path):
    with pytest.raises(ArtifactMissingError, match="cannot be read"):
        srs_logrows(tmp_path / "none")
