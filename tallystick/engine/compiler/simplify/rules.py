"""Which rule rewrites which operator. What has no rule is refused."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.engine.compiler.graph import Graph, Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify import elementwise, layout, matrices, norms, reductions, resizing, windows
from tallystick.engine.compiler.simplify.pools import GLOBAL_POOLS, POOLS
from tallystick.engine.compiler.simplify.rewriter import Rewriter

Rule = Callable[[Rewriter, Node], None]
NO_RULE = "the operator is not supported"
REMEDY = "Replace it in the model by operators that are, or compute it before the model."

RULES: dict[str, Rule] = {
    **dict.fromkeys(elementwise.KEPT, elementwise.kept),
    **dict.fromkeys(("Max", "Min", "Sum", "Mean"), elementwise.chained),
    **dict.fromkeys(("Cast", "CastLike"), elementwise.cast),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), elementwise.quantised_by_axis),
    **dict.fromkeys(("QLinearMatMul", "MatMulInteger", "DynamicQuantizeLinear"), elementwise.kept),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), layout.reshaped),
    **dict.fromkeys(("Conv", "QLinearConv", "ConvInteger"), windows.convolved),
    **dict.fromkeys((*POOLS, *GLOBAL_POOLS), windows.pooled),
    **dict.fromkeys((*reductions.PLAIN, *reductions.COMPOSED), reductions.reduced),
    **dict.fromkeys(("ArgMax", "ArgMin"), reductions.largest),
    **dict.fromkeys(("Softmax", "LogSoftmax"), reductions.softmaxed),
    "Identity": elementwise.same,
    "Dropout": elementwise.dropped_out,
    "Clip": elementwise.clipped,
    "Swish": elementwise.swish,
    "Trilu": elementwise.triangle,
    "Transpose": layout.transposed,
    "Slice": layout.sliced,
    "Split": layout.split,
    "Pad": layout.padded,
    "Expand": layout.expanded,
    "Tile": layout.tiled,
    "Concat": layout.concatenated,
    "Gather": layout.gathered,
    "GatherElements": layout.gathered_elements,
    "DepthToSpace": layout.depth_to_space,
    "SpaceToDepth": layout.space_to_depth,
    "Resize": resizing.resized,
    "Gemm": matrices.gemm,
    "MatMul": matrices.matrix_product,
    "BatchNormalization": norms.batch_normalised,
    "LayerNormalization": norms.layer_normalised,
    "InstanceNormalization": norms.instance_normalised,
    "GroupNormalization": norms.group_normalised,
}
ML_RULES: dict[str, Rule] = dict.fromkeys(
    ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble"), elementwise.trees
)
MICROSOFT_RULES: dict[str, Rule] = {
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), elementwise.quantised_by_axis),
    **dict.fromkeys(
        ("QLinearAdd", "QLinearMul", "QLinearWhere", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax"),
        elementwise.kept,
    ),
    **dict.fromkeys(("QLinearConcat", "QLinearReduceMean", "MatMulIntegerToFloat"), elementwise.kept),
    **dict.fromkeys(("QLinearAveragePool", "QLinearGlobalAveragePool"), windows.pooled),
    **dict.fromkeys(("Gelu", "FastGelu"), elementwise.fast_gelu),
    "QGemm": matrices.integer_gemm,
}
BY_DOMAIN = {"": RULES, "ai.onnx.ml": ML_RULES, "com.microsoft": MICROSOFT_RULES}


def has_rule(domain: str, op: str) -> bool:
    return op in BY_DOMAIN.get(domain, {})


def apply_rules(graph: Graph, opset: int) -> Graph:
    """The graph with each node replaced by what its rule writes. Raises ModelError for a node without one."""
    r = Rewriter(graph, opset)
    for node in graph.nodes:
        rule = BY_DOMAIN.get(node.domain, {}).get(node.op)
        if rule is None:
            raise refuse(node, NO_RULE, REMEDY)
        r.begin(node)
        try:
            rule(r, node)
        except (ValueError, LookupError, ArithmeticError) as error:
            # Operands that ONNX forbids and inference let pass: the file is at fault, not the caller.
            raise refuse(node, f"it is not valid: {str(error)[:200]}", "Export the model again.") from error
    return r.finish()
