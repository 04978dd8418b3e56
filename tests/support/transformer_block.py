"""A transformer block as exporters write it: embeddings, attention with a causal mask, LayerNormalization and GELU in small nodes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEADS, TOKENS, WORDS = 32, 4, 10, 50


class _Writer:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def add(self, op: str, *inputs: str, **attributes: object) -> str:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def dense(self, x: str, out: int, width: int) -> str:
        weight = self.rng.normal(0, width**-0.5, (width, out)).astype(np.float32)
        bias = self.rng.normal(0, 0.1, out).astype(np.float32)
        return self.add("Add", self.add("MatMul", x, self.constant(weight)), self.constant(bias))

    def norm(self, x: str) -> str:
        """As PyTorch wrote it before opset 17."""
        centred = self.add("Sub", x, self.add("ReduceMean", x, axes=[-1]))
        squares = self.add("Pow", centred, self.number(2.0))
        spread = self.add("Add", self.add("ReduceMean", squares, axes=[-1]), self.number(1e-5))
        normal = self.add("Div", centred, self.add("Sqrt", spread))
        gain = self.constant(self.rng.uniform(0.5, 1.5, WIDTH).astype(np.float32))
        offset = self.constant(self.rng.normal(0, 0.2, WIDTH).astype(np.float32))
        return self.add("Add", self.add("Mul", normal, gain), offset)

    def gelu(self, x: str) -> str:
        inner = self.add("Add", self.add("Erf", self.add("Div", x, self.number(2**0.5))), self.number(1.0))
        return self.add("Mul", self.add("Mul", x, inner), self.number(0.5))

    def heads(self, x: str, perm: tuple[int, ...]) -> str:
        shape = self.constant(np.array([0, TOKENS, HEADS, WIDTH // HEADS], np.int64))
        return self.add("Transpose", self.add("Reshape", x, shape), perm=list(perm))

    def attention(self, x: str) -> str:
        q, k, v = (self.dense(x, WIDTH, WIDTH) for _ in range(3))
        q, v = self.heads(q, (0, 2, 1, 3)), self.heads(v, (0, 2, 1, 3))
        scores = self.add("MatMul", q, self.heads(k, (0, 2, 3, 1)))
        scores = self.add("Div", scores, self.number((WIDTH / HEADS) ** 0.5))
        mask = np.where(np.tri(TOKENS, dtype=bool), 0, np.finfo(np.float32).min).astype(np.float32)
        chances = self.add("Softmax", self.add("Add", scores, self.constant(mask[None, None])), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", chances, v), perm=[0, 2, 1, 3])
        flat = self.add("Reshape", mixed, self.constant(np.array([0, TOKENS, WIDTH], np.int64)))
        return self.dense(flat, WIDTH, WIDTH)


def transformer_block(seed: int = 0) -> onnx.ModelProto:
    """`ids` int64 [batch, 10] to `scores` [batch, 10, 50]."""
    writer = _Writer(seed)
    table = writer.constant(writer.rng.normal(0, 1, (WORDS, WIDTH)).astype(np.float32))
    positions = writer.constant(writer.rng.normal(0, 0.5, (TOKENS, WIDTH)).astype(np.float32))
    x = writer.add("Add", writer.add("Gather", table, "ids", axis=0), positions)
    x = writer.add("Add", x, writer.attention(writer.norm(x)))
    hidden = writer.gelu(writer.dense(writer.norm(x), 4 * WIDTH, WIDTH))
    x = writer.add("Add", x, writer.dense(hidden, WIDTH, 4 * WIDTH))
    scores = writer.dense(writer.norm(x), WORDS, WIDTH)
    graph = helper.make_graph(
        writer.nodes,
        "block",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", TOKENS])],
        [helper.make_tensor_value_info(scores, TensorProto.FLOAT, ["batch", TOKENS, WORDS])],
        writer.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
