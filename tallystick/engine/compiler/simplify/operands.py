"""A node of the file with what it reads, as the rules of inference see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from tallystick.engine.compiler.graph import Array, Value
from tallystick.engine.compiler.refusal import refuse, shown
from tallystick.errors import ModelError

Shape = tuple[int, ...]
MOST_DIMS = 16
"""Of any tensor while shapes are inferred; what a program computes with is held to fewer."""
SMALL = 4096
"""Elements of a constant that says something about shapes."""


@dataclasses.dataclass(frozen=True)
class Operands:
    """What a node reads.

    Attributes:
        node: For messages, and for how many outputs it has.
        attributes: Checked, defaults filled in.
        inputs: None for one that is left out.
        since: The opset at which the operator became what it is in this model; 0 where ONNX does not define it.
    """

    node: onnx.NodeProto
    attributes: Mapping[str, Any]
    inputs: Sequence[Value | None]
    since: int = 0

    def refusal(self, reason: str, remedy: str = "") -> ModelError:
        """The error to raise; `reason` begins with "it" or "its", which is the node."""
        return refuse(self.node, reason, remedy)

    def has(self, place: int) -> bool:
        return place < len(self.inputs) and self.inputs[place] is not None

    def value(self, place: int) -> Value:
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None:
            raise self.refusal(f"it lacks its input {place}")
        return value

    def shape(self, place: int = 0) -> Shape:
        return self.value(place).shape

    def content(self, place: int) -> Array:
        """A short constant that decides a shape. Raises ModelError where it depends on the model's input."""
        value = self.value(place)
        if value.constant is None:
            what = shown(next(filter(None, self.node.output), ""))
            reason = f"it gives {what}, whose shape cannot be known before it runs"
            raise self.refusal(reason, "Export with static shapes.")
        if value.constant.size > SMALL:
            raise self.refusal(
                f"its input {place} has {value.constant.size:,} elements, more than the {SMALL:,} allowed"
            )
        return value.constant.reshape(-1)

    def integers(self, place: int, name: str) -> Shape | None:
        """Integers that newer opsets have as an input and older ones as an attribute; None where they are left out."""
        if name in self.attributes:
            return tuple(int(number) for number in self.attributes[name])
        if not self.has(place):
            return None
        content = self.content(place)
        if not np.issubdtype(content.dtype, np.integer):
            raise self.refusal(f"its {name} are {content.dtype}, not integers")
        return tuple(int(number) for number in content)

    def scalar(self, place: int) -> int | float:
        """A constant of one element."""
        content = self.content(place)
        if content.size != 1:
            raise self.refusal(f"its input {place} has {content.size} elements instead of one")
        number: int | float = content[0].item()
        return number

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front."""
        if not -rank <= axis < rank:
            raise self.refusal(f"it has axis {axis} on a tensor of {rank} dims")
        return axis % rank

    def axes(self, given: Sequence[int], rank: int) -> Shape:
        """Axes counted from the front, in the order given, each once."""
        found = tuple(self.axis(axis, rank) for axis in given)
        if len(set(found)) < len(found):
            raise self.refusal(f"it has axes {tuple(given)}, of which one is named twice")
        return found

    def broadcast(self, *shapes: Shape) -> Shape:
        """The shape that operands of these shapes give together."""
        rank = max(map(len, shapes), default=0)
        result = [1] * rank
        for shape in shapes:
            for axis, dim in enumerate(shape, rank - len(shape)):
                if dim != 1 and result[axis] not in (1, dim):
                    raise self.refusal(f"it has operands of the shapes {shapes[:8]}, which are not valid together")
                result[axis] = result[axis] if dim == 1 else dim
        return tuple(result)

    def fits(self, place: int, shape: Shape) -> None:
        """Raises ModelError where an input, unless it is left out, is not repeated to `shape` by ONNX's rules."""
        if self.has(place) and self.broadcast(shape, self.shape(place)) != shape:
            raise self.refusal(f"its input {place} is of shape {self.shape(place)}, which does not fit {shape}")

    def one_per(self, count: int, *places: int) -> None:
        """Raises ModelError where inputs, unless they are left out, are not `count` numbers in a row."""
        for place in places:
            if self.has(place) and self.shape(place) != (count,):
                raise self.refusal(f"its input {place} is of shape {self.shape(place)}, not ({count},)")
