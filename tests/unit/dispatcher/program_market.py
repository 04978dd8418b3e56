"""An Optimistic model, a job for it, and what is done about its claims, for the dispatcher's tests."""

from __future__ import annotations

from typing import Any

from dispatcher_builders import DOMAIN, NOW, Chain, address, executor, hash_of, terms

from dispatcher.indexer.brief import Brief
from dispatcher.matching.market import Executor, Opening
from tallystick.ids import Bytes32
from tallystick.market.book import opened
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.disputes import DemandPoint
from tallystick.market.events import ChainFact, ClaimExtended, DemandUnanswered, FaultProven, TraceDemanded
from tallystick.market.manifests import ArtifactRef, JobManifest, ProgramManifest, ProgramTensor
from tallystick.market.terms import JobTerms, ProofKind, job_id_of
from tallystick.wire.capability import Backend

REFERENCE = ArtifactRef(cid="b" + "a" * 58, size_bytes=10)
PROGRAM_MANIFEST = ProgramManifest(
    name="opcodes",
    semantics_version=1,
    program=REFERENCE,
    package=REFERENCE,
    inputs=(),
    output=ProgramTensor(name="y", dtype="u8", dims=(1,), held="integers"),
    program_id=hash_of("integer program"),
)
PROGRAM_SPEC = ModelSpec(
    proof_kind=ProofKind.OPTIMISTIC,
    semantics_version=1,
    adapter=address("judge"),
    program_id=PROGRAM_MANIFEST.program_id,
    weights_root=Bytes32("0x" + "00" * 32),
    manifest=PROGRAM_MANIFEST.digest(),
)
PROGRAM_MODEL_ID = model_id_of(PROGRAM_SPEC)
JOB_MANIFEST = JobManifest(model_id=PROGRAM_MODEL_ID, inputs=(REFERENCE, REFERENCE))
EZKL = Backend(name="ezkl", version="23.0.5")
DEMAND_ID = hash_of("demand")


def program_terms(**changes: Any) -> JobTerms:
    fields: dict[str, Any] = {
        "model_id": PROGRAM_MODEL_ID,
        "proof_kind": ProofKind.OPTIMISTIC,
        "challenge_seconds": 100,
        "manifest": JOB_MANIFEST.digest(),
    }
    return terms(**{**fields, **changes})


PROGRAM_JOB = job_id_of(program_terms(), DOMAIN)


def program_opening(**changes: Any) -> Opening:
    """`changes` are of the terms."""
    job = opened(Chain().created(0, program_terms(**changes)))
    return Opening(job=job, brief=Brief(manifest=JOB_MANIFEST, model=PROGRAM_MANIFEST))


def engine(name: str = "numpy", semantics: int = 1) -> Backend:
    return Backend(name=f"engine-{name}", version=str(semantics))


def program_executor(name: str = "alice", *backends: Backend, **changes: Any) -> Executor:
    """One that announces these backends; the reference's alone unless others are named."""
    return executor(name, provers=backends or (engine(),), **changes)


def demanded(chain: Chain, block: int, *, answer_by: int = NOW + 60) -> list[ChainFact]:
    return [
        TraceDemanded(
            at=chain.at(block),
            job_id=PROGRAM_JOB,
            demand_id=DEMAND_ID,
            payer=address("challenger"),
            milestone=0,
            level=0,
            answer_by=answer_by,
            final_at=NOW + 400,
            demand=DemandPoint(list=2, of_list=True, tensor=0, count=9, height=4, index=0, node=hash_of("node")),
        ),
        ClaimExtended(at=chain.at(block, 1), job_id=PROGRAM_JOB, milestone=0, final_at=NOW + 400),
    ]


def unanswered(chain: Chain, block: int) -> list[ChainFact]:
    """In the transaction of a fault."""
    payer = address("challenger")
    return [
        DemandUnanswered(at=chain.at(block), job_id=PROGRAM_JOB, demand_id=DEMAND_ID, payer=payer, milestone=0),
        *chain.faulted(block, PROGRAM_JOB),
    ]


def proven(chain: Chain, block: int) -> list[ChainFact]:
    """In the transaction of a fault."""
    return [
        *chain.faulted(block, PROGRAM_JOB),
        FaultProven(
            at=chain.at(block),
            job_id=PROGRAM_JOB,
            challenger=address("challenger"),
            milestone=0,
            kind=1,
            step=7,
            element=120,
            computed=3,
            claimed=4,
        ),
    ]


def working(chain: Chain) -> list[ChainFact]:
    """Registered, funded, taken, and milestone 0 claimed in block 10."""
    registered = chain.registered(1).model_copy(update={"model_id": PROGRAM_MODEL_ID, "spec": PROGRAM_SPEC})
    created = chain.created(1, program_terms())
    return [registered, created, chain.assigned(2, PROGRAM_JOB), chain.claimed(10, PROGRAM_JOB)]
