"""From a job to audits of its standing claims: what the chain has of each, and what they were to be computed from."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from client_sdk._audit import AuditFinding, ClaimAudit
from client_sdk._connection import Connection
from client_sdk._engine import needs_engine
from client_sdk._events import Told
from client_sdk._models import Models
from client_sdk._results import claims_of, read_manifest
from tallystick.errors import ArtifactError, InputError, JobUnknownError, StoreUnavailableError
from tallystick.ids import JobId, raw
from tallystick.logs import get_logger
from tallystick.market.book import Job, StandingClaim
from tallystick.market.events import OptimisticClaimed
from tallystick.market.manifests import ArtifactRef, JobManifest
from tallystick.market.terms import ProofKind
from tallystick.storage.manifests import get_manifest
from tallystick.storage.store import Store

if TYPE_CHECKING:
    from client_sdk._programs import HeldProgram

SEED_BYTES = 32

log = get_logger(__name__)


async def audit_claims(
    connection: Connection,
    models: Models,
    job: Job,
    facts: Sequence[Told],
    *,
    milestone: int | None,
    n: int,
    seed: bytes | None,
    full: bool,
) -> list[ClaimAudit]:
    """See `AsyncJob.audit`. `facts` are the job's."""
    if job.terms.proof_kind is not ProofKind.OPTIMISTIC:
        raise InputError(
            f"Job {job.job_id} is paid for claims that are proven, so there is nothing to audit.",
            remedy=f"Fetch what is paid: tallystick job result {job.job_id}",
        )
    claims = claims_of(job, milestone)
    if n < 1:
        raise InputError(f"An audit draws at least one element, not {n}.")
    if not claims:
        return []
    held = await models.program(await models.get(job.terms.model_id))
    drawn_from = secrets.token_bytes(SEED_BYTES) if seed is None else seed
    audits = []
    for standing in claims:
        stated = _stated(facts, job.job_id, standing)
        look = partial(_look, connection.store, job, standing, light=None if full else (n, drawn_from))
        findings = await asyncio.to_thread(look, stated, held)
        sizes = tuple(step.header.size for step in held.program.steps)
        audits.append(
            ClaimAudit(
                job_id=job.job_id,
                milestone=standing.milestone,
                operator=standing.operator,
                final_at=standing.final_at,
                is_full=full,
                drawn=sum(sizes) if full else n,
                seed="" if full else "0x" + drawn_from.hex(),
                step_sizes=sizes,
                findings=tuple(findings),
            )
        )
    return audits


def _stated(facts: Iterable[Told], job_id: JobId, standing: StandingClaim) -> OptimisticClaimed:
    """What the settlement stated with the claim."""
    for fact in facts:
        if isinstance(fact, OptimisticClaimed) and (fact.at.transaction_hash, fact.milestone) == (
            standing.transaction_hash,
            standing.milestone,
        ):
            return fact
    raise JobUnknownError(
        f"The facts at hand do not state the roots of the claim of milestone {standing.milestone} of job {job_id}.",
        remedy="Ask another endpoint: this one leaves out logs.",
    )


def _look(
    store: Store,
    job: Job,
    standing: StandingClaim,
    stated: OptimisticClaimed,
    held: HeldProgram,
    *,
    light: tuple[int, bytes] | None,
) -> list[AuditFinding]:
    with needs_engine("An audit"):
        from client_sdk._auditing import look, recompute  # noqa: PLC0415  (the engine is an extra)
        from client_sdk._claimed import ClaimedMilestone, read_inputs  # noqa: PLC0415
        from tallystick.dispute.claims import Claim  # noqa: PLC0415
    root = raw(stated.input_root)
    manifest = get_manifest(store, job.terms.manifest, JobManifest)
    claimed = ClaimedMilestone(
        claim=Claim(trace_root=raw(stated.trace_root), output_root=raw(standing.output_root), input_root=root),
        inputs=read_inputs(store, manifest, standing.milestone, held, root),
        trace=_trace_of(store, job.job_id, standing),
    )
    if light is None:
        return recompute(store, held, claimed)
    count, seed = light
    return look(store, held, claimed, count=count, seed=seed)


def _trace_of(store: Store, job_id: JobId, standing: StandingClaim) -> ArtifactRef | None:
    """Where the claim says that its trace is; None where that cannot be read, as if it had named none."""
    try:
        return read_manifest(store, job_id, standing).trace
    except StoreUnavailableError:
        raise
    except ArtifactError as error:
        log.info("result_manifest_missed", job_id=job_id, milestone=standing.milestone, error=error.what)
        return None
