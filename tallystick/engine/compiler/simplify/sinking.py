"""One-dimensional networks: what an elementwise node does to [N, C, L] it may as well do to the image [N, C, 1, L].

Convolutions and pools of ours work on images; without this a Reshape would stand before and behind each of them, and a constant
factor behind a Conv could not join it.
"""

from __future__ import annotations

from tallystick.engine.compiler.graph import Graph, Node
from tallystick.engine.compiler.simplify.elementwise import KEPT
from tallystick.engine.compiler.simplify.passes import run_pass
from tallystick.engine.compiler.simplify.rewriter import Rewriter, Shape

_ROW_RANK, _IMAGE_RANK = 3, 4


def sink_rows(graph: Graph) -> Graph:
    """Elementwise nodes on rows that were images until a Reshape work on the images; the Reshape follows them."""
    return run_pass(graph, dict.fromkeys((*KEPT, "Clip", "Max", "Min"), _sink))


def _sink(r: Rewriter, node: Node) -> bool:
    result = node.outputs[0]
    shape = r.shape(result)
    if len(shape) != _ROW_RANK or not any(_image_of(r, name, shape) for name in node.inputs if name):
        return False
    inputs = [_lifted(r, name, shape) if name else "" for name in node.inputs]
    if any(lifted is None for lifted in inputs):
        return False
    image = (*shape[:2], 1, shape[2])
    names = [lifted for lifted in inputs if lifted is not None]
    made = r.emit(node.op, names, image, like=result, **node.attributes)
    r.reshape(made, shape, result)
    return True


def _image_of(r: Rewriter, name: str, shape: Shape) -> str | None:
    """The image that a Reshape made these rows of."""
    maker = r.writer(name)
    if maker is None or maker.op != "Reshape" or r.shape(name) != shape:
        return None
    image = maker.inputs[0]
    return image if r.shape(image) == (*shape[:2], 1, shape[2]) else None


def _lifted(r: Rewriter, name: str, shape: Shape) -> str | None:
    """An operand for the image: what it was made of, or a constant with another dim; None where that costs a Reshape."""
    content = r.constant(name)
    if content is None:
        return _image_of(r, name, shape)
    if content.ndim < 2:
        return name  # along L, or one number: numpy's rules put the rest before it
    return r.reshape(name, (*content.shape[:-1], 1, content.shape[-1]))
