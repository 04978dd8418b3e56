"""A market in memory with one Optimistic model and a funded job for it; claims are real traces of a real program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from broken_programs import every_opcode
from client_builders import CREATOR, DEPLOYMENT, OPERATOR, PAYMENT, START, World, at
from engine_programs import random_array
from published_claims import honest, publish_claim
from sample_packages import sample_report

from client_sdk._job import AsyncJob
from client_sdk._models import ModelHandle, Models
from client_sdk._program_inputs import program_milestones
from client_sdk._programs import publish_program
from tallystick.dispute.faults import FalseClaim
from tallystick.engine.compiler.package import write_package
from tallystick.engine.executor import run
from tallystick.engine.trace import Trace
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, bytes32
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.events import JobAssigned, JobCreated, MilestoneClaimed, MilestonePaid, OptimisticClaimed
from tallystick.market.manifests import ArtifactRef, JobManifest
from tallystick.market.terms import JobMode, JobTerms, ProofKind, job_id_of
from tallystick.merkle import milestones_root
from tallystick.storage.manifests import put_manifest

PROGRAM = every_opcode()
WINDOW = 100


class OptimisticWorld(World):
    """Two milestones; nothing has happened to the job yet."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        super().__init__(folder, **changes)
        rng = np.random.default_rng(3)
        self.package = write_package(PROGRAM, folder / "package", report=sample_report())
        self.program_model = self._registered()
        images = [random_array(rng, PROGRAM.inputs[0]) for _ in range(2)]
        self.traces: list[Trace] = [run(PROGRAM, [image]) for image in images]
        inputs = program_milestones(np.stack(images), self.program_model.manifest.inputs)  # type: ignore[arg-type]
        self.roots = [one.root for one in inputs]
        manifest = JobManifest(
            model_id=self.program_model.model_id,
            inputs=tuple(ArtifactRef(cid=self.store.put(one.content), size_bytes=len(one.content)) for one in inputs),
        )
        put_manifest(self.store, manifest)
        self.terms = _terms(self.program_model, self.roots, manifest)
        self.job_id = job_id_of(self.terms, DEPLOYMENT.domain())

    def _registered(self) -> ModelHandle:
        manifest = publish_program(self.store, self.package, "opcodes")
        spec = ModelSpec(
            proof_kind=ProofKind.OPTIMISTIC,
            semantics_version=1,
            adapter=DEPLOYMENT.contracts.trace_dispute,
            program_id=manifest.program_id,
            weights_root=ZERO_BYTES32,
            manifest=manifest.digest(),
        )
        self.chain.specs[model_id_of(spec)] = spec
        return ModelHandle(model_id_of(spec), spec, manifest)

    # ---- what happens -------------------------------------------------------------------------------------------------

    def assigned(self) -> list[JobCreated | JobAssigned]:
        """Funded in block 2, taken in block 3."""
        created = JobCreated(
            at=at(2), job_id=self.job_id, creator=CREATOR, opened_at=START + 20, economy_version=1, terms=self.terms
        )
        taken = JobAssigned(
            at=at(3),
            job_id=self.job_id,
            operator=OPERATOR,
            agent=OPERATOR,
            round=1,
            price=8_000_000,
            deadline=START + 90,
        )
        return [created, taken]

    def claimed(
        self, block: int = 4, milestone: int = 0, claim: FalseClaim | None = None, **publishing: Any
    ) -> list[OptimisticClaimed | MilestoneClaimed]:
        """A claim whose artifacts are in the store; honest unless another is given."""
        made = claim or honest(self.traces[milestone])
        manifest = publish_claim(self.store, self.job_id, milestone, PROGRAM, made, **publishing)
        stated = OptimisticClaimed(
            at=at(block),
            job_id=self.job_id,
            milestone=milestone,
            input_root=bytes32(self.roots[milestone]),
            trace_root=bytes32(made.claim.trace_root),
        )
        claimed = MilestoneClaimed(
            at=at(block, 1),
            job_id=self.job_id,
            milestone=milestone,
            operator=OPERATOR,
            output_root=bytes32(made.claim.output_root),
            manifest=manifest,
            next_deadline=0 if milestone else START + 200,
        )
        return [stated, claimed]

    def paid(self, block: int, milestone: int = 0) -> MilestonePaid:
        return MilestonePaid(
            at=at(block),
            job_id=self.job_id,
            milestone=milestone,
            operator=OPERATOR,
            to_operator=4_000_000,
            to_dispatcher=0,
        )

    async def job(self, *facts: Any, **changes: Any) -> AsyncJob:
        self.happen(*facts)
        connection = self.reconnected(**changes)
        models = Models(connection, lambda: None)  # type: ignore[arg-type,return-value]  # nothing is proven here
        history = await self.follower.watch(self.job_id)
        return AsyncJob(connection, models, history, keep=lambda task: None)


def _terms(model: ModelHandle, roots: list[bytes], manifest: JobManifest) -> JobTerms:
    return JobTerms(
        creator=CREATOR,
        salt=9,
        model_id=model.model_id,
        proof_kind=ProofKind.OPTIMISTIC,
        mode=JobMode.PARALLEL,
        input_root=bytes32(milestones_root(roots)),
        manifest=manifest.digest(),
        payment_token=PAYMENT.address,
        min_price=10_000_000,
        max_price=10_000_000,
        ramp_seconds=0,
        stake_lock=10**18,
        accept_seconds=600,
        exclusive_seconds=0,
        challenge_seconds=WINDOW,
        dispatcher=ZERO_ADDRESS,
        dispatcher_fee_bps=0,
        share_bps=(5000, 5000),
        duration_seconds=(60, 60),
    )
