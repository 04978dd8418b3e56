"""What a creator asks for, and the terms that follow from it. Pure: what the chain says is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from client_sdk._inputs import equal_shares
from tallystick.canonical import encode_canonical
from tallystick.errors import InputError, TermsError
from tallystick.ids import ZERO_ADDRESS, Address, Bytes32, ModelId
from tallystick.market.parameters import EntryRules
from tallystick.market.terms import MIN_CHALLENGE_SECONDS, JobMode, JobTerms, ProofKind
from tallystick.units import format_amount, parse_amount, parse_seconds
from tallystick.wire.requirements import parse_requirements

if TYPE_CHECKING:
    from client_sdk._models import ModelHandle

Tokens = str | int | Decimal
"""An amount in whole tokens, for example `"12.5"`; never a float, which has no exact amount."""

Duration = str | int
"""`"10m"`, `"2h"`, or seconds."""

DEFAULT_EXCLUSIVE_SECONDS = 60
MAX_NOTE = 1000


@dataclass(frozen=True, eq=False)
class JobRequest:
    """A job to be funded.

    Attributes:
        model: A registered model, or its id.
        inputs: See `cut_milestones`: an array, several stacked, or a mapping from input names to them.
        max_price: For the whole job, deposited when it is funded. What is not spent comes back.
        milestones: How many the inputs should make; None takes what they make.
        min_price: Where the price starts to rise from; None: a flat price.
        ramp: How long it rises; None: half of `accept_within`.
        requirements: What an executor must have, for example `vram>=16GiB region=eu`.
        payment_token: Address of an ERC-20; None: the deployment's own.
        stake_lock: In stake tokens, at risk for the executor; None: the least that the protocol allows.
        deadline: Time for each milestone, once accepted.
        accept_within: Time in which somebody has to accept; after it anyone may send the money home.
        challenge_window: Time in which an Optimistic claim can be shown to be wrong, and is not paid; None: the protocol's
            least. Only for Optimistic models.
        exclusive: Time at the start in which only the dispatcher's choice may accept; None: a minute where there
            is a dispatcher.
        shares: What each milestone gets of the price, in bps; None: equal shares.
        dispatcher_fee_bps: Of each payment, for the dispatcher.
        note: A line for people.
        salt: Tells apart two jobs that are otherwise the same. Give one to make a retry safe across machines.
        approve: Whether to allow the escrow to take exactly the maximum price, by permit or approval, where what it may
            take falls short.
    """

    model: ModelHandle | str
    inputs: Any = field(repr=False)
    max_price: Tokens
    milestones: int | None = None
    min_price: Tokens | None = None
    ramp: Duration | None = None
    requirements: str = ""
    payment_token: str | None = None
    stake_lock: Tokens | None = None
    deadline: Duration = "10m"
    accept_within: Duration = "10m"
    challenge_window: Duration | None = None
    exclusive: Duration | None = None
    shares: Sequence[int] | None = None
    dispatcher_fee_bps: int = 0
    note: str = ""
    salt: int | None = None
    approve: bool = True

    def fingerprint(self, model_id: ModelId, input_root: Bytes32) -> str:
        """Equal for two requests that ask for the same thing; how a crashed request finds itself again."""
        asked = {
            name: None if (value := getattr(self, name)) is None else str(value)
            for name in (
                "max_price",
                "min_price",
                "ramp",
                "requirements",
                "payment_token",
                "stake_lock",
                "deadline",
                "accept_within",
                "exclusive",
                "dispatcher_fee_bps",
                "note",
            )
        }
        if self.challenge_window is not None:
            # Only then: what an older version wrote down must still be found.
            asked["challenge_window"] = str(self.challenge_window)
        shares = None if self.shares is None else list(self.shares)
        return sha256(encode_canonical([model_id, input_root, shares, asked])).hexdigest()


@dataclass(frozen=True)
class Surroundings:
    """What a request's terms depend on besides the request.

    Attributes:
        payment_decimals: Of the payment token.
        stake_token, stake_decimals: What locks are counted in.
        rules: What a new job must meet today.
        dispatcher: Who signs assignments; None where no dispatcher of this market answers.
    """

    creator: Address
    payment_token: Address
    payment_decimals: int
    stake_token: Address
    stake_decimals: int
    rules: EntryRules
    dispatcher: Address | None


def check_texts(request: JobRequest) -> None:
    """Raises RequirementError for requirements that do not parse, InputError for a note too long to publish."""
    parse_requirements(request.requirements)
    if len(request.note) > MAX_NOTE:
        raise InputError(f"The note has {len(request.note)} characters; at most {MAX_NOTE} are published.")


def build_terms(
    request: JobRequest,
    around: Surroundings,
    *,
    model_id: ModelId,
    input_root: Bytes32,
    manifest: Bytes32,
    milestones: int,
    salt: int,
    proof_kind: ProofKind = ProofKind.ZK,
) -> JobTerms:
    """The terms of a request, checked.

    Raises:
        InputError: an amount or a duration that is none.
        TermsError: terms that the contract would refuse.
    """
    max_price = _amount("max_price", request.max_price, around.payment_decimals)
    min_price = max_price
    if request.min_price is not None:
        min_price = _amount("min_price", request.min_price, around.payment_decimals)
    if min_price > max_price:
        # The terms know no decimals, so they would say it in smallest units.
        raise TermsError(
            f"The minimum price {request.min_price} is above the maximum {request.max_price}.",
            remedy="Lower the one, or raise the other.",
        )
    accept_seconds = seconds_of("accept_within", request.accept_within)
    ramp = accept_seconds // 2 if request.ramp is None else seconds_of("ramp", request.ramp)
    fields = {
        "creator": around.creator,
        "salt": salt,
        "model_id": model_id,
        "proof_kind": proof_kind,
        "mode": JobMode.PARALLEL,
        "input_root": input_root,
        "manifest": manifest,
        "payment_token": around.payment_token,
        "min_price": min_price,
        "max_price": max_price,
        "ramp_seconds": ramp if min_price < max_price else 0,
        "stake_lock": _stake_lock(request, around, max_price),
        "accept_seconds": accept_seconds,
        "exclusive_seconds": _exclusive_seconds(request, around, accept_seconds),
        "challenge_seconds": _challenge_seconds(request, around, proof_kind),
        "dispatcher": around.dispatcher or ZERO_ADDRESS,
        "dispatcher_fee_bps": request.dispatcher_fee_bps if around.dispatcher else 0,
        "share_bps": equal_shares(milestones) if request.shares is None else tuple(request.shares),
        "duration_seconds": (seconds_of("deadline", request.deadline),) * milestones,
    }
    try:
        terms = JobTerms.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise TermsError(f"{first['loc'][0]} is {first['input']!r}: {first['msg']}.") from error
    if terms.milestone_count != milestones:
        raise TermsError(f"{terms.milestone_count} shares for {milestones} milestones.", remedy="Give one for each.")
    terms.check()
    return terms


def _stake_lock(request: JobRequest, around: Surroundings, max_price: int) -> int:
    least = around.rules.least_lock(around.payment_token, max_price, around.stake_token)
    if request.stake_lock is None:
        return least
    lock = _amount("stake_lock", request.stake_lock, around.stake_decimals)
    if lock < least:
        shown = format_amount(least, around.stake_decimals).replace(",", "")
        raise TermsError(
            f"The stake lock of {request.stake_lock} is below the protocol's minimum of {shown}.",
            remedy=f"Ask for at least {shown}, or leave it out.",
        )
    return lock


def _challenge_seconds(request: JobRequest, around: Surroundings, proof_kind: ProofKind) -> int:
    if proof_kind is not ProofKind.OPTIMISTIC:
        if request.challenge_window is not None:
            raise TermsError(
                f"A challenge window of {request.challenge_window} was asked for, and the model's claims are proven: they "
                "are final at once.",
                remedy="Leave the window out, or choose an Optimistic model.",
            )
        return 0
    least = max(around.rules.min_challenge_seconds, MIN_CHALLENGE_SECONDS)
    if request.challenge_window is None:
        return least
    window = seconds_of("challenge_window", request.challenge_window)
    if window < least:
        raise TermsError(
            f"The challenge window of {request.challenge_window} is below the protocol's least of {least} s.",
            remedy=f"Ask for at least {least}s, or leave it out.",
        )
    return window


def _exclusive_seconds(request: JobRequest, around: Surroundings, accept_seconds: int) -> int:
    if around.dispatcher is None:
        # Nobody could sign an assignment, so exclusive time would only be time lost.
        return 0
    if request.exclusive is None:
        return min(DEFAULT_EXCLUSIVE_SECONDS, accept_seconds)
    return seconds_of("exclusive", request.exclusive)


def _amount(name: str, value: Tokens, decimals: int) -> int:
    if isinstance(value, float | bool):
        raise InputError(f"{name} is {value!r}, which has no exact amount.", remedy='Write it as text, such as "12.5".')
    try:
        return parse_amount(str(value), decimals)
    except InputError as error:
        raise InputError(f"{name}: {error.what}", remedy=error.remedy) from error


def seconds_of(name: str, value: Duration) -> int:
    """Raises InputError, naming what it was for."""
    try:
        return parse_seconds(str(value))
    except InputError as error:
        raise InputError(f"{name}: {error.what}", remedy=error.remedy) from error
