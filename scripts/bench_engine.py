"""What exactness and commitments cost, against onnxruntime in the same run: `python -m scripts.bench_engine [--rounds 15]`.

Each line alternates ours and the peer's, with the same number of threads, and gives the median of the ratios of pairs: machines are
noisy, pairs are not. Models are the shapes of well-known networks with seeded weights (scripts/bench_models.py); what they compute is
nonsense, what they cost is not. Quantised models are made by onnxruntime's own quantiser, in QOperator form; the peer runs that
very file in a session with default options.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from scripts.bench_models import image, mobilenet_v2, mobilenet_v3_small, resnet50

MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "MobileNetV2": mobilenet_v2,
    "MobileNetV3 small": mobilenet_v3_small,
    "ResNet-50": resnet50,
}
SAMPLES = 4
MIB = 2**20


@dataclass(frozen=True)
class Line:
    """One measure. Seconds are medians; `ratio` is the median over pairs of ours / the peer's."""

    measure: str
    model: str
    threads: int
    ours_seconds: float
    peer_seconds: float
    ratio: float
    target: float | None


@dataclass(frozen=True)
class Figure:
    """One number that has no peer."""

    measure: str
    model: str
    value: str
    target: str


def pairs(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Medians of seconds and of ratios; which goes first alternates. One round of each is thrown away."""
    ours(), peer()
    times: list[tuple[float, float]] = []
    for turn in range(rounds):
        first, second = (ours, peer) if turn % 2 else (peer, ours)
        started = time.perf_counter()
        first()
        between = time.perf_counter()
        second()
        taken = (between - started, time.perf_counter() - between)
        times.append(taken if turn % 2 else taken[::-1])
    ratios = [mine / theirs for mine, theirs in times]
    return (
        statistics.median(mine for mine, _ in times),
        statistics.median(theirs for _, theirs in times),
        statistics.median(ratios),
    )


def peer_session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class _Samples:
    """What onnxruntime's quantiser calibrates on: one feed after the other, then None."""

    def __init__(self, name: str, images: Any) -> None:
        self._name, self._images = name, iter(images)

    def get_next(self) -> dict[str, Any] | None:
        found = next(self._images, None)
        return None if found is None else {self._name: found[None]}


def quantise(model: bytes, images: Any) -> bytes:
    """A float model in QOperator form, u8 activations, s8 weights per channel: what onnxruntime recommends for CPUs.

    Args:
        images: [samples, ...], for the model's only input.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static  # noqa: PLC0415  (slow to import)
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        source, ready, made = (str(Path(folder) / name) for name in ("float.onnx", "ready.onnx", "int8.onnx"))
        Path(source).write_bytes(model)
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            made,
            _Samples(onnx.load(ready).graph.input[0].name, images),
            quant_format=QuantFormat.QOperator,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        return Path(made).read_bytes()


@functools.cache
def float_model(name: str) -> bytes:
    return bytes(MODELS[name]().SerializeToString())


@functools.cache
def quantised_model(name: str) -> bytes:
    return quantise(float_model(name), image(1, SAMPLES))


@functools.cache
def program_of(name: str) -> Any:
    from tallystick.engine.compiler.compile import compile_model  # noqa: PLC0415

    return compile_model(quantised_model(name)).program


def program_input(program: Any) -> list[Any]:
    (header,) = program.inputs
    return [np.random.default_rng(0).integers(0, 256, header.dims, dtype=np.uint8)]


def measure_model(name: str, threads: int, rounds: int) -> list[Line]:
    """Ours without and with trace against onnxruntime int8, and the reference backend against onnxruntime float32."""
    from tallystick.engine.backends.numpy_backend import NumpyBackend  # noqa: PLC0415
    from tallystick.engine.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: PLC0415
    from tallystick.engine.executor import run  # noqa: PLC0415

    program = program_of(name)
    inputs = program_input(program)
    pixels = image(0)
    int8 = peer_session(quantised_model(name), threads)
    float32 = peer_session(float_model(name), threads)
    fast = OnnxRuntimeBackend(threads=threads).prepare(program)
    reference = NumpyBackend().prepare(program)
    of_int8 = lambda: int8.run(None, {"image": pixels})  # noqa: E731
    of_float = lambda: float32.run(None, {"image": pixels})  # noqa: E731
    measures: tuple[tuple[str, Callable[[], object], Callable[[], object], float], ...] = (
        ("run without trace / onnxruntime int8", lambda: run(program, inputs, plan=fast, trace=False), of_int8, 1.1),
        (
            "run with trace and root / onnxruntime int8",
            lambda: run(program, inputs, plan=fast).commit(threads=threads),
            of_int8,
            2.0,
        ),
        (
            "reference backend / onnxruntime float32",
            lambda: run(program, inputs, plan=reference, trace=False),
            of_float,
            10.0,
        ),
    )
    return [
        Line(measure, name, threads, *pairs(ours, peer, rounds), target) for measure, ours, peer, target in measures
    ]


def measure_hashing(threads: int, rounds: int) -> Line:
    from tallystick.engine.tree import byte_roots  # noqa: PLC0415

    rng = np.random.default_rng(0)
    tensors = [rng.integers(0, 256, size, dtype=np.uint8) for size in np.linspace(1_000, 88_000, 150).astype(int)]
    whole = np.concatenate(tensors).tobytes()
    ours = lambda: byte_roots(tensors, threads=threads)  # noqa: E731
    return Line(
        "all roots of a trace / hashlib.sha256 in one call",
        f"{len(whole) / 1e6:.1f} MB in 150 tensors",
        threads,
        *pairs(ours, lambda: hashlib.sha256(whole).digest(), rounds),
        1.5,
    )


def measure_memory() -> Figure:
    """Of a process of its own that compiles nothing: it gets a program's file and runs it with its whole trace."""
    done = subprocess.run([sys.executable, "-m", __spec__.name, "--memory"], capture_output=True, text=True, check=True)
    return Figure(
        "peak memory of a traced run", "MobileNetV2", f"{int(done.stdout) / MIB:.0f} MiB", "at most 1,024 MiB"
    )


def peak_memory() -> int:
    """Bytes that this process took at most, after a traced run of MobileNetV2 on the reference backend."""
    import resource  # noqa: PLC0415

    from tallystick.engine.backends.numpy_backend import NumpyBackend  # noqa: PLC0415
    from tallystick.engine.encoding import decode_program, encode_program  # noqa: PLC0415
    from tallystick.engine.executor import run  # noqa: PLC0415

    file = os.environ.get("TALLYSTICK_BENCH_PROGRAM", "")
    program = (
        decode_program(Path(file).read_bytes()) if file else decode_program(encode_program(program_of("MobileNetV2")))
    )
    run(program, program_input(program), backend=NumpyBackend()).commit()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of runs for each line")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(peak_memory())
        return
    for threads in (1, 2):
        for name in MODELS:
            for line in measure_model(name, threads, options.rounds):
                print(json.dumps(asdict(line)), flush=True)
        print(json.dumps(asdict(measure_hashing(threads, options.rounds))), flush=True)


if __name__ == "__main__":
    main()
