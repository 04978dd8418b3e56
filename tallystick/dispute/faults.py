"""Ways to be wrong: claims as a liar or a broken machine would make them, for tests and for development chains.

Each takes an honest trace, and gives what that claimer would publish with the claim that commits to it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tallystick.dispute.claims import Claim
from tallystick.dispute.published import Item, read_published
from tallystick.engine.executor import run
from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.kernels import How, prepare_step
from tallystick.engine.opcodes import MAX_RANK
from tallystick.engine.program import Array, Program, Ref, RefKind, to_bytes
from tallystick.engine.trace import Trace
from tallystick.errors import InputError


@dataclasses.dataclass(frozen=True)
class ElementFault:
    """One element of one step is another number.

    Attributes:
        step: Whose output.
        element: Flat index; by default the last one.
        by: What is added, within the dtype, going round at its ends.
        carried: Whether the steps behind compute with the wrong number, as a liar's would; if not, they have the right tensors.
    """

    step: int
    element: int = -1
    by: int = 1
    carried: bool = True


@dataclasses.dataclass(frozen=True)
class WeightsFault:
    """The program ran with one constant changed; a smaller or a stolen model would do the same in many places.

    Attributes:
        constant: Which.
        element: Flat index; by default all.
        by: What is added, going round.
    """

    constant: int
    element: int | None = None
    by: int = 1


@dataclasses.dataclass(frozen=True)
class OutputFault:
    """The trace is right, the claimed output is not."""


@dataclasses.dataclass(frozen=True)
class HeaderFault:
    """One step's tensor has its elements and other dims: a dim of 1 more, or one fewer where it is of the highest rank."""

    step: int


@dataclasses.dataclass(frozen=True)
class PaddingFault:
    """One step's tensor has something behind its last byte.

    Attributes:
        step: Its last leaf must not be full, or `in_slot`.
        in_slot: Whether it is in a slot behind the last leaf instead, of which the tree must have one.
    """

    step: int
    in_slot: bool = False


AnyFault = ElementFault | WeightsFault | OutputFault | HeaderFault | PaddingFault


@dataclasses.dataclass(frozen=True, eq=False)
class FalseClaim:
    """What such a claimer comes up with.

    Attributes:
        claim: Its roots.
        published: One item for each step; they hash to the claim's trace root.
    """

    claim: Claim
    published: tuple[Item, ...]


def corrupt(trace: Trace, fault: AnyFault) -> FalseClaim:
    """A claim that is wrong in that way, and in no other.

    Args:
        trace: Honest and whole.
        fault: What is to be wrong.

    Raises:
        InputError: the trace has no such step, constant, element, padding or slot.
    """
    match fault:
        case ElementFault():
            return _claimed(trace, _with_element(trace, fault))
        case WeightsFault():
            return _claimed(trace, _whole(run(_with_weights(trace.program, fault), trace.inputs)))
        case OutputFault():
            honest = _claimed(trace, _whole(trace))
            wrong = bytes([honest.claim.output_root[0] ^ 1]) + honest.claim.output_root[1:]
            return FalseClaim(dataclasses.replace(honest.claim, output_root=wrong), honest.published)
        case HeaderFault():
            return _claimed(trace, _replaced(trace, fault.step, _reshaped(_output(trace, fault.step))))
        case PaddingFault():
            return _claimed(trace, _replaced(trace, fault.step, _padded(trace, fault)))


def _claimed(trace: Trace, items: Sequence[Item]) -> FalseClaim:
    """What commits to `items`, about the trace's inputs."""
    shown = read_published(trace.program, items)
    claim = Claim(shown.root, shown.roots[trace.program.output], trace.commit().input_root)
    return FalseClaim(claim, tuple(items))


def _whole(trace: Trace) -> tuple[Array, ...]:
    return tuple(_output(trace, step) for step in range(len(trace.tensors)))


def _output(trace: Trace, step: int) -> Array:
    if not 0 <= step < len(trace.tensors):
        raise InputError(f"There is no step {step} among {len(trace.tensors)}.")
    return trace.tensor(Ref(RefKind.STEP, step))


def _replaced(trace: Trace, step: int, item: Item) -> tuple[Item, ...]:
    whole = _whole(trace)
    return (*whole[:step], item, *whole[step + 1 :])


# ---- elements ---------------------------------------------------------------------------------------------------------


def _moved(array: Array, element: int | None, by: int) -> Array:
    """A copy with one element, or all, moved on; at the dtype's end it goes round. Raises InputError without that element."""
    wrong = array.copy()
    flat = wrong.reshape(-1)
    if element is not None and not -flat.size <= element < flat.size:
        raise InputError(f"There is no element {element} among {flat.size}.")
    chosen = slice(None) if element is None else slice(element, element + 1 or None)
    flat[chosen] = (flat[chosen].astype(np.int64) + by).astype(flat.dtype)
    return wrong


def _with_element(trace: Trace, fault: ElementFault) -> tuple[Item, ...]:
    wrong = _moved(_output(trace, fault.step), fault.element, fault.by)
    if not fault.carried:
        return _replaced(trace, fault.step, wrong)
    return recomputed(trace, {fault.step: wrong})


def recomputed(trace: Trace, changed: Mapping[int, Array]) -> tuple[Array, ...]:
    """All tensors [*dims] as they are where some are given; what does not depend on those is taken from the trace."""
    tensors = dict(enumerate(_whole(trace)))
    touched = set(changed)
    for index, step in enumerate(trace.program.steps):
        if index in changed:
            tensors[index] = changed[index]
        elif any(ref.kind is RefKind.STEP and ref.index in touched for ref in step.operands):
            operands = [tensors[ref.index] if ref.kind is RefKind.STEP else trace.tensor(ref) for ref in step.operands]
            kernel = prepare_step(trace.program, step, How())
            tensors[index] = np.ascontiguousarray(kernel([operand[np.newaxis] for operand in operands])[0])
            touched.add(index)
    return tuple(tensors.values())


def _with_weights(program: Program, fault: WeightsFault) -> Program:
    if not 0 <= fault.constant < len(program.constants):
        raise InputError(f"There is no constant {fault.constant} among {len(program.constants)}.")
    wrong = _moved(program.constants[fault.constant], fault.element, fault.by)
    before, behind = program.constants[: fault.constant], program.constants[fault.constant + 1 :]
    return dataclasses.replace(program, constants=(*before, wrong, *behind))


# ---- what elements do not show ----------------------------------------------------------------------------------------


def _reshaped(array: Array) -> Array:
    rank = array.ndim
    return (
        array.reshape((1, *array.shape))
        if rank < MAX_RANK
        else array.reshape((array.shape[0] * array.shape[1], *array.shape[2:]))
    )


def _padded(trace: Trace, fault: PaddingFault) -> bytes:
    data = to_bytes(_output(trace, fault.step)).tobytes()
    leaves = leaf_count(len(data))
    if fault.in_slot:
        if leaves & (leaves - 1) == 0:
            raise InputError(f"The tree of step {fault.step} has {leaves} leaves and no slot behind them.")
        return data.ljust(leaves * LEAF_BYTES, b"\0") + b"\1"
    if len(data) == leaves * LEAF_BYTES:
        raise InputError(f"The last leaf of step {fault.step} is full.")
    return data.ljust(leaves * LEAF_BYTES - 1, b"\0") + b"\1"
