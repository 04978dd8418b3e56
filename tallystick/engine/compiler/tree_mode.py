"""Tree models that were exported as tensors: gathers, comparisons and integer arithmetic, node by node.

Real inputs are order images (docs/determinism.md), which are moved and compared exactly; the leaves' numbers are fixed point, and a
Softmax or Sigmoid at the end gives 8-bit probabilities. Ensembles as single nodes of ai.onnx.ml may be among them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.compiler.fixed_point import (
    PROBABILITY,
    fixed_point,
    fixed_sigmoid,
    held_fixed,
    shift_of,
    sigmoid,
)
from tallystick.engine.compiler.gathering import counted_from_front
from tallystick.engine.compiler.graph import Graph, Node, Quantisation
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.softmax import softmax
from tallystick.engine.compiler.tree_forms import (
    COMPARISONS,
    Form,
    Forms,
    is_tree_graph,
    is_trees,
    moved,
    never_negative,
    point_of,
)
from tallystick.engine.compiler.tree_moves import MOVES, scaled, summed
from tallystick.engine.compiler.trees import lower_trees
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.order import order_image
from tallystick.engine.program import Ref

__all__ = ["is_tree_graph", "lower_tree_graph"]

PLAIN = "docs/determinism.md lists what tree models can do."


@dataclasses.dataclass(frozen=True)
class _Held:
    """A tensor in one form; `quantisation` is that of a REAL."""

    ref: Ref
    quantisation: Quantisation | None = None


def lower_tree_graph(graph: Graph, builder: ProgramBuilder, inputs: Mapping[str, Ref]) -> dict[str, Ref]:
    """The graph's outputs as steps of `builder`.

    Args:
        graph: From `simplify`, one that `is_tree_graph` holds for. The values of its real outputs are given the quantisation that
            they come to have.
        builder: Takes the steps.
        inputs: By name, each i32 or 8-bit in the graph's own shape: order images where real, integers where not.

    Raises:
        ModelError: an operator or a number that has no exact counterpart.
    """
    lowering = _Lowering(graph, builder, inputs)
    for node in graph.nodes:
        builder.scope = node.name or node.outputs[0]
        lowering.add(node)
    return {name: lowering.result(name) for name in graph.outputs}


class _Lowering:
    def __init__(self, graph: Graph, builder: ProgramBuilder, inputs: Mapping[str, Ref]) -> None:
        self.graph, self.builder = graph, builder
        self.forms = Forms(graph)
        self.bits = point_of(graph, self.forms)
        self.point = fixed_point(self.bits)
        self.held: dict[tuple[str, Form], _Held] = {}
        self.makers = graph.producers()
        self.readers = graph.readers()
        self.from_front = never_negative(graph)
        for name, ref in inputs.items():
            form = Form.IMAGE if graph.values[name].is_float else Form.WHOLE
            self.held[name, form] = _Held(ref)

    # ---- operands and results -------------------------------------------------------------------------------------

    def get(self, node: Node, place: int, form: Form) -> _Held:
        """An operand in a form; constants are made as they are asked for."""
        name = node.inputs[place]
        if (name, form) not in self.held:
            self.held[name, form] = self._constant(node, name, form)
        return self.held[name, form]

    def _constant(self, node: Node, name: str, form: Form) -> _Held:
        array = self.graph.constant(name)
        if array is None:
            raise refuse(node, f"it reads {name!r} as a {form.value}, which it is not", PLAIN)
        if form is Form.IMAGE:
            return _Held(self.builder.constant(order_image(np.asarray(array))))
        if form is Form.REAL:
            return _Held(self.builder.constant(held_fixed(array, self.bits)), self.point)
        whole = np.asarray(array).astype(np.int64)
        if whole.size and (whole.min() < DType.I32.low or whole.max() > DType.I32.high):
            raise refuse(
                node, f"it reads the integers {whole.min()} to {whole.max()}, beyond 32 bits", "Use smaller integers."
            )
        return _Held(self.builder.constant(whole.astype(np.int32)))

    def whole(self, node: Node, place: int) -> Ref:
        return self.get(node, place, Form.WHOLE).ref

    def fixed(self, node: Node, place: int) -> Ref:
        """A REAL with the graph's own point."""
        held = self.get(node, place, Form.REAL)
        if held.quantisation != self.point:
            raise refuse(
                node, "it computes with scores that have their final form", "Leave out what follows the scores."
            )
        return held.ref

    def put(self, node: Node, form: Form, ref: Ref, quantisation: Quantisation | None = None) -> None:
        self.held[node.outputs[0], form] = _Held(ref, quantisation)

    def result(self, name: str) -> Ref:
        value = self.graph.values[name]
        node = self.makers.get(name) or Node("Output", [name], [name])
        held = self.get(Node(node.op, [name], [name], {}, node.name), 0, Form.REAL if value.is_float else Form.WHOLE)
        value.quantisation = held.quantisation
        return held.ref

    # ---- nodes ----------------------------------------------------------------------------------------------------

    def add(self, node: Node) -> None:
        if is_trees(node):
            self._trees(node)
        elif moved(node):
            self._move(node)
        elif node.op in RULES and not node.domain:
            RULES[node.op](self, node)
        else:
            raise refuse(node, "it is not supported in a tree model", PLAIN)

    def _trees(self, node: Node) -> None:
        result = lower_trees(self.builder, node, self.get(node, 0, Form.IMAGE).ref)
        classifier = node.op == "TreeEnsembleClassifier"
        label, scores = (*node.outputs, "")[:2] if classifier else ("", node.outputs[0])
        if label and result.labels is not None:
            self.held[label, Form.WHOLE] = _Held(result.labels)
        elif label and self.forms.of[label]:
            raise refuse(
                node,
                "it has two classes, votes on both, and labels other than 0 and 1",
                "Take its scores as the output.",
            )
        if scores:
            self.held[scores, Form.REAL] = _Held(result.scores, result.quantisation)

    def _move(self, node: Node) -> None:
        shape = self.graph.values[node.outputs[0]].shape
        sources = list(range(len(node.inputs))) if node.op == "Concat" else [1, 2] if node.op == "Where" else [0]
        forms = self.forms.of[node.outputs[0]] if self.graph.values[node.outputs[0]].is_float else {Form.WHOLE}
        for form in sorted(forms, key=str):
            parts = [self.get(node, place, form) for place in sources]
            if any(part.quantisation != parts[0].quantisation for part in parts):
                raise refuse(node, "it mixes reals of different scales", PLAIN)
            others = [self._chosen_by(node, place) for place in range(len(node.inputs)) if place not in sources]
            ref = MOVES[node.op](self.builder, node, shape, [part.ref for part in parts], others)
            self.put(node, form, ref, parts[0].quantisation)

    def _chosen_by(self, node: Node, place: int) -> Ref:
        """The indices or the condition of a move. GATHER counts indices below 0 from the end, but flat data has another end."""
        ref = self.whole(node, place)
        if node.op == "GatherElements" and node.inputs[place] not in self.from_front:
            shape, axis = self.graph.values[node.inputs[0]].shape, int(node.attributes.get("axis", 0))
            return counted_from_front(self.builder, ref, shape[axis])
        return ref

    def stays_in_fixed_point(self, name: str) -> bool:
        """Whether something computes with a probability, so that 8 bits are too few."""
        names, seen = [name], {name}
        while names:
            for node in self.readers.get(names.pop(), []):
                if not moved(node) and node.op != "ArgMax":
                    return True
                names += [output for output in node.outputs if output not in seen]
                seen.update(node.outputs)
        return False


# ---- rules ------------------------------------------------------------------------------------------------------------

Rule = Callable[[_Lowering, Node], None]
_KINDS = {"Add": ArithKind.ADD, "Sub": ArithKind.SUB, "Mul": ArithKind.MUL, "And": ArithKind.MIN, "Or": ArithKind.MAX}


def _compare(low: _Lowering, node: Node) -> None:
    form = Form.WHOLE
    if low.graph.values[node.inputs[0]].is_float:
        form = Form.REAL if Form.REAL in low.forms.of[node.inputs[0]] and not _images(low, node) else Form.IMAGE
    a, b = (low.fixed(node, k) if form is Form.REAL else low.get(node, k, form).ref for k in (0, 1))
    if node.op.startswith("Greater"):
        a, b = b, a
    kind = ArithKind.EQUAL if node.op == "Equal" else ArithKind.LESS_EQUAL if "OrEqual" in node.op else ArithKind.LESS
    low.put(node, Form.WHOLE, low.builder.arith(kind, a, b))


def _images(low: _Lowering, node: Node) -> bool:
    """Whether both sides of a comparison are there as images."""
    return all((name, Form.IMAGE) in low.held or low.graph.constant(name) is not None for name in node.inputs)


def _arith(low: _Lowering, node: Node) -> None:
    """Add, Sub, Mul of integers or reals; And, Or of truth values."""
    kind = _KINDS[node.op]
    if not low.graph.values[node.outputs[0]].is_float:
        # Integers saturate at 32 bits, where ONNX's would go on; indices and counts are far below.
        low.put(node, Form.WHOLE, low.builder.arith(kind, low.whole(node, 0), low.whole(node, 1)))
    elif kind is ArithKind.MUL:
        _scale(low, node)
    else:
        low.put(node, Form.REAL, low.builder.arith(kind, low.fixed(node, 0), low.fixed(node, 1)), low.point)


def _scale(low: _Lowering, node: Node) -> None:
    """Mul and Div by a constant, which need not be representable with the graph's point; Mul of two reals."""
    constants = [low.graph.constant(name) for name in node.inputs]
    if node.op == "Div" or constants[1] is not None:
        place, factor = 0, np.asarray(constants[1], np.float64)
    elif constants[0] is not None:
        place, factor = 1, np.asarray(constants[0], np.float64)
    else:
        ref = low.builder.arith(ArithKind.MUL_SHIFT, low.fixed(node, 0), low.fixed(node, 1), shift=low.bits)
        low.put(node, Form.REAL, ref, low.point)
        return
    ref = scaled(low.builder, node, low.fixed(node, place), 1.0 / factor if node.op == "Div" else factor)
    low.put(node, Form.REAL, ref, low.point)


def _sum(low: _Lowering, node: Node) -> None:
    real = low.graph.values[node.outputs[0]].is_float
    x = low.fixed(node, 0) if real else low.whole(node, 0)
    axes = [int(axis) for axis in node.attributes["axes"]]
    count = int(np.prod([low.builder.dims(x)[axis] for axis in axes]))
    ref = summed(low.builder, x, axes)
    if node.op == "ReduceMean":
        if not real:
            raise refuse(node, "it takes the mean of integers", PLAIN)
        ref = scaled(low.builder, node, ref, np.array(1.0 / count))
    ref = low.builder.reshape(ref, low.graph.values[node.outputs[0]].shape)
    low.put(node, Form.REAL if real else Form.WHOLE, ref, low.point if real else None)


def _cast(low: _Lowering, node: Node) -> None:
    source, target = low.graph.values[node.inputs[0]], low.graph.values[node.outputs[0]]
    if source.is_float and target.is_float:
        low.put(node, Form.REAL, low.fixed(node, 0), low.point)
    elif source.is_float or (target.is_float and source.dtype != np.bool_):
        raise refuse(node, f"it turns {source.dtype} into {target.dtype}", PLAIN)
    elif target.is_float:
        low.put(node, Form.REAL, low.builder.arith(ArithKind.MUL, low.whole(node, 0), 1 << low.bits), low.point)
    elif target.dtype == np.bool_:
        is_zero = low.builder.arith(ArithKind.EQUAL, low.whole(node, 0), 0)
        low.put(node, Form.WHOLE, low.builder.arith(ArithKind.SUB, 1, is_zero))
    else:
        low.put(node, Form.WHOLE, low.whole(node, 0))


def _not(low: _Lowering, node: Node) -> None:
    low.put(node, Form.WHOLE, low.builder.arith(ArithKind.SUB, 1, low.whole(node, 0)))


def _negate(low: _Lowering, node: Node) -> None:
    real = low.graph.values[node.outputs[0]].is_float
    x = low.fixed(node, 0) if real else low.whole(node, 0)
    negative = low.builder.arith(ArithKind.SUB, 0, x)
    low.put(node, Form.REAL if real else Form.WHOLE, negative, low.point if real else None)


def _probability(low: _Lowering, node: Node) -> None:
    """Softmax along the last axis, Sigmoid."""
    held = low.get(node, 0, Form.REAL)
    if held.quantisation is None or held.quantisation.dtype is not DType.I32:
        raise refuse(node, "it follows another probability", PLAIN)
    out = low.point if low.stays_in_fixed_point(node.outputs[0]) else PROBABILITY
    if node.op == "Sigmoid" and out == low.point:
        ref = fixed_sigmoid(low.builder, held.ref, shift_of(float(held.quantisation.scale)) or 0, low.bits)
    elif node.op == "Sigmoid":
        ref = sigmoid(low.builder, held.ref, float(held.quantisation.scale), out)
    else:
        rank = len(low.builder.dims(held.ref))
        if int(node.attributes.get("axis", -1)) % rank != rank - 1:
            raise refuse(node, "it works along an axis that is not the last", "Transpose before it.")
        ref = softmax(low.builder, held.ref, float(held.quantisation.scale), out)
    low.put(node, Form.REAL, ref, out)


def _largest(low: _Lowering, node: Node) -> None:
    """ArgMax; of a Sigmoid it is that of what goes into it."""
    maker = low.makers.get(node.inputs[0])
    source = maker if maker is not None and maker.op == "Sigmoid" else node
    real = low.graph.values[node.inputs[0]].is_float
    x = low.get(source, 0, Form.REAL if real else Form.WHOLE).ref
    dims = low.builder.dims(x)
    axis = int(node.attributes.get("axis", 0)) % len(dims)
    size = int(np.prod(dims[:axis], dtype=np.int64)), int(np.prod(dims[axis + 1 :], dtype=np.int64))
    image = low.builder.reshape(x, (size[0], dims[axis], 1, size[1]))
    ref = low.builder.arg_max(image, Window(dims[axis], 1), (1, 1))
    low.put(node, Form.WHOLE, low.builder.reshape(ref, low.graph.values[node.outputs[0]].shape))


RULES: dict[str, Rule] = {
    **dict.fromkeys(COMPARISONS, _compare),
    **dict.fromkeys(_KINDS, _arith),
    **dict.fromkeys(("ReduceSum", "ReduceMean"), _sum),
    **dict.fromkeys(("Sigmoid", "Softmax"), _probability),
    "ArgMax": _largest,
    "Cast": _cast,
    "Div": _scale,
    "Neg": _negate,
    "Not": _not,
}
