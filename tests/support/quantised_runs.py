"""Imported graphs, run in the plainest way there is: 64-bit integers, one node after another, numpy only.

It stands beside the compiler's lowering and executor and shares nothing with them but the graph.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tallystick.engine.compiler.elementwise import evaluate, is_elementwise
from tallystick.engine.compiler.graph import Graph, Node, Quantisation


def run_graph(graph: Graph, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The first output as integers where it is held so; `inputs` are the integers that hold the graph's inputs."""
    return run_all(graph, inputs)[graph.outputs[0]]


def run_all(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor by name."""
    run = _Run(graph)
    run.held.update({name: np.asarray(array, np.int64) for name, array in inputs.items()})
    for node in graph.nodes:
        run.do(node)
    return run.held


class _Run:
    """`held` has integers where the value has a quantisation, else what it is."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.held = graph, dict[str, np.ndarray]()

    def quantisation(self, name: str) -> Quantisation | None:
        return self.graph.values[name].quantisation

    def ints(self, name: str) -> np.ndarray:
        """As they are held: a constant of the file by its own integers."""
        value = self.graph.values[name]
        if value.constant is None:
            return self.held[name]
        if value.held is not None:
            return value.held.values.astype(np.int64)
        return np.asarray(value.constant) if value.quantisation is None else value.quantisation.quantise(value.constant)

    def less_zero(self, name: str) -> np.ndarray:
        value = self.graph.values[name]
        zero = value.held.zero if value.constant is not None and value.held is not None else value.quantisation.zero  # type: ignore[union-attr]
        return self.ints(name) - zero

    def reals(self, name: str) -> np.ndarray:
        value = self.graph.values[name]
        if value.constant is not None:
            return np.asarray(value.constant, np.float64) if value.is_float else value.constant
        return self.held[name] if value.quantisation is None else value.quantisation.dequantise(self.held[name])

    def put(self, node: Node, reals: np.ndarray) -> None:
        held = self.quantisation(node.outputs[0])
        self.held[node.outputs[0]] = reals if held is None else held.quantise(reals)

    def do(self, node: Node) -> None:
        rule = getattr(self, f"do_{node.op.lower()}", None)
        if rule is not None:
            rule(node)
        elif is_elementwise(node):
            self.put(node, np.asarray(evaluate(node, [self.reals(name) if name else None for name in node.inputs])))
        else:
            raise AssertionError(f"{node} has no rule here")

    # ---- tables ---------------------------------------------------------------------------------------------------

    def do_lookup(self, node: Node) -> None:
        table = node.attributes["table"]
        assert table.shape == (256,)
        self.held[node.outputs[0]] = table[self.ints(node.inputs[0]) & 0xFF].astype(np.int64)

    def do_lookup2(self, node: Node) -> None:
        table = node.attributes["table"]
        assert table.shape == (65536,)
        a, b = (self.ints(name) & 0xFF for name in node.inputs)
        self.held[node.outputs[0]] = table[256 * a + b].astype(np.int64)

    # ---- sums -----------------------------------------------------------------------------------------------------

    def _requantise(self, node: Node, sums: np.ndarray, multiplier: np.ndarray) -> None:
        y = self.quantisation(node.outputs[0])
        assert y is not None
        product = (sums.astype(np.float32) * multiplier.astype(np.float32)).astype(np.float32)
        whole = np.rint(product.astype(np.float64)).astype(np.int64) + y.zero
        self.held[node.outputs[0]] = np.clip(whole, y.dtype.low, y.dtype.high)

    def _multiplier(self, node: Node, left: str, right: str) -> np.ndarray:
        def scales(name: str) -> np.ndarray:
            held, q = self.graph.values[name].held, self.quantisation(name)
            return held.scales if held is not None else np.array([q.scale], np.float32)  # type: ignore[union-attr]

        y = self.quantisation(node.outputs[0])
        assert y is not None
        return ((scales(left) * scales(right)).astype(np.float32) / np.float32(y.scale)).astype(np.float32)

    def _windows(self, node: Node, x: np.ndarray) -> np.ndarray:
        kernel = node.attributes["kernel_shape"]
        pads, strides = node.attributes.get("pads", (0,) * 4), node.attributes.get("strides", (1, 1))
        padded = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        return sliding_window_view(padded, tuple(kernel), (2, 3))[:, :, :: strides[0], :: strides[1]]

    def do_conv(self, node: Node) -> None:
        x, w = self.less_zero(node.inputs[0]), self.less_zero(node.inputs[1])
        groups, outputs = node.attributes.get("group", 1), w.shape[0]
        windows = self._windows(Node("Conv", [], [], {**node.attributes, "kernel_shape": w.shape[2:]}), x)
        windows = windows.reshape(windows.shape[0], groups, -1, *windows.shape[2:])
        parts = w.reshape(groups, outputs // groups, *w.shape[1:])
        sums = np.einsum("ngchwij,gocij->ngohw", windows.astype(np.float64), parts.astype(np.float64))
        sums = np.rint(sums.reshape(sums.shape[0], outputs, *sums.shape[3:])).astype(np.int64)
        if len(node.inputs) > 2:
            sums += self._bias(node).reshape(1, -1, 1, 1)
        multiplier = self._multiplier(node, *node.inputs[:2])
        self._requantise(node, sums, multiplier.reshape(1, -1, 1, 1))

    def _bias(self, node: Node) -> np.ndarray:
        value = self.graph.values[node.inputs[2]]
        assert value.held is not None and value.held.values.dtype == np.int32
        return value.held.values.astype(np.int64)

    def do_gemm(self, node: Node) -> None:
        right = self.less_zero(node.inputs[1])
        right = right.T if node.attributes.get("transB", 0) else right
        sums = self.less_zero(node.inputs[0]) @ right
        if len(node.inputs) > 2:
            sums = sums + self._bias(node)
        self._requantise(node, sums, self._multiplier(node, *node.inputs[:2]))

    def do_matmul(self, node: Node) -> None:
        sums = self.less_zero(node.inputs[0]) @ self.less_zero(node.inputs[1])
        self._requantise(node, sums, self._multiplier(node, *node.inputs))

    def do_matmulinteger(self, node: Node) -> None:
        zeros = node.attributes["zeros"]
        self.held[node.outputs[0]] = (self.ints(node.inputs[0]) - zeros[0]) @ (self.ints(node.inputs[1]) - zeros[1])

    def do_averagepool(self, node: Node) -> None:
        x, y = self.quantisation(node.inputs[0]), self.quantisation(node.outputs[0])
        assert x is not None and y is not None
        sums = self._windows(node, self.less_zero(node.inputs[0])).sum((-2, -1))
        count = np.float32(np.prod(node.attributes["kernel_shape"]))
        self._requantise(node, sums, np.asarray(np.float32(x.scale) / (np.float32(y.scale) * count)))

    def do_globalaveragepool(self, node: Node) -> None:
        shape = self.graph.values[node.inputs[0]].shape
        self.do_averagepool(Node("AveragePool", node.inputs, node.outputs, {"kernel_shape": shape[2:]}))

    # ---- moves: under one quantisation, which the importer sees to ----------------------------------------------------

    def _moved(self, node: Node, array: np.ndarray) -> None:
        held = self.quantisation(node.outputs[0])
        assert all(self.quantisation(name) == held for name in node.inputs if self.graph.values[name].is_float)
        self.held[node.outputs[0]] = array

    def do_maxpool(self, node: Node) -> None:
        assert not any(node.attributes.get("pads", ()))
        self._moved(node, self._windows(node, self.ints(node.inputs[0])).max((-2, -1)))

    def do_reshape(self, node: Node) -> None:
        self._moved(node, self.ints(node.inputs[0]).reshape(self.graph.values[node.outputs[0]].shape))

    do_flatten = do_reshape

    def do_transpose(self, node: Node) -> None:
        self._moved(node, self.ints(node.inputs[0]).transpose(node.attributes["perm"]))

    def do_concat(self, node: Node) -> None:
        self._moved(node, np.concatenate([self.ints(name) for name in node.inputs], node.attributes["axis"]))

    def do_pad(self, node: Node) -> None:
        """`pads` and `value` are attributes, the latter a real number."""
        held = self.quantisation(node.outputs[0])
        assert held is not None
        x, pads = self.ints(node.inputs[0]), node.attributes["pads"]
        fill = int(held.quantise(np.array(node.attributes["value"])))
        widths = list(zip(pads[: x.ndim], pads[x.ndim :], strict=True))
        self._moved(node, np.pad(x, widths, constant_values=fill))

    def do_where(self, node: Node) -> None:
        condition, a, b = (self.ints(name) for name in node.inputs)
        held = self.quantisation(node.outputs[0])
        assert all(self.quantisation(name) == held for name in node.inputs[1:])
        self.held[node.outputs[0]] = np.where(condition, a, b)
