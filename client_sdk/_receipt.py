"""A job's receipt: what was promised, done, paid and taken, in one document that anyone can check against the chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from client_sdk._events import Told
from tallystick.chain.calldata import Creation, creation_in
from tallystick.chain.deployment import Contracts
from tallystick.chain.reader import ChainReader
from tallystick.errors import InputError, JobUnknownError, ReceiptMismatchError
from tallystick.ids import Bytes32, Bytes32Field, JobId, JobIdField
from tallystick.market.book import fold
from tallystick.market.events import ClaimExtended, JobCreated, JobFact
from tallystick.market.terms import JobStatus, JobTerms, ProofKind, job_id_of
from tallystick.wire.api import PaymentView, ProofKindName, ReleaseView, SlashView
from tallystick.wire.disputes import DemandView, FaultView, disputes_of

MAX_RECEIPT_BYTES = 4 << 20

StatusName = Literal["open", "assigned", "completed", "refunded"]

_STATUS: dict[JobStatus, StatusName] = {
    JobStatus.OPEN: "open",
    JobStatus.ASSIGNED: "assigned",
    JobStatus.COMPLETED: "completed",
    JobStatus.REFUNDED: "refunded",
}
_STAGES = {
    "JobCreated": "funded",
    "JobAssigned": "assigned",
    "JobCompleted": "completed",
    "JobReleased": "given back",
    "JobExpired": "expired",
    "JobFaulted": "at fault",
    "JobReopened": "reopened",
    "JobRefunded": "refunded",
}
_PURPOSES = {
    **_STAGES,
    "JobCreated": "create",
    "JobAssigned": "accept",
    "JobReleased": "release",
    "JobExpired": "expire",
    "JobFaulted": "fault",
    "FaultProven": "fault",
    "FaultCommitted": "commit to a fault",
    "DemandUnanswered": "fault",
    "DemandReturned": "give back a demand",
    "JobRefunded": "refund",
}
_PURPOSES_OF_MILESTONE = {
    "MilestoneClaimed": "claim",
    # Its own only where the claim had to wait; otherwise the transaction is the claim's already.
    "MilestonePaid": "finalize",
    "TraceDemanded": "demand of",
    "TraceShown": "answer for",
}
_AT_ONCE = {("create", "accept"): "create and accept"}
"""What one transaction may do for a job beyond its first purpose."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class TransactionLine(_Part):
    """One transaction that moved the job. Price in wei per unit of gas."""

    purpose: str
    transaction_hash: Bytes32Field
    block_number: int
    gas_used: int
    gas_price: int


class Stage(_Part):
    """A step of the job's life and the seconds that led to it, by the blocks' own times."""

    name: str
    at: int
    seconds: int


class JobReceipt(_Part):
    """See the module. `status` is that of the last fact; a receipt may be taken before a job is over.

    Attributes:
        funded_by: How the creating transaction brought in the deposit. An approval before it shows as `allowance`.
        payments: In the payment token's smallest unit. `surplus`: what went back to the creator on completion; None
            before.
        releases, slashes: In the stake token's smallest unit: fees of early releases, and what was taken of locks.
        demands, faults: What was done about an Optimistic job's claims.
    """

    schema_version: Literal[3] = 3
    job_id: JobIdField
    proof_kind: ProofKindName
    chain_id: int
    contracts: Contracts
    terms: JobTerms
    status: StatusName
    first_block: int
    last_block: int
    funded_by: Creation
    payments: tuple[PaymentView, ...]
    surplus: int | None
    releases: tuple[ReleaseView, ...]
    slashes: tuple[SlashView, ...]
    demands: tuple[DemandView, ...]
    faults: tuple[FaultView, ...]
    transactions: tuple[TransactionLine, ...]
    stages: tuple[Stage, ...]

    @property
    def gas_used(self) -> int:
        """Of all transactions together, whoever sent them."""
        return sum(line.gas_used for line in self.transactions)

    @property
    def total_paid(self) -> int:
        """To operators and dispatcher, in the payment token's smallest unit."""
        return sum(line.to_operator + line.to_dispatcher for line in self.payments)

    @property
    def compensation(self) -> int:
        """The creator's shares of slashes, in the stake token's smallest unit; credited to the creator's rewards."""
        return sum(slash.to_creator for slash in self.slashes)

    def save(self, path: Path) -> None:
        """Writes it as JSON."""
        path.write_text(self.model_dump_json(indent=2, by_alias=True) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises InputError for a file that is missing or no receipt."""
        try:
            if path.stat().st_size > MAX_RECEIPT_BYTES:
                raise InputError(f"{path} is larger than any receipt ({MAX_RECEIPT_BYTES} bytes).")
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(f"The receipt {path} cannot be read: {error.strerror}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the document"
            raise InputError(f"{path} is not a receipt: {place}: {first['msg']}.") from error

    async def verify(self, reader: ChainReader) -> None:
        """Makes the receipt anew from any endpoint of the chain and compares every word.

        Raises:
            ReceiptMismatchError: the chain says otherwise; the message names the first difference.
            ChainError: the endpoint does not answer, or for another chain.
        """
        domain = reader.deployment.domain()
        if (self.chain_id, self.contracts) != (domain.chain_id, reader.deployment.contracts):
            raise ReceiptMismatchError(
                f"The receipt is about contracts on chain {self.chain_id}; this reader about others.",
                remedy="Verify it with the deployment that it names.",
            )
        if job_id_of(self.terms, domain) != self.job_id:
            raise ReceiptMismatchError(f"The receipt's terms are not those of job {self.job_id}.")
        facts = await reader.facts(self.first_block, self.last_block)
        mine = [fact for fact in facts if isinstance(fact, Told) and fact.job_id == self.job_id]
        if not mine:
            raise ReceiptMismatchError(f"The chain has no facts about job {self.job_id} in the receipt's blocks.")
        self._compare(await make_receipt(reader, self.job_id, mine))

    def _compare(self, true: JobReceipt) -> None:
        ours, theirs = (one.model_dump(mode="json", by_alias=True) for one in (self, true))
        difference = _first_difference(ours, theirs)
        if difference is not None:
            place, said, found = difference
            raise ReceiptMismatchError(f"The receipt has {said} as {place}; the chain has {found}.")


def _first_difference(said: Any, found: Any, place: str = "") -> tuple[str, str, str] | None:
    """Where two plain documents differ first, and how, in few words; None where they are equal."""
    if said == found:
        return None
    if isinstance(said, dict) and said.keys() == found.keys():
        parts = [(f"{place}.{name}".lstrip("."), said[name], found[name]) for name in said]
    elif isinstance(said, list) and len(said) == len(found):
        parts = [(f"{place}[{index}]", *both) for index, both in enumerate(zip(said, found, strict=True))]
    else:
        return place, _brief(said), _brief(found)
    differences = (_first_difference(ours, theirs, name) for name, ours, theirs in parts)
    return next(difference for difference in differences if difference)


def _brief(value: Any) -> str:
    return f"{len(value)} entries" if isinstance(value, list | dict) else str(value)


async def make_receipt(reader: ChainReader, job_id: JobId, facts: Sequence[Told]) -> JobReceipt:
    """The receipt that follows from a job's facts, oldest first.

    Raises:
        JobUnknownError: the facts do not begin with its creation.
    """
    job = fold(fact for fact in facts if isinstance(fact, JobFact)).get(job_id)
    if job is None or not isinstance(facts[0], JobCreated):
        raise JobUnknownError(f"The facts at hand do not begin with the creation of job {job_id}.")
    disputes = disputes_of(facts)
    return JobReceipt(
        job_id=job_id,
        proof_kind="optimistic" if job.terms.proof_kind is ProofKind.OPTIMISTIC else "zk",
        chain_id=reader.deployment.chain_id,
        contracts=reader.deployment.contracts,
        terms=job.terms,
        status=_STATUS[job.status],
        first_block=facts[0].at.block_number,
        last_block=facts[-1].at.block_number,
        funded_by=await _creation(reader, facts[0]),
        payments=tuple(PaymentView.model_validate(payment) for payment in job.payments),
        surplus=job.surplus,
        releases=tuple(ReleaseView.model_validate(release) for release in job.releases),
        slashes=tuple(SlashView.model_validate(slash) for slash in job.slashes),
        demands=disputes.demands,
        faults=disputes.faults,
        transactions=await _transactions(reader, facts),
        stages=_stages(facts, has_window=job.terms.challenge_seconds > 0),
    )


async def _creation(reader: ChainReader, created: JobCreated) -> Creation:
    way = await creation_in(reader, created.at.transaction_hash)
    if way is None:
        raise ReceiptMismatchError(f"The chain has no transaction {created.at.transaction_hash} any more.")
    return way


def _stages(facts: Sequence[Told], *, has_window: bool) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    for fact in facts:
        name = _STAGES.get(fact.event)
        if fact.event == "MilestonePaid":
            name = f"milestone {fact.milestone} paid"
        elif fact.event == "MilestoneClaimed" and has_window:
            name = f"milestone {fact.milestone} claimed"
        elif isinstance(fact, ClaimExtended):
            name = f"milestone {fact.milestone} final later"
        if name:
            before = stages[-1].at if stages else fact.at.block_time
            stages.append(Stage(name=name, at=fact.at.block_time, seconds=fact.at.block_time - before))
    return tuple(stages)


async def _transactions(reader: ChainReader, facts: Sequence[Told]) -> tuple[TransactionLine, ...]:
    purposes: dict[Bytes32, str] = {}
    for fact in facts:
        purpose = _PURPOSES.get(fact.event)
        if fact.event in _PURPOSES_OF_MILESTONE:
            purpose = f"{_PURPOSES_OF_MILESTONE[fact.event]} {getattr(fact, 'milestone', '')}"
        if purpose:
            first = purposes.setdefault(fact.at.transaction_hash, purpose)
            purposes[fact.at.transaction_hash] = _AT_ONCE.get((first, purpose), first)
    lines = []
    for transaction_hash, purpose in purposes.items():
        receipt = await reader.transaction_receipt(transaction_hash)
        if receipt is None:
            raise ReceiptMismatchError(f"The chain has no transaction {transaction_hash} any more.")
        lines.append(
            TransactionLine(
                purpose=purpose,
                transaction_hash=receipt.transaction_hash,
                block_number=receipt.block_number,
                gas_used=receipt.gas_used,
                gas_price=receipt.effective_gas_price,
            )
        )
    return tuple(lines)
