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
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from scripts.bench_models import image, mobilenet_v2, mobilenet_v3_small, resnet50
from scripts.toolchain import ROOT

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
def program_of(name: str, own: bool) -> Any:
    """Compiled from the quantised file, or (`own`) from the float model by our own quantisation."""
    from tallystick.engine.compiler.compile import compile_model  # noqa: PLC0415

    if own:
        return compile_model(float_model(name), {"image": image(1, SAMPLES)}).program
    return compile_model(quantised_model(name)).program


def program_input(program: Any) -> list[Any]:
    (header,) = program.inputs
    return [np.random.default_rng(0).integers(0, 256, header.dims, dtype=np.uint8)]


def measure_program(name: str, own: bool, threads: int, rounds: int) -> list[Line]:
    """Without and with trace, against onnxruntime's run of the quantised file."""
    from tallystick.engine.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: PLC0415
    from tallystick.engine.executor import run  # noqa: PLC0415

    program = program_of(name, own)
    inputs, pixels = program_input(program), image(0)
    plan = OnnxRuntimeBackend(threads=threads).prepare(program)
    int8 = peer_session(quantised_model(name), threads)
    peer = lambda: int8.run(None, {"image": pixels})  # noqa: E731
    source = "our quantisation" if own else "the same file"
    measures: tuple[tuple[str, Callable[[], object], float], ...] = (
        ("run without trace / onnxruntime int8", lambda: run(program, inputs, plan=plan, trace=False), 1.1),
        (
            "run with trace and root / onnxruntime int8",
            lambda: run(program, inputs, plan=plan).commit(threads=threads),
            2,
        ),
    )
    return [
        Line(f"{measure}, {source}", name, threads, *pairs(ours, peer, rounds), target)
        for measure, ours, target in measures
    ]


def measure_reference(name: str, threads: int, rounds: int) -> Line:
    """The reference backend against onnxruntime in single precision."""
    from tallystick.engine.backends.numpy_backend import NumpyBackend  # noqa: PLC0415
    from tallystick.engine.executor import run  # noqa: PLC0415

    program = program_of(name, own=False)
    inputs, pixels = program_input(program), image(0)
    plan = NumpyBackend(threads=threads).prepare(program)
    float32 = peer_session(float_model(name), threads)
    ratio = pairs(
        lambda: run(program, inputs, plan=plan, trace=False), lambda: float32.run(None, {"image": pixels}), rounds
    )
    return Line("reference backend without trace / onnxruntime float32", name, threads, *ratio, 10)


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
    """In a process of its own, which reads the compiled program from a file and commits to a whole trace of it."""
    from tallystick.engine.encoding import encode_program  # noqa: PLC0415

    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(encode_program(program_of("MobileNetV2", own=False)))
        file.flush()
        command = [sys.executable, "-m", "scripts.bench_engine", "--memory", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    mib = int(done.stdout) / MIB
    return Figure("peak memory of a traced run, reference backend", "MobileNetV2", f"{mib:.0f} MiB", "<= 1,024 MiB")


def peak_memory(file: Path) -> int:
    """Bytes that this process took at most, after a traced and committed run."""
    from tallystick.engine.backends.numpy_backend import NumpyBackend  # noqa: PLC0415
    from tallystick.engine.encoding import decode_program  # noqa: PLC0415
    from tallystick.engine.executor import run  # noqa: PLC0415

    program = decode_program(file.read_bytes())
    run(program, program_input(program), backend=NumpyBackend()).commit()
    # Not getrusage: what it calls the peak includes that of the process which started this one.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measure_compiling() -> list[Figure]:
    """A float model, with calibration, comparison and validation; in this process, so loops are compiled already."""
    from tallystick.engine.compiler.compile import compile_model  # noqa: PLC0415

    figures = []
    for name in ("MobileNetV2", "ResNet-50"):
        started = time.perf_counter()
        compile_model(float_model(name), {"image": image(1, SAMPLES)})
        seconds = time.perf_counter() - started
        target = "<= 60 s" if name == "MobileNetV2" else ""
        figures.append(Figure(f"compile a float model, {SAMPLES} samples", name, f"{seconds:.1f} s", target))
    return figures


def measure_agreement() -> list[Figure]:
    """Top-1 agreement with the float model on inputs that calibration has not seen."""
    figures = []
    for name, file, calibration, held_out, target in _agreements():
        top1 = held_out_agreement(file, calibration, held_out)
        figures.append(Figure(f"top-1 agreement on {len(held_out)} inputs", name, f"{top1:.1%}", target))
    return figures


def _agreements() -> Iterator[tuple[str, Path, Any, Any, str]]:
    from sklearn.datasets import load_digits  # noqa: PLC0415

    folder = ROOT / "examples" / "digits_cnn"
    with np.load(folder / "calibration.npz") as shown, np.load(folder / "held_out.npz") as held_out:
        yield "digits CNN", folder / "digits_cnn.onnx", shown["image"], held_out["image"], ">= 99 %"
    lenet = ROOT.parent / "shared" / "data" / "models" / "lenet_5.onnx"
    if lenet.exists():  # another project's file, which this one does not carry
        places = np.arange(32) * 8 // 32
        images = np.asarray((load_digits().images / 16.0)[:, None, places][..., places], np.float32)
        yield "LeNet-5", lenet, images[:256], images[256:], ">= 98 %"


def held_out_agreement(file: Path, calibration: Any, held_out: Any) -> float:
    from tallystick.engine.compiler.compile import compile_model  # noqa: PLC0415
    from tallystick.engine.compiler.float_runs import session  # noqa: PLC0415
    from tallystick.engine.executor import run_batch  # noqa: PLC0415

    compiled = compile_model(file, {onnx.load(file).graph.input[0].name: calibration})
    (spec,) = compiled.report.inputs
    assert spec.quantisation is not None
    runner = session(file.read_bytes())
    theirs = [runner.run(None, {spec.name: each[None]})[0].argmax() for each in held_out]
    items = [[spec.quantisation.quantise(each[None]).astype(np.uint8)] for each in held_out]
    ours = [trace.output.argmax() for trace in run_batch(compiled.program, items, trace=False)]
    return float(np.mean(np.array(theirs) == np.array(ours)))


def measure(rounds: int) -> tuple[list[Line], list[Figure]]:
    """Everything, with progress on standard error."""
    lines: list[Line] = []
    for threads in (1, 2):
        for name in MODELS:
            print(f"engine: {name}, {threads} threads", file=sys.stderr, flush=True)
            for own in (False, True):
                lines += measure_program(name, own, threads, rounds)
            lines.append(measure_reference(name, threads, rounds))
        lines.append(measure_hashing(threads, rounds))
    print("engine: memory, compiling, agreement", file=sys.stderr, flush=True)
    return lines, [measure_memory(), *measure_compiling(), *measure_agreement()]


def to_markdown(lines: list[Line], figures: list[Figure]) -> str:
    rows = [
        "| ours / peer | model | threads | ours ms | peer ms | ratio | target |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for line in lines:
        met = "" if line.target is None else f"<= {line.target:g}{'' if line.ratio <= line.target else ', missed'}"
        ours, peer = (f"{1000 * seconds:.1f}" for seconds in (line.ours_seconds, line.peer_seconds))
        rows.append(f"| {line.measure} | {line.model} | {line.threads} | {ours} | {peer} | {line.ratio:.2f} | {met} |")
    more = ["| measure | model | value | target |", "|---|---|---:|---:|"]
    more += [f"| {figure.measure} | {figure.model} | {figure.value} | {figure.target} |" for figure in figures]
    return "\n".join([*rows, "", *more])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of runs for each line")
    parser.add_argument("--json", action="store_true", help="one object a line instead of tables")
    parser.add_argument("--memory", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(peak_memory(options.memory))
        return
    lines, figures = measure(options.rounds)
    if options.json:
        every: list[Line | Figure] = [*lines, *figures]
        print("\n".join(json.dumps(asdict(each)) for each in every))
    else:
        print(to_markdown(lines, figures))


if __name__ == "__main__":
    main()
