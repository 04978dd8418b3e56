"""Keys in encrypted keystore files (version 3), the form that every Ethereum wallet reads."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tallystick.errors import InputError, KeystoreError
from tallystick.ids import Address, parse_address
from tallystick.logs import get_logger

_log = get_logger(__name__)

MAX_KEYSTORE_BYTES = 64 * 1024
LIGHT_SCRYPT_N = 2**12
"""For keys of local development chains, where nothing is worth guessing: milliseconds instead of a second."""

_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of secp256k1's group (SEC 2): a private key is a number from 1 to one less."""

Ask = Callable[[str], str]
"""Asks a person for a secret: takes the prompt, returns what was typed."""


def _read(path: Path, noun: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEYSTORE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise KeystoreError(
            f"The {noun} {path} cannot be read: {reason}.", remedy="Check the path and its permissions."
        ) from error
    if len(data) > MAX_KEYSTORE_BYTES:
        raise KeystoreError(f"The {noun} {path} is larger than {MAX_KEYSTORE_BYTES} bytes; it is some other file.")
    return data


def _warn_if_readable_by_others(path: Path, noun: str) -> None:
    mode = path.stat().st_mode
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        _log.warning("file_exposed", noun=noun, path=str(path), mode=oct(stat.S_IMODE(mode)), remedy="chmod 600")


def read_password(path: Path) -> str:
    """The first line of a password file, without its line ending. Raises KeystoreError."""
    data = _read(path, "password file")
    _warn_if_readable_by_others(path, "password file")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise KeystoreError(f"The password file {path} is not UTF-8 text.") from None
    lines = text.splitlines()
    if not lines or not lines[0]:
        raise KeystoreError(f"The password file {path} has an empty first line.", remedy="Write the password there.")
    return lines[0]


def _parse_keystore(path: Path) -> dict[str, Any]:
    try:
        keystore = json.loads(_read(path, "keystore"))
    except ValueError:
        keystore = None
    if not isinstance(keystore, dict) or keystore.get("version") != 3 or "crypto" not in keystore:
        raise KeystoreError(f"{path} is not a keystore of version 3.", remedy="Make one with `tallystick wallet new`.")
    return keystore


def _decrypt(path: Path, keystore: dict[str, Any], password: str) -> LocalAccount:
    try:
        key = Account.decrypt(keystore, password)
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        # eth-keyfile says "MAC mismatch" for a wrong password; a damaged file is anything else.
        if "MAC mismatch" in str(error):
            raise KeystoreError(
                f"The password does not open {path}.", remedy="Check the password or the password file."
            ) from None
        raise KeystoreError(f"The keystore {path} is damaged: {type(error).__name__}.") from None
    account: LocalAccount = Account.from_key(key)
    return account


def load_account(keystore: Path, password_file: Path | None = None, ask: Ask | None = None) -> LocalAccount:
    """The account in a keystore, opened with the password file's first line or with what `ask` returns.

    Raises:
        KeystoreError: missing, damaged or not a keystore; wrong password; no way to learn the password.
    """
    held = _parse_keystore(keystore)
    _warn_if_readable_by_others(keystore, "keystore")
    if password_file is not None:
        return _decrypt(keystore, held, read_password(password_file))
    if ask is None:
        raise KeystoreError(f"No password for {keystore}.", remedy="Name a password file.")
    return _decrypt(keystore, held, ask(f"Password of {keystore.name}: "))


def keystore_address(keystore: Path) -> Address:
    """The address that a keystore says it holds, without opening it. Raises KeystoreError."""
    held = str(_parse_keystore(keystore).get("address", "")).lower()
    try:
        return parse_address("0x" + held.removeprefix("0x"))
    except InputError:
        raise KeystoreError(
            f"The keystore {keystore} does not say its address.", remedy="Open it with its password."
        ) from None


def create_keystore(path: Path, password: str, private_key: bytes | None = None, *, light: bool = False) -> Address:
    """Encrypts a key, a fresh one unless given, into a new file that only its owner can read.

    Args:
        light: Weak key stretching; for keys of local development chains only.

    Returns:
        The key's address.

    Raises:
        KeystoreError: the file exists (a key is never overwritten), the password is empty, the key is no key.
    """
    if not password:
        raise KeystoreError("An empty password protects nothing.", remedy="Choose one.")
    if private_key is not None and not (len(private_key) == 32 and 0 < int.from_bytes(private_key, "big") < _ORDER):
        raise KeystoreError("The private key is not 32 bytes in the curve's range.")
    account: LocalAccount = Account.create() if private_key is None else Account.from_key(private_key)
    keystore = Account.encrypt(account.key, password, kdf="scrypt", iterations=LIGHT_SCRYPT_N if light else None)
    _write_new(path, json.dumps(keystore).encode())
    return parse_address(account.address)


def _write_new(path: Path, data: bytes) -> None:
    """All or nothing, mode 0600, and never over another file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A link fails where the name is taken; a rename would replace the key that is there.
        os.link(name, path)
    except FileExistsError:
        raise KeystoreError(
            f"{path} exists; a key is never overwritten.", remedy="Choose another name or move it away."
        ) from None
    finally:
        Path(name).unlink()
