"""What every elementwise ONNX operator does to real numbers, in double precision: what tables are filled from.

A table is a constant of the program, so nothing depends on how exactly it was made; only its content is committed to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tallystick.engine.compiler.graph import Array, Node

Function = Callable[..., Array]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))  # does not overflow


def _gelu(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))
    return np.asarray(0.5 * x * (1.0 + _erf(x / math.sqrt(2.0))))


def _hard_sigmoid(x: Array, alpha: float = 0.2, beta: float = 0.5) -> Array:
    return np.asarray(np.clip(alpha * x + beta, 0.0, 1.0))


def _text(value: object, default: str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or default)


def _power(x: Array, y: Array) -> Array:
    return np.power(x, y)


PLAIN: dict[str, Function] = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Div": np.divide,
    "Equal": np.equal,
    "Erf": _erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "HardSwish": lambda x: x * _hard_sigmoid(x, 1 / 6, 0.5),
    "Identity": np.asarray,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Mish": lambda x: x * np.tanh(np.logaddexp(0.0, x)),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": _power,
    "PRelu": lambda x, slope: np.where(x < 0, slope * x, x),
    "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0.0),
    "Round": np.rint,
    "Sigmoid": _sigmoid,
    "Sign": np.sign,
    "Sin": np.sin,
    "Softplus": lambda x: np.logaddexp(0.0, x),
    "Softsign": lambda x: x / (1.0 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tanh": np.tanh,
    "Where": np.where,
    "Xor": np.logical_xor,
}

# These read attributes: name -> defaults, in the order of the function's parameters.
WITH_ATTRIBUTES: dict[str, tuple[Function, dict[str, float]]] = {
    "Celu": (lambda x, alpha: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)), {"alpha": 1.0}),
    "Elu": (lambda x, alpha: np.where(x < 0, alpha * np.expm1(x), x), {"alpha": 1.0}),
    "HardSigmoid": (_hard_sigmoid, {"alpha": 0.2, "beta": 0.5}),
    "LeakyRelu": (lambda x, alpha: np.where(x < 0, alpha * x, x), {"alpha": 0.01}),
    "Selu": (
        lambda x, alpha, gamma: gamma * np.where(x > 0, x, alpha * np.expm1(x)),
        {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    ),
    "Swish": (lambda x, alpha: x * _sigmoid(alpha * x), {"alpha": 1.0}),
    "ThresholdedRelu": (lambda x, alpha: np.where(x > alpha, x, 0.0), {"alpha": 1.0}),
}

VARIADIC: dict[str, Function] = {"Max": np.maximum, "Min": np.minimum, "Sum": np.add}


def _clip(node: Node, operands: Sequence[Array | None]) -> Array:
    """Bounds come as operands, or as attributes before opset 11."""
    x, *bounds = operands
    low = bounds[0] if bounds and bounds[0] is not None else node.attributes.get("min", -np.inf)
    high = bounds[1] if len(bounds) > 1 and bounds[1] is not None else node.attributes.get("max", np.inf)
    return np.asarray(np.minimum(np.maximum(np.asarray(x), low), high))


def _variadic(function: Function, operands: Sequence[Array | None]) -> Array:
    total, *rest = (np.asarray(operand) for operand in operands)
    for operand in rest:
        total = np.asarray(function(total, operand))
    return total


def evaluate(node: Node, operands: Sequence[Array | None]) -> Array:
    """One elementwise node on doubles or booleans. Overflow gives infinity and 0/0 gives NaN, as in ONNX; callers bound."""
    with np.errstate(all="ignore"):
        return _evaluate(node, operands)


def _evaluate(node: Node, operands: Sequence[Array | None]) -> Array:
    attributes: dict[str, Any] = node.attributes
    if node.op in PLAIN:
        return PLAIN[node.op](*operands)
    if node.op in WITH_ATTRIBUTES:
        function, defaults = WITH_ATTRIBUTES[node.op]
        return function(*operands, *(float(attributes.get(name, value)) for name, value in defaults.items()))
    if node.op in VARIADIC:
        return _variadic(VARIADIC[node.op], operands)
    return SPECIAL[node.op](node, operands)


_FLOATS, _BOOL = (1, 10, 11, 16), 9  # of onnx.TensorProto.DataType


def _cast(x: Array, to: int) -> Array:
    if to in _FLOATS:
        return x.astype(np.float64)
    return x.astype(np.bool_) if to == _BOOL else np.trunc(x.astype(np.float64))


SPECIAL: dict[str, Callable[[Node, Sequence[Array | None]], Array]] = {
    "Cast": lambda node, operands: _cast(np.asarray(operands[0]), int(node.attributes["to"])),
    "Clip": _clip,
    "Gelu": lambda node, operands: _gelu(np.asarray(operands[0]), _text(node.attributes.get("approximate"), "none")),
    "Mean": lambda _, operands: _variadic(np.add, operands) / len(operands),
}

ELEMENTWISE = frozenset({*PLAIN, *WITH_ATTRIBUTES, *VARIADIC, *SPECIAL})


def is_elementwise(node: Node) -> bool:
    return node.domain == "" and node.op in ELEMENTWISE
