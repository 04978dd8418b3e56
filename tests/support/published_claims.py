"""Optimistic claims as an executor publishes them, honest or not, for tests that play the executor."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tallystick.dispute.artifacts import encode_output, encode_roots, encode_tensor
from tallystick.dispute.claims import honest_claim
from tallystick.dispute.faults import FalseClaim
from tallystick.dispute.published import read_published
from tallystick.engine.program import Program, Ref, RefKind
from tallystick.engine.trace import Trace
from tallystick.ids import Bytes32, JobId, bytes32
from tallystick.market.manifests import ArtifactRef, ResultManifest, TraceManifest
from tallystick.storage.manifests import put_manifest
from tallystick.storage.store import Store

MISSING = ArtifactRef(cid="bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", size_bytes=0)
"""Of content that no store here has."""


def honest(trace: Trace) -> FalseClaim:
    """What an honest executor claims and publishes, in the form in which `corrupt` gives the others."""
    tensors = tuple(trace.tensor(Ref(RefKind.STEP, step)) for step in range(len(trace.program.steps)))
    return FalseClaim(honest_claim(trace), tensors)


def publish_claim(
    store: Store,
    job_id: JobId,
    milestone: int,
    program: Program,
    claimed: FalseClaim,
    *,
    withheld: Collection[int] = (),
    names_trace: bool = True,
    keeps_output: bool = True,
) -> Bytes32:
    """Puts a claim's output and trace into the store, and returns its result manifest's digest.

    Args:
        withheld: Steps whose tensors nobody finds.
        names_trace: Whether the trace is published at all.
        keeps_output: Whether the output's own artifact is there.
    """
    published = read_published(program, claimed.published)
    output = published.tensors[program.output].array(program.output_header)
    data = encode_output(np.ascontiguousarray(output))
    manifest = ResultManifest(
        job_id=job_id,
        milestone=milestone,
        output=_put(store, data) if keeps_output else MISSING,
        trace=_put(store, _trace(store, program, claimed, withheld).encode()) if names_trace else None,
    )
    return put_manifest(store, manifest)


def _trace(store: Store, program: Program, claimed: FalseClaim, withheld: Collection[int]) -> TraceManifest:
    shown = read_published(program, claimed.published)
    tensors = []
    for index, (item, step) in enumerate(zip(claimed.published, program.steps, strict=True)):
        header = None if isinstance(item, np.ndarray) else step.header
        tensors.append(MISSING if index in withheld else _put(store, encode_tensor(item, header)))
    return TraceManifest(
        trace_root=bytes32(claimed.claim.trace_root),
        roots=_put(store, encode_roots(shown.roots)),
        tensors=tuple(tensors),
    )


def _put(store: Store, data: bytes) -> ArtifactRef:
    return ArtifactRef(cid=store.put(data), size_bytes=len(data))
