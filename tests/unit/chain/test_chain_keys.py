"""Keys at rest: never overwritten, never readable by others, never opened by a wrong password."""

import json
import stat

import pytest
import structlog
from eth_account import Account

from tallystick.chain.keys import LIGHT_SCRYPT_N, create_keystore, keystore_address, load_account, read_password
from tallystick.errors import KeystoreError

KEY = b"\x07" * 32
ADDRESS = Account.from_key(KEY).address


@pytest.fixture
def keystore(tmp_path):
    path = tmp_path / "keys" / "me.json"
    create_keystore(path, "right", KEY, light=True)
    return path


@pytest.fixture
def password_file(tmp_path):
    def write(content: bytes | str):
        path = tmp_path / "password.txt"
        path.touch(mode=0o600)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_create_keystore_returns_the_keys_address(tmp_path):
    assert create_keystore(tmp_path / "k.json", "pw", KEY, light=True) == ADDRESS


def test_create_keystore_without_a_key_makes_a_fresh_one_each_time(tmp_path):
    made = {create_keystore(tmp_path / f"{number}.json", "pw", light=True) for number in range(2)}
    assert len(made) == 2


def test_create_keystore_is_readable_by_its_owner_alone(keystore):
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600


def test_create_keystore_leaves_nothing_else_behind(keystore):
    assert [path.name for path in keystore.parent.iterdir()] == ["me.json"]


def test_create_keystore_holds_no_key_in_the_clear(keystore):
    assert KEY.hex() not in keystore.read_text()


def test_create_keystore_over_another_is_refused_and_keeps_it(keystore):
    before = keystore.read_bytes()
    with pytest.raises(KeystoreError, match="never overwritten"):
        create_keystore(keystore, "other", light=True)
    assert (keystore.read_bytes(), len(list(keystore.parent.iterdir()))) == (before, 1)


def test_create_keystore_is_stretched_hard_unless_told_otherwise(tmp_path, keystore):
    create_keystore(tmp_path / "strong.json", "pw", KEY)
    strengths = [
        json.loads(path.read_text())["crypto"]["kdfparams"]["n"] for path in (tmp_path / "strong.json", keystore)
    ]
    assert strengths == [2**18, LIGHT_SCRYPT_N]


@pytest.mark.parametrize(
    "key", [b"", b"\x01" * 31, bytes(32), b"\xff" * 32], ids=["empty", "short", "zero", "too large"]
)
def test_create_keystore_given_no_private_key_is_refused_without_showing_it(tmp_path, key):
    with pytest.raises(KeystoreError, match="not 32 bytes in the curve's range") as caught:
        create_keystore(tmp_path / "k.json", "pw", key, light=True)
    assert (caught.value.__cause__, list(tmp_path.iterdir())) == (None, [])


def test_create_keystore_given_an_empty_password_is_refused(tmp_path):
    with pytest.raises(KeystoreError, match="protects nothing"):
        create_keystore(tmp_path / "k.json", "", KEY, light=True)


@pytest.mark.parametrize("content", ["right", "right\n", "right\r\n", "right\nsecond line\n"])
def test_load_account_given_a_password_file_uses_its_first_line(keystore, password_file, content):
    assert load_account(keystore, password_file(content)).address == ADDRESS


def test_load_account_given_a_person_asks_for_the_password(keystore):
    asked = []

    def ask(prompt):
        asked.append(prompt)
        return "right"

    assert (load_account(keystore, ask=ask).address, asked) == (ADDRESS, ["Password of me.json: "])


def test_load_account_given_a_wrong_password_says_so_and_not_which(keystore):
    with pytest.raises(KeystoreError, match="does not open") as caught:
        load_account(keystore, ask=lambda _: "wr0ng")
    assert "wr0ng" not in str(caught.value)


def test_load_account_without_any_password_is_refused(keystore):
    with pytest.raises(KeystoreError, match="Name a password file"):
        load_account(keystore)


def test_load_account_given_a_keystore_of_another_wallet_opens_it(tmp_path):
    """Geth and others write scrypt or pbkdf2, sometimes with upper-case hex and an address without 0x."""
    path = tmp_path / "geth.json"
    made = Account.encrypt(KEY, "pw", kdf="pbkdf2", iterations=1000)
    path.write_text(json.dumps({**made, "address": made["address"].upper()}))
    assert load_account(path, ask=lambda _: "pw").address == ADDRESS


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"version": 1}', '{"version": 3}', "\x00" * 70_000],
    ids=["empty", "cut", "list", "null", "version 1", "no crypto", "huge"],
)
def test_load_account_given_no_keystore_is_refused(tmp_path, content):
    path = tmp_path / "k.json"
    path.write_text(content)
    with pytest.raises(KeystoreError):
        load_account(path, ask=lambda _: "pw")


@pytest.mark.parametrize(
    "change",
    [
        lambda crypto: crypto.pop("mac"),
        lambda crypto: crypto.update(kdf="md5"),
        lambda crypto: crypto.update(ciphertext="zz"),
        lambda crypto: crypto["kdfparams"].pop("salt"),
        lambda crypto: crypto["kdfparams"].update(n="many"),
    ],
    ids=["no mac", "unknown kdf", "no hex", "no salt", "no number"],
)
def test_load_account_given_a_damaged_keystore_says_so(keystore, change):
    held = json.loads(keystore.read_text())
    change(held["crypto"])
    keystore.chmod(0o600)
    keystore.write_text(json.dumps(held))
    with pytest.raises(KeystoreError, match="is damaged"):
        load_account(keystore, ask=lambda _: "right")


def test_load_account_given_no_file_says_which(tmp_path):
    with pytest.raises(KeystoreError, match=r"missing\.json cannot be read: No such file"):
        load_account(tmp_path / "missing.json", ask=lambda _: "pw")


def test_load_account_given_a_keystore_that_others_can_read_warns(keystore):
    keystore.chmod(0o644)
    with structlog.testing.capture_logs() as logs:
        load_account(keystore, ask=lambda _: "right")
    assert [(line["event"], line["remedy"]) for line in logs] == [("file_exposed", "chmod 600")]


def test_keystore_address_is_known_without_the_password(keystore):
    assert keystore_address(keystore) == ADDRESS


@pytest.mark.parametrize("address", [None, 5, "0x12"])
def test_keystore_address_given_none_in_the_file_says_so(keystore, address):
    held = json.loads(keystore.read_text())
    keystore.write_text(json.dumps({**held, "address": address}))
    with pytest.raises(KeystoreError, match="does not say its address"):
        keystore_address(keystore)


@pytest.mark.parametrize("content", ["", "\n", b"\xff\xfe"], ids=["empty", "empty line", "no text"])
def test_read_password_given_none_is_refused(password_file, content):
    with pytest.raises(KeystoreError, match="password file"):
        read_password(password_file(content))
