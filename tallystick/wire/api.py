"""The dispatcher's HTTP API as models: what travels between it, executors and clients, version 1.

Amounts are integers in a token's smallest unit, times are Unix seconds, hashes and addresses have the spelling of
`tallystick.ids`. Everything here is a convenience: each word can be checked against the chain, and should be.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tallystick.ids import AddressField, Bytes32Field, JobIdField, ModelIdField
from tallystick.market.events import ChainFact
from tallystick.market.terms import Assignment, JobTerms, Uint32, Uint64
from tallystick.merkle import MAX_MILESTONES
from tallystick.wire.capability import Capability
from tallystick.wire.disputes import DemandView, FaultView

MAX_WAIT_SECONDS = 25
"""Longest that a long poll is held: below the 30 s after which common proxies cut a silent connection."""

MAX_PAGE = 200
"""Most entries of one page."""

MAX_ANNOUNCEMENT_SECONDS = 600
"""Longest that one announcement may count: a machine that vanishes is forgotten within ten minutes."""

Signature = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{130}$")]
"""65 bytes: r, s, v."""

ProofKindName = Literal["zk", "optimistic"]
JobStatusName = Literal["open", "assigned", "completed", "refunded"]
Finality = Literal["pending", "final"]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class Announcement(_Wire):
    """What an executor says it can do, until when. `nonce` grows with each, so that an old one cannot be replayed."""

    operator: AddressField
    agent: AddressField
    capability: Capability
    issued_at: Uint64
    expires_at: Uint64
    nonce: Uint64


class SignedAnnouncement(_Wire):
    announcement: Announcement
    signature: Signature


class Refusal(_Wire):
    """An agent's no to an offer, so that the next one need not wait for the offer's end."""

    job_id: JobIdField
    round: Uint32
    agent: AddressField
    reason: Annotated[str, Field(min_length=1, max_length=300)]
    issued_at: Uint64


class SignedRefusal(_Wire):
    refusal: Refusal
    signature: Signature


class Offer(_Wire):
    """An exclusive offer of one opening of a job: all that `accept` needs. It ends at `assignment.expires_at`."""

    job_id: JobIdField
    terms: JobTerms
    assignment: Assignment
    signature: Signature
    round: Uint32


class OffersView(_Wire):
    offers: tuple[Offer, ...]


class ExecutorView(_Wire):
    """An announced executor with what the chain says about its operator. Stakes are None while the chain is away."""

    operator: AddressField
    agent: AddressField
    capability: Capability
    announced_at: int
    expires_at: int
    free_stake: int | None
    locked_stake: int | None
    busy: int


class ExecutorsView(_Wire):
    """By agent. `next_after` asks for the page behind this one; None at the end."""

    executors: tuple[ExecutorView, ...]
    next_after: AddressField | None = None


class AnnouncementAccepted(_Wire):
    expires_at: int
    nonce: int


class RefusalReason(_Wire):
    """One reason why executors are not offered a job, and how many it holds back.

    Attributes:
        code: Stable, for programs, for example `requirement_unmet`.
        text: For people.
        nearest_change: What would turn the nearest of them into a candidate; None where nothing would.
    """

    code: str
    text: str
    count: int
    executors: tuple[AddressField, ...]
    nearest_change: str | None = None


class WhyView(_Wire):
    """Why a job stands where it stands."""

    job_id: JobIdField
    status: JobStatusName
    reasons: tuple[RefusalReason, ...]
    summary: str


class ClaimView(_Wire):
    """A claim that awaits finality, see `tallystick.market.book.StandingClaim`."""

    milestone: int
    operator: AddressField
    claimed_at: int
    final_at: int
    transaction_hash: Bytes32Field
    output_root: Bytes32Field
    result_manifest: Bytes32Field


class PaymentView(_Wire):
    """One paid milestone, see `tallystick.market.book.Payment`."""

    milestone: int
    operator: AddressField
    to_operator: int
    to_dispatcher: int
    paid_at: int
    transaction_hash: Bytes32Field
    claim_transaction_hash: Bytes32Field
    output_root: Bytes32Field
    result_manifest: Bytes32Field


class SlashView(_Wire):
    """One slash of a job's lock, see `tallystick.market.book.Slash`."""

    operator: AddressField
    is_fault: bool
    finder: AddressField
    amount: int
    to_finder: int
    to_creator: int
    to_bounty: int
    burned: int
    transaction_hash: Bytes32Field


class ReleaseView(_Wire):
    """One early release, see `tallystick.market.book.Release`."""

    operator: AddressField
    fee: int
    transaction_hash: Bytes32Field


class ManifestView(_Wire):
    """What the job's manifest says, or why it could not be read: then nobody is offered the job."""

    requirements: str | None = None
    note: str | None = None
    input_count: int | None = None
    trouble: str | None = None


class WarmView(_Wire):
    """A permissionless call that time alone has made possible."""

    call: Literal["expire", "refund", "finalize"]
    since: int
    text: str


class JobView(_Wire):
    """A job as the dispatcher has read it from the chain.

    Attributes:
        finality: `final` once its latest fact has `confirmations_wanted` blocks on it; before, a reorganisation
            of the chain can still change it.
        next_milestone: The first that is not claimed. `paid_milestones`: the first that is not paid.
        proof_kind: How its results are shown to be right. `challenge_seconds`: how long an Optimistic claim can be shown to be
            wrong, where nobody demands anything; 0 for `zk`.
        claims: Those that await finality, each with when. `demands`, `faults`: what was done about the job's claims so far.
        price: Of the whole job; None until accepted. `price_now` is what accepting would fix, None unless open.
        economy_version: The rules of slashing that it keeps.
        surplus: What went back to the creator on completion; None before.
    """

    job_id: JobIdField
    status: JobStatusName
    finality: Finality
    confirmations: int
    terms: JobTerms
    proof_kind: ProofKindName
    challenge_seconds: int
    round: int
    next_milestone: int
    paid_milestones: int
    opened_at: int
    accept_closes_at: int
    deadline: int | None
    operator: AddressField | None
    agent: AddressField | None
    price: int | None
    price_now: int | None
    economy_version: int
    bounty: int
    surplus: int | None
    claims: tuple[ClaimView, ...]
    payments: tuple[PaymentView, ...]
    slashes: tuple[SlashView, ...]
    releases: tuple[ReleaseView, ...]
    demands: tuple[DemandView, ...]
    faults: tuple[FaultView, ...]
    manifest: ManifestView
    warm: WarmView | None


class JobPage(_Wire):
    """Newest first. `next_after` asks for the page behind this one; None at the end."""

    jobs: tuple[JobView, ...]
    next_after: str | None


class EventView(_Wire):
    """One entry of the feed: a fact, or the news that the chain dropped all facts after a block.

    A feed that is read in order is always true: whoever sees `rolled_back_to` forgets the facts of later blocks.
    """

    cursor: str
    fact: Annotated[ChainFact, Field(discriminator="event")] | None = None
    rolled_back_to: int | None = None
    finality: Finality


class EventPage(_Wire):
    """Oldest first. `next_cursor` is where to go on, also when there was nothing."""

    events: tuple[EventView, ...]
    next_cursor: str


class QuoteRequest(_Wire):
    """What a creator would like to have done.

    Attributes:
        proof_kind: None: the model's own where it is known here, else any.
        payment_token: None asks for quotes in any token, which is only comparable where there is one.
    """

    requirements: Annotated[str, Field(max_length=1000)] = ""
    model_id: ModelIdField | None = None
    proof_kind: ProofKindName | None = None
    milestones: Annotated[int, Field(ge=1, le=MAX_MILESTONES)] = 1
    payment_token: AddressField | None = None


class KindQuote(_Wire):
    """One proof kind beside the other, for the same requirements."""

    kind: ProofKindName
    capable: int
    lowest_price: int | None
    median_price: int | None


class QuoteView(_Wire):
    """Who could take such a job now.

    Attributes:
        proof_kind: What was quoted; None where any would do.
        capable: Of the `total` announced executors. The market is empty when `total` is 0.
        lowest_price: Per milestone, in the payment token's smallest unit; None where nobody is capable.
        seconds_estimate: Per milestone, from what paid milestones of that model took here; None where none was paid.
        reasons: What holds the others back.
        kinds: Both proof kinds side by side.
    """

    proof_kind: ProofKindName | None = None
    capable: int
    total: int
    milestones: int
    lowest_price: int | None
    median_price: int | None
    seconds_estimate: float | None
    reasons: tuple[RefusalReason, ...]
    kinds: tuple[KindQuote, ...]


class HealthView(_Wire):
    """How well the dispatcher sees the chain.

    Attributes:
        status: `ok`; `behind`: reading, but not at the head yet; `chain_unavailable`: answers come from what was
            read before.
        indexed_block: Last block read; `head_block`: last one known.
        trouble: What is wrong, in a sentence; None when `ok`.
    """

    status: Literal["ok", "behind", "chain_unavailable"]
    version: str
    dispatcher: AddressField
    chain_id: int
    escrow: AddressField
    confirmations: int
    indexed_block: int | None
    head_block: int | None
    lag_blocks: int | None
    last_read_at: int | None
    executors: int
    open_jobs: int
    trouble: str | None


class ProblemView(_Wire):
    """Every error of the API.

    Attributes:
        error: Its name, stable, for programs.
        message: What happened, with the values that show it.
        remedy: What to do next; may be empty.
    """

    error: str
    message: str
    remedy: str = ""
    values: dict[str, str | int | None] = {}
