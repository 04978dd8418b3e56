"""The outputs of paid milestones: fetched, and believed only where they hash to what the chain was shown a proof of."""

from __future__ import annotations

import asyncio

from client_sdk._connection import Connection
from client_sdk._models import ModelHandle
from tallystick.chain.calldata import claim_in
from tallystick.errors import ArtifactCorruptError, ArtifactError, InputError, JobPendingError, JobRefundedError
from tallystick.hashing import from_field
from tallystick.ids import raw
from tallystick.logs import get_logger
from tallystick.market.book import Job, Payment
from tallystick.market.claims import decode_ezkl_proof
from tallystick.market.manifests import ResultManifest
from tallystick.market.terms import JobStatus
from tallystick.storage.manifests import get_manifest
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


async def read_output(connection: Connection, job: Job, milestone: int, model: ModelHandle) -> QuantisedTensors:
    """One milestone's output tensors.

    Raises:
        JobPendingError, JobRefundedError: it is not paid.
        ArtifactError: the output is neither in the store nor in the transaction that claimed it.
    """
    payment = payment_of(job, milestone)
    try:
        return await asyncio.to_thread(_from_store, connection, job, payment, model.outputs)
    except ArtifactError as error:
        recovered = await _from_chain(connection, job, payment, model.outputs)
        if recovered is None:
            raise
        log.info("output_recovered", job_id=job.job_id, milestone=milestone, store_said=error.what)
        return recovered


def _from_store(connection: Connection, job: Job, payment: Payment, specs: tuple[TensorSpec, ...]) -> QuantisedTensors:
    manifest = get_manifest(connection.store, payment.result_manifest, ResultManifest)
    if (manifest.job_id, manifest.milestone) != (job.job_id, payment.milestone):
        raise ArtifactCorruptError(
            f"The result manifest is about milestone {manifest.milestone} of job {manifest.job_id}, "
            f"not about milestone {payment.milestone} of {job.job_id}."
        )
    bound = 1024 + MAX_DIGITS_AND_COMMA * sum(spec.size for spec in specs)
    tensors = QuantisedTensors.decode(connection.store.get(manifest.output.cid, max_bytes=bound))
    return _checked(tensors, payment, specs)


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
