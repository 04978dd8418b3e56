"""Claims that are wrong in one element, with the witness that shows it: what a dispute costs on chain is measured with these.

`small_cases` need nothing but the engine. `model_cases` compile the seeded models of scripts/bench_models.py, which takes a minute.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.dispute.packing import pack_witness
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.commitments import ProgramCommitment, array_root
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType, Opcode, Window
from tallystick.engine.opener import Opener
from tallystick.engine.program import Program, Ref, float_bits
from tallystick.engine.trace import Trace
from tallystick.engine.witness import Witness


@dataclasses.dataclass(frozen=True)
class Case:
    """Attributes:
    name: What is wrong.
    products: That the element is a sum of; 0 where it is none.
    one_by_one: Bytes of the witness with every hash of every path.
    """

    name: str
    products: int
    program_hash: bytes
    input_root: bytes
    output_root: bytes
    trace_root: bytes
    packed: bytes
    one_by_one: int

    def to_json(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)
        return {key: value.hex() if isinstance(value, bytes) else value for key, value in values.items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Case:
        kinds = {field.name: field.type for field in dataclasses.fields(cls)}
        known: dict[str, Any] = {
            key: bytes.fromhex(value) if kinds[key] == "bytes" else value for key, value in values.items()
        }
        return cls(**known)


def write_cases(cases: Iterator[Case], path: Path) -> None:
    path.write_text(json.dumps([case.to_json() for case in cases]))


def read_cases(path: Path) -> list[Case]:
    return [Case.from_json(values) for values in json.loads(path.read_text())]


# ---- one case ---------------------------------------------------------------------------------------------------------


def wrong_case(name: str, trace: Trace, step: int, index: int, commitment: ProgramCommitment | None = None) -> Case:
    """Of a claim whose element `index` of a step is another by its lowest bit."""
    tensor = np.array(trace.tensors[step])
    tensor.reshape(-1)[index] ^= 1
    wrong = dataclasses.replace(trace, tensors=(*trace.tensors[:step], tensor, *trace.tensors[step + 1 :]))
    # Not `wrong.commit()`: that takes a RESHAPE's tree for its operand's, as it is in every run that is one.
    opener = Opener(wrong, commitment)
    witness = opener.witness(step, index)
    return Case(
        name,
        _products(trace.program, step),
        opener.program_hash,
        opener.input_root,
        array_root(wrong.output),
        opener.trace_root,
        pack_witness(witness),
        _one_by_one(witness),
    )


def _products(program: Program, step: int) -> int:
    headers = program.operand_headers(program.steps[step])
    if program.steps[step].opcode is Opcode.CONV:
        return int(np.prod(headers[1].dims[1:]))
    return headers[0].dims[-1] if program.steps[step].opcode is Opcode.MATMUL else 0


def _one_by_one(witness: Witness) -> int:
    tensors = [tensor for tensor in (witness.output, *witness.operands) if tensor]
    hashes = len(witness.step_path) + sum(len(tensor.path) + 1 for tensor in tensors)
    size = len(witness.program) + len(witness.step) + sum(len(tensor.header) for tensor in tensors)
    for opening in (opening for tensor in tensors for opening in tensor.openings):
        size += len(opening.data)
        hashes += len(opening.proof)
    return size + 32 * hashes


def middle(program: Program, step: int) -> int:
    """The element in the middle of every axis: no tap of it is outside."""
    dims = program.steps[step].header.dims
    return int(np.ravel_multi_index(tuple(dim // 2 for dim in dims), dims)) if dims else 0


# ---- small programs ---------------------------------------------------------------------------------------------------


def _weights(rng: np.random.Generator, *dims: int) -> Any:
    return rng.integers(-127, 128, dims).astype(np.int8)


class _Layers:
    """Layers of a small network with random weights, 8 bits in and out."""

    def __init__(self, dims: tuple[int, ...], seed: int = 0) -> None:
        self.rng, self.builder, self.dims = np.random.default_rng(seed), ProgramBuilder(), dims
        self.x: Ref = self.builder.input(TensorHeader(DType.U8, dims), "image")

    def _params(self, outputs: int, products: int) -> Ref:
        multiplier = float_bits([1.0 / (74 * products**0.5)] * outputs)
        biases = self.rng.integers(-1000, 1000, outputs).astype(np.int32)
        return self.builder.constant(np.stack([biases, multiplier], axis=1))

    def conv(self, kernel: int, outputs: int, pad: int = 0) -> None:
        height, width, channels = self.builder.dims(self.x)[1:]
        w = self.builder.constant(_weights(self.rng, outputs, kernel, kernel, channels))
        size = (height + 2 * pad - kernel + 1, width + 2 * pad - kernel + 1)
        window, params = Window(kernel, kernel, 1, 1, pad, pad), self._params(outputs, kernel * kernel * channels)
        self.x = self.builder.conv(self.x, w, params, window, size, zeros=(128, 0, 128), dtype=DType.U8)

    def pool(self) -> None:
        height, width = self.builder.dims(self.x)[1:3]
        self.x = self.builder.max_pool(self.x, Window(2, 2, 2, 2), (height // 2, width // 2))

    def flatten(self) -> None:
        self.x = self.builder.reshape(self.x, (1, int(np.prod(self.builder.dims(self.x)))))

    def dense(self, outputs: int) -> None:
        inputs = self.builder.dims(self.x)[-1]
        w = self.builder.constant(_weights(self.rng, outputs, inputs))
        params = self._params(outputs, inputs)
        self.x = self.builder.matmul(self.x, w, params, zeros=(128, 0, 128), dtype=DType.U8)

    def trace(self) -> Trace:
        image = self.rng.integers(0, 256, self.dims).astype(np.uint8)
        return run(self.builder.build(self.x), [image])


def lenet() -> Trace:
    """Two 5x5 convolutions with pools, three dense layers, as LeNet-5 has them on 28x28."""
    layers = _Layers((1, 28, 28, 1))
    layers.conv(5, 6, pad=2)
    layers.pool()
    layers.conv(5, 16)
    layers.pool()
    layers.flatten()
    layers.dense(120)
    layers.dense(84)
    layers.dense(10)
    return layers.trace()


def three_convolutions() -> Trace:
    """3x3 over 32 channels, three times on 16x16."""
    layers = _Layers((1, 16, 16, 3))
    layers.conv(3, 32, pad=1)
    layers.conv(3, 32, pad=1)
    layers.conv(3, 32, pad=1)
    return layers.trace()


def small_cases() -> Iterator[Case]:
    trace = lenet()
    for name, step in (("conv 5x5x6", 2), ("max pool 2x2", 3), ("dense 400", 5)):
        yield wrong_case(f"LeNet: {name}", trace, step, middle(trace.program, step))
    trace = three_convolutions()
    yield wrong_case("3x3 conv, 32 channels", trace, 1, middle(trace.program, 1))


# ---- models -----------------------------------------------------------------------------------------------------------


def model_cases() -> Iterator[Case]:
    """MobileNetV2 and ResNet-50 of scripts/bench_models.py: for each opcode the step with the largest witness."""
    from scripts.bench_engine import program_input, program_of  # noqa: PLC0415  (needs onnx)

    for model in ("MobileNetV2", "ResNet-50"):
        trace = run(program_of(model, True), program_input(program_of(model, True)))
        opener = Opener(trace)
        sizes: dict[Opcode, tuple[int, int]] = {}
        for index, step in enumerate(trace.program.steps):
            size = len(pack_witness(opener.witness(index, middle(trace.program, index))))
            sizes[step.opcode] = max(sizes.get(step.opcode, (0, 0)), (size, index))
        for _, step_index in sorted(sizes.values(), reverse=True):
            name = f"{model}: {_described(trace.program, step_index)}"
            yield wrong_case(name, trace, step_index, middle(trace.program, step_index), opener.commitment)


def _described(program: Program, index: int) -> str:
    step, headers = program.steps[index], program.operand_headers(program.steps[index])
    shapes = " and ".join("x".join(map(str, header.dims)) for header in headers[:2])
    return f"{step.opcode.name} of {shapes}"
