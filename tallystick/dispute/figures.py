"""What disputing a program takes, known before any run: gas by its bounds, moves and time by a published formula.

The formula is zk-OPML's, which bisects: a window of 120 s, and 30 s for each move behind it. It counts every move at its full
time, so it says how long a dispute may last, not how long one did.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from tallystick.dispute.levels import ROOT_LEVELS, RUN_LEVELS, levels, moves
from tallystick.dispute.schedule import Schedule
from tallystick.engine.costs import FLOOR_GAS, TRANSACTION_GAS, program_costs
from tallystick.engine.fold import CHILD_LEVELS, HASH_BYTES, LEAF_BYTES, leaf_count, nodes_at
from tallystick.engine.headers import TensorHeader
from tallystick.engine.program import Program
from tallystick.merkle import depth_of

WINDOW, MOVE = 120, 30
"""Seconds, by the formula."""
TRANSACTION_CAP = 1 << 24
"""Gas of one transaction at most (EIP-7825)."""

ANSWER_GAS, ANSWER_BYTE_GAS = 120_000, 40
"""What a demand pays for, before the quarter on top: contracts/libraries/DemandPriceLib.sol."""


@dataclasses.dataclass(frozen=True)
class Published:
    """zk-OPML's row of one model.

    Attributes:
        operators: Of the model.
        moves: With the proof.
        seconds: By the formula, with a rented prover.
    """

    operators: int
    moves: int
    seconds: int


PUBLISHED = {
    "XGBoost": Published(62, 13, 598),
    "LeNet": Published(12, 9, 494),
    "2d conv": Published(31, 11, 566),
    "MobileNetV2": Published(155, 17, 1_115),
}


_NAMES = {"XGBoost": r"xgboost", "LeNet": r"(?<!mobi)lenet", "2d conv": r"2dconv", "MobileNetV2": r"mobilenetv2"}


def published_of(name: str) -> tuple[str, Published] | None:
    """The row that a model of this name has, whatever its spelling: `lenet_5` is LeNet. None for any other."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return next(((model, PUBLISHED[model]) for model, known in _NAMES.items() if re.search(known, plain)), None)


@dataclasses.dataclass(frozen=True)
class DisputeFigures:
    """Of one program.

    Attributes:
        steps, elements, trace_bytes: Of one run.
        worst_step: Whose element may cost most to show.
        gas: A bound on that of the transaction, calldata included.
        calldata_bytes: A bound, of the same transaction.
        floor: The least that so many bytes cost, none of them zero, whatever the transaction does (EIP-7623).
        cap_share: `gas` over what a transaction may have, 0..1.
        path_a_moves, path_a_seconds: Where the trace was published, by the formula.
        path_b_levels, path_b_moves, path_b_seconds: Where it was withheld, for the largest tensor.
        all_answers, all_answer_bytes: Of somebody who is asked for everything that can be asked for: inputs, constants, trace.
        all_fees_gas: What he is paid for it, in gas at the price that demands are reckoned at.
    """

    steps: int
    elements: int
    trace_bytes: int
    worst_step: int
    gas: int
    calldata_bytes: int
    floor: int
    cap_share: float
    path_a_moves: int
    path_a_seconds: int
    path_b_levels: int
    path_b_moves: int
    path_b_seconds: int
    all_answers: int
    all_answer_bytes: int
    all_fees_gas: int


def figures_of(program: Program) -> DisputeFigures:
    """Of a valid program."""
    costs = program_costs(program)
    worst = max(range(len(costs)), key=lambda index: costs[index].gas)
    sizes = [step.header.byte_size for step in program.steps]
    deep = levels(len(sizes), max(sizes))
    answers, answer_bytes = _all_answers(program)
    return DisputeFigures(
        steps=len(program.steps),
        elements=sum(step.header.size for step in program.steps),
        trace_bytes=sum(sizes),
        worst_step=worst,
        gas=costs[worst].gas,
        calldata_bytes=costs[worst].calldata_bytes,
        floor=floor_gas(costs[worst].calldata_bytes),
        cap_share=costs[worst].gas / TRANSACTION_CAP,
        path_a_moves=1,
        path_a_seconds=Schedule(0, WINDOW, MOVE, MOVE).latest_demand(0),
        path_b_levels=deep,
        path_b_moves=moves(len(sizes), max(sizes)),
        path_b_seconds=Schedule(0, WINDOW, MOVE, MOVE, levels=deep).bound,
        all_answers=answers,
        all_answer_bytes=answer_bytes,
        all_fees_gas=5 * (ANSWER_GAS * answers + ANSWER_BYTE_GAS * answer_bytes) // 4,
    )


def floor_gas(calldata_bytes: int) -> int:
    """The least that a transaction with so many bytes costs, none of them being zero."""
    return TRANSACTION_GAS + FLOOR_GAS * calldata_bytes


def _all_answers(program: Program) -> tuple[int, int]:
    """How many, and their bytes."""
    traced = [step.header for step in program.steps]
    parts = [_list_answers(headers) for headers in (program.inputs, program.constant_headers, traced) if headers]
    return sum(answers for answers, _ in parts), sum(size for _, size in parts)


def _list_answers(headers: Sequence[TensorHeader]) -> tuple[int, int]:
    answers, size = _tree_answers(len(headers), ROOT_LEVELS, HASH_BYTES) if len(headers) > 1 else (0, 0)
    for header in headers:
        more, held = _tree_answers(leaf_count(header.byte_size), RUN_LEVELS, LEAF_BYTES)
        answers, size = answers + more, size + held + len(header.encode())
    return answers, size


def _tree_answers(items: int, at_once: int, item_bytes: int) -> tuple[int, int]:
    """Of all of one tree: nodes 7 levels apart, and everything below the last of them."""
    height, answers, size = depth_of(items), 0, 0
    while height > at_once:
        answers += nodes_at(items, height)
        height -= CHILD_LEVELS
        size += nodes_at(items, height) * HASH_BYTES
    return answers + nodes_at(items, height), size + items * item_bytes
