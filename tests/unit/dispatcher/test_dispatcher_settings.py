from __future__ import annotations

from pathlib import Path

import pytest

from dispatcher.settings import load_settings
from tallystick.errors import InputError

LEAST = {"rpc": "http://127.0.0.1:8545", "deployment": "d.json", "store": "dir:/tmp/s", "keystore": "k.json"}
FROM_ENVIRONMENT = {f"TALLYSTICK_DISPATCHER_{name.upper()}": value for name, value in LEAST.items()}


def test_load_settings_given_the_environment_alone_reads_it() -> None:
    assert load_settings({}, FROM_ENVIRONMENT).deployment == Path("d.json")


def test_load_settings_given_an_option_and_a_variable_takes_the_option() -> None:
    assert load_settings({"store": "dir:/other"}, FROM_ENVIRONMENT).store == "dir:/other"


def test_load_settings_given_a_switch_turned_off_takes_that_over_the_variable() -> None:
    environ = FROM_ENVIRONMENT | {"TALLYSTICK_DISPATCHER_KEEPER": "1"}

    assert load_settings({"keeper": False}, environ).keeper is False


def test_load_settings_given_a_number_in_the_environment_reads_it_as_one() -> None:
    assert load_settings(LEAST, {"TALLYSTICK_DISPATCHER_PORT": "0"}).port == 0


@pytest.mark.parametrize("missing", sorted(LEAST))
def test_load_settings_given_a_missing_setting_names_option_and_variable(missing: str) -> None:
    options = {name: value for name, value in LEAST.items() if name != missing}

    with pytest.raises(InputError, match=f"--{missing}, or set TALLYSTICK_DISPATCHER_{missing.upper()}"):
        load_settings(options, {})


@pytest.mark.parametrize(
    ("name", "value"), [("port", "70000"), ("confirmations", "0"), ("offer_seconds", "-1"), ("poll_seconds", "soon")]
)
def test_load_settings_given_a_value_out_of_bounds_names_the_setting(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name):
        load_settings(LEAST | {name: value}, {})


def test_database_url_given_a_path_is_an_sqlite_file() -> None:
    assert load_settings(LEAST | {"database": "a/b.db"}, {}).database_url == "sqlite:///a/b.db"


def test_database_url_given_a_url_is_that() -> None:
    assert load_settings(LEAST | {"database": "postgresql://h/d"}, {}).database_url == "postgresql://h/d"


def test_settings_shown_do_not_tell_the_rpc_url() -> None:
    secret = load_settings(LEAST | {"rpc": "https://node.example/key-1234"}, {})

    assert "key-1234" not in repr(secret)


def test_load_settings_given_a_value_of_another_kind_says_so_in_a_sentence() -> None:
    with pytest.raises(InputError, match="cannot be used: input should be a valid integer"):
        load_settings(LEAST | {"port": "http"}, {})
