"""A standing claim and what its claimer published, fetched piece by piece and compared with the claim's roots. Needs the engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from client_sdk._programs import HeldProgram
from tallystick.dispute.artifacts import (
    decode_inputs,
    decode_roots,
    decode_tensor,
    inputs_size,
    most_tensor_bytes,
    roots_size,
)
from tallystick.dispute.claims import Claim
from tallystick.dispute.published import PublishedTensor
from tallystick.engine.commitments import array_root
from tallystick.engine.fold import tensor_root
from tallystick.engine.program import Array
from tallystick.engine.trace import inputs_root, list_root
from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactError,
    ArtifactMissingError,
    InputError,
    StoreUnavailableError,
)
from tallystick.market.manifests import MAX_MANIFEST_BYTES, ArtifactRef, JobManifest, TraceManifest
from tallystick.storage.store import Store


@dataclass(frozen=True)
class ClaimedMilestone:
    """A claim that stands, and what it was to be computed from.

    Attributes:
        claim: The roots that the chain has.
        inputs: Arrays [*dims] that hash to the claim's input root.
        trace: Where its TraceManifest is; None where the claimer named none, or its result manifest cannot be had.
    """

    claim: Claim
    inputs: tuple[Array, ...]
    trace: ArtifactRef | None


def read_inputs(
    store: Store, manifest: JobManifest, milestone: int, held: HeldProgram, root: bytes
) -> tuple[Array, ...]:
    """A milestone's inputs. Raises ArtifactError where they are not to be had, or are not those that the claim is about."""
    data = store.get(manifest.inputs[milestone].cid, max_bytes=inputs_size(held.program))
    arrays = decode_inputs(data, held.program)
    found = inputs_root([array_root(array) for array in arrays])
    if found != root:
        raise ArtifactCorruptError(
            f"The inputs of milestone {milestone} have the root 0x{found.hex()}; the claim is about 0x{root.hex()}."
        )
    return arrays


class ClaimedTrace:
    """One claimer's trace; each piece is fetched once.

    Raises:
        ArtifactMissingError, ArtifactCorruptError: nothing was published, or its roots are not the claim's.
        StoreUnavailableError: nobody can tell.
    """

    def __init__(self, store: Store, held: HeldProgram, claimed: ClaimedMilestone) -> None:
        self._store = store
        self._program = held.program
        self._tensors: dict[int, PublishedTensor] = {}
        if claimed.trace is None:
            raise ArtifactMissingError("No trace was published with the claim.")
        try:
            self._manifest = TraceManifest.decode(store.get(claimed.trace.cid, max_bytes=MAX_MANIFEST_BYTES))
            data = store.get(self._manifest.roots.cid, max_bytes=roots_size(held.program))
            self.roots = decode_roots(data, held.program)
        except StoreUnavailableError:
            raise
        except (ArtifactError, InputError) as error:
            raise ArtifactMissingError(f"The roots of the trace cannot be had: {error.what}") from error
        if list_root(self.roots) != claimed.claim.trace_root:
            raise ArtifactCorruptError("The roots that were published do not make the claim's trace root.")
        if len(self._manifest.tensors) != len(self._program.steps):
            raise ArtifactCorruptError(
                f"{len(self._manifest.tensors)} tensors were published of {len(self._program.steps)} steps."
            )

    def tensor(self, step: int) -> PublishedTensor:
        """A step's tensor, as the claim commits to it. Raises as the class, of this tensor."""
        if step not in self._tensors:
            self._tensors[step] = self._fetch(step)
        return self._tensors[step]

    def _fetch(self, step: int) -> PublishedTensor:
        header = self._program.steps[step].header
        try:
            data = self._store.get(self._manifest.tensors[step].cid, max_bytes=most_tensor_bytes(header))
            own_header, leaves = decode_tensor(data)
        except StoreUnavailableError:
            raise
        except (ArtifactError, InputError) as error:
            raise ArtifactMissingError(f"The tensor of step {step} cannot be had: {error.what}") from error
        tensor = PublishedTensor(own_header, np.frombuffer(leaves, np.uint8), is_raw=True)
        if tensor_root(tensor.header, tensor.tree.root) != self.roots[step]:
            raise ArtifactCorruptError(f"What was published for step {step} is not what the claim commits to.")
        return tensor
