"""What an `Optimistic` claim points at: output, roots, tensors and the documents that name them, put where challengers look."""

from __future__ import annotations

from executor.methods import Put
from executor.optimistic.inspection import ProgramDossier
from executor.optimistic.traces import MadeTrace
from tallystick.dispute.artifacts import encode_roots
from tallystick.ids import JobId, bytes32
from tallystick.market.claims import Claim
from tallystick.market.manifests import ArtifactRef, ResultManifest, TraceManifest
from tallystick.merkle import milestone_path


async def publish(job_id: JobId, milestone: int, dossier: ProgramDossier, made: MadeTrace, put: Put) -> ResultManifest:
    """Puts everything away, the documents last: who reads them finds what they name."""
    output = await _put(made.output(dossier.model.program), put)
    roots = await _put(encode_roots(made.roots), put)
    tensors = tuple([await _put(tensor, put) for tensor in made.tensors])
    trace = TraceManifest(trace_root=bytes32(made.claim.trace_root), roots=roots, tensors=tensors)
    named = await _put(trace.encode(), put)
    result = ResultManifest(job_id=job_id, milestone=milestone, output=output, trace=named)
    await put(result.encode())
    return result


async def _put(data: bytes, put: Put) -> ArtifactRef:
    return ArtifactRef(cid=await put(data), size_bytes=len(data))


def build_trace_claim(dossier: ProgramDossier, milestone: int, made: MadeTrace, result: ResultManifest) -> Claim:
    """The claim of one milestone of a parallel job with its trace's root."""
    return Claim(
        milestone=milestone,
        input_root=bytes32(dossier.input_roots[milestone]),
        input_proof=tuple(bytes32(node) for node in milestone_path(dossier.input_roots, milestone)),
        output_root=bytes32(made.claim.output_root),
        manifest=result.digest(),
        proof=made.claim.trace_root,
    )
