"""Small real models, and the manifest that goes with a circuit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tallystick.market.claims import program_id_of
from tallystick.market.manifests import ArtifactRef, ModelManifest
from tallystick.proving.prover import Circuit, CircuitFiles
from tallystick.tensors import QuantisedTensors, quantise

DIGITS = Path(__file__).parents[3] / "examples" / "digits"
NOWHERE = ArtifactRef(cid="bafy", size_bytes=0)

Shaped = tuple[str, Sequence[int]]


def onnx_model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[Shaped],
    outputs: Sequence[Shaped],
    weights: dict[str, ArrayLike] | None = None,
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "model",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def mlp_4_8_3(seed: int = 0) -> bytes:
    """Gemm, Relu, Gemm; the smallest model that the design's tables measure."""
    random = np.random.default_rng(seed)
    shapes = {"w1": (4, 8), "b1": (8,), "w2": (8, 3), "b2": (3,)}
    return onnx_model(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["y"]),
        ],
        [("x", [1, 4])],
        [("y", [1, 3])],
        {name: random.standard_normal(shape) * 0.5 for name, shape in shapes.items()},
    )


MLP_CALIBRATION = [[[[-1.0, 0.5, 0.25, 1.0]], [[1.0, -1.0, -0.5, 0.0]]]]
MLP_INPUT = [[0.5, -0.25, 0.75, -1.0]]


def sigmoid_of_a_sum() -> bytes:
    """Each input in its range, yet their sum far outside the sigmoid's table: what makes EZKL hang."""
    return onnx_model(
        [helper.make_node("Gemm", ["x", "w"], ["t"]), helper.make_node("Sigmoid", ["t"], ["y"])],
        [("x", [1, 2])],
        [("y", [1, 2])],
        {"w": [[20.0, 0.0], [20.0, 1.0]]},
    )


SIGMOID_CALIBRATION = [[[[1.0, -1.0]], [[-1.0, 1.0]]]]


def digits_samples() -> dict[str, Any]:
    samples: dict[str, Any] = json.loads((DIGITS / "samples.json").read_text())
    return samples


def files_of(circuit: Circuit) -> CircuitFiles:
    """What an executor holds after fetching."""
    manifest = ModelManifest(
        name="model",
        prover_version=circuit.prover_version,
        onnx=NOWHERE,
        settings=NOWHERE,
        srs=circuit.srs,
        inputs=circuit.inputs,
        outputs=circuit.outputs,
        program_id=program_id_of(circuit.vka),
    )
    return CircuitFiles(manifest, circuit.onnx, circuit.settings, circuit.srs_path)


def quantised(files: CircuitFiles, *tensors: Any) -> QuantisedTensors:
    specs = files.manifest.inputs
    return QuantisedTensors(
        shapes=tuple(spec.shape for spec in specs),
        values=tuple(quantise(tensor, spec) for tensor, spec in zip(tensors, specs, strict=True)),
    )
