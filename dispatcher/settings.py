"""What a dispatcher is started with. The only module of it that reads the environment: TALLYSTICK_DISPATCHER_<NAME>."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tallystick.options import read_settings

PREFIX = "TALLYSTICK_DISPATCHER_"

Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseModel):
    """Every setting; the names are those of the environment in lower case, and of the command's options.

    Attributes:
        rpc: URL of the chain's JSON-RPC endpoint. May hold an API key, so it is never logged.
        deployment: The deployment record that names the contracts.
        store: Where manifests are, for example `dir:/srv/artifacts` or `ipfs:/ip4/127.0.0.1/tcp/5001`.
        database: An SQLAlchemy URL, or the path of an SQLite file.
        keystore: The service key, which signs offers, and transactions where `keeper` is on.
        port: 0 takes any free one.
        confirmations: Blocks, its own included, after which a fact is final and a job is offered.
        offer_seconds: How long one executor has a job to itself.
        poll_seconds: Rest between two looks at the chain.
        keeper: Call `expire` and `refund` as soon as time allows, for which the service key needs gas.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpc: str = Field(min_length=1, repr=False)
    deployment: Path
    store: str = Field(min_length=1)
    database: str = "dispatcher.db"
    keystore: Path
    password_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8600, ge=0, le=65535)
    confirmations: int = Field(default=1, ge=1, le=1000)
    offer_seconds: int = Field(default=20, ge=1, le=3600)
    poll_seconds: Seconds = 0.5
    rpc_timeout_seconds: Seconds = 10.0
    keeper: bool = False

    @property
    def database_url(self) -> str:
        return self.database if "://" in self.database else f"sqlite:///{Path(self.database).expanduser()}"

    @property
    def keeper_journal(self) -> Path:
        """Beside an SQLite file: both are what this dispatcher must not lose."""
        folder = Path() if "://" in self.database else Path(self.database).expanduser().parent
        return folder / "keeper.journal"


def load_settings(options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from options and, where an option is None, from the environment.

    Raises:
        InputError: a setting is missing or not valid; the message names the option and the variable.
    """
    return read_settings(Settings, options, environ, prefix=PREFIX)
