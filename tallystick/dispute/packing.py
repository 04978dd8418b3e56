"""Witnesses as bytes for `TraceDispute.proveFault`, with nothing in them that follows from something else.

contracts/interfaces/ITraceDispute.sol documents the layout. What is packed need not prove anything: the judge decides.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence

from tallystick.dispute.shown import Leaves, number
from tallystick.dispute.siblings import nodes_of, shared_siblings
from tallystick.engine.fold import HASH_BYTES, LEAF_BYTES
from tallystick.engine.openings import OpenedTensor
from tallystick.engine.preimages import ProgramPreimage, decode_header, decode_step
from tallystick.engine.program import Ref, RefKind, Step
from tallystick.engine.witness import Witness
from tallystick.errors import ModelError, WitnessError


class FaultKind(enum.IntEnum):
    """A packed witness's first byte."""

    ELEMENT = 1
    OUTPUT = 2
    HEADER = 3
    PADDING = 4
    WHOLE = 5


def pack_witness(witness: Witness) -> bytes:
    """A witness of the kind that it shows: another header first, then padding, then the element.

    Of kinds other than the element only the step's output is packed.

    Raises:
        WitnessError: `Form`: it has parts that no packed witness can show; `Missing`: the element's leaf is not shown.
    """
    step, program = _decoded(witness)
    place = b"".join((number(witness.step_index, 4), witness.step, *witness.step_path))
    if witness.output.header != step.header.encode():
        return _packed(FaultKind.HEADER, witness.program, place, _other_header(witness.output))
    leaves = Leaves.of([witness.output], step.header)
    if witness.output.is_padded_wrongly(step.header.byte_size):
        last = leaves.pack_leaf(leaves.count - 1)
        return _packed(FaultKind.PADDING, witness.program, place, last, *witness.output.path)
    return _packed(FaultKind.ELEMENT, witness.program, place, *_element(witness, step, program, leaves))


def pack_output_fault(program: bytes, output_root: bytes, path: Sequence[bytes]) -> bytes:
    """That the trace's output is not the claimed one.

    Args:
        program: `ProgramPreimage.encode`.
        output_root: Tensor root that the trace has at the program's output.
        path: From there to the trace root.
    """
    return _packed(FaultKind.OUTPUT, program, output_root, *path)


def pack_whole(witness: Witness, claimed: bytes) -> bytes:
    """That a step's whole tensor is another than the claimed one.

    Args:
        witness: With all of the operands; of its output the path.
        claimed: Tensor root that the trace has there.

    Raises:
        WitnessError: as `pack_witness`.
    """
    step, program = _decoded(witness)
    place = b"".join((number(witness.step_index, 4), witness.step, *witness.step_path))
    return _packed(FaultKind.WHOLE, witness.program, place, claimed, *_operands(witness, step, program))


def _packed(kind: FaultKind, *parts: bytes) -> bytes:
    return bytes([kind]) + b"".join(parts)


def _decoded(witness: Witness) -> tuple[Step, ProgramPreimage]:
    try:
        return decode_step(witness.step), ProgramPreimage.decode(witness.program)
    except ModelError as error:
        raise WitnessError("Form", f"A packed witness cannot show this step or program: {error}") from error


# ---- header ---------------------------------------------------------------------------------------------------------


def _other_header(output: OpenedTensor) -> bytes:
    return b"".join((number(len(output.header), 1), output.header, _tree_root(output), *output.path))


def _tree_root(tensor: OpenedTensor) -> bytes:
    if len(tensor.tree_root) != HASH_BYTES:
        raise WitnessError("Form", f"A tree's root has {len(tensor.tree_root)} bytes, not {HASH_BYTES}.")
    return tensor.tree_root


# ---- the element ------------------------------------------------------------------------------------------------------


def _element(witness: Witness, step: Step, program: ProgramPreimage, output: Leaves) -> Iterator[bytes]:
    yield number(witness.element, 4)
    yield output.pack_leaf(witness.element * step.header.dtype.size // LEAF_BYTES)
    yield from _operands(witness, step, program)


def _operands(witness: Witness, step: Step, program: ProgramPreimage) -> Iterator[bytes]:
    shown = _shown(witness, step)
    yield number(len(shown), 1)
    for ref in sorted(shown, key=_order):
        yield _tensor(ref, step, shown[ref])
    yield from _lists(witness, program, shown)


def _order(ref: Ref) -> tuple[int, int]:
    return ref.kind, ref.index


def _shown(witness: Witness, step: Step) -> dict[Ref, list[OpenedTensor]]:
    """What is shown of each tensor, which may be several operands of the step."""
    if len(witness.operands) != len(step.operands):
        raise WitnessError("Form", f"Of {len(step.operands)} operands {len(witness.operands)} are shown.")
    shown: dict[Ref, list[OpenedTensor]] = {}
    for ref, tensor in zip(step.operands, witness.operands, strict=True):
        if tensor:
            shown.setdefault(ref, []).append(tensor)
    return shown


def _tensor(ref: Ref, step: Step, tensors: Sequence[OpenedTensor]) -> bytes:
    try:
        header = decode_header(tensors[0].header)
    except ModelError as error:
        raise WitnessError("Form", f"A packed witness cannot show this header of {ref}: {error}") from error
    brought = b"" if ref.kind is RefKind.INPUT else tensors[0].header
    leaves = Leaves.of(tensors, header)
    return number(step.operands.index(ref), 1) + brought + leaves.pack(_tree_root(tensors[0]))


def _lists(witness: Witness, program: ProgramPreimage, shown: dict[Ref, list[OpenedTensor]]) -> Iterator[bytes]:
    counts = {RefKind.INPUT: len(program.inputs), RefKind.CONSTANT: program.n_constants, RefKind.STEP: program.n_steps}
    output = Ref(RefKind.STEP, witness.step_index)
    known = {**{ref: tensors[0] for ref, tensors in shown.items()}, output: witness.output}
    for kind, count in counts.items():
        listed = {ref.index: tensor for ref, tensor in known.items() if ref.kind is kind}
        if not listed:
            continue
        nodes: dict[tuple[int, int], bytes] = {}
        for index, tensor in listed.items():
            nodes.update(nodes_of(count, index, index, tensor.path))
        yield shared_siblings(count, listed, nodes)
