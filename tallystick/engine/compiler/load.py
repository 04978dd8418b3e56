"""Reading an ONNX file that a stranger wrote: every fault gets a sentence, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

from tallystick.engine.compiler.limits import DEFAULT_LIMITS, Limits
from tallystick.engine.compiler.load_functions import inline_functions
from tallystick.engine.compiler.load_order import branches, graphs, order_nodes
from tallystick.engine.compiler.load_tensors import TensorChecks, check_input, tensors
from tallystick.engine.compiler.refusal import refuse, shown
from tallystick.engine.compiler.wire_format import scan
from tallystick.errors import ModelError

OLDEST_OPSET = 10
DOMAINS = {"": "ai.onnx", "ai.onnx.ml": "ai.onnx.ml", "com.microsoft": "com.microsoft"}
_ONNX_DOMAIN = "ai.onnx"
_NEWEST_OF_ANY = 2**16
"""Version of a domain: other domains than ONNX's own are not told apart by it."""


def load_model(source: Path | bytes, *, limits: Limits = DEFAULT_LIMITS) -> onnx.ModelProto:
    """A model that is whole, ordered and free of surprises; whether its operators are supported is not looked at here.

    Args:
        source: A file, whose external data may lie beside it, or the content of one, which then must be whole.
        limits: How much the file may ask for.

    Returns:
        The model with functions written out, external data brought in and its nodes in order. What the file says about
        the shapes of its intermediate tensors is dropped: it is inferred again, not believed.

    Raises:
        ModelError: With the fault and the values that show it.
    """
    data, folder = _read(source, limits)
    scan(data, limits)
    model = _parsed(data)
    _check_opsets(model)
    model = inline_functions(model, limits)
    _check_domains(model)
    _check_subgraphs(model, limits)
    for value in model.graph.input:
        check_input(value, limits)
    _check_tensors(model, TensorChecks(folder, limits))
    _order(model)
    del model.graph.value_info[:]
    return model


def _read(source: Path | bytes, limits: Limits) -> tuple[bytes, Path | None]:
    if isinstance(source, bytes):
        data, folder = source, None
    else:
        try:
            with source.open("rb") as file:
                data = file.read(limits.file_bytes + 1)
        except OSError as error:
            raise ModelError(f"{source.name} cannot be read: {error.strerror}.") from error
        folder = source.parent
    if len(data) > limits.file_bytes:
        raise ModelError(
            f"The model has more than {limits.file_bytes:,} bytes.",
            remedy="Keep its weights as external data, or raise the limit.",
        )
    return data, folder


def _parsed(data: bytes) -> onnx.ModelProto:
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        raise ModelError(f"This is no ONNX file: {str(error)[:200]}") from error
    if not model.HasField("graph") or not model.graph.node:
        raise ModelError("The file has no graph with nodes in it.", remedy="Give the .onnx file that an export wrote.")
    return model


def _check_opsets(model: onnx.ModelProto) -> None:
    newest = onnx.defs.onnx_opset_version()
    versions: dict[str, int] = {}
    for opset in model.opset_import:
        domain = "" if opset.domain == _ONNX_DOMAIN else opset.domain
        if domain in versions and versions[domain] != opset.version:
            raise ModelError(f"The model imports two versions of the domain {shown(domain)}.")
        versions[domain] = opset.version
        opset.domain = domain
    if not versions:
        raise ModelError("The model does not say which opset it is of.", remedy="Export it again.")
    if "" not in versions:
        # A model of trees alone; what has no node needs no particular version.
        model.opset_import.add(domain="", version=newest)
        versions[""] = newest
    if not OLDEST_OPSET <= versions[""] <= newest:
        raise ModelError(
            f"The model is of opset {versions['']}; {OLDEST_OPSET} to {newest} are supported.",
            remedy="Export it with opset 17, or convert it with onnx.version_converter.",
        )


def _check_domains(model: onnx.ModelProto) -> None:
    """Every node is of a domain that is known, and of which the model says a version."""
    for opset in model.opset_import:
        if not 0 < opset.version <= _NEWEST_OF_ANY:
            raise ModelError(f"The model is of version {opset.version} of the domain {shown(opset.domain)}.")
    imported = {opset.domain for opset in model.opset_import}
    for graph in graphs(model):
        for node in graph.node:
            if node.domain == _ONNX_DOMAIN:
                node.domain = ""
            if node.domain not in DOMAINS:
                raise refuse(
                    node, f"it is of the domain {shown(node.domain)}", f"Only {', '.join(DOMAINS.values())} are known."
                )
            if node.domain not in imported:
                raise refuse(node, f"it is of the domain {shown(node.domain)}, of which the model imports no version")


def _check_subgraphs(model: onnx.ModelProto, limits: Limits) -> None:
    """Only If may hold graphs, which go where its condition is known; a program's steps do not depend on data."""
    count = 0
    for graph in graphs(model):
        count += len(graph.node)
        if count > limits.nodes:
            raise ModelError(f"The model has more than {limits.nodes:,} nodes.")
        if graph.sparse_initializer:
            name = shown(graph.sparse_initializer[0].values.name)
            raise ModelError(f"The initializer {name} is sparse.", remedy="Save it as a dense tensor.")
        for node in graph.node:
            if branches(node) and not (node.op_type == "If" and not node.domain):
                raise refuse(
                    node, "it holds a graph of its own", "Export with loops unrolled; a program has no control flow."
                )
            if any(attribute.HasField("sparse_tensor") for attribute in node.attribute):
                raise refuse(node, "it holds a sparse tensor", "Save it as a dense tensor.")


def _check_tensors(model: onnx.ModelProto, checks: TensorChecks) -> None:
    for graph in graphs(model):
        for tensor in graph.initializer:
            checks.check(tensor, "The initializer")
        for tensor, owner in tensors(graph.node):
            checks.check(tensor, owner)


def _order(model: onnx.ModelProto) -> None:
    """The graph and its branches; a branch sees the names of all graphs around it."""
    waiting: list[tuple[onnx.GraphProto, tuple[frozenset[str], ...]]] = [(model.graph, ())]
    while waiting:
        graph, outer = waiting.pop()
        order_nodes(graph, outer)
        holders = [node for node in graph.node if branches(node)]
        if holders:
            made = (name for node in graph.node for name in node.output)
            given = (item.name for items in (graph.input, graph.initializer) for item in items)
            seen = (*outer, frozenset([*made, *given]))
            waiting.extend((branch, seen) for node in holders for branch in branches(node))
