"""What an export refuses to write down. The exports themselves are held by `make check`."""

from __future__ import annotations

import pytest

from scripts.export_snapshots import MAX_CODE_BYTES, MAX_OUR_BYTES, check_sizes


def test_check_sizes_when_a_tenth_is_free_lets_a_contract_pass() -> None:
    assert MAX_OUR_BYTES <= 0.9 * MAX_CODE_BYTES
    check_sizes({"Escrow": MAX_OUR_BYTES})


def test_check_sizes_when_less_is_free_says_how_much_is_too_much() -> None:
    with pytest.raises(SystemExit, match=r"^Escrow has 22119 bytes of code, 1 over 22118: .* at most 24576"):
        check_sizes({"Escrow": 22_119, "Router": 100})
