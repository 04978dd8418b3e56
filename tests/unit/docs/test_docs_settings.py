from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from command_tree import options_of
from documents import OPERATING, Row, operating, shown, spans, table
from pydantic import BaseModel

import challenger.settings
import client_sdk.settings
import dispatcher.settings
import executor.settings

EXECUTOR = OPERATING / "operators.md"
DISPATCHER = OPERATING / "dispatchers.md"
CREATOR = OPERATING / "creators.md"
CHALLENGER = OPERATING / "challengers.md"

KINDS: tuple[type[BaseModel], ...] = (executor.settings.Settings, executor.settings.ColdSettings)
EXECUTOR_FIELDS = {name: field for kind in KINDS for name, field in kind.model_fields.items()}
DISPATCHER_FIELDS = dispatcher.settings.Settings.model_fields
CHALLENGER_FIELDS = challenger.settings.Settings.model_fields
REQUIRED = {
    "rpc": "http://127.0.0.1:8545",
    "deployment": "deployment.json",
    "store": "dir:store",
    "operator": "0x" + "11" * 20,
    "keystore": "key.json",
    "operator_keystore": "key.json",
}
OF_THE_PROVER = "RAYON_NUM_THREADS"


def variables(path: Path) -> dict[str, Row]:
    rows = {row["variable"].strip("`"): row for row in table(path, "variable")}
    assert len(rows) == len(table(path, "variable")), "a variable stands twice"
    return rows


def names(prefix: str, fields: Any) -> set[str]:
    return {prefix + field.upper() for field in fields}


def every_variable() -> set[str]:
    return (
        names(executor.settings.PREFIX, EXECUTOR_FIELDS)
        | names(dispatcher.settings.PREFIX, DISPATCHER_FIELDS)
        | names(challenger.settings.PREFIX, CHALLENGER_FIELDS)
        | names(client_sdk.settings.PREFIX, client_sdk.settings.FIELDS)
    )


def test_operators_table_has_every_executor_setting_and_no_other() -> None:
    assert variables(EXECUTOR).keys() == names(executor.settings.PREFIX, EXECUTOR_FIELDS)


def test_dispatchers_table_has_every_dispatcher_setting_and_no_other() -> None:
    assert variables(DISPATCHER).keys() == names(dispatcher.settings.PREFIX, DISPATCHER_FIELDS)


def test_creators_table_has_every_client_setting_and_no_other() -> None:
    assert variables(CREATOR).keys() == names(client_sdk.settings.PREFIX, client_sdk.settings.FIELDS)


def test_challengers_table_has_every_challenger_setting_and_no_other() -> None:
    assert variables(CHALLENGER).keys() == names(challenger.settings.PREFIX, CHALLENGER_FIELDS)


def test_every_dispatcher_setting_is_an_option_as_the_document_says() -> None:
    options = options_of("dispatcher", "run")

    assert {f"--{name.replace('_', '-')}" for name in DISPATCHER_FIELDS} <= options


@pytest.mark.parametrize("field", sorted(EXECUTOR_FIELDS))
def test_operators_table_gives_the_default_that_the_executor_has(field: str) -> None:
    kind = next(kind for kind in KINDS if field in kind.model_fields)
    cell = variables(EXECUTOR)[executor.settings.PREFIX + field.upper()]["default"]

    check_default(kind, field, cell)


@pytest.mark.parametrize("field", sorted(DISPATCHER_FIELDS))
def test_dispatchers_table_gives_the_default_that_the_dispatcher_has(field: str) -> None:
    cell = variables(DISPATCHER)[dispatcher.settings.PREFIX + field.upper()]["default"]

    check_default(dispatcher.settings.Settings, field, cell)


@pytest.mark.parametrize("field", sorted(CHALLENGER_FIELDS))
def test_challengers_table_gives_the_default_that_the_challenger_has(field: str) -> None:
    cell = variables(CHALLENGER)[challenger.settings.PREFIX + field.upper()]["default"]

    check_default(challenger.settings.Settings, field, cell)


def check_default(kind: type[BaseModel], field: str, cell: str) -> None:
    """`required`, a value in code that means what is left out, or words for a default that is nothing."""
    given = {name: value for name, value in REQUIRED.items() if name in kind.model_fields}
    written = re.match("`([^`]+)`", cell)
    if kind.model_fields[field].is_required():
        assert cell == "required"
    elif written:
        assert getattr(kind.model_validate({**given, field: written[1]}), field) == getattr(
            kind.model_validate(given), field
        )
    else:
        assert cell != "required"
        assert kind.model_fields[field].default in (None, "", ())


def test_creators_table_gives_the_home_that_the_client_has() -> None:
    cell = variables(CREATOR)["TALLYSTICK_CLIENT_HOME"]["default"]

    assert Path(cell.strip("`")).expanduser() == client_sdk.settings.load_home(environ={})


@pytest.mark.parametrize("path", operating(), ids=shown)
def test_document_names_only_settings_that_exist(path: Path) -> None:
    short = {name.split("_", 2)[2] for name in every_variable()}
    written = {span for span in spans(path.read_text()) if re.fullmatch(r"[A-Z]{4,}(_[A-Z]+)*", span)}

    assert written - short - every_variable() - {OF_THE_PROVER} == set()
