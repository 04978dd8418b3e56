"""Path B: where a claimer withholds its trace, anyone asks for parts of it, level by level, and an answer is checked by hash.

First the tensor roots of a list (the trace, the constants, the inputs), then 128 descendants of a node of one tensor's tree, and
again, and last the leaves below a node, at most 16 KiB of them. A tensor that is no larger is shown whole at once. Who
demands asserts nothing and owns nothing: what was answered is known to all, and anyone goes on from there.
"""

from __future__ import annotations

import dataclasses

from tallystick.dispute.nodes import Nodes
from tallystick.engine.fold import (
    CHILD_LEVELS,
    HASH_BYTES,
    LEAF_BYTES,
    child_span,
    leaf_count,
    leaf_hashes,
    node_above,
    tensor_root,
)
from tallystick.engine.preimages import decode_header
from tallystick.engine.program import Ref, RefKind
from tallystick.errors import ModelError
from tallystick.merkle import depth_of

RUN_LEVELS = 6
"""A node no higher is answered with the leaves below it: at most 64, which are 16 KiB."""
ROOT_LEVELS = 11
"""A node of a list no higher is answered with the roots below it: at most 2,048, half of what a transaction can carry."""
MOST_LEVELS = 4
"""Of any program with at most 2,048 steps whose tensors have at most MOST_LEAVES; the clock allows for no more."""
MOST_LEAVES = 1 << (2 * CHILD_LEVELS + RUN_LEVELS)
"""256 MiB."""


@dataclasses.dataclass(frozen=True)
class Target:
    """What somebody wants to see: a leaf of an input, a constant or a step's output."""

    ref: Ref
    leaf: int


@dataclasses.dataclass(frozen=True)
class Demand:
    """What a claimer is asked to show, as `TraceDemands` takes it. Everybody makes the same of what is known, so it is asked once.

    Attributes:
        level: 0, 1, ...; the clock runs by it.
        ref: The tensor; of a list of tensors, its first one.
        of_list: Whether tensor roots of the list are asked for, and not a part of the tensor.
        count: Leaves of the tree: the list's tensors, or the tensor's leaves. 0 at a tensor's root: what is below it the answer says.
        height, index: The node in that tree; 0 at a tensor's root.
        node: Its hash; at a tensor's root that root.
    """

    level: int
    ref: Ref
    of_list: bool
    count: int
    height: int
    index: int
    node: bytes

    @property
    def is_root(self) -> bool:
        """Whether it is a tensor's first."""
        return not self.of_list and self.count == 0

    @property
    def wants_data(self) -> bool:
        """Whether leaves are asked for, and not hashes. Of a tensor's first it depends on its header: see `under`."""
        return not self.of_list and self.height <= RUN_LEVELS

    @property
    def span(self) -> tuple[int, int, int]:
        """Of what is shown: its height, the first index, the number. Used nodes only. Not of a tensor's first: see `under`."""
        return span(self.count, self.height, self.index, RUN_LEVELS if not self.of_list else ROOT_LEVELS)

    def under(self, header: bytes) -> Demand:
        """The same; of a tensor's first, the root of the tree that this header says. Raises ModelError for no header."""
        if not self.is_root:
            return self
        leaves = leaf_count(decode_header(header).byte_size)
        return dataclasses.replace(self, count=leaves, height=depth_of(leaves))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was shown.

    Attributes:
        hashes: Of the nodes that the demand's `span` names.
        data: Instead of hashes where leaves were asked for: whole ones, padding included.
        header: What the tensor's root hashes in front, where the demand is the tensor's first; the claimer's own. If it is another
            than the program's, the claim is known to be wrong.
    """

    hashes: tuple[bytes, ...] = ()
    data: bytes = b""
    header: bytes = b""


# ---- levels -----------------------------------------------------------------------------------------------------------


def span(count: int, height: int, index: int, at_once: int) -> tuple[int, int, int]:
    """What is shown of a node: everything at the bottom where it is at most `at_once` high, else its descendants 7 below."""
    if height > at_once:
        return child_span(count, height, index)
    first = index << height
    return 0, first, min(1 << height, count - first)


def _levels(depth: int, at_once: int) -> int:
    return 1 + max(0, -(-(depth - at_once) // CHILD_LEVELS))


def list_levels(tensors: int) -> int:
    """Demands from a list's root to a tensor's root, at most. None where the list has one tensor and is its root."""
    depth = depth_of(max(1, tensors))
    return _levels(depth, ROOT_LEVELS) if depth else 0


def tensor_levels(byte_size: int) -> int:
    """Demands from a tensor's root to a leaf."""
    return _levels(depth_of(leaf_count(byte_size)), RUN_LEVELS)


def levels(tensors: int, byte_size: int) -> int:
    """L: demands from a list of so many tensors to a leaf of one of so many bytes."""
    return list_levels(tensors) + tensor_levels(byte_size)


def moves(tensors: int, byte_size: int) -> int:
    """Transactions after the claim until a fault is shown by Path B: a demand and an answer for each level, and the witness."""
    return 2 * levels(tensors, byte_size) + 1


def list_demand(nodes: Nodes, kind: RefKind, tensor: int) -> Demand | None:
    """The next on the way to a tensor's root in its list; None where it is known."""
    height = nodes.lowest(tensor)
    if height == 0:
        return None
    level = (depth_of(nodes.count) - height) // CHILD_LEVELS
    first = Ref(kind, 0)
    return Demand(level, first, True, nodes.count, height, tensor >> height, nodes.node(height, tensor >> height))


def first_demand(level: int, ref: Ref, root: bytes) -> Demand:
    """On a tensor of which only the root is known."""
    return Demand(level, ref, False, 0, 0, 0, root)


def tensor_demand(level: int, ref: Ref, nodes: Nodes, leaf: int) -> Demand:
    """The next on the way to a leaf whose data is not known, `level` being that of the tensor's first."""
    height = nodes.lowest(leaf)
    level += (depth_of(nodes.count) - height) // CHILD_LEVELS
    return Demand(level, ref, False, nodes.count, height, leaf >> height, nodes.node(height, leaf >> height))


# ---- answers ----------------------------------------------------------------------------------------------------------


def check_answer(demand: Demand, answer: Answer) -> bool:
    """Whether an answer is what the demanded node stands for."""
    if not demand.is_root:
        return not answer.header and _shown(demand, answer) == demand.node
    try:
        tree = demand.under(answer.header)
    except ModelError:
        return False
    root = _shown(tree, answer)
    return root is not None and tensor_root(answer.header, root) == demand.node


def _shown(demand: Demand, answer: Answer) -> bytes | None:
    """The node that an answer makes; None where it is not of the demanded form."""
    hashes = answer.hashes
    if demand.wants_data:
        if hashes or len(answer.data) != demand.span[2] * LEAF_BYTES:
            return None
        hashes = tuple(leaf_hashes(answer.data))
    elif answer.data:
        return None
    low, _, count = demand.span
    if len(hashes) != count or any(len(each) != HASH_BYTES for each in hashes):
        return None
    return _folded(demand, hashes) if low == 0 else node_above(demand.count, demand.height, demand.index, hashes)


def _folded(demand: Demand, hashes: tuple[bytes, ...]) -> bytes | None:
    """The node over hashes from the bottom; of more than 7 levels in two passes."""
    low, first, count = child_span(demand.count, demand.height, demand.index)
    below = 1 << low
    nodes = [
        node_above(demand.count, low, first + child, hashes[child * below : (child + 1) * below])
        for child in range(count)
    ]
    return node_above(demand.count, demand.height, demand.index, [node for node in nodes if node is not None])
