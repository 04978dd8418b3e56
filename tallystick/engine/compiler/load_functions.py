"""Functions that a model file defines for itself are written out where they are called, if that stays within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx

from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.load_bodies import Body, fields_of
from tallystick.engine.compiler.load_order import branches, graphs
from tallystick.engine.compiler.refusal import shown
from tallystick.errors import ModelError

_Key = tuple[str, str, str]
_Chain = tuple[_Key, ...]
"""Functions around a node, outermost first."""
_ONNX_DOMAIN = "ai.onnx"


def inline_functions(model: onnx.ModelProto, limits: Limits) -> onnx.ModelProto:
    """The model, changed in place, without functions of its own.

    What is written is counted while it is written: a chain of functions that each call the next one twice doubles at every
    link, and an attribute is copied to wherever a body refers to it.

    Raises:
        ModelError: A function that calls itself or is of another opset than the model, a call with more inputs or outputs
            than its function, more nodes or bytes than allowed.
    """
    if model.functions:
        _Inliner(model, limits).write_out()
        del model.functions[:]
    return model


def _plain(domain: str) -> str:
    return "" if domain == _ONNX_DOMAIN else domain


def _names(nodes: Iterable[onnx.NodeProto]) -> Iterator[Iterable[str]]:
    for node in nodes:
        yield node.input
        yield node.output


class _Inliner:
    def __init__(self, model: onnx.ModelProto, limits: Limits) -> None:
        self._model = model
        self._limits = limits
        self._nodes = 0
        self._bytes = 0
        self._fields = 0
        self._calls = 0
        self._functions: dict[_Key, onnx.FunctionProto] = {}
        for function in model.functions:
            key = (_plain(function.domain), function.name, function.overload)
            if key in self._functions:
                raise ModelError(f"The model defines the function {shown(function.name)} twice.")
            self._functions[key] = function
        self._versions = {opset.domain: opset.version for opset in model.opset_import}
        for function in model.functions:
            self._import(function)
        # What comes before the first "/" of a name that the file has: new names begin otherwise.
        self._heads = {
            name.split("/", 1)[0]
            for graph in graphs(model)
            for items in ((item.name for item in (*graph.input, *graph.initializer)), *_names(graph.node))
            for name in items
        }

    def write_out(self) -> None:
        """In the graph and in every branch below it, those that come out of a function among them."""
        waiting: list[tuple[onnx.GraphProto, _Chain]] = [(self._model.graph, ())]
        while waiting:
            graph, chain = waiting.pop()
            written = list(self._written(graph.node, chain))
            del graph.node[:]
            graph.node.extend(node for node, _ in written)
            for node, (_, around) in zip(graph.node, written, strict=True):
                waiting.extend((branch, around) for branch in branches(node))

    def _written(self, nodes: Iterator[onnx.NodeProto], chain: _Chain) -> Iterator[tuple[onnx.NodeProto, _Chain]]:
        """Depth first, and one node at a time: a file must not choose how deep we recurse, nor how much waits."""
        stack: list[tuple[Iterator[onnx.NodeProto], _Chain]] = [(iter(nodes), chain)]
        while stack:
            running, around = stack[-1]
            node = next(running, None)
            if node is None:
                stack.pop()
                continue
            self._pay(nodes=1, size=node.ByteSize(), fields=fields_of(node))
            key = (_plain(node.domain), node.op_type, node.overload)
            function = self._functions.get(key)
            if function is None:
                yield node, around
                continue
            if key in around:
                raise ModelError(f"The function {shown(function.name)} calls itself.")
            if len(around) >= self._limits.depth:
                raise ModelError(f"The model's functions call one another more than {self._limits.depth} deep.")
            self._pay(fields=fields_of(function))
            stack.append((Body(node, function, self._label(), self._pay).nodes(), (*around, key)))

    def _pay(self, *, nodes: int = 0, size: int = 0, fields: int = 0) -> None:
        limits = self._limits
        self._nodes, self._bytes, self._fields = self._nodes + nodes, self._bytes + size, self._fields + fields
        if self._nodes > limits.nodes or self._bytes > limits.file_bytes or self._fields > limits.fields:
            raise ModelError(
                f"With its functions written out the model has more than {limits.nodes:,} nodes, "
                f"{limits.file_bytes:,} bytes or {limits.fields:,} names.",
                remedy="Export the model without functions of its own.",
            )

    def _import(self, function: onnx.FunctionProto) -> None:
        """What a function imports the model imports too; the versions must be the same."""
        for opset in function.opset_import:
            domain = _plain(opset.domain)
            if domain not in self._versions:
                self._versions[domain] = opset.version
                self._model.opset_import.add(domain=domain, version=opset.version)
            if self._versions[domain] != opset.version:
                raise ModelError(
                    f"The function {shown(function.name)} is of version {opset.version} of the domain "
                    f"{shown(domain or _ONNX_DOMAIN)}, the model of version {self._versions[domain]}.",
                    remedy="Export the model without functions; they must have the model's own opset.",
                )

    def _label(self) -> str:
        self._calls += 1
        while str(self._calls) in self._heads:
            self._calls += 1
        return str(self._calls)
