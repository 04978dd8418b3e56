"""Outputs of programs: fetched, and believed only where their tensor root is the one that the chain has. Needs the engine."""

from __future__ import annotations

from client_sdk._programs import HeldProgram, header_of
from client_sdk._results import read_manifest
from tallystick.dispute.artifacts import decode_output, decode_tensor, most_tensor_bytes
from tallystick.engine.commitments import array_root
from tallystick.engine.program import Array
from tallystick.errors import ArtifactCorruptError, ArtifactError
from tallystick.ids import JobId, raw
from tallystick.market.book import Payment, StandingClaim
from tallystick.market.manifests import MAX_MANIFEST_BYTES, ProgramTensor, TraceManifest
from tallystick.storage.store import Store


def output_from_store(store: Store, job_id: JobId, delivered: Payment | StandingClaim, tensor: ProgramTensor) -> Array:
    """One milestone's output [*dims].

    Args:
        delivered: What the chain has of it.
        tensor: The model's output.

    Raises:
        ArtifactError: it is not to be had, or is not what the chain has.
    """
    header = header_of(tensor)
    output = read_manifest(store, job_id, delivered).output
    return _checked(decode_output(store.get(output.cid, max_bytes=header.byte_size), header), delivered)


def output_from_trace(
    store: Store, job_id: JobId, delivered: Payment | StandingClaim, held: HeldProgram
) -> Array | None:
    """The same from the trace that was published with the claim; None where that has it no more either."""
    header, step = held.program.output_header, held.program.output
    try:
        named = read_manifest(store, job_id, delivered).trace
        if named is None:
            return None
        trace = TraceManifest.decode(store.get(named.cid, max_bytes=MAX_MANIFEST_BYTES))
        if step >= len(trace.tensors):
            return None
        _, data = decode_tensor(store.get(trace.tensors[step].cid, max_bytes=most_tensor_bytes(header)))
        return _checked(decode_output(data, header), delivered)
    except ArtifactError:
        return None


def _checked(array: Array, delivered: Payment | StandingClaim) -> Array:
    root = array_root(array)
    if root != raw(delivered.output_root):
        raise ArtifactCorruptError(
            f"The output of milestone {delivered.milestone} hashes to 0x{root.hex()}; the chain has {delivered.output_root}.",
            remedy="The executor published something else than it claimed; nothing of it is used.",
        )
    return array
