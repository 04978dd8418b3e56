"""The outputs of milestones: fetched, and believed only where they hash to what the chain has of them.

Of a paid milestone that is final: it was proven, or stood its challenge window. Of a claim that stands it is not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from client_sdk._connection import Connection
from client_sdk._engine import needs_engine
from client_sdk._models import ModelHandle, Models
from client_sdk._outputs import NestedFloats, to_floats
from tallystick.chain.calldata import claim_in
from tallystick.errors import ArtifactCorruptError, ArtifactError, InputError, JobPendingError, JobRefundedError
from tallystick.hashing import from_field
from tallystick.ids import Address, JobId, raw
from tallystick.logs import get_logger
from tallystick.market.book import Job, Payment, StandingClaim
from tallystick.market.claims import decode_ezkl_proof
from tallystick.market.manifests import ProgramManifest, ResultManifest
from tallystick.market.terms import JobStatus
from tallystick.storage.manifests import get_manifest
from tallystick.storage.store import Store
from tallystick.tensors import QuantisedTensors, TensorSpec

MAX_DIGITS_AND_COMMA = 80
"""An integer below the field's order has at most 77 digits."""

log = get_logger(__name__)


def payment_of(job: Job, milestone: int) -> Payment:
    """Raises JobPendingError or JobRefundedError where the milestone is not paid, InputError where there is none."""
    if not 0 <= milestone < job.terms.milestone_count:
        raise InputError(f"Job {job.job_id} has milestones 0 to {job.terms.milestone_count - 1}, not {milestone}.")
    for payment in job.payments:
        if payment.milestone == milestone:
            return payment
    paid = f"{len(job.payments)} of {job.terms.milestone_count} milestones are paid"
    if job.status is JobStatus.REFUNDED:
        raise JobRefundedError(
            f"Job {job.job_id} was refunded: {paid}, milestone {milestone} never will be.",
            remedy="Fund the rest as a new job.",
        )
    raise JobPendingError(
        f"Milestone {milestone} of job {job.job_id} has no result yet: {paid}.",
        remedy="Wait for the job, or ask for a milestone that is paid.",
    )


@dataclass(frozen=True)
class ClaimedResult:
    """Provisional: what an Optimistic claim says, whose challenge window is not over. It may turn out to be wrong.

    Attributes:
        outputs: One nested list for each output of the model.
        final_at: Until this second the claim can be shown to be wrong; a demand can move it.
    """

    milestone: int
    operator: Address
    claimed_at: int
    final_at: int
    outputs: list[NestedFloats]


async def read_floats(connection: Connection, models: Models, job: Job, milestone: int) -> list[NestedFloats]:
    """One paid milestone's outputs as numbers, one nested list for each output of the model. Raises as `read_output`."""
    model = await models.get(job.terms.model_id)
    manifest = model.manifest
    if isinstance(manifest, ProgramManifest):
        return await _program_floats(connection, models, model, job, payment_of(job, milestone))
    return to_floats(await read_output(connection, job, milestone, manifest.outputs), manifest.outputs)


async def read_claimed(connection: Connection, models: Models, job: Job, milestone: int | None) -> list[ClaimedResult]:
    """What the claims that stand say, checked against what each committed to; of one milestone, or of all.

    Raises:
        JobPendingError: that milestone has no claim that stands.
        ArtifactError: an output is not to be had, or is not what was claimed.
    """
    claims = claims_of(job, milestone)
    model = await models.get(job.terms.model_id) if claims else None
    return [
        ClaimedResult(
            milestone=claim.milestone,
            operator=claim.operator,
            claimed_at=claim.claimed_at,
            final_at=claim.final_at,
            outputs=await _program_floats(connection, models, model, job, claim),
        )
        for claim in claims
        if model is not None
    ]


def claims_of(job: Job, milestone: int | None) -> tuple[StandingClaim, ...]:
    """Those that stand: of one milestone, or all. Raises JobPendingError where that milestone has none."""
    claims = tuple(claim for claim in job.claims if milestone in (None, claim.milestone))
    if milestone is not None and not claims:
        paid = any(payment.milestone == milestone for payment in job.payments)
        raise JobPendingError(
            f"Milestone {milestone} of job {job.job_id} has no claim that stands"
            + (": it is paid." if paid else ": nobody has claimed it yet."),
            remedy=f"Fetch its result: tallystick job result {job.job_id}" if paid else "Wait for it to be claimed.",
        )
    return claims


async def _program_floats(
    connection: Connection, models: Models, model: ModelHandle, job: Job, delivered: Payment | StandingClaim
) -> list[NestedFloats]:
    with needs_engine("A result of a program"):
        from client_sdk._program_results import output_from_store, output_from_trace  # noqa: PLC0415  (an extra)
        from client_sdk._quantisation import reals_of  # noqa: PLC0415
    assert isinstance(model.manifest, ProgramManifest)  # noqa: S101  (the caller has looked)
    store, tensor = connection.store, model.manifest.output
    try:
        array = await asyncio.to_thread(output_from_store, store, job.job_id, delivered, tensor)
    except ArtifactError as error:
        held = await models.program(model)
        recovered = await asyncio.to_thread(output_from_trace, store, job.job_id, delivered, held)
        if recovered is None:
            raise
        log.info("output_recovered", job_id=job.job_id, milestone=delivered.milestone, store_said=error.what)
        array = recovered
    return [reals_of(array, tensor).tolist()]


async def read_output(
    connection: Connection, job: Job, milestone: int, specs: tuple[TensorSpec, ...]
) -> QuantisedTensors:
    """One proven milestone's output tensors.

    Raises:
        JobPendingError, JobRefundedError: it is not paid.
        ArtifactError: the output is neither in the store nor in the transaction that claimed it.
    """
    payment = payment_of(job, milestone)
    try:
        return await asyncio.to_thread(_from_store, connection, job, payment, specs)
    except ArtifactError as error:
        recovered = await _from_chain(connection, job, payment, specs)
        if recovered is None:
            raise
        log.info("output_recovered", job_id=job.job_id, milestone=milestone, store_said=error.what)
        return recovered


def _from_store(connection: Connection, job: Job, payment: Payment, specs: tuple[TensorSpec, ...]) -> QuantisedTensors:
    manifest = read_manifest(connection.store, job.job_id, payment)
    bound = 1024 + MAX_DIGITS_AND_COMMA * sum(spec.size for spec in specs)
    tensors = QuantisedTensors.decode(connection.store.get(manifest.output.cid, max_bytes=bound))
    return _checked(tensors, payment, specs)


def read_manifest(store: Store, job_id: JobId, delivered: Payment | StandingClaim) -> ResultManifest:
    """What a claim points at. Raises ArtifactError where it is not to be had, or is about something else."""
    manifest = get_manifest(store, delivered.result_manifest, ResultManifest)
    if (manifest.job_id, manifest.milestone) != (job_id, delivered.milestone):
        raise ArtifactCorruptError(
            f"The result manifest is about milestone {manifest.milestone} of job {manifest.job_id}, "
            f"not about milestone {delivered.milestone} of {job_id}."
        )
    return manifest


async def _from_chain(
    connection: Connection, job: Job, payment: Payment, specs: tuple[TensorSpec, ...]
) -> QuantisedTensors | None:
    """The claim's own calldata holds the outputs, because the contract hashed them there."""
    claim = await claim_in(connection.reader, payment.claim_transaction_hash, job.job_id, payment.milestone)
    if claim is None:
        return None
    proof = decode_ezkl_proof(claim.proof)
    elements = [from_field(element) for element in proof.instances[proof.input_count :]]
    if len(elements) != sum(spec.size for spec in specs):
        return None
    values = []
    for spec in specs:
        values.append(tuple(elements[: spec.size]))
        elements = elements[spec.size :]
    tensors = QuantisedTensors(shapes=tuple(spec.shape for spec in specs), values=tuple(values))
    return _checked(tensors, payment, specs)


def _checked(tensors: QuantisedTensors, payment: Payment, specs: tuple[TensorSpec, ...]) -> QuantisedTensors:
    shapes = tuple(spec.shape for spec in specs)
    if tensors.shapes != shapes:
        raise ArtifactCorruptError(
            f"The output of milestone {payment.milestone} has shapes {tensors.shapes}; the model gives {shapes}."
        )
    if tensors.root() != raw(payment.output_root):
        raise ArtifactCorruptError(
            f"The output of milestone {payment.milestone} hashes to 0x{tensors.root().hex()}; proven and paid was "
            f"{payment.output_root}.",
            remedy="The executor published something else than it proved; nothing of it is used.",
        )
    return tensors
