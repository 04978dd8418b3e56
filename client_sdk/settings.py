"""Where the client finds everything: flags, then the environment, then a local network, then the user's own file.

The only module of the SDK that reads the environment. Every name is `TALLYSTICK_CLIENT_<FIELD>`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.errors import InputError

PREFIX = "TALLYSTICK_CLIENT_"
FIELDS = ("rpc", "deployment", "store", "dispatcher", "keystore", "password_file", "home")
LOCALNET_RECORD = Path(".cache") / "localnet" / "localnet.json"
LOCALNET_WALLET = "creator"
MAX_FILE_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class ClientSettings:
    """What `AsyncClient.open` connects with.

    Attributes:
        rpc: URL of a JSON-RPC endpoint of the chain.
        deployment: The record that deploying wrote: which contracts, on which chain.
        store: A folder, or the address of an IPFS daemon.
        dispatcher: URL; None goes without, directly on the chain.
        keystore: Encrypted key of the account that signs; None can only read.
        password_file: File that holds the keystore's password; None asks.
        home: Where jobs and transactions under way are written down.
    """

    rpc: str
    deployment: Path
    store: str
    dispatcher: str | None
    keystore: Path | None
    password_file: Path | None
    home: Path


def load_settings(
    flags: Mapping[str, str | None] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> ClientSettings:
    """The settings, each from the first place that has it.

    A running local network is a place of its own only while nobody names a network: its throw-away key must never
    come to sign for another chain.

    Raises:
        InputError: no network is named anywhere, or a file of settings cannot be read.
    """
    environ = os.environ if environ is None else environ
    named = _named(flags or {}, environ)
    home = Path(named.get("home") or Path.home() / ".tallystick").expanduser()
    found = _read(home / "config.json")
    if not {"rpc", "deployment"} & named.keys():
        found |= _localnet(folder or Path.cwd())
    found |= named
    _require_network(found, home)
    return ClientSettings(
        rpc=found["rpc"],
        deployment=Path(found["deployment"]).expanduser(),
        store=found.get("store") or str(home / "store"),
        dispatcher=found.get("dispatcher") or None,
        keystore=_path(found.get("keystore")),
        password_file=_path(found.get("password_file")),
        home=home,
    )


def load_home(flag: str | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """The home folder alone, for what needs no network, such as making a key."""
    environ = os.environ if environ is None else environ
    return Path(flag or environ.get(f"{PREFIX}HOME") or Path.home() / ".tallystick").expanduser()


def find_localnet(folder: Path) -> Path | None:
    """The record of a local network in `folder` or the nearest folder above it."""
    places = (place / LOCALNET_RECORD for place in (folder, *folder.parents))
    return next((place for place in places if place.is_file()), None)


def _named(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> dict[str, str]:
    given = {field: flags.get(field) or environ.get(PREFIX + field.upper()) for field in FIELDS}
    return {field: value for field, value in given.items() if value}


def _localnet(folder: Path) -> dict[str, Any]:
    place = find_localnet(folder)
    if place is None:
        return {}
    record = _read(place)
    wanted = {field: record[field] for field in FIELDS if field in record and field != "home"}
    keystore = record.get("keystores", {}).get(LOCALNET_WALLET)
    return wanted | ({"keystore": keystore} if keystore else {})


def _read(place: Path) -> dict[str, Any]:
    if not place.is_file():
        return {}
    try:
        values = json.loads(_text(place))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The settings in {place} cannot be read: {error}.", remedy="Mend or remove the file."
        ) from error
    if not isinstance(values, dict):
        raise InputError(f"The settings in {place} are no JSON object.", remedy="Mend or remove the file.")
    return values


def _text(place: Path) -> str:
    with place.open() as file:
        text = file.read(MAX_FILE_CHARACTERS + 1)
    if len(text) > MAX_FILE_CHARACTERS:
        raise ValueError(f"more than {MAX_FILE_CHARACTERS} characters")
    return text


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser() if value else None


def _require_network(found: Mapping[str, Any], home: Path) -> None:
    missing = [field for field in ("rpc", "deployment") if not found.get(field)]
    if missing:
        raise InputError(
            f"No network is named: {' and '.join(missing)} not set.",
            remedy=f"Start one here with `tallystick localnet start`, or give --rpc and --deployment, or set "
            f"{PREFIX}RPC and {PREFIX}DEPLOYMENT, or write both into {home / 'config.json'}.",
        )
