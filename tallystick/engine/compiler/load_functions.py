"""Functions that a model file defines for itself are written out where they are called, if that stays within bounds."""

from __future__ import annotations

import dataclasses

import onnx
from onnx import inliner

from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.load_order import branches
from tallystick.engine.compiler.refusal import shown
from tallystick.errors import ModelError

_Key = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class _Size:
    """What a call becomes."""

    nodes: int
    size: int
    depth: int


def inline_functions(model: onnx.ModelProto, limits: Limits) -> onnx.ModelProto:
    """The model without functions of its own.

    Raises:
        ModelError: A function that calls itself, or more nodes or bytes than allowed once all is written out: a chain of
            functions that each call the next one twice doubles at every link.
    """
    if not model.functions:
        return model
    sizes = _Sizes(model, limits)
    nodes, size = 0, 0
    for node in _all_nodes(model.graph.node):
        called = sizes.of_call(node)
        nodes, size = nodes + called.nodes, size + called.size
        if nodes > limits.nodes or size > limits.file_bytes:
            raise ModelError(
                f"With its functions written out the model has more than {limits.nodes:,} nodes "
                f"or {limits.file_bytes:,} bytes."
            )
    try:
        inlined = inliner.inline_local_functions(model)
    except Exception as error:  # the inliner raises what its C++ threw, of no particular type
        raise ModelError(f"The model's functions cannot be written out: {str(error)[:200]}") from error
    kept = {(function.domain, function.name) for function in model.functions}
    for node in inlined.graph.node:
        if (node.domain, node.op_type) in kept:
            raise ModelError(
                f"The function {shown(node.op_type)} cannot be written out.",
                remedy="Export the model without functions; they must have the model's own opset.",
            )
    del inlined.functions[:]
    return inlined


def _all_nodes(nodes: object) -> list[onnx.NodeProto]:
    found: list[onnx.NodeProto] = []
    waiting = [nodes]
    while waiting:
        for node in waiting.pop():  # type: ignore[attr-defined]  # repeated fields have no common type
            found.append(node)
            waiting.extend(branch.node for branch in branches(node))
    return found


class _Sizes:
    """What each function becomes once those that it calls are written out too."""

    def __init__(self, model: onnx.ModelProto, limits: Limits) -> None:
        self._bodies: dict[_Key, list[onnx.NodeProto]] = {}
        for function in model.functions:
            key = (function.domain, function.name)
            if key in self._bodies:
                raise ModelError(f"The model defines the function {shown(function.name)} twice.")
            self._bodies[key] = _all_nodes(function.node)
        self._known: dict[_Key, _Size] = {}
        for key in self._bodies:
            self._measure(key, limits)

    def of_call(self, node: onnx.NodeProto) -> _Size:
        called = self._known.get((node.domain, node.op_type))
        own = node.ByteSize()
        return _Size(1, own, 0) if called is None else _Size(called.nodes, own + called.size, called.depth)

    def _measure(self, key: _Key, limits: Limits) -> None:
        """Depth first with a stack of our own: a file must not choose how deep we recurse."""
        stack: list[_Key] = [key]
        open_keys: set[_Key] = set()
        while stack:
            top = stack[-1]
            if top in self._known:
                stack.pop()
                continue
            called = {(node.domain, node.op_type) for node in self._bodies[top]} & self._bodies.keys()
            missing = [other for other in called if other not in self._known]
            if any(other in open_keys or other == top for other in missing):
                raise ModelError(f"The function {shown(top[1])} calls itself.")
            if missing:
                open_keys.add(top)
                stack.extend(missing)
                continue
            parts = [self.of_call(node) for node in self._bodies[top]]
            depth = 1 + max((part.depth for part in parts), default=0)
            if depth > limits.depth:
                raise ModelError(f"The model's functions call one another more than {limits.depth} deep.")
            self._known[top] = _Size(sum(part.nodes for part in parts), sum(part.size for part in parts), depth)
            open_keys.discard(top)
            stack.pop()
