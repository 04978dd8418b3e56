"""Elementwise nodes on 32-bit integers and truth values: token ids, positions, counts, masks."""

from __future__ import annotations

import numpy as np

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.lowering import Lowering
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.opcodes import ArithKind, DType
from tallystick.engine.program import Ref

BINARY: dict[str, ArithKind] = {
    "Add": ArithKind.ADD,
    "Sub": ArithKind.SUB,
    "Mul": ArithKind.MUL,
    "Div": ArithKind.DIV,
    "Min": ArithKind.MIN,
    "Max": ArithKind.MAX,
    "Sum": ArithKind.ADD,
    "Less": ArithKind.LESS,
    "LessOrEqual": ArithKind.LESS_EQUAL,
    "Equal": ArithKind.EQUAL,
    "And": ArithKind.MIN,
    "Or": ArithKind.MAX,
}
SWAPPED: dict[str, ArithKind] = {"Greater": ArithKind.LESS, "GreaterOrEqual": ArithKind.LESS_EQUAL}


def lower_integer(lowering: Lowering, node: Node) -> None:
    """Raises ModelError for what has no 32-bit form."""
    target = node.outputs[0]
    operands = [lowering.ref(name, node) for name in node.inputs if name]
    lowering.put(target, _integer(lowering, node, operands, _dtype(lowering, target)))


def _dtype(lowering: Lowering, target: str) -> DType:
    return DType.U8 if lowering.value(target).dtype == np.bool_ else DType.I32


def _integer(lowering: Lowering, node: Node, operands: list[Ref], dtype: DType) -> Ref:
    builder, op = lowering.builder, node.op
    if op in SWAPPED:
        return builder.arith(SWAPPED[op], *reversed(operands), dtype=dtype)
    if op in BINARY and len(operands) > 1:
        total = operands[0]
        for operand in operands[1:]:
            total = builder.arith(BINARY[op], total, operand, dtype=dtype)
        return total
    if op == "Where":
        return builder.arith(ArithKind.SELECT, *operands, dtype=dtype)
    return _unary(lowering, node, operands[0], dtype)


def _unary(lowering: Lowering, node: Node, x: Ref, dtype: DType) -> Ref:
    builder = lowering.builder
    if node.op == "Cast":
        return _cast(lowering, node, x, dtype)
    if node.op == "Neg":
        return builder.arith(ArithKind.SUB, 0, x, dtype=dtype)
    if node.op == "Abs":
        return builder.arith(ArithKind.MAX, x, builder.arith(ArithKind.SUB, 0, x), dtype=dtype)
    if node.op == "Not":
        return builder.arith(ArithKind.EQUAL, x, 0, dtype=dtype)
    raise refuse(node, f"{node.op} has no exact form on integers", "Do this before the model, or on real numbers.")


def _cast(lowering: Lowering, node: Node, x: Ref, dtype: DType) -> Ref:
    builder, target = lowering.builder, node.outputs[0]
    if lowering.value(target).is_float:
        held = lowering.quantisation(target, node)
        return builder.requantize(x, 1 / float(held.scale), held.zero, held.dtype)
    if lowering.value(target).dtype == np.bool_:
        return builder.arith(ArithKind.SUB, 1, builder.arith(ArithKind.EQUAL, x, 0), dtype=dtype)
    return builder.arith(ArithKind.ADD, x, 0, dtype=dtype)
