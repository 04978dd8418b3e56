"""Job terms and assignments: what is hashed and signed, exactly as contracts/types/JobTypes.sol has it."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any

from eth_account.messages import SignableMessage
from pydantic import Field

from tallystick.errors import TermsError
from tallystick.ids import ZERO_ADDRESS, AddressField, Bytes32Field, JobId, JobIdField, ModelIdField
from tallystick.market.typed_data import Struct, StructType, abi_tuple, digest_of, python_name, typed_message
from tallystick.merkle import MAX_MILESTONES
from tallystick.units import BPS, share_of

Uint16 = Annotated[int, Field(ge=0, lt=2**16)]
Uint32 = Annotated[int, Field(ge=0, lt=2**32)]
Uint64 = Annotated[int, Field(ge=0, lt=2**64)]
Uint96 = Annotated[int, Field(ge=0, lt=2**96)]

MAX_DISPATCHER_FEE_BPS = 1_000
MAX_DURATION_SECONDS = 365 * 24 * 3600
"""Longest time for one milestone."""
MIN_CHALLENGE_SECONDS = 10
"""Shortest challenge window that governance can ask for; what it asks for today is in `EntryRules`."""
MAX_CHALLENGE_SECONDS = 30 * 24 * 3600


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


class JobTerms(Struct):
    """What a creator offers. Amounts in smallest units; see contracts/types/JobTypes.sol for each field."""

    creator: AddressField
    salt: Uint64
    model_id: ModelIdField
    proof_kind: ProofKind
    mode: JobMode
    input_root: Bytes32Field
    manifest: Bytes32Field
    payment_token: AddressField
    min_price: Uint96
    max_price: Uint96
    ramp_seconds: Uint32
    stake_lock: Uint96
    accept_seconds: Uint32
    exclusive_seconds: Uint32
    challenge_seconds: Uint32
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
        """Refuses what the contracts would refuse of the terms alone, before anything is sent. Raises TermsError.

        What governance asks for besides is in `EntryRules.check`.
        """
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
        (
            max(terms.duration_seconds, default=0) > MAX_DURATION_SECONDS,
            f"A milestone of {max(terms.duration_seconds, default=0)} s is above {MAX_DURATION_SECONDS} s, a year.",
        ),
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
        (terms.proof_kind is ProofKind.NONE, "A job needs a proof kind: nothing else shows that a result is right."),
        (
            terms.dispatcher_fee_bps > MAX_DISPATCHER_FEE_BPS,
            f"The dispatcher's fee of {terms.dispatcher_fee_bps} bps is above {MAX_DISPATCHER_FEE_BPS}.",
        ),
        *_challenge_rules(terms),
    ]


def _challenge_rules(terms: JobTerms) -> list[tuple[bool, str]]:
    seconds = terms.challenge_seconds
    is_optimistic = terms.proof_kind is ProofKind.OPTIMISTIC
    return [
        (
            seconds > 0 and not is_optimistic,
            f"A challenge window of {seconds} s is only for Optimistic claims; a {terms.proof_kind.name} claim is "
            "final at once.",
        ),
        (
            is_optimistic and not MIN_CHALLENGE_SECONDS <= seconds <= MAX_CHALLENGE_SECONDS,
            f"A challenge window of {seconds} s is outside {MIN_CHALLENGE_SECONDS} to {MAX_CHALLENGE_SECONDS} s.",
        ),
    ]


class Assignment(Struct):
    """A dispatcher's exclusive offer of one opening of a job to one operator."""

    job_id: JobIdField
    operator: AddressField
    round: Uint32
    expires_at: Uint64


NO_ASSIGNMENT = Assignment(job_id=JobId("0x" + "00" * 32), operator=ZERO_ADDRESS, round=0, expires_at=0)
"""What `accept` is given once the exclusive time is over and nobody looks at it."""


class SigningDomain(Struct):
    """The EIP-712 domain of one deployment: a signature for one is none for another."""

    chain_id: int
    escrow: AddressField

    def as_typed_data(self) -> dict[str, Any]:
        return {"name": "Tallystick", "version": "1", "chainId": self.chain_id, "verifyingContract": self.escrow}


TERMS_TYPE = StructType(
    "JobTerms",
    (
        ("creator", "address"),
        ("salt", "uint64"),
        ("modelId", "bytes32"),
        ("proofKind", "uint8"),
        ("mode", "uint8"),
        ("inputRoot", "bytes32"),
        ("manifest", "bytes32"),
        ("paymentToken", "address"),
        ("minPrice", "uint96"),
        ("maxPrice", "uint96"),
        ("rampSeconds", "uint32"),
        ("stakeLock", "uint96"),
        ("acceptSeconds", "uint32"),
        ("exclusiveSeconds", "uint32"),
        ("challengeSeconds", "uint32"),
        ("dispatcher", "address"),
        ("dispatcherFeeBps", "uint16"),
        ("shareBps", "uint16[]"),
        ("durationSeconds", "uint32[]"),
    ),
)
_ASSIGNMENT_TYPE = StructType(
    "Assignment", (("jobId", "bytes32"), ("operator", "address"), ("round", "uint32"), ("expiresAt", "uint64"))
)


def terms_message(terms: JobTerms, domain: SigningDomain) -> SignableMessage:
    """The terms as EIP-712 typed data: `header` is the domain separator, `body` the terms' struct hash."""
    return typed_message(domain.as_typed_data(), TERMS_TYPE, terms)


def job_id_of(terms: JobTerms, domain: SigningDomain) -> JobId:
    """The EIP-712 digest of the terms under the escrow's domain, as `JobEscrow.jobIdOf` computes it."""
    return JobId(digest_of(terms_message(terms, domain)))


def assignment_message(assignment: Assignment, domain: SigningDomain) -> SignableMessage:
    """What a dispatcher signs."""
    return typed_message(domain.as_typed_data(), _ASSIGNMENT_TYPE, assignment)


def terms_tuple(terms: JobTerms) -> tuple[Any, ...]:
    """The terms in ABI order, for a contract call."""
    return abi_tuple(TERMS_TYPE, terms)


def assignment_tuple(assignment: Assignment) -> tuple[Any, ...]:
    return abi_tuple(_ASSIGNMENT_TYPE, assignment)


def terms_from_tuple(values: Any) -> JobTerms:
    """The terms as a decoded event or call carries them (a mapping by Solidity names, or a sequence in order)."""
    by_name = values if hasattr(values, "keys") else dict(zip((f for f, _ in TERMS_TYPE.fields), values, strict=True))
    plain: dict[str, Any] = {}
    for field, kind in TERMS_TYPE.fields:
        held = by_name[field]
        plain[python_name(field)] = "0x" + bytes(held).hex() if kind == "bytes32" else held
    return JobTerms.model_validate(plain)
