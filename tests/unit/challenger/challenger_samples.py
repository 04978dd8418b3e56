"""A creator, a claimer and a challenger around one store, without a chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from broken_programs import every_opcode
from engine_programs import random_array
from market_samples import make_terms

from challenger.checker import Checker, Subject
from challenger.gathering import Gatherer
from challenger.library import Library
from tallystick.dispute.artifacts import encode_inputs, encode_output, encode_roots, encode_tensor
from tallystick.dispute.claims import honest_claim
from tallystick.dispute.faults import AnyFault, FalseClaim, corrupt
from tallystick.dispute.published import Item, read_published
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.commitments import program_commitment
from tallystick.engine.encoding import encode_program
from tallystick.engine.executor import run
from tallystick.engine.program import SEMANTICS_VERSION
from tallystick.engine.trace import Trace
from tallystick.ids import ZERO_BYTES32, Address, Bytes32, JobId, bytes32
from tallystick.market.book import Job, StandingClaim
from tallystick.market.claims import ModelSpec
from tallystick.market.disputes import ClaimRef
from tallystick.market.manifests import (
    ArtifactRef,
    JobManifest,
    ProgramManifest,
    ProgramTensor,
    ResultManifest,
    TraceManifest,
)
from tallystick.market.terms import JobStatus, JobTerms, ProofKind
from tallystick.storage.folder import FolderStore

JUDGE = Address("0x" + "11" * 20)
OPERATOR = Address("0x" + "22" * 20)
MODEL = Bytes32("0x" + "44" * 32)
JOB = JobId("0x" + "33" * 32)
NOW = 1_700_000_000
WINDOW = 240
KEY = f"{JOB}:0:{'0x' + '55' * 32}"


def sample_trace() -> Trace:
    """An honest run of a program with every opcode."""
    program, rng = every_opcode(), np.random.default_rng(7)
    return run(program, [random_array(rng, header) for header in program.inputs])


TRACE = sample_trace()


def described(header: Any, name: str) -> ProgramTensor:
    return ProgramTensor(name=name, dtype=header.dtype.name.lower(), dims=header.dims, held="integers")


def sample_terms(manifest: Bytes32, **changed: Any) -> JobTerms:
    """Of a job with one milestone."""
    usual = {"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": WINDOW, "stake_lock": 10**19}
    one = {"share_bps": (10_000,), "duration_seconds": (100,)}
    return make_terms(manifest=manifest, **{**usual, **one, **changed})


def sample_job(terms: JobTerms, *claims: StandingClaim) -> Job:
    return Job(
        job_id=JOB,
        terms=terms,
        status=JobStatus.ASSIGNED,
        round=1,
        next_milestone=len(claims),
        paid_milestones=0,
        opened_at=NOW,
        deadline=None,
        operator=OPERATOR,
        agent=OPERATOR,
        price=1,
        economy_version=1,
        bounty=0,
        surplus=None,
        claims=claims,
        payments=(),
        slashes=(),
        releases=(),
        failed_operators=frozenset(),
        updated_block=5,
    )


@dataclass
class Bench:
    """Everything that is published about one claim; each part can be spoilt."""

    folder: Path
    trace: Trace = field(default_factory=lambda: TRACE)

    def __post_init__(self) -> None:
        self.store = FolderStore(self.folder / "store")
        self.program = self.trace.program
        self.commitment = program_commitment(self.program)
        self.program_ref = self.put(encode_program(self.program))
        self.input_ref = self.put(encode_inputs(self.trace.inputs))

    def put(self, data: bytes) -> ArtifactRef:
        return ArtifactRef(cid=self.store.put(data), size_bytes=len(data))

    def lose(self, ref: ArtifactRef) -> None:
        """Nobody has it any more."""
        [path] = [path for path in (self.folder / "store").rglob("*") if ref.cid in path.name]
        path.unlink()

    def damage(self, ref: ArtifactRef) -> None:
        [path] = [path for path in (self.folder / "store").rglob("*") if ref.cid in path.name]
        path.write_bytes(path.read_bytes()[:-1] + b"?")

    # ---- what is published --------------------------------------------------------------------------------------------

    def spec(self, **changed: Any) -> ModelSpec:
        manifest = ProgramManifest(
            name="sample",
            semantics_version=SEMANTICS_VERSION,
            program=self.program_ref,
            package=self.put(b"{}"),
            inputs=tuple(described(header, "x") for header in self.program.inputs),
            output=described(self.program.output_header, "y"),
            program_id=bytes32(self.commitment.program_hash),
        )
        self.store.put(manifest.encode())
        usual: dict[str, Any] = {
            "proof_kind": ProofKind.OPTIMISTIC,
            "semantics_version": SEMANTICS_VERSION,
            "adapter": JUDGE,
            "program_id": manifest.program_id,
            "weights_root": ZERO_BYTES32,
            "manifest": manifest.digest(),
        }
        return ModelSpec(**{**usual, **changed})

    def job(self, claim: StandingClaim) -> Job:
        manifest = JobManifest(model_id=MODEL, inputs=(self.input_ref,))
        self.store.put(manifest.encode())
        return sample_job(sample_terms(manifest.digest()), claim)

    def published(self, items: Sequence[Item]) -> TraceManifest:
        shown = read_published(self.program, items)
        return TraceManifest(
            trace_root=bytes32(shown.root),
            roots=self.put(encode_roots(shown.roots)),
            tensors=tuple(
                self.put(encode_tensor(item, step.header)) for item, step in zip(items, self.program.steps, strict=True)
            ),
        )

    def false(self, fault: AnyFault) -> FalseClaim:
        return corrupt(self.trace, fault)

    def subject(
        self, false: FalseClaim | None = None, trace: TraceManifest | None = None, *, withheld: bool = False
    ) -> Subject:
        """A claim: honest, or false; with its own trace, another, or none."""
        claim = honest_claim(self.trace) if false is None else false.claim
        items = self.trace.tensors if false is None else false.published
        manifest = None if withheld else trace or self.published(items)  # type: ignore[arg-type]  # a whole trace
        result = ResultManifest(
            job_id=JOB,
            milestone=0,
            output=self.put(encode_output(self.trace.output)),
            trace=None if manifest is None else self.put(manifest.encode()),
        )
        self.store.put(result.encode())
        standing = StandingClaim(
            milestone=0,
            operator=OPERATOR,
            claimed_at=NOW,
            final_at=NOW + WINDOW,
            transaction_hash=Bytes32("0x" + "55" * 32),
            output_root=bytes32(claim.output_root),
            result_manifest=result.digest(),
        )
        ref = ClaimRef(
            milestone=0,
            input_root=bytes32(claim.input_root),
            output_root=bytes32(claim.output_root),
            trace_root=bytes32(claim.trace_root),
        )
        return Subject(KEY, self.job(standing), standing, ref, self.spec(), NOW, NOW + 30)

    # ---- who looks ----------------------------------------------------------------------------------------------------

    def library(self, **changed: Any) -> Library:
        bounds = {"max_bytes": 1 << 30, "cache_bytes": 1 << 30, **changed}
        return Library(self.folder / "programs", self.store, NumpyBackend(), **bounds)

    def checker(self, **changed: Any) -> Checker:
        bounds = {"max_trace_bytes": 1 << 30, "look_seconds": 60.0, **changed}
        return Checker(self.library(), Gatherer(self.store, 1 << 30), judge=JUDGE, **bounds)


def quietly(*_: Any) -> None:
    """Progress that nobody hears."""


def with_ref(subject: Subject, **changed: Any) -> Subject:
    """The same claim, made of something else."""
    return replace(subject, ref=subject.ref.model_copy(update=changed))
