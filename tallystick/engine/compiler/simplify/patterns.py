"""Small graphs that exporters write for one operator: LayerNormalization and Gelu."""

from __future__ import annotations

import math

import numpy as np

from tallystick.engine.compiler.graph import Graph, Node
from tallystick.engine.compiler.simplify.norms import write_layer_norm
from tallystick.engine.compiler.simplify.passes import run_pass
from tallystick.engine.compiler.simplify.rewriter import Rewriter, elements

_TOLERANCE = 1e-3
_DEPTH = 6
_CUBE = 0.044715


def find_patterns(graph: Graph) -> Graph:
    """Expects equal nodes merged."""
    graph = run_pass(graph, {"Div": _normal, "Mul": _normal})
    graph = run_pass(graph, {"Mul": _gain, "Add": _offset})
    return run_pass(graph, {"Mul": _gelu, "Div": _gelu})


def _made(r: Rewriter, name: str, op: str) -> list[str] | None:
    """What the node reads that gives a tensor, if it is of this operator."""
    node = r.writer(name)
    if node is None or node.op != op or node.domain:
        return None
    return [r.resolve(each) for each in node.inputs]


def _is(number: float | None, wanted: float) -> bool:
    return number is not None and math.isclose(number, wanted, rel_tol=_TOLERANCE)


def _with_scalar(r: Rewriter, inputs: list[str] | None) -> tuple[str, float] | None:
    """The other operand and the number, where one of two operands is a number."""
    for place in (0, 1) if inputs is not None and len(inputs) == 2 else ():
        number = r.scalar(inputs[place]) if inputs is not None else None
        if number is not None and inputs is not None:
            return inputs[1 - place], number
    return None


# ---- LayerNormalization -----------------------------------------------------------------------------------------------


def _normal(r: Rewriter, node: Node) -> bool:
    """(x - mean) / sqrt(variance + epsilon), also as a product with the reciprocal root."""
    first, second = (r.resolve(name) for name in node.inputs)
    pairs = [(first, second)] if node.op == "Div" else [(first, second), (second, first)]
    for centred, spread in pairs:
        inner = _root(r, spread) if node.op == "Div" else _reciprocal_root(r, spread)
        found = _with_scalar(r, _made(r, inner, "Add")) if inner else None
        x = _centred(r, centred)
        if found is None or x is None or found[1] < 0:
            continue
        axes = _mean_axes(r, centred)
        if axes is None or not _is_variance(r, found[0], centred, axes):
            continue
        rank = len(r.shape(x))
        if axes != tuple(range(axes[0], rank)):
            continue
        width = r.shape(x)[axes[0] :]
        ones = r.reshape(r.ones(elements(width), r.dtype(x)), width)
        write_layer_norm(r, [x, ones], axes[0], found[1], node.outputs[0])
        return True
    return False


def _root(r: Rewriter, name: str) -> str | None:
    inputs = _made(r, name, "Sqrt")
    if inputs is not None:
        return inputs[0]
    power = _made(r, name, "Pow")
    return power[0] if power is not None and _is(r.scalar(power[1]), 0.5) else None


def _reciprocal_root(r: Rewriter, name: str) -> str | None:
    inputs = _made(r, name, "Reciprocal")
    if inputs is not None:
        return _root(r, inputs[0])
    divided = _made(r, name, "Div")
    if divided is not None and _is(r.scalar(divided[0]), 1.0):
        return _root(r, divided[1])
    power = _made(r, name, "Pow")
    return power[0] if power is not None and _is(r.scalar(power[1]), -0.5) else None


def _centred(r: Rewriter, name: str) -> str | None:
    """x, where the tensor is x less its mean."""
    inputs = _made(r, name, "Sub")
    if inputs is None:
        return None
    mean = _made(r, inputs[1], "ReduceMean")
    return inputs[0] if mean is not None and mean[0] == inputs[0] else None


def _mean_axes(r: Rewriter, name: str) -> tuple[int, ...] | None:
    inputs = _made(r, name, "Sub")
    node = r.writer(inputs[1]) if inputs is not None else None
    return tuple(node.attributes["axes"]) if node is not None else None


def _is_variance(r: Rewriter, name: str, centred: str, axes: tuple[int, ...]) -> bool:
    node = r.writer(name)
    if node is None or node.op != "ReduceMean" or tuple(node.attributes["axes"]) != axes:
        return False
    squared = r.resolve(node.inputs[0])
    power = _made(r, squared, "Pow")
    if power is not None:
        return power[0] == centred and _is(r.scalar(power[1]), 2.0)
    return _made(r, squared, "Mul") == [centred, centred]


def _affine_operand(r: Rewriter, node: Node) -> tuple[Node, str] | None:
    """The LayerNormalization and the constant along its axis that a Mul or an Add joins."""
    names = [r.resolve(name) for name in node.inputs]
    for place in (0, 1):
        norm, content = r.writer(names[place]), r.constant(names[1 - place])
        if norm is None or norm.op != "LayerNormalization" or content is None:
            continue
        width = r.shape(names[place])[-1]
        if r.shape(node.outputs[0]) == r.shape(names[place]) and content.size in (1, width):
            if content.ndim and content.shape[-1] != content.size:
                continue
            full = np.broadcast_to(content.reshape(-1), (width,))
            return norm, r.hold(names[1 - place], full.copy())
    return None


def _gain(r: Rewriter, node: Node) -> bool:
    found = _affine_operand(r, node)
    if found is None or len(found[0].inputs) > 2:
        return False
    norm, gain = found
    before, factor = r.constant(norm.inputs[1]), r.constant(gain)
    if before is None or factor is None:
        return False
    both = r.hold(gain, before * factor, before.dtype)
    r.write(Node(norm.op, [norm.inputs[0], both], list(node.outputs), norm.attributes, norm.name))
    return True


def _offset(r: Rewriter, node: Node) -> bool:
    found = _affine_operand(r, node)
    if found is None or len(found[0].inputs) > 2:
        return False
    norm, offset = found
    r.write(Node(norm.op, [*norm.inputs, offset], list(node.outputs), norm.attributes, norm.name))
    return True


# ---- Gelu -------------------------------------------------------------------------------------------------------------


def _factors(r: Rewriter, name: str, stop: str, depth: int = _DEPTH) -> tuple[float, list[str]]:
    """A product taken apart: the number in it, and the tensors. `stop` is not taken apart."""
    name = r.resolve(name)
    number = r.scalar(name)
    if number is not None:
        return number, []
    product = _made(r, name, "Mul") if depth and name != stop else None
    if product is not None:
        (a, left), (b, right) = (_factors(r, each, stop, depth - 1) for each in product)
        return a * b, left + right
    divided = _made(r, name, "Div") if depth and name != stop else None
    divisor = r.scalar(divided[1]) if divided is not None else None
    if divided is not None and divisor:
        a, left = _factors(r, divided[0], stop, depth - 1)
        return a / divisor, left
    return 1.0, [name]


def _gelu(r: Rewriter, node: Node) -> bool:
    """x / 2 * (1 + erf(x / sqrt 2)), or with tanh, its product in any order."""
    parts = [_factors(r, name, "") for name in node.inputs]
    for gate in [name for _, names in parts for name in names]:
        shifted = _with_scalar(r, _made(r, gate, "Add"))
        found = _gated(r, shifted[0]) if shifted is not None and _is(shifted[1], 1.0) else None
        if found is None:
            continue
        x, approximate = found
        sides = [_factors(r, name, x) for name in node.inputs]
        number = sides[0][0] * sides[1][0]
        if node.op == "Div":
            divisor = r.scalar(node.inputs[1])
            if not divisor:
                return False
            number, sides = sides[0][0] / divisor, [sides[0]]
        names = sorted(name for _, each in sides for name in each)
        if names == sorted([x, gate]) and _is(number, 0.5):
            r.emit("Gelu", [x], r.shape(x), like=x, to=node.outputs[0], approximate=approximate)
            return True
    return False


def _gated(r: Rewriter, name: str) -> tuple[str, str] | None:
    """x and the kind of gate, where the tensor is erf or tanh as Gelu has it."""
    for op, approximate in (("Erf", "none"), ("Tanh", "tanh")):
        inputs = _made(r, name, op)
        if inputs is None:
            continue
        x = _erf_argument(r, inputs[0]) if op == "Erf" else _tanh_argument(r, inputs[0])
        return (x, approximate) if x is not None else None
    return None


def _erf_argument(r: Rewriter, name: str) -> str | None:
    for op, wanted in (("Div", math.sqrt(2)), ("Mul", math.sqrt(0.5))):
        inputs = _made(r, name, op)
        found = _with_scalar(r, inputs)
        if found is not None and _is(found[1], wanted) and (op == "Mul" or inputs == [found[0], (inputs or [""])[-1]]):
            return found[0]
    return None


def _tanh_argument(r: Rewriter, name: str) -> str | None:
    """x of sqrt(2 / pi) * (x + 0.044715 * x^3)."""
    found = _with_scalar(r, _made(r, name, "Mul"))
    terms = _made(r, found[0], "Add") if found is not None and _is(found[1], math.sqrt(2 / math.pi)) else None
    for place in (0, 1) if terms is not None else ():
        x, cubed = (terms[place], terms[1 - place]) if terms is not None else ("", "")
        number, names = _factors(r, cubed, x)
        power = _made(r, names[0], "Pow") if len(names) == 1 else None
        is_cube = names == [x] * 3 or (power is not None and power[0] == x and _is(r.scalar(power[1]), 3.0))
        if _is(number, _CUBE) and is_cube:
            return x
    return None
