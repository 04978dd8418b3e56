"""The SDK of creators: fund a job for a model, hear of it, hold a checked result.

    from client_sdk import Client, JobRequest

    with Client.open() as client:
        job = client.fund(JobRequest(model=model_id, inputs=images, max_price="10"))
        job.wait()
        [scores] = job.result()

`AsyncClient` is the same for programs with an event loop. All errors are one tree:

    TallystickError
    ├── InputError               what you brought cannot be used; nothing was spent
    │   ├── RequirementError     requirements that do not parse; points at the place
    │   ├── ModelError           an ONNX file or its circuit
    │   ├── TensorError          an input's shape, dtype, range or content
    │   ├── TermsError           terms that the contract would refuse
    │   ├── WitnessError         an opening of a claim that does not prove what it shows
    │   └── KeystoreError        wrong password, unreadable or missing key
    ├── ArtifactError
    │   ├── ArtifactMissingError, ArtifactTooLargeError, ArtifactCorruptError
    │   └── StoreUnavailableError
    ├── ProvingError             making a circuit
    │   ├── ProverFailedError, ProverTimeoutError, ProverMemoryError
    │   └── ProofRejectedError
    ├── ChainError
    │   ├── ChainUnavailableError, WrongChainError, NotDeployedError, RpcRefusedError
    │   ├── InsufficientFundsError   balance, allowance or gas; nothing was sent
    │   ├── MarketPausedError        no new jobs at the moment; nothing was sent
    │   ├── RevertError              a contract refused, with its named error
    │   └── TransactionLostError
    ├── DispatcherError          jobs go on without it
    │   └── DispatcherUnavailableError, DispatcherRefusedError
    └── JobError
        ├── JobUnknownError, JobPendingError, JobRefundedError
        └── ReceiptMismatchError

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_sdk._audit import ClaimAudit as ClaimAudit
    from client_sdk._client import AsyncClient as AsyncClient
    from client_sdk._events import JobEvent as JobEvent
    from client_sdk._job import AsyncJob as AsyncJob
    from client_sdk._models import ModelHandle as ModelHandle
    from client_sdk._receipt import JobReceipt as JobReceipt
    from client_sdk._request import JobRequest as JobRequest
    from client_sdk._results import ClaimedResult as ClaimedResult
    from client_sdk._sync import Client as Client
    from client_sdk._sync import Job as Job
    from client_sdk._wallet import Balances as Balances
    from client_sdk._warnings import JobWarning as JobWarning
    from client_sdk.settings import ClientSettings as ClientSettings
    from client_sdk.settings import load_settings as load_settings
    from tallystick.chain.keys import create_keystore as create_keystore
    from tallystick.chain.keys import load_account as load_account
    from tallystick.errors import TallystickError as TallystickError

_HOMES = {
    "AsyncClient": "client_sdk._client",
    "AsyncJob": "client_sdk._job",
    "Balances": "client_sdk._wallet",
    "ClaimAudit": "client_sdk._audit",
    "ClaimedResult": "client_sdk._results",
    "Client": "client_sdk._sync",
    "ClientSettings": "client_sdk.settings",
    "Job": "client_sdk._sync",
    "JobEvent": "client_sdk._events",
    "JobReceipt": "client_sdk._receipt",
    "JobRequest": "client_sdk._request",
    "JobWarning": "client_sdk._warnings",
    "ModelHandle": "client_sdk._models",
    "TallystickError": "tallystick.errors",
    "create_keystore": "tallystick.chain.keys",
    "load_account": "tallystick.chain.keys",
    "load_settings": "client_sdk.settings",
}

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Balances",
    "ClaimAudit",
    "ClaimedResult",
    "Client",
    "ClientSettings",
    "Job",
    "JobEvent",
    "JobReceipt",
    "JobRequest",
    "JobWarning",
    "ModelHandle",
    "TallystickError",
    "create_keystore",
    "load_account",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
