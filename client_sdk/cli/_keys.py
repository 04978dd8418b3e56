"""Commands that make and show keys. A key is never an argument: arguments end up in histories and process lists."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from client_sdk.cli._command import Session, ask_secret
from client_sdk.cli._files import read_bytes
from client_sdk.cli._screen import facts_table
from tallystick.chain.keys import create_keystore, read_password
from tallystick.errors import InputError, KeystoreError

Name = Annotated[str, typer.Option(help="What the key is called.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File with the password. Else ask.", show_default=False)]


async def new(session: Session, name: Name = "wallet", password_file: PasswordFile = None) -> None:
    """Make a new key in an encrypted keystore."""
    _keep(session, name, password_file, None)


async def import_key(
    session: Session,
    name: Name = "wallet",
    file: Annotated[
        Path | None,
        typer.Option("--from", help="File with the private key in hex. Else ask.", show_default=False),
    ] = None,
    password_file: PasswordFile = None,
) -> None:
    """Put an existing private key into an encrypted keystore."""
    if file is not None:
        text = read_bytes(file).decode(errors="replace")
    elif sys.stdin.isatty():
        text = ask_secret("Private key in hex")
    else:
        raise InputError("No private key is given.", remedy="Name a file with --from, or run it in a terminal.")
    _keep(session, name, password_file, _parse_key(text))


async def show(session: Session) -> None:
    """Show which key signs, without opening it."""
    settings = session.settings()
    address = session.address()
    if address is None:
        raise KeystoreError("No keystore is named.", remedy="Make one with `tallystick wallet new`.")
    values = {"address": address, "keystore": str(settings.keystore)}
    session.screen.finish(values, facts_table(values), then="See what it holds: tallystick wallet balance")


def _keep(session: Session, name: str, password_file: Path | None, private_key: bytes | None) -> None:
    if Path(name).name != name or name in ("", ".", ".."):
        raise InputError(f"{name!r} is not a name for a key.", remedy="Use letters and digits.")
    folder = session.home() / "keystores"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = folder / f"{name}.json"
    address = create_keystore(place, _new_password(password_file), private_key)
    values = {"address": address, "keystore": str(place)}
    then = f"Use it: export TALLYSTICK_CLIENT_KEYSTORE={place}"
    session.screen.finish(
        values, facts_table(values), "Keep the file and its password: nobody can restore them.", then=then
    )


def _new_password(password_file: Path | None) -> str:
    if password_file is not None:
        return read_password(password_file)
    if not sys.stdin.isatty():
        raise KeystoreError(
            "No password is given.", remedy="Name a file with --password-file, or run it in a terminal."
        )
    password = ask_secret("Password for the new keystore")
    if ask_secret("The same again") != password:
        raise KeystoreError("The two passwords differ; nothing was written.", remedy="Try again.")
    return password


def _parse_key(text: str) -> bytes:
    """Never quotes what it was given."""
    try:
        key = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        raise KeystoreError("The private key is not hex.", remedy="Give 64 hex digits.") from None
    if len(key) != 32:
        raise KeystoreError(f"The private key has {len(key)} bytes, not 32.", remedy="Give 64 hex digits.")
    return key
