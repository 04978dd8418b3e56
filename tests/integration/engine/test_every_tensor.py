"""Every tensor of a quantised file, ours against onnxruntime's, bit for bit.

onnxruntime runs the very file with each quantised tensor as a result. On processors without VNNI its default kernels saturate sums
of products of unsigned activations and signed 8-bit weights, so the session asks for its precise ones; docs/determinism.md and
docs/adr/0020 say more.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from scripts.bench_engine import quantise
from scripts.bench_models import image, mobilenet_v2, mobilenet_v3_small, resnet50
from tallystick.engine.compiler.compile import CompileOptions, compile_model
from tallystick.engine.compiler.float_runs import session
from tallystick.engine.executor import run
from tallystick.engine.trace import Trace

LENET = Path(__file__).parents[4] / "shared" / "data" / "models" / "lenet_5.onnx"
MODELS = {"mobilenet_v2": mobilenet_v2, "mobilenet_v3_small": mobilenet_v3_small, "resnet50": resnet50}
QUANTISED = (onnx.TensorProto.UINT8, onnx.TensorProto.INT8)


def lenet() -> tuple[onnx.ModelProto, np.ndarray]:
    if not LENET.exists():
        pytest.skip("the LeNet-5 of zk-OPML's table is not here")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (8, 1, 32, 32)).astype(np.float32)
    return onnx.load(LENET), images


def test_every_tensor_of_lenet_is_that_of_onnxruntime() -> None:
    model, images = lenet()
    assert_every_tensor(model, images, at_least=12)


@pytest.mark.parametrize(("name", "at_least"), [("mobilenet_v2", 64), ("mobilenet_v3_small", 80), ("resnet50", 72)])
def test_every_tensor_of_a_network_is_that_of_onnxruntime(name: str, at_least: int) -> None:
    assert_every_tensor(MODELS[name](), image(1, 2), at_least=at_least)


def assert_every_tensor(model: onnx.ModelProto, images: np.ndarray, at_least: int) -> None:
    file = onnx.load_from_string(quantise(model.SerializeToString(), images))
    name = file.graph.input[0].name
    theirs = quantised_tensors(file, name, images[:1])
    compiled = compile_model(file.SerializeToString(), None, CompileOptions())
    (spec,) = compiled.report.inputs
    assert spec.quantisation is not None
    held = spec.quantisation.quantise(images[:1]).astype(np.uint8)
    ours = by_node(run(compiled.program, [held]))
    compared, wrong = 0, []
    for node in file.graph.node:
        if node.name in ours and node.output[0] in theirs:
            compared += 1
            expected = theirs[node.output[0]]
            if not np.array_equal(as_onnx(ours[node.name], expected.shape), expected):
                wrong.append(node.name)
    assert not wrong
    assert compared >= at_least


def quantised_tensors(file: onnx.ModelProto, name: str, feed: np.ndarray) -> dict[str, np.ndarray]:
    """What onnxruntime gives for every node whose result is 8-bit, by the result's name."""
    asked = onnx.ModelProto()
    asked.CopyFrom(file)
    del asked.graph.output[:]
    names = []
    for node in file.graph.node:
        if node.op_type.startswith("QLinear") or node.op_type in ("QGemm", "MaxPool", "Reshape", "Flatten"):
            names.append(node.output[0])
            asked.graph.output.append(helper.make_empty_tensor_value_info(node.output[0]))
    found = session(asked.SerializeToString(), exact=True).run(names, {name: feed})
    return {name: array for name, array in zip(names, found, strict=True) if array.dtype in (np.uint8, np.int8)}


def by_node(trace: Trace) -> dict[str, np.ndarray]:
    """The last step that came of each ONNX node gives its result."""
    return {step.name: tensor for step, tensor in zip(trace.program.steps, trace.tensors, strict=True)}


def as_onnx(tensor: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Channels-last images back to channels-first."""
    if tensor.ndim == 4 and len(shape) == 4 and tuple(tensor.shape[axis] for axis in (0, 3, 1, 2)) == tuple(shape):
        return tensor.transpose(0, 3, 1, 2)
    return tensor
