"""Carrying out instructions: everything that the machine only decides. Safe to be cut off at any await and done again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from executor.acceptance import LATER_SECONDS, Accept, Decline, Findings
from executor.claims import build_claim, result_manifest
from executor.desk import Desk
from executor.follower import Follower
from executor.inspection import Dossier, Inspector
from executor.journal import Journal
from executor.machine import Do, Instruction
from executor.news import (
    AcceptMined,
    AcceptRefused,
    ChainSays,
    ClaimMined,
    ClaimRefused,
    Collected,
    Event,
    KeysReady,
    ProofReady,
    Verdict,
    WorkFailed,
)
from executor.patience import Patience
from executor.ports import Chain, Transactions
from executor.runner import ProofRunner
from executor.threads import in_thread
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.receipts import Receipt
from tallystick.errors import (
    ArtifactMissingError,
    ChainUnavailableError,
    ModelError,
    RevertError,
    RpcRefusedError,
    StoreUnavailableError,
    TallystickError,
    TransactionLostError,
)
from tallystick.ids import Address, JobId, raw
from tallystick.market.book import Job
from tallystick.market.events import MilestonePaid
from tallystick.market.manifests import ArtifactRef
from tallystick.market.terms import JobStatus
from tallystick.storage.store import Store

PASSING = (ArtifactMissingError, StoreUnavailableError, ChainUnavailableError, RpcRefusedError)
"""Troubles that say nothing about a job."""
