"""A small program, and `Optimistic` jobs about it, all of them sound until a test breaks one thing."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from executor_builders import DEPLOYMENT, put, terms

from tallystick.dispute.artifacts import encode_inputs
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.commitments import array_root, program_commitment
from tallystick.engine.encoding import encode_program
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import SEMANTICS_VERSION, Array, Program, float_bits
from tallystick.engine.trace import inputs_root
from tallystick.ids import ZERO_BYTES32, JobId, bytes32
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.manifests import JobManifest, ProgramManifest, ProgramTensor
from tallystick.market.terms import JobTerms, ProofKind
from tallystick.merkle import milestones_root
from tallystick.storage.store import Store

WINDOW = 40


@cache
def program() -> Program:
    """u8[1, 700] through a table and two dense layers: tensors of one leaf and of several, three steps, five constants."""
    rng = np.random.default_rng(3)
    b = ProgramBuilder()
    x = b.lookup(b.input(TensorHeader(DType.U8, (1, 700)), "x"), rng.integers(-128, 128, 256).astype(np.int8))
    for columns in (600, 10):
        width = b.dims(x)[1]
        weights = b.constant(rng.integers(-128, 128, (columns, width)).astype(np.int8))
        scale = np.stack([np.arange(columns, dtype=np.int32), float_bits(np.full(columns, 0.004))], axis=1)
        x = b.matmul(x, weights, b.constant(scale), zeros=(0, 0, 3), dtype=DType.I8)
    return b.build(x, "scores")


def inputs(milestone: int) -> tuple[Array, ...]:
    return (np.random.default_rng(milestone).integers(0, 256, (1, 700)).astype(np.uint8),)


def root_of(arrays: tuple[Array, ...]) -> bytes:
    return inputs_root([array_root(array) for array in arrays])


def program_manifest(store: Store, **changes: Any) -> ProgramManifest:
    plain = ProgramManifest(
        name="scores",
        semantics_version=SEMANTICS_VERSION,
        program=put(store, encode_program(program())),
        package=put(store, b"for people"),
        inputs=(ProgramTensor(name="x", dtype="u8", dims=(1, 700), held="integers"),),
        output=ProgramTensor(name="scores", dtype="i8", dims=(1, 10), held="integers"),
        program_id=bytes32(program_commitment(program()).program_hash),
    )
    return plain.model_copy(update=changes)


def program_spec(manifest: ProgramManifest, **changes: Any) -> ModelSpec:
    plain = ModelSpec(
        proof_kind=ProofKind.OPTIMISTIC,
        semantics_version=SEMANTICS_VERSION,
        adapter=DEPLOYMENT.contracts.trace_dispute,
        program_id=manifest.program_id,
        weights_root=ZERO_BYTES32,
        manifest=manifest.digest(),
    )
    return plain.model_copy(update=changes)


def program_terms(
    store: Store,
    spec: ModelSpec,
    milestones: int = 2,
    *,
    given: list[tuple[Array, ...]] | None = None,
    job: dict[str, Any] | None = None,
    **changes: Any,
) -> JobTerms:
    """Its documents are in the store. `given`: other inputs; `job`: changes of its manifest."""
    arrays = given or [inputs(milestone) for milestone in range(milestones)]
    named = tuple(put(store, encode_inputs(each)) for each in arrays)
    manifest = JobManifest(model_id=model_id_of(spec), inputs=named).model_copy(update=job or {})
    store.put(manifest.encode())
    share = 10_000 // milestones
    held = terms(
        model_id=model_id_of(spec),
        manifest=manifest.digest(),
        input_root=bytes32(milestones_root([root_of(each) for each in arrays])),
        proof_kind=ProofKind.OPTIMISTIC,
        challenge_seconds=WINDOW,
        share_bps=tuple([share] * (milestones - 1) + [10_000 - share * (milestones - 1)]),
        duration_seconds=(300,) * milestones,
    )
    return held.model_copy(update=changes)


def publish_program_job(contracts: Any, store: Store, milestones: int = 2, **changes: Any) -> JobId:
    """A registered program and a job about it, on the chain and in the store."""
    manifest = program_manifest(store)
    spec = program_spec(manifest)
    store.put(manifest.encode())
    contracts.register(spec)
    return contracts.create(program_terms(store, spec, milestones, **changes))
