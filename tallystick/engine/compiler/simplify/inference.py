"""Shape and dtype of what a node gives, from those of what it reads and from the constants among them.

All of it is done here, in integers that do not run over and before anything is allocated. ONNX's own inference is not asked:
it divides by attributes and allocates by them, so that a hostile node ends the process. `inference_*` hold the rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from tallystick.engine.compiler.graph import Value
from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.refusal import refuse, shown
from tallystick.engine.compiler.simplify.inference_axes import AXES
from tallystick.engine.compiler.simplify.inference_dtypes import result_dtypes
from tallystick.engine.compiler.simplify.inference_elements import ELEMENTS
from tallystick.engine.compiler.simplify.inference_foreign import FOREIGN
from tallystick.engine.compiler.simplify.inference_moves import MOVES
from tallystick.engine.compiler.simplify.inference_picks import PICKS
from tallystick.engine.compiler.simplify.inference_products import PRODUCTS
from tallystick.engine.compiler.simplify.inference_windows import WINDOWS
from tallystick.engine.compiler.simplify.operands import MOST_DIMS, Operands

Inferred = tuple[tuple[int, ...], np.dtype[Any]]
SHAPES = {**ELEMENTS, **MOVES, **PICKS, **AXES, **PRODUCTS, **WINDOWS}
"""The rules for operators of ONNX's own domain: the shapes of all outputs that one can have."""


def infer(
    node: onnx.NodeProto,
    attributes: Mapping[str, Any],
    schema: Any | None,
    values: Mapping[str, Value],
    *,
    wanted: frozenset[str],
    limits: Limits,
) -> dict[str, Inferred]:
    """By name, of the outputs that are wanted.

    Args:
        node: Of an operator that some rule of the simplifier takes.
        attributes: Its attributes, checked.
        schema: ONNX's definition of the operator; None where it has none.
        values: At least what the node reads.
        wanted: Names of outputs.
        limits: On the elements of each output.

    Raises:
        ModelError: Operands that do not go together, an output without static shape, or one that is too large.
    """
    inputs = [values[name] if name else None for name in node.input]
    operands = Operands(node, attributes, inputs, 0 if schema is None else schema.since_version)
    foreign, rule = FOREIGN.get((node.domain, node.op_type)), SHAPES.get(node.op_type)
    try:
        if foreign is not None:
            results = foreign(operands)
        elif schema is not None and rule is not None and not node.domain:
            dtypes = result_dtypes(operands, schema)
            results = list(zip(rule(operands), dtypes, strict=False))
        else:
            raise refuse(node, "it is not an operator that the compiler knows", "Export with standard ONNX operators.")
    except (ValueError, ArithmeticError) as error:  # a number of the file that is no integer: NaN, infinity
        raise refuse(node, f"it is not valid: {str(error)[:200]}", "Export the model again.") from error
    found = dict(zip(node.output, results, strict=False))
    for name in wanted:
        _check(node, name, found, limits)
    return {name: found[name] for name in node.output if name in wanted}


def _check(node: onnx.NodeProto, name: str, found: Mapping[str, Inferred], limits: Limits) -> None:
    if name not in found:
        raise refuse(node, f"it gives {shown(name)}, which its operator does not give", "Export the model again.")
    shape, _ = found[name]
    if len(shape) > MOST_DIMS:
        raise refuse(node, f"it gives {shown(name)} of {len(shape)} dims; a tensor may have {MOST_DIMS}")
    if any(dim < 0 for dim in shape) or max(math.prod(shape), *shape, 0) > limits.elements:
        raise refuse(node, f"it gives {shown(name)} of shape {shape}; a tensor may have {limits.elements:,} elements")
