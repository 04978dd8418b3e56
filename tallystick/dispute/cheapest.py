"""Which of many wrong elements is the cheapest to show: the one whose witness opens the least.

Exact for the elements that are looked at, of which there are few: windows at an image's border read least, and nothing
else differs by much.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.engine.costs import (
    CALLDATA_GAS,
    FAULT_GAS,
    FLOOR_GAS,
    LEAF_GAS,
    NODE_GAS,
    TRANSACTION_GAS,
    element_gas,
)
from tallystick.engine.fold import HASH_BYTES, LEAF_BYTES, leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import Family, Opcode
from tallystick.engine.openings import leaf_runs
from tallystick.engine.program import Array, Program, Ref, Step, header_of
from tallystick.engine.readings import Reading, first_readings, second_readings
from tallystick.merkle import depth_of

LOOKED_AT = 24
"""Elements at most whose witnesses are measured. One takes some 50 microseconds, a hundred thousand may be wrong."""

CALL_BYTES = 1_000
"""Of `proveFault` beside the witness: the job's terms, the claim, and where each begins. A milestone more is 64 bytes, mostly zeros."""
LOOK_UP_GAS = 30_000
"""Beyond FAULT_GAS: what is read for the first time in a transaction. With it no fault was measured above its bound
(`tests/integration/dispute/test_dispute_chain.py`); without it each was, by 11,000 to 41,000."""

Indices = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, order=True)
class Opened:
    """What a witness opens of the operands: fewer leaves come first, and of as many, fewer hashes.

    Attributes:
        leaves: Of LEAF_BYTES.
        hashes: Siblings from the leaves to their tensors' roots, each once.
    """

    leaves: int
    hashes: int


NOTHING_OPENED = Opened(0, 0)


def opened(step: Step, operands: Sequence[Array], index: int) -> Opened:
    """What showing the output's element `index` (flat) takes, for operands [*dims] as the claim has them."""
    headers = [header_of(operand) for operand in operands]
    read: dict[Ref, list[Reading]] = {}
    shapes: dict[Ref, TensorHeader] = {}
    for reading in _readings(step, operands, headers, index):
        ref = step.operands[reading.operand]
        read.setdefault(ref, []).append(reading)
        shapes[ref] = headers[reading.operand]
    runs = {ref: leaf_runs(readings, shapes[ref]) for ref, readings in read.items()}
    return Opened(
        leaves=sum(last - first + 1 for each in runs.values() for first, last in each),
        hashes=sum(_siblings(leaf_count(shapes[ref].byte_size), each) for ref, each in runs.items()),
    )


def _readings(step: Step, operands: Sequence[Array], headers: Sequence[TensorHeader], index: int) -> list[Reading]:
    """Of both stages, without computing the element."""
    first = first_readings(step, headers, index)
    if step.opcode.family is not Family.LOOKUP and step.opcode is not Opcode.GATHER:
        return first
    values: list[list[int]] = [[] for _ in operands]
    for reading in first:
        flat = operands[reading.operand].reshape(-1)
        values[reading.operand].extend(flat[reading.first : reading.first + reading.count].tolist())
    return first + second_readings(step, headers, index, values)


def _siblings(leaves: int, runs: Iterable[tuple[int, int]]) -> int:
    """How many hashes lead from runs of leaves to the root over `leaves`, each of them once."""
    count, known = 0, {leaf for first, last in runs for leaf in range(first, last + 1)}
    for _ in range(depth_of(leaves)):
        count += sum(1 for index in known if index ^ 1 not in known)
        known = {index >> 1 for index in known}
    return count


def cheapest(step: Step, operands: Sequence[Array], wrong: Indices) -> int:
    """Of the flat indices `wrong` (ascending, at least one) the one that is cheapest to show, as far as is looked."""
    among = wrong if wrong.size <= LOOKED_AT else _spread(_fewest_taps(step, operands, wrong))
    return int(min(among.tolist(), key=lambda index: opened(step, operands, index)))


def _spread(indices: Indices) -> Indices:
    if indices.size <= LOOKED_AT:
        return indices
    return indices[np.linspace(0, indices.size - 1, LOOKED_AT).astype(np.int64)]


def _fewest_taps(step: Step, operands: Sequence[Array], wrong: Indices) -> Indices:
    """Those under whose window the fewest taps lie inside; all, for a step without windows."""
    window: Any = getattr(step.attributes, "window", None)
    if window is None:
        return wrong
    _, height, width, _ = operands[0].shape
    _, out_height, out_width, channels = step.header.dims
    down = (window.kernel_h, window.stride_h, window.pad_top, window.dilation_h)
    across = (window.kernel_w, window.stride_w, window.pad_left, window.dilation_w)
    rows, columns = _inside(out_height, height, down), _inside(out_width, width, across)
    place = wrong // channels
    taps = rows[place // out_width % out_height] * columns[place % out_width]
    fewest: Indices = wrong[taps == taps.min()]
    return fewest


def _inside(places: int, size: int, axis: tuple[int, int, int, int]) -> Indices:
    """For each output place along an axis of `(kernel, stride, pad, dilation)`, how many taps lie inside."""
    kernel, stride, pad, dilation = axis
    at = np.arange(places)[:, None] * stride - pad + np.arange(kernel)[None, :] * dilation
    return np.asarray(((at >= 0) & (at < size)).sum(axis=1), np.int64)


CALL_GAS = 4_000
"""Of calling a family's checker once more, beside what it computes."""
COPY_GAS = 12
"""Of a word that is put into such a call: copied, and paid for in memory, on both sides."""


def whole_gas(program: Program, step: Step, packed_bytes: int) -> int:
    """A bound on the gas of the transaction that shows a whole tensor, every element of which is computed from all operands.

    Args:
        program: That the step is of.
        step: Whose tensor it is.
        packed_bytes: Of the witness.
    """
    headers = program.operand_headers(step)
    leaves = sum(leaf_count(header.byte_size) for header in headers)
    once = fault_gas(program, step, Opened(leaves, 0), packed_bytes)
    words = sum(header.byte_size for header in headers) // 32 + leaves
    each = element_gas(step, headers) + CALL_GAS + words * COPY_GAS
    return once + (step.header.size - 1) * each + leaf_count(step.header.byte_size) * (LEAF_GAS + NODE_GAS)


def fault_gas(program: Program, step: Step, shown: Opened, packed_bytes: int) -> int:
    """A bound on the gas of the transaction that shows an element, from what it really opens.

    Args:
        program: That the step is of.
        step: Whose element it is.
        shown: Of its operands.
        packed_bytes: Of the witness.
    """
    paths = max(packed_bytes - shown.leaves * LEAF_BYTES, 0) // HASH_BYTES
    execution = FAULT_GAS + LOOK_UP_GAS + (shown.leaves + 1) * (LEAF_GAS + NODE_GAS) + paths * NODE_GAS
    execution += element_gas(step, program.operand_headers(step))
    size = packed_bytes + CALL_BYTES
    return TRANSACTION_GAS + max(CALLDATA_GAS * size + execution, FLOOR_GAS * size)
