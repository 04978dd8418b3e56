"""What an executor is started with. The only module of it that reads the environment: TALLYSTICK_EXECUTOR_<NAME>."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from executor.acceptance import MAX_WINDOW_SECONDS
from tallystick.ids import AddressField
from tallystick.market.terms import ProofKind
from tallystick.options import Folder, Seconds, Size, read_settings

PREFIX = "TALLYSTICK_EXECUTOR_"

BackendName = Literal["auto", "numpy", "onnxruntime", "cuda"]

DEFAULT_HOME = Path("~/.tallystick/executor")


def _list(value: object) -> object:
    """Several are separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _kinds(value: object) -> object:
    """Proof kinds by their names in small letters."""
    named = _list(value)
    if isinstance(named, tuple) and all(isinstance(name, str) for name in named):
        known = {kind.name.lower(): kind for kind in (ProofKind.ZK, ProofKind.OPTIMISTIC)}
        unknown = [name for name in named if name.lower() not in known]
        if unknown or not named:
            raise ValueError(f"{', '.join(unknown) or 'nothing'} is not among {', '.join(known)}")
        return frozenset(known[name.lower()] for name in named)
    return value


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HomeSettings(_Settings):
    """For looking at what an executor did.

    Attributes:
        home: Its own folder; one for each agent.
    """

    home: Folder = Field(default=DEFAULT_HOME, validate_default=True)


class ChainSettings(_Settings):
    """Where the contracts are.

    Attributes:
        rpc: URL of the chain's JSON-RPC endpoint. May hold an API key, so it is never logged.
        deployment: The deployment record that names the contracts.
    """

    rpc: str = Field(min_length=1, repr=False)
    deployment: Folder
    rpc_timeout_seconds: Seconds = 10.0


class MachineSettings(_Settings):
    """What cannot be read from the machine.

    Attributes:
        region: Where it stands, for example `eu`.
        min_milestone_price: What a milestone must pay, in the payment tokens' smallest unit, after the dispatcher's fee.
    """

    region: str = Field(default="", pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length=40)
    min_milestone_price: int = Field(default=0, ge=0)


class ColdSettings(ChainSettings):
    """For the operator's own key, which an agent never sees.

    Attributes:
        operator_keystore, operator_password_file: The cold key.
    """

    operator_keystore: Folder
    operator_password_file: Folder | None = None
    home: Folder = Field(default=DEFAULT_HOME, validate_default=True)


class OrderSettings(ChainSettings, HomeSettings):
    """For handing an order to the agent of a home folder.

    Attributes:
        operator, keystore: As for the agent; the key is not opened, only its address is read.
    """

    operator: AddressField
    keystore: Folder


class Settings(ChainSettings, HomeSettings, MachineSettings):
    """Every setting of a running agent; the names are those of the environment in lower case, and of the options.

    Attributes:
        store: Where artifacts are, for example `dir:/srv/artifacts` or `ipfs:/ip4/127.0.0.1/tcp/5001`.
        dispatcher: URL of a dispatcher; without one, open jobs are found on the chain alone.
        operator: Address whose stake is locked and who is paid.
        keystore, password_file: The agent's hot key, which needs gas money and nothing else.
        payment_tokens: Taken in payment; the deployment's own where empty.
        proof_kinds: Of jobs that are taken: `zk`, `optimistic`.
        max_jobs: Held at once.
        confirmations: Blocks, a transaction's own included, after which it is believed.
        safety: Estimates of proving time are multiplied by it.
        claim_seconds: From a finished proof to its claim in a block; 2 on local chains and 30 elsewhere if not set.
        allow_development_srs: Also on chains that are not local, where its maker can forge proofs.
        ceremony_folder: Public structured reference strings, as `ceremony-<logrows>.srs`.
        max_artifact_bytes, max_job_bytes: Fetched at most: of one artifact, and of all that a job names.
        proof_seconds, proof_memory: Bounds of each step of the prover.
        prover_threads: Cores that it may use; 0: all.
        backend: What programs run on; `auto` takes the fastest that gives the contract's bits on this machine.
        engine_threads: Cores that one run may use; 0: all.
        max_trace_bytes: Kept at most of one milestone's trace.
        max_window_seconds: The longest challenge window of a job that is taken.
        fault: How to be wrong on purpose, on a development chain.
        key_cache_bytes: Kept of models' keys on disk; the longest unused are removed, and made again when they are needed.
    """

    store: str = Field(min_length=1)
    dispatcher: str | None = None
    operator: AddressField
    keystore: Folder
    password_file: Folder | None = None
    payment_tokens: Annotated[tuple[AddressField, ...], BeforeValidator(_list)] = ()
    max_jobs: int = Field(default=2, ge=1, le=256)
    confirmations: int = Field(default=1, ge=1, le=1000)
    poll_seconds: Seconds = 1.0
    safety: float = Field(default=1.5, ge=1, le=10)
    claim_seconds: int | None = Field(default=None, ge=0, le=3600)
    allow_development_srs: bool = False
    ceremony_folder: Folder | None = None
    max_artifact_bytes: Size = 64 * 2**20
    max_job_bytes: Size = 256 * 2**20
    proof_seconds: float = Field(default=600.0, gt=0)
    proof_memory: Size = 16 * 2**30
    prover_threads: int = Field(default=0, ge=0, le=1024)
    key_cache_bytes: Size = 20 * 2**30
    proof_kinds: Annotated[frozenset[ProofKind], BeforeValidator(_kinds)] = frozenset(
        {ProofKind.ZK, ProofKind.OPTIMISTIC}
    )
    backend: BackendName = "auto"
    engine_threads: int = Field(default=0, ge=0, le=1024)
    max_trace_bytes: Size = 2**30
    max_window_seconds: int = Field(default=MAX_WINDOW_SECONDS, ge=1)
    fault: str | None = None


Kind = TypeVar("Kind", bound=_Settings)

_FROM_ELSEWHERE = {"prover_threads": "RAYON_NUM_THREADS"}
"""The prover's own variable counts where ours is not set: its children get an environment of ours alone."""


def load_settings(kind: type[Kind], options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Kind:
    """Settings from options and, where an option is None or absent, from the environment.

    Raises:
        InputError: a setting is missing or not valid; the message names the variable, and the option where `options`
            has the setting's name: what it lacks is no option of the command.
    """
    return read_settings(
        kind, options, environ, prefix=PREFIX, has_option=options.__contains__, elsewhere=_FROM_ELSEWHERE
    )
