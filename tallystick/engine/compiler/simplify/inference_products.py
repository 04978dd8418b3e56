"""Shapes of products of matrices."""

from __future__ import annotations

from tallystick.engine.compiler.simplify.inference_elements import ShapeRule
from tallystick.engine.compiler.simplify.operands import Operands, Shape


def product(operands: Operands, first: int, second: int) -> Shape:
    """Of the matrix product of two inputs, as numpy has it: leading dims are repeated, a vector is a row or a column."""
    left, right = operands.shape(first), operands.shape(second)
    wrong = operands.refusal(f"it multiplies {left} by {right}")
    if not left or not right:
        raise wrong
    a = (1, *left) if len(left) == 1 else left
    b = (*right, 1) if len(right) == 1 else right
    if a[-1] != b[-2]:
        raise wrong
    leading = operands.broadcast(a[:-2], b[:-2])
    return (*leading, *(a[-2:-1] if len(left) > 1 else ()), *(b[-1:] if len(right) > 1 else ()))


def affine(operands: Operands, first: int, second: int) -> Shape:
    """Of the product of two matrices, each of which may be turned round."""
    left, right = operands.shape(first), operands.shape(second)
    if len(left) != 2 or len(right) != 2:
        raise operands.refusal(f"it multiplies shapes {left} and {right}, which are not both matrices")
    a = left[::-1] if operands.attributes.get("transA", 0) else left
    b = right[::-1] if operands.attributes.get("transB", 0) else right
    if a[1] != b[0]:
        raise operands.refusal(f"it multiplies {a} by {b}")
    return a[0], b[1]


def _gemm(operands: Operands) -> list[Shape]:
    shape = affine(operands, 0, 1)
    operands.fits(2, shape)
    return [shape]


def _plain(operands: Operands) -> list[Shape]:
    return [product(operands, 0, 1)]


def _quantised(operands: Operands) -> list[Shape]:
    return [product(operands, 0, 3)]


PRODUCTS: dict[str, ShapeRule] = {
    "Gemm": _gemm,
    "MatMul": _plain,
    "MatMulInteger": _plain,
    "QLinearMatMul": _quantised,
}
