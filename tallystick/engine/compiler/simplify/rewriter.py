"""Reading one graph and writing another: the few operators that rules emit, computed at once where their input is constant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tallystick.engine.compiler.graph import Array, Graph, Node, Value

Shape = tuple[int, ...]


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
        self.scope = ""
        """The name of the old node that is being rewritten: what is emitted for it is called by it."""

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
        name = to or self.graph.fresh(f"{like}:{op}")
        self.graph.values[name] = Value(shape, dtype)
        self.write(Node(op, list(inputs), [name], attributes, self.scope, domain))
        return name

    def hold(self, stem: str, array: Any, dtype: np.dtype[Any] | None = None) -> str:
        """A new constant's name."""
        return self.graph.add_constant(stem, np.asarray(array, dtype))

    def _moved(self, op: str, x: str, result: Array | None, shape: Shape, to: str, **attributes: Any) -> str:
        if result is None:
            return self.emit(op, [x], shape, like=x, to=to, **attributes)
        name = self.hold(f"{x}:{op}", np.ascontiguousarray(result).reshape(result.shape))
        if to:
            self.alias(to, name)
        return name

    def reshape(self, x: str, shape: Shape, to: str = "") -> str:
        x, array = self.resolve(x), self.constant(x)
        if self.shape(x) == shape:
            return self._same(x, to)
        before = self.writer(x)
        if before is not None and before.op == "Reshape":
            return self.reshape(before.inputs[0], shape, to)
        return self._moved("Reshape", x, None if array is None else array.reshape(shape), shape, to)

    def transpose(self, x: str, perm: Shape, to: str = "") -> str:
        x, array = self.resolve(x), self.constant(x)
        old = self.shape(x)
        shape = tuple(old[axis] for axis in perm)
        if perm == tuple(range(len(perm))):
            return self._same(x, to)
        if [axis for axis in perm if old[axis] > 1] == [axis for axis, dim in enumerate(old) if dim > 1]:
            return self.reshape(x, shape, to)
        before = self.writer(x)
        if before is not None and before.op == "Transpose":
            return self.transpose(before.inputs[0], tuple(before.attributes["perm"][axis] for axis in perm), to)
        return self._moved("Transpose", x, None if array is None else array.transpose(perm), shape, to, perm=perm)

    def cut(self, x: str, starts: Shape, steps: Shape, shape: Shape, to: str = "") -> str:
        """A Slice: place `o` of an axis reads place `start + step * o`; a step may be negative."""
        x, array = self.resolve(x), self.constant(x)
        if shape == self.shape(x) and all(step == 1 for step in steps):
            return self._same(x, to)
        steps = tuple(1 if dim == 1 else step for step, dim in zip(steps, shape, strict=True))
        if array is not None:
            places = (start + step * np.arange(dim) for start, step, dim in zip(starts, steps, shape, strict=True))
            array = array[np.ix_(*places)]
        return self._moved("Slice", x, array, shape, to, starts=starts, steps=steps)

    def expand(self, x: str, shape: Shape, to: str = "") -> str:
        """Repeats along dims of 1. A constant is not expanded: what reads it repeats it."""
        x = self.resolve(x)
        lead = len(shape) - len(self.shape(x))
        if self.shape(x) == shape:
            return self._same(x, to)
        x = self.reshape(x, (1,) * lead + self.shape(x))
        if self.shape(x) == shape:
            return self._same(x, to)
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


def axis_of(axis: int, rank: int) -> int | None:
    """An axis counted from the front, or None where there is no such axis."""
    return axis % rank if -rank <= axis < rank else None


def elements(shape: Shape) -> int:
    return math.prod(shape)
