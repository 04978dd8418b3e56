"""One ONNX graph, written node by node, and the session that runs it on onnxruntime's CPU kernels.

Inside these graphs every 8-bit tensor is unsigned: an `i8` element is held as the element plus 128, its zero point likewise, because
onnxruntime's fast kernels are those for unsigned activations. A tensor [B, N, ...] is held as [B * N, ...], the same memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tallystick.engine.headers import TensorHeader
from tallystick.engine.kernels.site import SIGN_BIT
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Array, Ref

MICROSOFT = "com.microsoft"
OPSET = 17
SILENT = 3
"""Errors only: what onnxruntime warns of here is how graphs are written, which is this module's business."""

ELEMENT_TYPES = {DType.U8: TensorProto.UINT8, DType.I8: TensorProto.UINT8, DType.I32: TensorProto.INT32}


def folded(dims: Sequence[int]) -> tuple[int, ...]:
    """The dims of a tensor inside a graph, for any B: -1 stands for B times the first dim."""
    return (-1, *dims[1:])


def flipped(array: Array) -> Array:
    """Bytes of signed elements as unsigned ones in the same order, and back."""
    return np.bitwise_xor(array, np.uint8(SIGN_BIT))


def to_graph(array: Array) -> Array:
    """[B, *dims] of a plan as graphs hold it."""
    flat = array.reshape(-1, *array.shape[2:])
    return flipped(flat.view(np.uint8)) if flat.dtype == np.int8 else flat


def from_graph(array: Array, header: TensorHeader, batch: int) -> Array:
    """The inverse of `to_graph`."""
    if header.dtype is DType.I8:
        array = flipped(array).view(np.int8)
    return array.reshape(batch, *header.dims)


class GraphWriter:
    """Collects nodes and constants; values are known by names that it makes up."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._scalars: dict[tuple[str, bytes], str] = {}

    def constant(self, array: Array) -> str:
        """Equal scalars are kept once."""
        key = (array.dtype.str, array.tobytes()) if array.ndim == 0 else None
        if key is not None and key in self._scalars:
            return self._scalars[key]
        name = f"c{len(self._initializers)}"
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        if key is not None:
            self._scalars[key] = name
        return name

    def real(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def byte(self, value: int) -> str:
        return self.constant(np.array(value, np.uint8))

    def ints(self, values: Sequence[int]) -> str:
        """A list of 64-bit integers, as shapes and axes are given."""
        return self.constant(np.array(values, np.int64))

    def node(self, op: str, inputs: Sequence[str], domain: str = "", **attributes: Any) -> str:
        """Adds a node with one output; its name."""
        name = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], domain=domain, **attributes))
        return name

    def reshape(self, x: str, dims: Sequence[int]) -> str:
        return self.node("Reshape", [x, self.ints(dims)])

    def model(self, inputs: Sequence[tuple[str, TensorHeader]], outputs: Sequence[str], *, free: bool = False) -> bytes:
        """The graph as a file. Of every input the first dim is open, or, where `free` is set, all of them."""
        infos = [
            helper.make_tensor_value_info(
                name,
                ELEMENT_TYPES[header.dtype],
                [None] * len(header.dims) if free else [None, *header.dims[1:]],
            )
            for name, header in inputs
        ]
        results = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(self._nodes, "segment", infos, results, self._initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def open_session(model: bytes, threads: int, *, spinning: bool = True) -> onnxruntime.InferenceSession:
    """No optimisation by onnxruntime: what was checked is what runs."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@dataclasses.dataclass(frozen=True)
class Session:
    """A graph ready to run.

    Attributes:
        session: onnxruntime's.
        inputs: What it reads, in the order of its input names.
        outputs: What it gives, likewise.
    """

    session: onnxruntime.InferenceSession
    inputs: tuple[tuple[Ref, str], ...]
    outputs: tuple[tuple[Ref, str, TensorHeader], ...]

    def run(self, values: dict[Ref, Array], batch: int) -> None:
        """Reads from and adds to `values`, arrays [B, *dims]."""
        feeds = {name: to_graph(values[ref]) for ref, name in self.inputs}
        results = self.session.run([name for _, name, _ in self.outputs], feeds)
        for (ref, _, header), result in zip(self.outputs, results, strict=True):
            values[ref] = from_graph(result, header, batch)
