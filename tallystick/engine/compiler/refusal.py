"""How the compiler says no to a node: which one, why, and what would help."""

from __future__ import annotations

import onnx

from tallystick.engine.compiler.graph import Node
from tallystick.errors import ModelError

_SHOWN = 80
"""Characters of a name that go into a message: names come from the file, and may be as long as it."""
_REASON = 500
"""Characters of a reason: the lists of integers in it come from the file too."""


def shown(name: str) -> str:
    """A name of the file, quoted, and cut where it is long."""
    return repr(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!r}..."


def described(node: Node | onnx.NodeProto) -> str:
    """A node by its operator and its name, or by what it gives where it has none."""
    if isinstance(node, Node):
        op, domain, outputs = node.op, node.domain, node.outputs
    else:
        op, domain, outputs = node.op_type, node.domain, list(node.output)
    kind = f"{domain}.{op}" if domain else op
    kind = kind if len(kind) <= _SHOWN else f"{kind[:_SHOWN]}..."
    if node.name:
        return f"{kind} {shown(node.name)}"
    return f"{kind} that gives {shown(outputs[0])}" if outputs else f"A {kind} that gives nothing"


def refuse(node: Node | onnx.NodeProto, reason: str, remedy: str = "") -> ModelError:
    """The error to raise.

    Args:
        node: The node that cannot be compiled.
        reason: What is wrong with it, with the values: a clause in which "it" or "its" is the node, without its full stop.
        remedy: What to do; a full sentence.
    """
    reason = reason if len(reason) <= _REASON else f"{reason[:_REASON]}..."
    return ModelError(f"{described(node)}: {reason}.", remedy=remedy)
