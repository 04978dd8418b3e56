"""Where settings come from, and which wins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from client_sdk.settings import FIELDS, ClientSettings, load_home, load_settings
from tallystick.errors import InputError

ENVIRON = {"TALLYSTICK_CLIENT_RPC": "http://env", "TALLYSTICK_CLIENT_DEPLOYMENT": "/env.json"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def load(home: Path, folder: Path | None = None, environ: dict[str, str] | None = None, **flags: Any) -> ClientSettings:
    return load_settings({"home": str(home), **flags}, environ=environ or {}, folder=folder or home)


def localnet(folder: Path) -> None:
    place = folder / ".cache" / "localnet"
    place.mkdir(parents=True)
    record = {
        "rpc": "http://local",
        "deployment": "/local.json",
        "store": "dir:/store",
        "dispatcher": "http://dispatcher",
        "keystores": {"creator": "/creator.json", "stranger": "/stranger.json"},
        "password_file": "/password",
        "pids": {"localnet": 1},
        "logs": {},
    }
    (place / "localnet.json").write_text(json.dumps(record))


def test_load_settings_given_flags_and_environment_prefers_flags(home: Path) -> None:
    found = load(home, environ=ENVIRON, rpc="http://flag")

    assert (found.rpc, found.deployment) == ("http://flag", Path("/env.json"))


def test_load_settings_given_the_environment_and_a_file_prefers_the_environment(home: Path) -> None:
    (home / "config.json").write_text(json.dumps({"rpc": "http://file", "dispatcher": "http://file-dispatcher"}))

    found = load(home, environ=ENVIRON)

    assert (found.rpc, found.dispatcher) == ("http://env", "http://file-dispatcher")


def test_load_settings_given_a_local_network_in_a_folder_above_takes_all_of_it(home: Path, tmp_path: Path) -> None:
    localnet(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)

    found = load(home, below)

    assert (found.rpc, found.store, found.dispatcher) == ("http://local", "dir:/store", "http://dispatcher")
    assert (found.keystore, found.password_file) == (Path("/creator.json"), Path("/password"))


def test_load_settings_given_a_named_network_never_takes_the_local_ones_key(home: Path, tmp_path: Path) -> None:
    localnet(tmp_path)

    found = load(home, tmp_path, environ=ENVIRON)

    assert (found.rpc, found.keystore, found.dispatcher) == ("http://env", None, None)


def test_load_settings_given_a_local_network_and_a_key_of_ones_own_signs_with_that(home: Path, tmp_path: Path) -> None:
    localnet(tmp_path)

    assert load(home, tmp_path, keystore="/mine.json").keystore == Path("/mine.json")


def test_load_settings_given_no_network_names_every_way_to_name_one(home: Path) -> None:
    with pytest.raises(InputError, match="rpc and deployment not set") as raised:
        load(home)
    for way in ("tallystick localnet start", "--rpc", "TALLYSTICK_CLIENT_RPC", "config.json"):
        assert way in raised.value.remedy


def test_load_settings_given_no_store_keeps_one_in_the_home_folder(home: Path) -> None:
    assert load(home, environ=ENVIRON).store == str(home / "store")


@pytest.mark.parametrize("content", ["{", "[]", '"rpc"'])
def test_load_settings_given_a_damaged_file_names_it(home: Path, content: str) -> None:
    (home / "config.json").write_text(content)

    with pytest.raises(InputError, match=r"config\.json"):
        load(home, environ=ENVIRON)


def test_load_settings_knows_every_field_of_the_settings() -> None:
    assert set(FIELDS) == set(ClientSettings.__dataclass_fields__)


def test_load_home_given_the_environment_takes_it() -> None:
    assert load_home(environ={"TALLYSTICK_CLIENT_HOME": "/somewhere"}) == Path("/somewhere")
