"""Nodes whose inputs are all known are computed at once, if what they give and what that takes is bounded beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tallystick.engine.compiler.graph import Array
from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.inference import Inferred

_FOLDED = """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh BatchNormalization BitShift Cast CastLike Ceil Clip Concat
    ConstantOfShape Cos Cosh CumSum DepthToSpace Div Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements Gemm
    Greater GreaterOrEqual HardSigmoid Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log MatMul Max Mean Min Mod Mul Neg
    Not Or Pad Pow PRelu Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceL2 ReduceSumSquare Relu
    Reshape Round Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh
    Tile Transpose Trilu Unsqueeze Where Xor
"""
FOLDED = frozenset(_FOLDED.split())
SLOW = frozenset(["GatherND", "NonZero", "OneHot", "ScatterElements", "ScatterND", "TopK"])
"""Computed element by element in Python, so only where they are short."""
SHORT = 2**14
_FREE = 2**22
"""Elements that a constant may have whatever it is made from; more than that only where its inputs have as many."""

_SLOWER = 32


class Folder:
    """Computes constants; holds one model's bounds on them."""

    def __init__(self, opset: int, limits: Limits) -> None:
        self._opset = opset
        self._elements = limits.folded
        self._work = limits.work
        self._most = limits.elements

    def folds(self, node: onnx.NodeProto, inputs: Sequence[Array | None]) -> bool:
        """Whether the operator is one that is computed when its inputs are known."""
        if node.domain:
            return False
        sizes = [array.size for array in inputs if array is not None]
        return node.op_type in FOLDED or (node.op_type in SLOW and sum(sizes) <= SHORT)

    def fold(self, node: onnx.NodeProto, inputs: Sequence[Array | None], shapes: Sequence[Inferred]) -> list[Array]:
        """What the node gives.

        Args:
            node: One that `folds`.
            inputs: Its inputs; None for one that is left out.
            shapes: Of its outputs, where they could be inferred.

        Raises:
            ModelError: More elements than allowed (nothing is allocated then), or an operator that fails on its inputs.
        """
        self._pay(node, inputs, shapes)
        names = [f"i{place}" if array is not None else "" for place, array in enumerate(inputs)]
        outputs = [f"o{place}" if name else "" for place, name in enumerate(node.output)]
        copy = onnx.NodeProto(op_type=node.op_type, input=names, output=outputs, attribute=node.attribute)
        infos = [onnx.ValueInfoProto(name=name) for name in names if name]
        results = [onnx.ValueInfoProto(name=name) for name in outputs if name]
        feeds = {name: array for name, array in zip(names, inputs, strict=True) if array is not None}
        try:
            with np.errstate(all="ignore"):
                graph = helper.make_graph([copy], "constant", infos, results)
                found = ReferenceEvaluator(graph, opsets={"": self._opset}).run(None, feeds)
        except Exception as error:  # the evaluator raises whatever numpy did
            reason = f"it cannot be computed from its constants: {str(error)[:200]}"
            raise refuse(node, reason, "Export the model again.") from error
        return [np.asarray(array) for array in found]

    def _pay(self, node: onnx.NodeProto, inputs: Sequence[Array | None], shapes: Sequence[Inferred]) -> None:
        given = sum(array.size for array in inputs if array is not None)
        made = sum(math.prod(shape) for shape, _ in shapes)
        if node.op_type == "NonZero":
            made = given * max((array.ndim for array in inputs if array is not None), default=1)
        if made > max(_FREE, given) or made > self._most:
            raise refuse(
                node,
                f"it makes a constant of {made:,} elements from {given:,}",
                "Let it depend on an input, or save the constant itself in the file.",
            )
        self._elements -= made
        self._work -= made * _inner(node, inputs) + given
        if self._elements < 0 or self._work < 0:
            raise refuse(node, "it is one constant too many to compute", "Simplify the model before it is compiled.")


def _inner(node: onnx.NodeProto, inputs: Sequence[Array | None]) -> int:
    """Multiplications for one element of the result; those that no library makes fast count for many."""
    if node.op_type not in ("MatMul", "Gemm"):
        return 1
    arrays = [array for array in inputs if array is not None]
    fast = all(array.dtype in (np.float32, np.float64) for array in arrays)
    return (1 if fast else _SLOWER) * max((dim for array in arrays for dim in array.shape), default=1)
