"""What a challenger can be told, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from challenger.app import policy_of
from challenger.settings import Settings, load_settings
from challenger.strategy import CommitWhen
from tallystick.dispute.economics import Worth
from tallystick.errors import InputError

USUAL = {"rpc": "http://127.0.0.1:8545", "deployment": "deployment.json", "store": "dir:store"}


def settings(**changed: Any) -> Settings:
    return load_settings(Settings, {**USUAL, **changed}, {})


@pytest.mark.parametrize(
    ("sample", "bps"), [("0.25", 2_500), ("25%", 2_500), ("100%", 10_000), ("0", 0), ("12.34%", 1_234), (1, 1)]
)
def test_sample_given_a_share_is_held_in_basis_points(sample: object, bps: int) -> None:
    assert settings(sample=sample).sample == bps


@pytest.mark.parametrize("sample", ["101%", "1.1", "half", "0.00001", "-1"])
def test_sample_given_no_share_is_refused(sample: str) -> None:
    with pytest.raises(InputError, match="setting sample cannot be used"):
        settings(sample=sample)


def test_max_demand_fees_given_coins_is_held_in_wei() -> None:
    assert settings(max_demand_fees="0.05").max_demand_fees == 5 * 10**16


def test_settings_given_the_environment_read_it() -> None:
    held = load_settings(
        Settings, dict.fromkeys(USUAL), {f"TALLYSTICK_CHALLENGER_{k.upper()}": v for k, v in USUAL.items()}
    )
    assert held == settings()


def test_settings_given_an_endpoint_with_a_key_do_not_show_it() -> None:
    assert "s3cret" not in repr(settings(rpc="https://node.example/s3cret"))


def test_policy_of_given_one_worth_alone_is_refused() -> None:
    with pytest.raises(InputError, match="says nothing without that of the other"):
        policy_of(settings(stake_worth=3), 1)


@pytest.mark.parametrize(
    ("chain_id", "commit", "expected", "margin"),
    [
        (1, "auto", CommitWhen.AUTO, 30),
        (31337, "auto", CommitWhen.NEVER, 2),
        (31337, "always", CommitWhen.ALWAYS, 2),
        (1, "never", CommitWhen.NEVER, 30),
    ],
)
def test_policy_of_given_a_chain_fits_it(chain_id: int, commit: str, expected: CommitWhen, margin: int) -> None:
    policy = policy_of(settings(commit=commit, stake_worth=3, native_worth=4), chain_id)
    assert (policy.commit, policy.margin_seconds, policy.worth) == (expected, margin, Worth(3, 4))
