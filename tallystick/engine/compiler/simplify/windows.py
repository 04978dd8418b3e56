"""Rules for convolutions and pools: explicit padding, always two spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tallystick.engine.compiler.graph import Node
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.compiler.simplify.pools import GLOBAL_POOLS, Span, spans
from tallystick.engine.compiler.simplify.rewriter import Rewriter, Shape

_WEIGHTS = {"Conv": 1, "QLinearConv": 3, "ConvInteger": 1}
_IMAGE_RANK = 4


def convolved(r: Rewriter, node: Node) -> None:
    """Conv, QLinearConv and ConvInteger."""
    place = _WEIGHTS[node.op]
    x, w = node.inputs[0], node.inputs[place]
    shape, weights = r.shape(x), r.shape(w)
    group = node.attributes.get("group", 1)
    _check_channels(node, shape, weights, group)
    kernel = tuple(node.attributes.get("kernel_shape") or weights[2:])
    if kernel != weights[2:]:
        raise refuse(node, f"it has a kernel_shape of {kernel} and weights of {weights}")
    found = _image_spans(spans(node, shape, kernel, node.attributes))
    inputs = [r.resolve(name) if name else "" for name in node.inputs]
    if len(shape) < _IMAGE_RANK:
        inputs[0] = r.reshape(x, _image(shape))
        inputs[place] = reshape_weights(r, w, (*weights[:2], 1, weights[2]))
    attributes = {"kernel_shape": tuple(span.kernel for span in found), **_window(found), "group": group}
    _write(r, Node(node.op, inputs, node.outputs, {}, node.name, node.domain), weights[0], found, attributes)


def _check_channels(node: Node, shape: Shape, weights: Shape, group: int) -> None:
    if len(shape) not in (3, 4) or len(weights) != len(shape):
        raise refuse(
            node,
            f"it convolves {shape} with weights of {weights}",
            "Convolutions have one or two spatial axes; unroll the third.",
        )
    if shape[1] != weights[1] * group or weights[0] % group:
        raise refuse(node, f"it has weights of {weights} in {group} groups for {shape[1]} channels")


def pooled(r: Rewriter, node: Node) -> None:
    """AveragePool, MaxPool, those over the whole image, and com.microsoft's on 8-bit integers."""
    shape = r.shape(node.inputs[0])
    if len(node.outputs) > 1:
        raise refuse(node, "it is asked where its largest elements were", "Use only its first output.")
    if len(shape) not in (3, 4):
        raise refuse(node, f"it pools over {shape}", "Pools have one or two spatial axes.")
    attributes = dict(node.attributes)
    if node.op.removeprefix("QLinear") in GLOBAL_POOLS:
        attributes = {"kernel_shape": shape[2:]}
    found = _image_spans(spans(node, shape, tuple(attributes.get("kernel_shape", ())), attributes))
    for span in found:
        if max(span.begin, span.end) >= span.reach:
            raise refuse(
                node,
                f"it pads {max(span.begin, span.end)} places for a window of {span.reach}",
                "Pad less than a window.",
            )
    inputs = list(node.inputs)
    inputs[0] = r.reshape(inputs[0], _image(shape))
    counts_pads = bool(attributes.get("count_include_pad", 0)) and any(span.begin or span.end for span in found)
    if counts_pads and any(span.reached_end > span.end for span in found):
        # What rounding up adds is never counted, what the file declares is: so the latter becomes part of the image.
        if node.op != "AveragePool":
            raise refuse(node, "it counts its padding and rounds up", "Set ceil_mode to 0.")
        pads = (0, 0, *(span.begin for span in found), 0, 0, *(span.end for span in found))
        inputs[0] = r.pad(inputs[0], pads, 0.0)
        found = [
            Span(span.size + span.begin + span.end, span.kernel, span.stride, span.dilation, 0, 0, span.out)
            for span in found
        ]
        counts_pads = False
    written: dict[str, Any] = {"kernel_shape": tuple(span.kernel for span in found), **_window(found)}
    if node.op.endswith("AveragePool"):
        written["count_include_pad"] = int(counts_pads)
    op = node.op.replace("Global", "")
    _write(r, Node(op, inputs, node.outputs, {}, node.name, node.domain), shape[1], found, written)


def _write(r: Rewriter, node: Node, channels: int, found: Sequence[Span], attributes: dict[str, Any]) -> None:
    """`node` with the attributes of a window on images, and back from an image where it is not one."""
    result, inputs = node.outputs[0], node.inputs
    shape = (r.shape(inputs[0])[0], channels, *(span.out for span in found))
    wanted = r.shape(result)
    if wanted not in (shape, (*shape[:2], shape[3])):
        raise refuse(node, f"it gives {shape}, where {wanted} was expected")
    if wanted == shape:
        r.write(Node(node.op, inputs, [result], attributes, node.name, node.domain))
        return
    image = r.fresh(f"{result}:{node.op}")
    r.graph.values[image] = type(r.graph.values[result])(shape, r.dtype(result))
    r.write(Node(node.op, inputs, [image], attributes, node.name, node.domain))
    r.reshape(image, wanted, result)


def _window(found: Sequence[Span]) -> dict[str, Any]:
    return {
        "strides": tuple(span.stride for span in found),
        "pads": (*(span.begin for span in found), *(span.reached_end for span in found)),
        "dilations": tuple(span.dilation for span in found),
    }


def _image_spans(found: list[Span]) -> list[Span]:
    return [Span(1, 1, 1, 1, 0, 0, 1), *found] if len(found) == 1 else found


def _image(shape: Shape) -> Shape:
    return shape if len(shape) == _IMAGE_RANK else (*shape[:2], 1, shape[2])


def reshape_weights(r: Rewriter, name: str, shape: Shape) -> str:
    """A Reshape that keeps the first axis, taken inside a DequantizeLinear of a constant."""
    node = dequantised_constant(r, name)
    if node is None or node.attributes.get("axis", 0) != 0:
        return r.reshape(name, shape)
    inner = r.reshape(node.inputs[0], shape)
    return r.emit(node.op, [inner, *node.inputs[1:]], shape, like=name, domain=node.domain, **node.attributes)


def dequantised_constant(r: Rewriter, name: str) -> Node | None:
    """The DequantizeLinear that makes a tensor from a constant, if that is what makes it."""
    node = r.writer(name)
    if node is not None and node.op == "DequantizeLinear" and r.constant(node.inputs[0]) is not None:
        return node
    return None
