"""What `python -m scripts.deploy` makes of its options, before anything is looked at or sent."""

from __future__ import annotations

import pytest

from scripts.deploy import parse_options
from tallystick.ids import ZERO_ADDRESS, parse_address

SOMEBODY = "0x" + "42" * 20
DAY = 24 * 3600
WHERE = ["--rpc", "http://127.0.0.1:1", "--key-file", "key", "--out", "deployment.json"]
TEST_TOKENS = [*WHERE, "--with-test-tokens"]
REAL_TOKEN = [*WHERE, "--stake-token", SOMEBODY]
NAMED = ["--governor", SOMEBODY, "--guardian", SOMEBODY]


def test_parse_options_given_test_tokens_needs_nobody() -> None:
    options = parse_options(TEST_TOKENS)
    assert (options.governor, options.guardian, options.timelock_seconds) == (None, None, 2 * DAY)


def test_parse_options_given_test_tokens_takes_no_delay() -> None:
    assert parse_options([*TEST_TOKENS, "--timelock-seconds", "0"]).timelock_seconds == 0


def test_parse_options_given_a_challenge_window_takes_it_for_the_shortest() -> None:
    assert parse_options(TEST_TOKENS).min_challenge_seconds == 60
    assert parse_options([*TEST_TOKENS, "--min-challenge-seconds", "20"]).min_challenge_seconds == 20


def test_parse_options_given_a_real_token_takes_whom_it_is_told() -> None:
    options = parse_options([*REAL_TOKEN, *NAMED, "--timelock-seconds", str(DAY)])
    assert (options.stake_token, options.governor, options.guardian) == (parse_address(SOMEBODY),) * 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (WHERE, "--stake-token"),
        (REAL_TOKEN, "the deployer is to keep no power"),
        ([*REAL_TOKEN, "--governor", SOMEBODY], "the deployer is to keep no power"),
        ([*REAL_TOKEN, "--guardian", SOMEBODY], "the deployer is to keep no power"),
        ([*REAL_TOKEN, *NAMED, "--timelock-seconds", str(DAY - 1)], "must be from 86400 to 2592000"),
        ([*TEST_TOKENS, "--timelock-seconds", str(30 * DAY + 1)], "must be from 0 to 2592000"),
        ([*TEST_TOKENS, "--timelock-seconds", "-1"], "'-1' is no whole number"),
        ([*TEST_TOKENS, "--governor", "0x12"], "is not an address"),
        ([*TEST_TOKENS, "--guardian", ZERO_ADDRESS], "the zero address is nobody"),
        ([*TEST_TOKENS, "--ezkl-gas-cap", "0"], "must be from 1"),
        ([*TEST_TOKENS, "--ezkl-gas-cap", str(2**40)], "must be from 1"),
        ([*TEST_TOKENS, "--min-lock", "1.5"], "'1.5' is no whole number"),
    ],
    ids=[
        "no token",
        "nobody named",
        "no guardian",
        "no governor",
        "short delay",
        "long delay",
        "negative delay",
        "no address",
        "nobody",
        "no gas",
        "much gas",
        "fraction",
    ],
)
def test_parse_options_given_what_does_not_fit_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(arguments)
    assert (ended.value.code, said in capsys.readouterr().err) == (2, True)
