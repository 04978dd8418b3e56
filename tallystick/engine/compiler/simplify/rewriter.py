"""Reading one graph and writing another: the few operators that rules emit, computed at once where their input is constant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tallystick.engine.compiler.graph import Array, Graph, Node, Value
from tallystick.engine.compiler.refusal import refuse

Shape = tuple[int, ...]
_ROOM = 2**27
"""Elements of constants that rules may make, beside two for each element of a constant that is there."""


class Rewriter:
    """What rules write with.

    A rule reads a node of the old graph and emits what takes its place. Names of the old graph stay valid: one whose tensor
    is the same as another's becomes an alias, which every reader sees through.

    Args:
        source: The old graph. Its values are carried on; its nodes are not.
        opset: ONNX's own domain's version in the file.
    """

    def __init__(self, source: Graph, opset: int = 0) -> None:
        self.opset = opset
        self.source = source
        self.makers = source.producers()
        self.graph = Graph([], dict(source.values), list(source.inputs), list(source.outputs))
        self._aliases: dict[str, str] = {}
        self._written: dict[str, Node] = {}
        self._numbers: dict[str, int] = {}
        self._moves: dict[object, str] = {}
        self._room = _ROOM + 2 * sum(
            value.constant.size for value in source.values.values() if value.constant is not None
        )
        self.scope = ""
        """The name of the old node that is being rewritten: what is emitted for it is called by it."""
        self._node: Node | None = None

    def begin(self, node: Node) -> None:
        """What is written from now on takes the place of this node of the old graph."""
        self.scope, self._node = node.name, node

    def resolve(self, name: str) -> str:
        """The name under which a tensor of the old graph is found in the new one."""
        while name in self._aliases:
            name = self._aliases[name]
        return name

    def alias(self, name: str, other: str) -> None:
        """From now on `name` is `other`."""
        if self.resolve(other) != name:
            self._aliases[name] = self.resolve(other)

    def shape(self, name: str) -> Shape:
        return self.graph.values[self.resolve(name)].shape

    def dtype(self, name: str) -> np.dtype[Any]:
        return self.graph.values[self.resolve(name)].dtype

    def constant(self, name: str) -> Array | None:
        return self.graph.constant(self.resolve(name)) if name else None

    def scalar(self, name: str) -> float | None:
        """The number that a constant of one element is, or None."""
        array = self.constant(name)
        return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None

    def writer(self, name: str) -> Node | None:
        """The new node that gives a tensor."""
        return self._written.get(self.resolve(name))

    def write(self, node: Node) -> None:
        """A node whose outputs have values already."""
        node.inputs = [self.resolve(name) for name in node.inputs]
        self.graph.nodes.append(node)
        for name in node.outputs:
            self._written[name] = node

    def emit(
        self,
        op: str,
        inputs: Sequence[str],
        shape: Shape,
        *,
        like: str,
        to: str = "",
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """A new node.

        Args:
            op: The operator.
            inputs: What it reads.
            shape: Of what it gives.
            like: A tensor whose dtype the result has, and after which it is named.
            to: A name of the old graph that the result is to have; a fresh one where empty.

        Returns:
            The result's name.
        """
        dtype = self.dtype(to) if to else self.dtype(like)
        name = to or self.fresh(f"{like}:{op}")
        self.graph.values[name] = Value(shape, dtype)
        self.write(Node(op, list(inputs), [name], attributes, self.scope, domain))
        return name

    def fresh(self, stem: str) -> str:
        """A name that no tensor has. Thousands may have one stem, so the numbers given away are kept."""
        name = stem
        while name in self.graph.values:
            self._numbers[stem] = self._numbers.get(stem, 0) + 1
            name = f"{stem}~{self._numbers[stem]}"
        return name

    def afford(self, elements: int) -> None:
        """Raises ModelError where a constant of so many elements is one too many; to be asked before a large one is made."""
        if elements > self._room:
            node = self._node or Node("Graph", [], [])
            reason = f"it takes a constant of {elements:,} elements to rewrite, and there is room for {self._room:,}"
            raise refuse(node, reason, "Write the model with smaller tensors, or the constant itself into the file.")

    def hold(self, stem: str, array: Any, dtype: np.dtype[Any] | None = None) -> str:
        """A new constant's name."""
        self.afford(np.size(array))
        self._room -= np.size(array)
        held, name = np.asarray(array, dtype), self.fresh(stem)
        self.graph.values[name] = Value(tuple(held.shape), held.dtype, held)
        return name

    def ones(self, width: int, dtype: np.dtype[Any]) -> str:
        """A constant [width] of ones; the same one for all who ask."""
        if ("ones", width, dtype) not in self._moves:
            self.afford(width)
            self._moves["ones", width, dtype] = self.hold("ones", np.ones(width, dtype))
        return self._moves["ones", width, dtype]

    def _moved(self, op: str, x: str, shape: Shape, to: str, **attributes: Any) -> str:
        """A node; or, where x is constant, the constant that it gives: one for all that do the same to x."""
        array = self.constant(x)
        if array is None:
            return self.emit(op, [x], shape, like=x, to=to, **attributes)
        key = (op, x, shape, *attributes.values())
        if key not in self._moves:
            self.afford(math.prod(shape))
            result = _MOVES[op](array, shape, **attributes)
            self._moves[key] = self.hold(f"{x}:{op}", np.ascontiguousarray(result).reshape(shape))
        return self._same(self._moves[key], to)

    def reshape(self, x: str, shape: Shape, to: str = "") -> str:
        x = self.resolve(x)
        if self.shape(x) == shape:
            return self._same(x, to)
        if elements(self.shape(x)) != elements(shape):
            raise ValueError(f"{self.shape(x)} has not as many elements as {shape}")
        before = self.writer(x)
        if before is not None and before.op == "Reshape":
            return self.reshape(before.inputs[0], shape, to)
        return self._moved("Reshape", x, shape, to)

    def transpose(self, x: str, perm: Shape, to: str = "") -> str:
        x = self.resolve(x)
        old = self.shape(x)
        shape = tuple(old[axis] for axis in perm)
        if perm == tuple(range(len(perm))):
            return self._same(x, to)
        if [axis for axis in perm if old[axis] > 1] == [axis for axis, dim in enumerate(old) if dim > 1]:
            return self.reshape(x, shape, to)
        before = self.writer(x)
        if before is not None and before.op == "Transpose":
            return self.transpose(before.inputs[0], tuple(before.attributes["perm"][axis] for axis in perm), to)
        return self._moved("Transpose", x, shape, to, perm=perm)

    def cut(self, x: str, starts: Shape, steps: Shape, shape: Shape, to: str = "") -> str:
        """A Slice: place `o` of an axis reads place `start + step * o`; a step may be negative."""
        x = self.resolve(x)
        if shape == self.shape(x) and all(step == 1 for step in steps):
            return self._same(x, to)
        steps = tuple(1 if dim == 1 else step for step, dim in zip(steps, shape, strict=True))
        return self._moved("Slice", x, shape, to, starts=starts, steps=steps)

    def expand(self, x: str, shape: Shape, to: str = "") -> str:
        """Repeats along dims of 1. A constant is not expanded: what reads it repeats it."""
        x = self.resolve(x)
        lead = len(shape) - len(self.shape(x))
        if self.shape(x) == shape:
            return self._same(x, to)
        x = self.reshape(x, (1,) * lead + self.shape(x))
        if self.shape(x) == shape:
            return self._same(x, to)
        if any(old not in (1, new) for old, new in zip(self.shape(x), shape, strict=True)):
            raise ValueError(f"{self.shape(x)} cannot be repeated to {shape}")
        return self.emit("Expand", [x], shape, like=x, to=to)

    def pad(self, x: str, pads: Shape, value: float, to: str = "") -> str:
        """`pads` is what is added before every axis, then after every axis."""
        x, old = self.resolve(x), self.shape(x)
        shape = tuple(pads[axis] + dim + pads[axis + len(old)] for axis, dim in enumerate(old))
        if not any(pads):
            return self._same(x, to)
        return self.emit("Pad", [x], shape, like=x, to=to, pads=pads, value=value)

    def _same(self, x: str, to: str) -> str:
        if to:
            self.alias(to, x)
        return self.resolve(x)

    def finish(self) -> Graph:
        """The new graph, without what nothing needs."""
        self.graph.outputs = [self.resolve(name) for name in self.graph.outputs]
        self.graph.drop_dead()
        return self.graph


def _reshape(array: Array, shape: Shape) -> Array:
    return array.reshape(shape)


def _transpose(array: Array, _: Shape, perm: Shape) -> Array:
    return array.transpose(perm)


def _slice(array: Array, shape: Shape, starts: Shape, steps: Shape) -> Array:
    places = (start + step * np.arange(dim) for start, step, dim in zip(starts, steps, shape, strict=True))
    cut: Array = array[np.ix_(*places)]
    return cut


_MOVES: dict[str, Callable[..., Array]] = {"Reshape": _reshape, "Transpose": _transpose, "Slice": _slice}


def axis_of(axis: int, rank: int) -> int | None:
    """An axis counted from the front, or None where there is no such axis."""
    return axis % rank if -rank <= axis < rank else None


def elements(shape: Shape) -> int:
    return math.prod(shape)
