"""The artifacts of a claim: the job's, of which a dishonest creator may hide some, and the claimer's, which may be lies.

Everything is checked by its hash and bounded by what the program says; of a trace only those tensors are fetched that are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from challenger.library import fetch
from tallystick.dispute.artifacts import (
    decode_inputs,
    decode_roots,
    decode_tensor,
    inputs_size,
    most_tensor_bytes,
    roots_size,
)
from tallystick.dispute.published import PublishedTensor
from tallystick.engine.commitments import array_root
from tallystick.engine.program import Array, Program
from tallystick.engine.trace import inputs_root
from tallystick.errors import ArtifactCorruptError, ArtifactMissingError, TermsError
from tallystick.ids import Bytes32, raw
from tallystick.market.book import Job
from tallystick.market.disputes import ClaimRef
from tallystick.market.manifests import (
    MAX_MANIFEST_BYTES,
    ArtifactRef,
    JobManifest,
    ResultManifest,
    TraceManifest,
)
from tallystick.market.terms import JobMode
from tallystick.storage.manifests import get_manifest
from tallystick.storage.store import Store


@dataclass(frozen=True)
class PublishedPieces:
    """What a claimer published of its trace, piece by piece.

    Attributes:
        roots: Of all steps' tensors.
        tensor: Fetches that of one step. Raises ArtifactError where nothing that could be one is to be had.
    """

    roots: tuple[bytes, ...]
    tensor: Callable[[int], PublishedTensor]


class Gatherer:
    """
    Args:
        max_bytes: Of one artifact, whatever the program says.
    """

    def __init__(self, store: Store, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    # ---- what the creator published -----------------------------------------------------------------------------------

    def inputs(self, job: Job, claim: ClaimRef, program: Program) -> tuple[Array, ...]:
        """What the claim is to be computed from.

        Raises:
            ArtifactError: it cannot be had, or is not what the chain says.
            TermsError: the job's manifest does not fit the job.
        """
        ref = self._input_ref(job, claim.milestone)
        arrays = decode_inputs(fetch(self._store, ref, self._at_most(inputs_size(program))), program)
        root = inputs_root([array_root(array) for array in arrays])
        if root != raw(claim.input_root):
            raise ArtifactCorruptError(
                f"The input of milestone {claim.milestone} hashes to 0x{root.hex()}, the job was funded for {claim.input_root}."
            )
        return arrays

    def _input_ref(self, job: Job, milestone: int) -> ArtifactRef:
        if job.terms.mode is JobMode.CHAINED and milestone:
            # It is what the milestone before came to, wherever that executor put it.
            return get_manifest(self._store, _result_before(job, milestone), ResultManifest).output
        manifest = get_manifest(self._store, job.terms.manifest, JobManifest)
        if milestone >= len(manifest.inputs):
            raise TermsError(
                f"The job's manifest has {len(manifest.inputs)} inputs, and none for milestone {milestone}."
            )
        return manifest.inputs[milestone]

    # ---- what the claimer published -----------------------------------------------------------------------------------

    def trace_manifest(self, result_manifest: Bytes32) -> TraceManifest:
        """Raises ArtifactError where the claimer published none."""
        result = get_manifest(self._store, result_manifest, ResultManifest)
        if result.trace is None:
            raise ArtifactMissingError("The claim names no trace.")
        return TraceManifest.decode(fetch(self._store, result.trace, MAX_MANIFEST_BYTES))

    def pieces(self, result_manifest: Bytes32, claim: ClaimRef, program: Program) -> PublishedPieces:
        """The claimer's trace. Raises ArtifactError where there is none that could be the claim's."""
        manifest = self.trace_manifest(result_manifest)
        if manifest.trace_root != claim.trace_root:
            raise ArtifactCorruptError(
                f"The published trace has the root {manifest.trace_root}, the claim {claim.trace_root}."
            )
        if len(manifest.tensors) != len(program.steps):
            raise ArtifactCorruptError(
                f"{len(manifest.tensors)} tensors were published, and the program has {len(program.steps)} steps."
            )
        data = fetch(self._store, manifest.roots, self._at_most(roots_size(program)))
        roots = decode_roots(data, program)

        def tensor(step: int) -> PublishedTensor:
            most = self._at_most(most_tensor_bytes(program.steps[step].header))
            header, held = decode_tensor(fetch(self._store, manifest.tensors[step], most))
            return PublishedTensor(header, np.frombuffer(held, np.uint8), is_raw=True)

        return PublishedPieces(roots, tensor)

    def _at_most(self, due: int) -> int:
        return min(due, self._max_bytes)


def _result_before(job: Job, milestone: int) -> Bytes32:
    known: dict[int, Bytes32] = {paid.milestone: paid.result_manifest for paid in job.payments}
    known |= {claim.milestone: claim.result_manifest for claim in job.claims}
    if milestone - 1 not in known:
        raise ArtifactMissingError(f"Nothing says what milestone {milestone - 1} came to.")
    return known[milestone - 1]
