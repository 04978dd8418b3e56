"""What `python -m scripts.localnet` makes of its options."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.localnet.__main__ import absolute


def test_absolute_given_a_relative_folder_is_below_the_present_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert absolute("net") == tmp_path.resolve() / "net"


def test_absolute_given_a_home_folder_is_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert absolute("~/net") == tmp_path.resolve() / "net"
