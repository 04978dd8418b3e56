"""Job terms and assignments: what is hashed and signed, exactly as contracts/types/JobTypes.sol has it."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any

from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak
from pydantic import BaseModel, ConfigDict, Field

from tallystick.errors import TermsError
from tallystick.ids import ZERO_ADDRESS, AddressField, Bytes32Field, JobId, JobIdField, ModelIdField, raw
from tallystick.merkle import MAX_MILESTONES
from tallystick.units import BPS, share_of

Uint16 = Annotated[int, Field(ge=0, lt=2**16)]
Uint32 = Annotated[int, Field(ge=0, lt=2**32)]
Uint64 = Annotated[int, Field(ge=0, lt=2**64)]
Uint128 = Annotated[int, Field(ge=0, lt=2**128)]

MAX_DISPATCHER_FEE_BPS = 1_000


class ProofKind(IntEnum):
    NONE = 0
    ZK = 1
    OPTIMISTIC = 2


class JobMode(IntEnum):
    PARALLEL = 0
    CHAINED = 1


class JobStatus(IntEnum):
    NONE = 0
    OPEN = 1
    ASSIGNED = 2
    COMPLETED = 3
    REFUNDED = 4


class _Struct(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobTerms(_Struct):
    """What a creator offers. Amounts in smallest units; see contracts/types/JobTypes.sol for each field."""

    creator: AddressField
    salt: Uint64
    model_id: ModelIdField
    proof_kind: ProofKind
    mode: JobMode
    input_root: Bytes32Field
    manifest: Bytes32Field
    payment_token: AddressField
    min_price: Uint128
    max_price: Uint128
    ramp_seconds: Uint32
    stake_lock: Uint128
    accept_seconds: Uint32
    exclusive_seconds: Uint32
    dispatcher: AddressField
    dispatcher_fee_bps: Uint16
    share_bps: tuple[Uint16, ...]
    duration_seconds: tuple[Uint32, ...]

    @property
    def milestone_count(self) -> int:
        return len(self.share_bps)

    def price_of(self, milestone: int, price: int) -> int:
        """What milestone pays at a job price, before the dispatcher's fee, in the payment token's smallest unit."""
        return share_of(price, self.share_bps[milestone])

    def price_at(self, opened_at: int, now: int) -> int:
        """The ramp: linear from min_price to max_price over ramp_seconds from `opened_at`, rounded down."""
        elapsed = max(0, now - opened_at)
        if elapsed >= self.ramp_seconds:
            return self.max_price
        return self.min_price + (self.max_price - self.min_price) * elapsed // self.ramp_seconds

    def check(self) -> None:
        """Refuses what the contract would refuse, before anything is sent. Raises TermsError."""
        for broken, sentence in _rules(self):
            if broken:
                raise TermsError(sentence)


def _rules(terms: JobTerms) -> list[tuple[bool, str]]:
    count = terms.milestone_count
    return [
        (not 1 <= count <= MAX_MILESTONES, f"A job has 1 to {MAX_MILESTONES} milestones, not {count}."),
        (
            len(terms.duration_seconds) != count,
            f"{count} shares but {len(terms.duration_seconds)} durations; every milestone needs both.",
        ),
        (sum(terms.share_bps) != BPS, f"Shares add up to {sum(terms.share_bps)} bps; they must make {BPS}."),
        (0 in terms.share_bps, "A milestone with a share of 0 bps would be work for nothing."),
        (0 in terms.duration_seconds, "A milestone of 0 seconds has already missed its deadline."),
        (terms.max_price == 0, "The maximum price is 0; nobody works for nothing."),
        (
            terms.min_price > terms.max_price,
            f"The minimum price {terms.min_price} is above the maximum {terms.max_price}.",
        ),
        (terms.accept_seconds == 0, "An accept window of 0 seconds closes before anyone can accept."),
        (
            terms.exclusive_seconds > terms.accept_seconds,
            f"The exclusive {terms.exclusive_seconds} s outlast the accept window of {terms.accept_seconds} s.",
        ),
        (
            terms.exclusive_seconds > 0 and terms.dispatcher == ZERO_ADDRESS,
            "Exclusive seconds need a dispatcher who may choose.",
        ),
        (
            terms.dispatcher_fee_bps > 0 and terms.dispatcher == ZERO_ADDRESS,
            "A dispatcher's fee needs a dispatcher who may have it.",
        ),
        (terms.proof_kind is not ProofKind.ZK, f"Jobs of proof kind {terms.proof_kind.name} are not settled yet."),
        (
            terms.dispatcher_fee_bps > MAX_DISPATCHER_FEE_BPS,
            f"The dispatcher's fee of {terms.dispatcher_fee_bps} bps is above {MAX_DISPATCHER_FEE_BPS}.",
        ),
    ]


class Assignment(_Struct):
    """A dispatcher's exclusive offer of one opening of a job to one operator."""

    job_id: JobIdField
    operator: AddressField
    round: Uint32
    expires_at: Uint64


NO_ASSIGNMENT = Assignment(job_id=JobId("0x" + "00" * 32), operator=ZERO_ADDRESS, round=0, expires_at=0)
"""What `accept` is given once the exclusive time is over and nobody looks at it."""


class SigningDomain(_Struct):
    """The EIP-712 domain of one deployment: a signature for one is none for another."""

    chain_id: int
    escrow: AddressField

    def as_typed_data(self) -> dict[str, Any]:
        return {"name": "Tallystick", "version": "1", "chainId": self.chain_id, "verifyingContract": self.escrow}


_TERMS_FIELDS = (
    ("creator", "address"),
    ("salt", "uint64"),
    ("modelId", "bytes32"),
    ("proofKind", "uint8"),
    ("mode", "uint8"),
    ("inputRoot", "bytes32"),
    ("manifest", "bytes32"),
    ("paymentToken", "address"),
    ("minPrice", "uint128"),
    ("maxPrice", "uint128"),
    ("rampSeconds", "uint32"),
    ("stakeLock", "uint128"),
    ("acceptSeconds", "uint32"),
    ("exclusiveSeconds", "uint32"),
    ("dispatcher", "address"),
    ("dispatcherFeeBps", "uint16"),
    ("shareBps", "uint16[]"),
    ("durationSeconds", "uint32[]"),
)
_ASSIGNMENT_FIELDS = (("jobId", "bytes32"), ("operator", "address"), ("round", "uint32"), ("expiresAt", "uint64"))


def _python_name(solidity_name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in solidity_name)


def _typed(domain: SigningDomain, name: str, fields: tuple[tuple[str, str], ...], value: _Struct) -> SignableMessage:
    message: dict[str, Any] = {}
    for field, kind in fields:
        held = getattr(value, _python_name(field))
        message[field] = raw(held) if kind == "bytes32" else list(held) if kind.endswith("[]") else held
    types = {name: [{"name": field, "type": kind} for field, kind in fields]}
    return encode_typed_data(domain.as_typed_data(), types, message)


def terms_message(terms: JobTerms, domain: SigningDomain) -> SignableMessage:
    """The terms as EIP-712 typed data: `header` is the domain separator, `body` the terms' struct hash."""
    return _typed(domain, "JobTerms", _TERMS_FIELDS, terms)


def job_id_of(terms: JobTerms, domain: SigningDomain) -> JobId:
    """The EIP-712 digest of the terms under the escrow's domain, as `JobEscrow.jobIdOf` computes it."""
    message = terms_message(terms, domain)
    return JobId("0x" + keccak(b"\x19" + message.version + message.header + message.body).hex())


def assignment_message(assignment: Assignment, domain: SigningDomain) -> SignableMessage:
    """What a dispatcher signs."""
    return _typed(domain, "Assignment", _ASSIGNMENT_FIELDS, assignment)


def terms_tuple(terms: JobTerms) -> tuple[Any, ...]:
    """The terms in ABI order, for a contract call."""
    return _tuple(_TERMS_FIELDS, terms)


def assignment_tuple(assignment: Assignment) -> tuple[Any, ...]:
    return _tuple(_ASSIGNMENT_FIELDS, assignment)


def _tuple(fields: tuple[tuple[str, str], ...], value: _Struct) -> tuple[Any, ...]:
    held = [(getattr(value, _python_name(field)), kind) for field, kind in fields]
    return tuple(raw(v) if kind == "bytes32" else list(v) if kind.endswith("[]") else v for v, kind in held)


def terms_from_tuple(values: Any) -> JobTerms:
    """The terms as a decoded event or call carries them (a mapping by Solidity names, or a sequence in order)."""
    by_name = values if hasattr(values, "keys") else dict(zip((f for f, _ in _TERMS_FIELDS), values, strict=True))
    plain: dict[str, Any] = {}
    for field, kind in _TERMS_FIELDS:
        held = by_name[field]
        plain[_python_name(field)] = "0x" + bytes(held).hex() if kind == "bytes32" else held
    return JobTerms.model_validate(plain)
