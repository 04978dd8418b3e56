"""`tallystick model install-srs`: a ceremony's file is checked against its published digest before it is used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cli_runs import run

from tallystick.proving.srs import find_srs

LOGROWS = 3


@pytest.fixture
def ceremony(tmp_path: Path) -> Path:
    """A file with an SRS's header and size; its points are never looked at by the command."""
    path = tmp_path / "downloaded.srs"
    path.write_bytes(LOGROWS.to_bytes(4, "little") + bytes(2**LOGROWS * 128))
    return path


def digest_of(path: Path) -> str:
    return "0x" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_install_srs_given_the_published_digest_puts_it_where_models_are_made(ceremony: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run("model", "install-srs", str(ceremony), "--sha256", digest_of(ceremony), "--json", home=home)
    assert done.exit_code == 0, done.output
    path = home / "srs" / f"ceremony-{LOGROWS}.srs"
    assert json.loads(done.stdout.splitlines()[-1])["path"] == str(path)
    assert find_srs(home / "srs", LOGROWS) == (path, "ceremony")


def test_install_srs_given_another_digest_refuses_and_installs_nothing(ceremony: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run("model", "install-srs", str(ceremony), "--sha256", "0x" + "11" * 32, home=home)
    assert done.exit_code == 1
    assert find_srs(home / "srs", LOGROWS) is None
