"""What the agent adds to bare EZKL: `python -m scripts.bench_proving [--runs 15]`.

The agent's side is `EzklProver.prove`, what an executor calls for one milestone. Both sides make one proof in one new child
process from keys on disk: witness, mock, prove, verify. Counted is the wall time from the call to the checked result, so
starting Python and loading EZKL count on both sides; on ours also the range check, the digests of keys and SRS (taken once per
process, so warm here, as in an agent at work), the events, the limits' watch and reading the proof. Runs alternate, which
side goes first too, so that a busy moment hits both; the ratio is the median of pairs. Use 15 runs or more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from scripts.train_digits import FOLDER
from tallystick.market.claims import program_id_of
from tallystick.market.manifests import ArtifactRef, ModelManifest
from tallystick.proving import EzklProver
from tallystick.proving.proof_file import encode_input
from tallystick.proving.prover import CircuitFiles, Limits, ProvingStep
from tallystick.tensors import QuantisedTensors, quantise

LIMITS = Limits(seconds=300)
REHEARSALS = 5
NOWHERE = ArtifactRef(cid="bafkqaaa", size_bytes=0)

BARE = """
import ezkl, sys
keys, srs, work = sys.argv[1:]
ezkl.gen_witness(f"{work}/input.json", f"{keys}/model.compiled", f"{work}/witness.json")
assert ezkl.mock(f"{work}/witness.json", f"{keys}/model.compiled")
ezkl.prove(f"{work}/witness.json", f"{keys}/model.compiled", f"{keys}/pk.key", f"{work}/proof.json", srs)
assert ezkl.verify(f"{work}/proof.json", f"{keys}/settings.json", f"{keys}/vk.key", srs)
status = open("/proc/self/status") if sys.platform == "linux" else []
peak = [line.split()[1] for line in status if line.startswith("VmHWM")]
print("peak_kib", peak[0] if peak else 0)
"""


@dataclass(frozen=True)
class ProvingBenchmark:
    """One model. Times in seconds, medians over `runs`; memory in bytes, the child's peak.

    Attributes:
        ratio: Median over pairs of runs of ours / bare: 1.05 means that the agent adds 5 %.
        rehearsal_seconds: Witness and mock alone, median: what an executor spends on each milestone before it accepts.
        setup_seconds: Of keys, once per model.
    """

    model: str
    logrows: int
    runs: int
    bare_seconds: float
    our_seconds: float
    ratio: float
    bare_peak_bytes: int
    our_peak_bytes: int
    rehearsal_seconds: float
    setup_seconds: float
    proof_bytes: int


@dataclass(frozen=True)
class _Subject:
    name: str
    files: CircuitFiles
    inputs: QuantisedTensors
    logrows: int
    setup_seconds: float
    keys: Path


def measure(home: Path, *, runs: int = 15) -> list[ProvingBenchmark]:
    """Measures MLP 4-8-3 and digits; keys and scratch files go under `home`."""
    prover = EzklProver(home)
    samples = json.loads((FOLDER / "samples.json").read_text())
    subjects = [
        _prepare(
            prover,
            home,
            name="MLP 4-8-3",
            onnx=_mlp(),
            calibration=[[[[1.0, -1.0, 0.5, 0.0]]]],
            tensor=[[0.5, -0.25, 0.75, -1.0]],
        ),
        _prepare(
            prover,
            home,
            name="digits 64-14-10, batch 4",
            onnx=(FOLDER / "digits.onnx").read_bytes(),
            calibration=[samples["calibration"]],
            tensor=samples["images"][:4],
        ),
    ]
    return [_compare(prover, subject, runs) for subject in subjects]


def to_markdown(rows: Sequence[ProvingBenchmark]) -> str:
    """A table of GitHub's flavour."""
    lines = [
        "| model | k | bare EZKL s | agent s | agent / bare | bare MiB | agent MiB | rehearsal s | setup s | proof B | runs |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.model} | {row.logrows} | {row.bare_seconds:.3f} | {row.our_seconds:.3f} | {row.ratio:.3f} "
        f"| {row.bare_peak_bytes / 2**20:.0f} | {row.our_peak_bytes / 2**20:.0f} "
        f"| {row.rehearsal_seconds:.3f} | {row.setup_seconds:.2f} "
        f"| {row.proof_bytes} | {row.runs} |"
        for row in rows
    ]
    return "\n".join(lines)


def _prepare(
    prover: EzklProver, home: Path, *, name: str, onnx: bytes, calibration: list[object], tensor: object
) -> _Subject:
    setup: list[float] = []

    def listen(step: ProvingStep) -> None:
        if step.name == "setup" and step.took_seconds is not None:
            setup.append(step.took_seconds)

    before = set(home.glob("keys/*/"))
    circuit = prover.build_circuit(onnx, calibration, srs_folder=home / "srs", limits=LIMITS, progress=listen)
    [keys] = [path for path in set(home.glob("keys/*/")) - before if path.is_dir()]
    manifest = ModelManifest(
        name=name[:80],
        prover_version=circuit.prover_version,
        onnx=NOWHERE,
        settings=NOWHERE,
        srs=circuit.srs,
        inputs=circuit.inputs,
        outputs=circuit.outputs,
        program_id=program_id_of(circuit.vka),
    )
    spec = circuit.inputs[0]
    return _Subject(
        name,
        CircuitFiles(manifest, onnx, circuit.settings, circuit.srs_path),
        QuantisedTensors(shapes=(spec.shape,), values=(quantise(tensor, spec),)),
        circuit.logrows,
        setup[0],
        keys,
    )


def _compare(prover: EzklProver, subject: _Subject, runs: int) -> ProvingBenchmark:
    peaks: list[int] = []
    proof_sizes: list[int] = []

    def ours() -> None:
        proved = prover.prove(
            subject.files,
            subject.inputs,
            limits=LIMITS,
            progress=lambda step: peaks.append(step.peak_memory_bytes or 0),
        )
        proof_sizes.append(len(proved.proof))

    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "input.json").write_text(encode_input(subject.inputs.values))
        command = [sys.executable, "-c", BARE, str(subject.keys), str(subject.files.srs_path), work]
        bare_peaks: list[int] = []

        def bare() -> None:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            bare_peaks.append(int(done.stdout.split()[-1]) * 1024)

        pairs = _alternate(bare, ours, runs)
    return ProvingBenchmark(
        model=subject.name,
        logrows=subject.logrows,
        runs=runs,
        bare_seconds=statistics.median(pair[0] for pair in pairs),
        our_seconds=statistics.median(pair[1] for pair in pairs),
        ratio=statistics.median(pair[1] / pair[0] for pair in pairs),
        bare_peak_bytes=max(bare_peaks),
        our_peak_bytes=max(peaks),
        rehearsal_seconds=statistics.median(
            _timed(lambda: prover.rehearse(subject.files, subject.inputs, limits=LIMITS)) for _ in range(REHEARSALS)
        ),
        setup_seconds=subject.setup_seconds,
        proof_bytes=proof_sizes[0],
    )


def _alternate(bare: Callable[[], None], ours: Callable[[], None], runs: int) -> list[tuple[float, float]]:
    """Seconds of (bare, ours) in each run; one run of each beforehand warms the file cache and is not counted."""
    bare()
    ours()
    pairs = []
    for run in range(runs):
        if run % 2:
            mine, theirs = _timed(ours), _timed(bare)
        else:
            theirs, mine = _timed(bare), _timed(ours)
        pairs.append((theirs, mine))
    return pairs


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _mlp() -> bytes:
    random = np.random.default_rng(0)
    shapes = {"w1": (4, 8), "b1": (8,), "w2": (8, 3), "b2": (3,)}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["y"]),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [
            numpy_helper.from_array((random.standard_normal(shape) * 0.5).astype(np.float32), name)
            for name, shape in shapes.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print one JSON object per model instead of a table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        rows = measure(Path(home), runs=arguments.runs)
    print("\n".join(json.dumps(asdict(row)) for row in rows) if arguments.json else to_markdown(rows))


if __name__ == "__main__":
    main()
