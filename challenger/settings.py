"""What a challenger is started with. The only module of it that reads the environment: TALLYSTICK_CHALLENGER_<NAME>."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tallystick.errors import InputError
from tallystick.options import Folder, Seconds, Size, read_settings
from tallystick.units import BPS, parse_amount

PREFIX = "TALLYSTICK_CHALLENGER_"

DEFAULT_HOME = Path("~/.tallystick/challenger")

NATIVE_DECIMALS = 18


def _coins(value: object) -> object:
    """Amounts of the native coin are written in whole coins, such as 0.05."""
    return _said(lambda: parse_amount(value, NATIVE_DECIMALS)) if isinstance(value, str) else value


def _share(value: object) -> object:
    """A share is written as 0.25 or 25%, and held in basis points."""
    if not isinstance(value, str):
        return value
    if value.strip().endswith("%"):
        return _said(lambda: parse_amount(value.strip().removesuffix("%"), 2))
    return _said(lambda: parse_amount(value, 4))


def _said(read: Any) -> object:
    try:
        return read()
    except InputError as error:
        raise ValueError(str(error)) from error


Coins = Annotated[int, BeforeValidator(_coins), Field(ge=0)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HomeSettings(_Settings):
    """For looking at what a challenger did.

    Attributes:
        home: Its own folder; one for each account.
    """

    home: Folder = Field(default=DEFAULT_HOME, validate_default=True)


class Settings(HomeSettings):
    """Every setting; the names are those of the environment in lower case, and of the options.

    Attributes:
        rpc: URL of the chain's JSON-RPC endpoint. May hold an API key, so it is never logged.
        deployment: The deployment record that names the contracts.
        store: Where artifacts are, for example `dir:/srv/artifacts` or `ipfs:/ip4/127.0.0.1/tcp/5001`.
        keystore, password_file: A hot key, which needs gas money and nothing else; none is needed where nothing is sent.
        stake_worth, native_worth: What one whole stake token, and one native coin, is worth, in a unit of one's own. Without
            both, a fault is shown wherever there is a share, whatever the gas.
        min_profit: In that unit.
        max_demand_fees: Of one claim, in native coins: what is asked for has to be paid in advance.
        commit: Whether to say first that a witness is coming: `auto` where the share is worth copying.
        sample: The share of all claims that is looked at.
        margin_seconds: From a decision to its transaction in a block; 2 on local chains and 30 elsewhere if not set.
        max_artifact_bytes, max_trace_bytes: Fetched of one artifact, and held of one run, at most.
        look_seconds: That recomputing one claim may take.
        cache_bytes: Kept of programs on disk.
        backend: Of the engine; `auto`: the fastest that gives the same bits on this machine, which is tested once.
    """

    rpc: str = Field(min_length=1, repr=False)
    deployment: Folder
    rpc_timeout_seconds: Seconds = 10.0
    store: str = Field(min_length=1)
    keystore: Folder | None = None
    password_file: Folder | None = None
    stake_worth: Annotated[int, Field(gt=0)] | None = None
    native_worth: Annotated[int, Field(gt=0)] | None = None
    min_profit: int = Field(default=0, ge=0)
    max_demand_fees: Coins = 10**17
    commit: Literal["auto", "always", "never"] = "auto"
    sample: Annotated[int, BeforeValidator(_share), Field(ge=0, le=BPS)] = BPS
    margin_seconds: int | None = Field(default=None, ge=0, le=3600)
    confirmations: int = Field(default=1, ge=1, le=1000)
    poll_seconds: Seconds = 1.0
    max_artifact_bytes: Size = 1 << 30
    max_trace_bytes: Size = 4 << 30
    look_seconds: float = Field(default=600.0, gt=0)
    cache_bytes: Size = 20 << 30
    backend: Literal["auto", "numpy", "onnxruntime", "cuda"] = "numpy"


Kind = TypeVar("Kind", bound=_Settings)


def load_settings(kind: type[Kind], options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Kind:
    """Settings from options and, where an option is None or absent, from the environment.

    Raises:
        InputError: a setting is missing or not valid; the message names the variable, and the option where `options`
            has the setting's name: what it lacks is no option of the command.
    """
    return read_settings(kind, options, environ, prefix=PREFIX, has_option=options.__contains__)
