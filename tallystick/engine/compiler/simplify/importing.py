"""A loaded model becomes a graph of its own operators: every shape static, everything that follows from constants computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from tallystick.engine.compiler.graph import Array, Graph, Node, Value
from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.load_order import reads
from tallystick.engine.compiler.refusal import refuse, shown
from tallystick.engine.compiler.simplify.attributes import array_of, attributes_of, schema_of
from tallystick.engine.compiler.simplify.branching import taken_branch
from tallystick.engine.compiler.simplify.folding import Folder
from tallystick.engine.compiler.simplify.inference import Inferred, infer
from tallystick.engine.compiler.simplify.rules import NO_RULE, REMEDY, has_rule
from tallystick.engine.compiler.simplify.sizes import input_values
from tallystick.errors import ModelError


def import_graph(
    model: onnx.ModelProto, *, batch: int, dims: Mapping[str, int], output: str | None, limits: Limits
) -> Graph:
    """The part of the model that one output needs.

    Args:
        model: From `load_model`.
        batch: What a first dim that the file leaves open becomes.
        dims: Sizes of other open dims, by the names they have in the file.
        output: Which output; the first where None.
        limits: On what is computed from constants.
    """
    chosen = _chosen(model.graph, output)
    nodes = _needed(model.graph, chosen)
    inputs = input_values(model.graph, batch=batch, dims=dims, limits=limits)
    needed = {chosen}.union(*(reads(node) for node in nodes))
    importer = _Importer(model, inputs, needed, limits)
    importer.add_all(nodes)
    if chosen not in importer.values:
        raise ModelError(f"The output {shown(chosen)} is nothing that the compiler can give.")
    return Graph(importer.nodes, importer.values, list(inputs), [chosen])


def _chosen(graph: onnx.GraphProto, output: str | None) -> str:
    names = [value.name for value in graph.output]
    if not names:
        raise ModelError("The model has no output.")
    if output is None:
        return str(names[0])
    if output not in names:
        raise ModelError(
            f"The model has no output {shown(output)}.", remedy=f"It has {', '.join(map(shown, names[:8]))}."
        )
    return output


def _needed(graph: onnx.GraphProto, output: str) -> list[onnx.NodeProto]:
    wanted, kept = {output}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted |= reads(node)
            kept.append(node)
    return kept[::-1]


class _Importer:
    def __init__(self, model: onnx.ModelProto, inputs: Mapping[str, Value], needed: set[str], limits: Limits) -> None:
        self.nodes: list[Node] = []
        self.values: dict[str, Value] = dict(inputs)
        self._opsets = {opset.domain: opset.version for opset in model.opset_import}
        self._folder = Folder(self._opsets[""], limits)
        self._needed = needed
        self._limits = limits
        self._add_initializers(model.graph)

    def _add_initializers(self, graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            if tensor.name in self._needed:
                self._add_constant(tensor.name, array_of(tensor, "the initializer"))

    def _add_constant(self, name: str, array: Array) -> None:
        self.values[name] = Value(tuple(array.shape), array.dtype, array)

    def _check_new(self, node: onnx.NodeProto) -> None:
        """A branch that is taken brings names with it, which the file may have chosen so that they are there already."""
        for name in node.output:
            if name in self.values:
                raise refuse(
                    node, f"it gives {shown(name)}, which is given already", "Give every tensor a name of its own."
                )

    def add_all(self, nodes: list[onnx.NodeProto]) -> None:
        queue = deque(nodes)
        while queue:
            node = queue.popleft()
            for name in node.input:
                if name and name not in self.values:
                    raise refuse(node, f"it reads {shown(name)}, which is nothing that the compiler can give")
            if node.op_type == "If" and not node.domain:
                branch = taken_branch(node, self._constant(node.input[0]) if node.input else None)
                self._needed |= {name for inner in branch.node for name in reads(inner)} | set(node.output)
                self._add_initializers(branch)
                queue.extendleft(reversed(branch.node))
            else:
                self._add(node)

    def _constant(self, name: str) -> Array | None:
        return self.values[name].constant if name else None

    def _add(self, node: onnx.NodeProto) -> None:
        self._check_new(node)
        schema = schema_of(node, self._opsets)
        if schema is not None and schema.deprecated:
            raise refuse(node, "it is deprecated at the model's opset", "Export the model again.")
        attributes = attributes_of(node, schema)
        wanted = frozenset(name for name in node.output if name in self._needed)
        if node.op_type == "Constant" and not node.domain:
            self._add_constant(node.output[0], _constant_of(node, attributes))
            return
        if node.op_type in ("Shape", "Size") and not node.domain:
            self._add_constant(node.output[0], self._measured(node, attributes))
            return
        known = all(self._constant(name) is not None for name in node.input if name)
        inputs = [self._constant(name) for name in node.input]
        if known and node.op_type == "NonZero" and self._folder.folds(node, inputs):
            # The only one of these whose shape is known no sooner than its content.
            self._fold(node, inputs, {})
            return
        if not has_rule(node.domain, node.op_type) and not (known and self._folder.folds(node, inputs)):
            raise refuse(node, NO_RULE, REMEDY)
        inferred = infer(node, attributes, schema, self.values, wanted=wanted, limits=self._limits)
        if known and self._folder.folds(node, inputs):
            self._fold(node, inputs, inferred)
            return
        for name, (shape, dtype) in inferred.items():
            self.values[name] = Value(shape, dtype)
        outputs = [name if name in wanted else "" for name in node.output]
        while outputs and not outputs[-1]:
            outputs.pop()
        if outputs:
            self.nodes.append(Node(node.op_type, list(node.input), outputs, attributes, node.name, node.domain))

    def _measured(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> Array:
        """Shapes are static, so what asks for one is answered whatever the tensor holds."""
        if not node.input or not node.input[0]:
            raise refuse(node, "it measures nothing")
        shape = self.values[node.input[0]].shape
        if node.op_type == "Size":
            return np.asarray(int(np.prod(shape, dtype=np.int64)), np.int64)
        return np.asarray(shape[attributes.get("start", 0) : attributes.get("end", len(shape))], np.int64)

    def _fold(self, node: onnx.NodeProto, inputs: list[Array | None], inferred: Mapping[str, Inferred]) -> None:
        """NonZero comes with nothing inferred."""
        arrays = self._folder.fold(node, inputs, list(inferred.values()))
        for name, array in zip([name for name in node.output if name], arrays, strict=True):
            if name in inferred or not inferred:
                self._add_constant(name, array.astype(inferred[name][1] if inferred else array.dtype, copy=False))


def _constant_of(node: onnx.NodeProto, attributes: Mapping[str, Any]) -> Array:
    for name, dtype in (("value_float", "f4"), ("value_floats", "f4"), ("value_int", "i8"), ("value_ints", "i8")):
        if name in attributes:
            return np.asarray(attributes[name], dtype)
    if "value" not in attributes:
        raise refuse(node, "it holds no number", "Strings and sparse tensors are not supported.")
    return np.asarray(attributes["value"])
