"""From answers to a witness: what Path B ends with is shown as Path A shows it."""

from __future__ import annotations

import dataclasses

import numpy as np

from tallystick.dispute.findings import Fault
from tallystick.dispute.held import HeldTrace
from tallystick.dispute.known import Known, KnownTensor
from tallystick.dispute.showing import Showing
from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.openings import OpenedTensor, Opening
from tallystick.engine.program import Array, Ref, RefKind, from_bytes, to_bytes
from tallystick.engine.tree import roots_tree


def revealed_fault(showing: Showing, known: Known, own: HeldTrace, step_index: int) -> Fault | None:
    """What the answers on one step's tensor show.

    Args:
        showing: Of the claim.
        known: With the tensor roots of all steps, and answers on this step's tensor.
        own: What the program really gives.
        step_index: The first step whose root differs, so that its operands agree.

    Returns:
        None where nothing that was shown is wrong.

    Raises:
        InputError: the roots of some steps are not known.
    """
    ref, steps = Ref(RefKind.STEP, step_index), known.lists[RefKind.STEP]
    tensor, header = known.tensors[ref], known.program.header(ref)
    roots = [steps.node(0, index) for index in range(steps.count)]
    path = tuple(roots_tree(roots).prove(step_index))
    if tensor.header != header.encode():
        return showing.tensor(step_index, OpenedTensor(tensor.header, tensor.tree_root, path, ()))

    def opened(leaf: int) -> OpenedTensor:
        opening = Opening(leaf, tensor.leaves[leaf], tuple(tensor.nodes.prove(leaf)))
        return OpenedTensor(tensor.header, tensor.tree_root, path, (opening,))

    last = leaf_count(header.byte_size) - 1
    if any(tensor.leaves.get(last, b"")[header.byte_size - last * LEAF_BYTES :]):
        return showing.tensor(step_index, opened(last))
    right = own.trace.tensor(ref)
    claimed = _with_leaves(right, tensor, header)
    wrong = np.flatnonzero(claimed.reshape(-1) != right.reshape(-1))
    if not wrong.size:
        return None
    behind = [None] * (steps.count - step_index - 1)
    trace = dataclasses.replace(own.trace, tensors=(*own.trace.tensors[:step_index], claimed, *behind))
    return showing.element(trace, roots, step_index, wrong, opened)


def _with_leaves(right: Array, tensor: KnownTensor, header: TensorHeader) -> Array:
    """One's own tensor with the claimer's leaves in it."""
    data = bytearray(to_bytes(right).tobytes())
    for leaf, shown in tensor.leaves.items():
        start = leaf * LEAF_BYTES
        data[start : start + LEAF_BYTES] = shown[: header.byte_size - start]
    return from_bytes(bytes(data), header)
