"""The one command: its help, its plug-ins, and how every error ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_runs import last_object, plain, run

from client_sdk.cli import _group
from tallystick.errors import InputError


def fail_unexpectedly(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("nobody thought of this")


def test_help_lists_every_command_without_loading_it(tmp_path: Path) -> None:
    shown = plain(run("--help", home=tmp_path).stdout)

    for name in ("localnet", "model", "job", "wallet", "executor", "dispatcher"):
        assert name in shown


@pytest.mark.parametrize("group", ["localnet", "model", "job", "wallet"])
def test_help_given_a_group_lists_its_commands(tmp_path: Path, group: str) -> None:
    result = run(group, "--help", home=tmp_path)

    assert result.exit_code == 0
    assert "Commands" in result.stdout


def test_a_group_without_a_command_shows_its_help(tmp_path: Path) -> None:
    assert "Usage: tallystick job" in plain(run("job", home=tmp_path).output)


def test_a_wrong_command_is_a_usage_error_with_a_suggestion(tmp_path: Path) -> None:
    result = run("jbo", home=tmp_path)

    assert result.exit_code == 2
    assert "Did you mean 'job'?" in plain(result.output)


def test_a_missing_option_is_a_usage_error(tmp_path: Path) -> None:
    result = run("job", "fund", home=tmp_path)

    assert result.exit_code == 2
    assert "Missing option '--model'" in plain(result.output)


def test_an_error_says_what_and_remedy_and_exits_with_one(tmp_path: Path) -> None:
    result = run("job", "show", "0x12", "--rpc", "http://127.0.0.1:1", home=tmp_path)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: No network is named: deployment not set.\nStart one here with")


def test_an_error_given_json_is_one_object_on_standard_output(tmp_path: Path) -> None:
    result = run("job", "show", "0x12", "--rpc", "http://127.0.0.1:1", "--json", home=tmp_path)

    found = last_object(result)
    assert (result.exit_code, found["error"]) == (1, "InputError")
    assert found["message"].startswith("No network is named")
    assert "--deployment" in found["remedy"]


def test_an_unexpected_error_shows_no_traceback_and_says_how_to_report_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client_sdk.cli._command.load_settings", fail_unexpectedly)

    result = run("job", "list", home=tmp_path)

    assert result.exit_code == 1
    assert "ZeroDivisionError: nobody thought of this" in result.stderr
    assert "tallystick --debug" in result.stderr
    assert "Traceback" not in result.output


def test_an_unexpected_error_given_debug_is_raised_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client_sdk.cli._command.load_settings", fail_unexpectedly)

    assert isinstance(run("--debug", "job", "list", home=tmp_path).exception, ZeroDivisionError)


def test_load_given_a_plug_in_whose_module_is_gone_says_so() -> None:
    with pytest.raises(InputError, match="'nothing' is not installed: there is no no_such_package"):
        _group._load("nothing", "no_such_package.cli:app")


@pytest.mark.parametrize("name", ["localnet", "model", "job", "wallet", "executor", "dispatcher"])
def test_help_given_a_group_offers_no_completion_of_its_own(name: str, tmp_path: Path) -> None:
    assert "completion" not in run(name, "--help", home=tmp_path).stdout


def test_help_given_a_default_in_words_shows_it(tmp_path: Path) -> None:
    assert "(dispatcher.db)" in plain(run("dispatcher", "run", "--help", home=tmp_path).stdout)
