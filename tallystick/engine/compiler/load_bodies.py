"""A function's body with the names and the attributes of one call of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import onnx

from tallystick.engine.compiler.load_order import branches
from tallystick.engine.compiler.refusal import refuse


class Pay(Protocol):
    """Called before anything is written, with how much that is. Raises ModelError where it is too much."""

    def __call__(self, *, nodes: int = 0, size: int = 0, fields: int = 0) -> None: ...


def fields_of(node: onnx.NodeProto | onnx.FunctionProto) -> int:
    """How many names and attributes there are to go through."""
    defaults = node.attribute_proto if isinstance(node, onnx.FunctionProto) else ()
    return len(node.input) + len(node.output) + len(node.attribute) + len(defaults)


class Body:
    """Copies of a function's nodes.

    Args:
        call: The node that calls it.
        function: What it calls.
        label: What names begin with that are the body's own; no name of the file begins with it and "/".
        pay: Told of every copy.

    Raises:
        ModelError: A call with more inputs or outputs than the function has.
    """

    def __init__(self, call: onnx.NodeProto, function: onnx.FunctionProto, label: str, pay: Pay) -> None:
        if len(call.input) > len(function.input) or len(call.output) > len(function.output):
            reason = f"it has {len(call.input)} inputs and {len(call.output)} outputs"
            raise refuse(call, f"{reason}, more than the function that it calls", "Export the model again.")
        self._function = function
        self._label = label
        self._pay = pay
        self._title = call.name or call.op_type
        self._attributes = {attribute.name: attribute for attribute in (*function.attribute_proto, *call.attribute)}
        self._names = dict.fromkeys(function.input, "")
        self._names.update(zip(function.input, call.input, strict=False))
        self._passed: list[tuple[str, str]] = []
        for inner, outer in zip(function.output, call.output, strict=False):
            if inner in self._names and outer:
                self._passed.append((inner, outer))  # an input given as it is, or one tensor under two names
            elif outer:
                self._names[inner] = outer

    def nodes(self) -> Iterator[onnx.NodeProto]:
        for node in self._function.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = f"{self._title}/{node.name or node.op_type}"
            self._settle(copy)
            yield copy
        for inner, outer in self._passed:
            name = f"{self._title}/Identity"
            yield onnx.NodeProto(op_type="Identity", input=[self._names[inner]], output=[outer], name=name)

    def _named(self, name: str) -> str:
        return self._names.get(name, f"{self._label}/{name}") if name else ""

    def _settle(self, copy: onnx.NodeProto) -> None:
        """Names and attributes of a copied node and of every node in its branches."""
        waiting = [copy]
        while waiting:
            node = waiting.pop()
            self._pay(fields=fields_of(node))
            self._fill_in(node)
            node.input[:] = map(self._named, node.input)
            node.output[:] = map(self._named, node.output)
            for branch in branches(node):
                for item in (*branch.input, *branch.output, *branch.initializer):
                    item.name = self._named(item.name)
                waiting.extend(branch.node)

    def _fill_in(self, node: onnx.NodeProto) -> None:
        """Attributes that refer to those of the call; one that the call leaves out is left out here too."""
        if not any(attribute.ref_attr_name for attribute in node.attribute):
            return
        filled = []
        for attribute in node.attribute:
            source = self._attributes.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute
            if source is not None:
                self._pay(size=source.ByteSize())
                filled.append(onnx.AttributeProto())
                filled[-1].CopyFrom(source)
                filled[-1].name = attribute.name
        del node.attribute[:]
        node.attribute.extend(filled)
