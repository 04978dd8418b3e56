"""An If whose condition is known is the branch that it takes."""

from __future__ import annotations

import onnx

from tallystick.engine.compiler.graph import Array
from tallystick.engine.compiler.load_order import branches
from tallystick.engine.compiler.refusal import refuse


def taken_branch(node: onnx.NodeProto, condition: Array | None) -> onnx.GraphProto:
    """A copy of the branch, whose own tensors have names that nothing else has, and which gives the If's outputs.

    Raises:
        ModelError: The condition depends on an input.
    """
    if condition is None or condition.size != 1:
        raise refuse(
            node,
            "it has a condition that depends on the input",
            "Compute both sides and choose with Where; a program has no control flow.",
        )
    wanted = "then_branch" if bool(condition.reshape(-1)[0]) else "else_branch"
    found = [attribute.g for attribute in node.attribute if attribute.name == wanted and attribute.HasField("g")]
    if not found or len(found[0].output) < len(node.output):
        raise refuse(node, f"it has no {wanted} that gives its {len(node.output)} outputs")
    branch: onnx.GraphProto = onnx.GraphProto.FromString(found[0].SerializeToString())
    # The If's first output is a name that the model has only once, so no two branches get the same names.
    stem = next(name for name in node.output if name)
    own = {name for inner in branch.node for name in inner.output} | {tensor.name for tensor in branch.initializer}
    _rename(branch, {name: f"{stem}/{name}" for name in own if name})
    for name, output in zip(node.output, branch.output, strict=False):
        if name:
            branch.node.append(onnx.NodeProto(op_type="Identity", input=[output.name], output=[name]))
    return branch


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    """In the graph and in every branch below it, which may read what is around it."""
    waiting = [graph]
    while waiting:
        inner = waiting.pop()
        for item in (*inner.output, *inner.initializer):
            item.name = names.get(item.name, item.name)
        for node in inner.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
            waiting.extend(branches(node))
