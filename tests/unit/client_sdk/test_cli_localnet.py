"""The local network is the checkout's business; the command finds the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from client_sdk.cli.localnet import find_checkout
from tallystick.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


def test_find_checkout_given_a_folder_inside_one_finds_it() -> None:
    assert find_checkout(ROOT / "tests" / "unit") == ROOT


def test_find_checkout_given_two_places_takes_the_first_that_is_in_one(tmp_path: Path) -> None:
    assert find_checkout(tmp_path, ROOT / "client_sdk") == ROOT


def test_find_checkout_given_none_says_what_a_local_network_needs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no checkout here") as raised:
        find_checkout(tmp_path)
    assert "Clone the project" in raised.value.remedy
