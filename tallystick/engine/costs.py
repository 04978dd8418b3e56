"""What it costs to show on chain that one element of a step is wrong: a bound for the step's worst element, before any run.

A fault is shown in one transaction: it carries the leaves that the element is computed from, with their proofs, and the contract
hashes them, computes the element and compares. A step for which that would not fit a transaction could not be disputed, so
`validate` refuses it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tallystick.engine.fold import HASH_BYTES, LEAF_BYTES
from tallystick.engine.footprint import footprints, one_range
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import MAX_RANK, ConvAttributes, Family, MatMulAttributes, Opcode
from tallystick.engine.program import Program, Step
from tallystick.errors import ModelError
from tallystick.merkle import depth_of

MAX_STEP_GAS = 12_000_000
"""Of one step's worst element. A transaction has at most 2^24 = 16,777,216 gas (EIP-7825); the rest is room for being wrong here."""

# ---- the chain's prices (Ethereum since Prague) ------------------------------------------------------------------------

TRANSACTION_GAS = 21_000
CALLDATA_GAS = 16
"""Of a byte that is not zero. All are taken as such: a liar may choose its bytes."""
FLOOR_GAS = 40
"""EIP-7623: a transaction pays at least so much for each byte, and then its execution up to there is free."""

# ---- measured inside a contract (solc 0.8.37 by IR, optimiser on) ------------------------------------------------------

FAULT_GAS = 80_000
"""Reading the claim, checking the program's and the step's preimages, recording the fault; 60,000 to 80,000."""
LEAF_GAS = 155 + 150 + 12 * (LEAF_BYTES // 32 + 1)
"""Hashing one leaf: the loop around it, the call of the precompile, and the precompile's price for each word."""
NODE_GAS = 350
"""One step up a proof: two hashes joined by SHA-256's precompile."""
MAC_GAS = 14
"""12.7 to 13.9 measured (`python -m scripts.step_checkers --gas`): eight products at once in one multiplication, any alignment."""
TAP_GAS = 650
"""Finding one tap's channels in an opening of their own, and cutting them to whole words."""
TERM_GAS = 650
"""One term of a sum or comparison that is not taken eight at once, in an opening of its own."""
ELEMENT_GAS = 26_000
"""Everything else about one element: the call, step and headers taken apart, places from the flat index, at most one
requantisation or one Arith; 7,900 (Lookup) to 25,800 (a depthwise convolution) measured."""
OPERAND_GAS = 700
"""Each operand more than the few that most steps have: CONCAT's."""

# ---- sizes in a transaction --------------------------------------------------------------------------------------------

FAULT_BYTES = 1_024
"""The call's arguments and the program's preimage, but for its inputs' headers."""
TENSOR_BYTES = 10 + 4 * MAX_RANK + HASH_BYTES + 6 * 32
"""Of each opened tensor: its header, its tree's root, and the words that say how long its parts are."""
OPENING_BYTES = 6 * 32
"""Of each opening, beside its leaves and proof: where it begins, and the words that say how long its parts are."""


@dataclasses.dataclass(frozen=True)
class StepCost:
    """Bounds on the witness of a step's worst element, and the step's size.

    Attributes:
        macs: Multiplications of the whole step; 0 of a step that is no dot product of two operands.
        terms: What one element adds, compares or multiplies: products, taps, or 1.
        openings: Runs of leaves.
        leaves: In all openings.
        hashes: Of proofs and paths.
        calldata_bytes: Of the transaction.
        gas: Of the transaction, the floor of calldata included.
    """

    macs: int
    terms: int
    openings: int
    leaves: int
    hashes: int
    calldata_bytes: int
    gas: int


def terms_of(step: Step, headers: Sequence[TensorHeader]) -> tuple[int, int]:
    """`(taps, terms)` of one element, as if no tap fell outside."""
    if isinstance(step.attributes, ConvAttributes):
        taps = step.attributes.window.taps
        return taps, taps * headers[1].dims[3]
    if isinstance(step.attributes, MatMulAttributes):
        return 1, headers[0].dims[-1]
    if step.opcode.family is Family.WINDOW or step.opcode is Opcode.POOL_SUM:
        taps = step.attributes.window.taps  # type: ignore[attr-defined]
        return taps, taps
    return 1, 1


def step_cost(program: Program, index: int) -> StepCost:
    """Of the step `index` of a program whose steps up to there `check_step` finds nothing wrong with."""
    step = program.steps[index]
    headers = program.operand_headers(step)
    # The claimed element's own leaf is opened like what it is computed from.
    opened = [*footprints(step, headers), one_range(step.header)]
    path = depth_of(max(len(program.steps), len(program.constants), len(program.inputs)))
    openings, leaves, siblings = (
        sum(getattr(each, name) for each in opened) for name in ("runs", "leaves", "siblings")
    )
    # Besides each tensor's path in its list, the step's own in the list of steps.
    paths = (len(opened) + 1) * path
    calldata = FAULT_BYTES + sum(10 + 4 * len(header.dims) for header in program.inputs)
    calldata += len(step.encode()) + len(opened) * TENSOR_BYTES + openings * OPENING_BYTES
    calldata += leaves * LEAF_BYTES + (siblings + paths) * HASH_BYTES
    # Joining n hashes of a run with its siblings takes one hash fewer than there are of both.
    execution = leaves * (LEAF_GAS + NODE_GAS) + (siblings + paths) * NODE_GAS + element_gas(step, headers)
    taps, terms = terms_of(step, headers)
    return StepCost(
        macs=terms * step.header.size if isinstance(step.attributes, ConvAttributes | MatMulAttributes) else 0,
        terms=max(taps, terms),
        openings=openings,
        leaves=leaves,
        hashes=siblings + paths,
        calldata_bytes=calldata,
        gas=TRANSACTION_GAS + max(CALLDATA_GAS * calldata + FAULT_GAS + execution, FLOOR_GAS * calldata),
    )


def element_gas(step: Step, headers: Sequence[TensorHeader]) -> int:
    """Of computing one element from what is shown."""
    taps, terms = terms_of(step, headers)
    whole = ELEMENT_GAS + len(headers) * OPERAND_GAS
    if isinstance(step.attributes, ConvAttributes | MatMulAttributes):
        return whole + taps * TAP_GAS + terms * MAC_GAS
    return whole + terms * (TERM_GAS if taps > 1 else 0)


def program_costs(program: Program) -> list[StepCost]:
    """Of every step of a valid program."""
    return [step_cost(program, index) for index in range(len(program.steps))]


def check_cost(cost: StepCost) -> None:
    """Raises ModelError, which lacks the step, for an element that no transaction could show to be wrong."""
    if cost.gas > MAX_STEP_GAS:
        raise ModelError(
            f"to show that one of its elements is wrong would take up to {cost.gas:,} gas ({cost.leaves:,} leaves, "
            f"{cost.calldata_bytes:,} bytes of calldata, {cost.terms:,} terms), over {MAX_STEP_GAS:,}.",
            remedy="Stage the reduction: sum it in parts, along one axis after the other, and then sum the parts.",
        )
