"""Keys on disk: made, imported, and never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import last_object, plain, run
from client_builders import DEPLOYMENT

from tallystick.chain.keys import create_keystore, load_account

KEY = "0x" + "4f" * 32
ADDRESS = "0x8fE2Fb9F1C5E22Ab2FC5f2C8Cfb2A9C5D4E9f1b8"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    place = tmp_path / "password"
    place.write_text("correct horse\n")
    place.chmod(0o600)
    return place


@pytest.fixture
def key(tmp_path: Path) -> Path:
    place = tmp_path / "key"
    place.write_text(KEY + "\n")
    return place


def test_new_given_a_password_file_makes_a_keystore_that_it_opens(tmp_path: Path, password: Path) -> None:
    result = run("wallet", "new", "--password-file", password, "--json", home=tmp_path)

    made = last_object(result)
    assert load_account(Path(made["keystore"]), password).address == made["address"]
    assert "TALLYSTICK_CLIENT_KEYSTORE" in made["next"]


def test_new_given_a_name_that_exists_overwrites_nothing(tmp_path: Path, password: Path) -> None:
    first = last_object(run("wallet", "new", "--password-file", password, "--json", home=tmp_path))

    result = run("wallet", "new", "--password-file", password, home=tmp_path)

    assert result.exit_code == 1
    assert "a key is never overwritten" in result.stderr
    assert load_account(Path(first["keystore"]), password).address == first["address"]


@pytest.mark.parametrize("name", ["../wallet", "a/b", "", ".."])
def test_new_given_a_name_that_is_a_path_is_refused(tmp_path: Path, password: Path, name: str) -> None:
    result = run("wallet", "new", "--name", name, "--password-file", password, home=tmp_path)

    assert result.exit_code == 1
    assert "is not a name for a key" in result.stderr


def test_new_without_a_password_and_without_a_terminal_says_how(tmp_path: Path) -> None:
    result = run("wallet", "new", home=tmp_path)

    assert result.exit_code == 1
    assert "Name a file with --password-file" in result.stderr


def test_import_given_a_file_keeps_that_key_and_never_shows_it(tmp_path: Path, password: Path, key: Path) -> None:
    result = run("wallet", "import", "--from", key, "--password-file", password, "--json", home=tmp_path)

    made = last_object(result)
    assert load_account(Path(made["keystore"]), password).key.hex() == KEY[2:]
    assert KEY[2:] not in result.output


@pytest.mark.parametrize(("text", "sentence"), [("hello", "is not hex"), ("0x1234", "has 2 bytes, not 32")])
def test_import_given_no_key_says_what_one_is_without_quoting_it(
    tmp_path: Path, password: Path, text: str, sentence: str
) -> None:
    (tmp_path / "key").write_text(text)

    result = run("wallet", "import", "--from", tmp_path / "key", "--password-file", password, home=tmp_path)

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert text not in result.stderr


def test_import_takes_no_key_as_an_argument(tmp_path: Path, password: Path) -> None:
    assert run("wallet", "import", KEY, "--password-file", password, home=tmp_path).exit_code == 2


def test_show_given_a_keystore_shows_its_address_without_a_password(tmp_path: Path) -> None:
    address = create_keystore(tmp_path / "mine.json", "correct horse", light=True)
    environ = network(tmp_path, keystore=str(tmp_path / "mine.json"))

    result = run("wallet", "show", "--json", home=tmp_path, environ=environ)

    assert last_object(result)["address"] == address


def test_withdraw_given_a_wrong_password_says_which_keystore_it_does_not_open(tmp_path: Path) -> None:
    keystore, wrong = tmp_path / "mine.json", tmp_path / "wrong"
    create_keystore(keystore, "correct horse", light=True)
    wrong.write_text("battery staple")
    environ = network(tmp_path, keystore=str(keystore))

    result = run("wallet", "withdraw", "--password-file", wrong, home=tmp_path, environ=environ)

    assert result.exit_code == 1
    assert f"Error: The password does not open {keystore}." in plain(result.stderr)


def test_withdraw_without_a_keystore_says_how_to_make_one(tmp_path: Path) -> None:
    result = run("wallet", "withdraw", home=tmp_path, environ=network(tmp_path))

    assert result.exit_code == 1
    assert "tallystick wallet new" in result.stderr


def test_balance_given_an_endpoint_that_is_down_names_it(tmp_path: Path) -> None:
    result = run("wallet", "balance", "--account", ADDRESS.lower(), home=tmp_path, environ=network(tmp_path))

    assert result.exit_code == 1
    assert "The RPC endpoint 127.0.0.1:1 cannot be reached" in result.stderr


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "cannot be read: No such file"), ("{}", "is not a deployment record")]
)
def test_balance_given_no_deployment_record_says_so(tmp_path: Path, content: str | None, sentence: str) -> None:
    environ = network(tmp_path)
    (tmp_path / "deployment.json").unlink()
    if content is not None:
        (tmp_path / "deployment.json").write_text(content)

    result = run("wallet", "balance", "--account", ADDRESS.lower(), home=tmp_path, environ=environ)

    assert result.exit_code == 1
    assert sentence in result.stderr


def network(folder: Path, **more: str) -> dict[str, str]:
    """An endpoint that nobody listens on, and a deployment record."""
    record = DEPLOYMENT.model_dump(mode="json", by_alias=True)
    (folder / "deployment.json").write_text(json.dumps(record))
    named = {"rpc": "http://127.0.0.1:1", "deployment": str(folder / "deployment.json"), **more}
    return {f"TALLYSTICK_CLIENT_{name.upper()}": value for name, value in named.items()}
