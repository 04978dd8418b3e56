"""What a finished milestone is claimed with. Pure."""

from __future__ import annotations

from executor.inspection import Dossier
from tallystick.ids import JobId, bytes32
from tallystick.market.claims import Claim, encode_ezkl_proof
from tallystick.market.manifests import ArtifactRef, ResultManifest
from tallystick.merkle import milestone_path
from tallystick.proving.prover import Proved


def result_manifest(job_id: JobId, milestone: int, output: ArtifactRef) -> ResultManifest:
    """The document that tells the creator where the output is."""
    return ResultManifest(job_id=job_id, milestone=milestone, output=output)


def build_claim(dossier: Dossier, milestone: int, proved: Proved, result: ResultManifest) -> Claim:
    """The claim of one milestone of a parallel job with a Zk proof."""
    return Claim(
        milestone=milestone,
        input_root=bytes32(dossier.input_roots[milestone]),
        input_proof=tuple(bytes32(node) for node in milestone_path(dossier.input_roots, milestone)),
        output_root=bytes32(proved.outputs.root()),
        manifest=result.digest(),
        proof=encode_ezkl_proof(
            input_count=proved.input_count, instances=proved.instances, vka=proved.vka, proof=proved.proof
        ),
    )
