"""The one tree of errors. Every message says what happened, with which values, and what to do next.

TallystickError
├── InputError                 what the caller brought cannot be used
│   ├── RequirementError       a requirement text does not parse; points at the place
│   ├── ModelError             an ONNX file or its circuit cannot be used
│   ├── TensorError            an input's shape, dtype, range or content
│   ├── TermsError             terms that the contract would refuse
│   ├── WitnessError           an opening of a claim that does not prove what it shows
│   └── KeystoreError          wrong password, unreadable or missing key file
├── ArtifactError
│   ├── ArtifactMissingError
│   ├── ArtifactTooLargeError
│   ├── ArtifactCorruptError   content does not match its hash
│   └── StoreUnavailableError  the store itself does not answer
├── ProvingError
│   ├── ProverFailedError      the prover answered with an error
│   ├── ProverTimeoutError     the prover was stopped after its time limit
│   ├── ProverMemoryError      the prover was stopped at its memory limit
│   └── ProofRejectedError     a proof that does not verify
├── ChainError
│   ├── ChainUnavailableError  the RPC does not answer
│   ├── WrongChainError        the RPC answers for another chain
│   ├── NotDeployedError       no contract where the deployment record says
│   ├── InsufficientFundsError balance, allowance or gas
│   ├── MarketPausedError      the market takes no new jobs at the moment
│   ├── RevertError            a contract refused, with its named error
│   ├── RpcRefusedError        the RPC answered a request with an error of its own
│   └── TransactionLostError   a sent transaction is known to be gone
├── DispatcherError
│   ├── DispatcherUnavailableError
│   └── DispatcherRefusedError
├── JobError
│   ├── JobUnknownError        no such job on this chain
│   ├── JobPendingError        not there yet: a wait that ran out, a result asked for too early
│   ├── JobRefundedError       ended without what was asked for
│   └── ReceiptMismatchError   a receipt that the chain does not bear out
└── AgentError                 an executor's agent stops rather than guess
    ├── HomeInUseError         another process works in the same home folder
    └── ImpossibleTransitionError
"""

from __future__ import annotations

from collections.abc import Mapping


class TallystickError(Exception):
    """Base of every error that this project raises on purpose.

    Args:
        what: One sentence: what happened, with the values that show it.
        remedy: What to do next; empty where `what` already says it.
    """

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy


class InputError(TallystickError):
    """What the caller brought cannot be used. Nothing was spent or changed."""


class RequirementError(InputError):
    """A requirement text does not parse.

    Args:
        text: The whole text.
        column: 0-based place of the trouble in it.
    """

    def __init__(self, what: str, *, text: str, column: int, remedy: str = "") -> None:
        super().__init__(f"{what}\n  {text}\n  {' ' * column}^", remedy=f"\n{remedy}" if remedy else "")
        self.text = text
        self.column = column


class ModelError(InputError):
    """An ONNX file, or the circuit made of it, cannot be used."""


class TensorError(InputError):
    """An input's shape, dtype, range or content does not fit the model."""


class TermsError(InputError):
    """Job terms that the contract would refuse."""


class WitnessError(InputError):
    """A witness against a claim does not prove what it shows: nothing follows from it, neither way.

    Args:
        reason: One word for what failed, as the contract's errors have it: `Program`, `Step`, `Output`, `Operand`, ...
    """

    def __init__(self, reason: str, what: str, *, remedy: str = "") -> None:
        super().__init__(what, remedy=remedy)
        self.reason = reason


class KeystoreError(InputError):
    """A key cannot be read: wrong password, missing file, not a keystore."""


class ArtifactError(TallystickError):
    """Something about content-addressed data."""


class ArtifactMissingError(ArtifactError):
    """No store that was asked has the content."""


class ArtifactTooLargeError(ArtifactError):
    """The content is larger than the reader accepts; nothing beyond the bound was read."""


class ArtifactCorruptError(ArtifactError):
    """The content does not match the hash that names it."""


class StoreUnavailableError(ArtifactError):
    """The store does not answer. The content may well be there."""


class ProvingError(TallystickError):
    """Making or checking a proof did not succeed."""


class ProverFailedError(ProvingError):
    """The prover answered with an error of its own."""


class ProverTimeoutError(ProvingError):
    """The prover was stopped because it ran past its time limit."""


class ProverMemoryError(ProvingError):
    """The prover was stopped because it ran past its memory limit."""


class ProofRejectedError(ProvingError):
    """A proof does not verify."""


class ChainError(TallystickError):
    """Something between this process and the contracts."""


class ChainUnavailableError(ChainError):
    """The RPC endpoint does not answer, or not in time. Nothing is known to have changed."""


class WrongChainError(ChainError):
    """The RPC endpoint answers for another chain than the deployment's."""


class NotDeployedError(ChainError):
    """There is no contract where the deployment record says there is one."""


class InsufficientFundsError(ChainError):
    """A balance, an allowance or the gas money does not cover the call. Nothing was sent."""


class MarketPausedError(ChainError):
    """The market takes no new jobs at the moment. Nothing was sent; jobs that are there go on."""


class TransactionLostError(ChainError):
    """A transaction that was sent can no longer be mined: its nonce was used by another."""


class RpcRefusedError(ChainError):
    """The RPC endpoint answers, but refused a request.

    Args:
        code: The JSON-RPC error's code, or the HTTP status where there was none.
        message: What the endpoint said.
        data: The error's data, if any: a revert's bytes travel here.
    """

    def __init__(self, what: str, *, code: int, message: str, data: object = None, remedy: str = "") -> None:
        super().__init__(what, remedy=remedy)
        self.code = code
        self.message = message
        self.data = data


class RevertError(ChainError):
    """A contract refused.

    Args:
        name: The Solidity error's name, for example `JobEscrow_AcceptWindowOver`; `Error` or `Panic` for the built-in
            ones; empty where the revert carried no data.
        arguments: The error's arguments by name.
    """

    def __init__(self, what: str, *, name: str, arguments: Mapping[str, object], remedy: str = "") -> None:
        super().__init__(what, remedy=remedy)
        self.name = name
        self.arguments = dict(arguments)


class DispatcherError(TallystickError):
    """Something between this process and the dispatcher."""


class DispatcherUnavailableError(DispatcherError):
    """The dispatcher does not answer. Jobs and claims go on without it, directly on the chain."""


class DispatcherRefusedError(DispatcherError):
    """The dispatcher answered with a refusal.

    Args:
        code: The refusal's name, stable, for programs, for example `nonce_used`.
        status: The HTTP status that carried it.
        values: The values that show it.
    """

    def __init__(
        self,
        what: str,
        *,
        code: str = "refused",
        status: int = 400,
        values: Mapping[str, str | int | None] | None = None,
        remedy: str = "",
    ) -> None:
        super().__init__(what, remedy=remedy)
        self.code = code
        self.status = status
        self.values = dict(values or {})


class JobError(TallystickError):
    """A job did not come to what was asked of it."""


class JobUnknownError(JobError):
    """The chain has no such job."""


class JobPendingError(JobError):
    """Not there yet: a wait ran out, or a result was asked for before it was paid. The job itself goes on."""


class JobRefundedError(JobError):
    """The job ended, and its money went home, without what was asked for."""


class ReceiptMismatchError(JobError):
    """A receipt says something that the chain does not."""


class AgentError(TallystickError):
    """An executor's agent stops rather than guess."""


class HomeInUseError(AgentError):
    """Another process works in the same home folder; two would send the same transactions."""


class ImpossibleTransitionError(AgentError):
    """A job's state was given an event that no rule leads on from: a fault of the agent."""
