"""What `python -m scripts.localnet` makes of its options, and who is where."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.localnet.__main__ import absolute, shown
from scripts.localnet.people import CHEAT, EXECUTORS, account


def test_absolute_given_a_relative_folder_is_below_the_present_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert absolute("net") == tmp_path.resolve() / "net"


def test_absolute_given_a_home_folder_is_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert absolute("~/net") == tmp_path.resolve() / "net"


def test_shown_given_a_path_below_the_present_folder_is_as_one_would_type_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert shown(tmp_path / "net" / "challenger.env") == "net/challenger.env"
    assert shown(tmp_path.parent / "other") == str(tmp_path.parent / "other")


def test_account_given_an_earlier_name_keeps_its_address_when_others_come() -> None:
    # As anvil's own list has them: deployments and documents name these.
    assert account("creator").address == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert account("stranger").address == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"


def test_cheat_asks_less_than_every_honest_executor() -> None:
    assert all(float(CHEAT.ask) < float(executor.ask) for executor in EXECUTORS)
