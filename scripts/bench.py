"""`make bench`: measures, and writes docs/benchmarks.md with the command that made each table."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from scripts import bench_dispute, bench_engine, bench_proving
from scripts.toolchain import CACHE, ROOT

DEMO = CACHE / "bench-demo"
OUT = ROOT / "docs" / "benchmarks.md"
ENGINE_NOTE = """On processors without VNNI the peer's default kernels saturate on the first: a third to two thirds of its sums are wrong. Ours are exact,
through unsigned weights, which costs a third. Weights that our quantiser chose cannot saturate, and cost nothing. What bounds a traced run:
every byte of the trace is written once and hashed once. 256-byte leaves with their nodes are 1.75 times the compressions of one plain
hash; two interleaved streams make up for it. Steps by table (MobileNetV3's gates) leave onnxruntime for our kernels. With two threads, the idle
threads of both engines spin in one process and on its two cores, so those lines say little; the lines with one thread are to be read."""
VERIFICATION_NOTE = """`claim` includes the verification of the proof by EZKL's reusable verifier and the calldata of proof,
instances and verifying-key artifact; what the contracts themselves need is in the table above."""


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def perform_demo() -> list[dict[str, Any]]:
    """The demo's lines, from a run of its own. Its processes share the machine as they would for a newcomer."""
    command = [sys.executable, "-m", "scripts.demo", "--json", "--folder", str(DEMO)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def demo_tables(lines: list[dict[str, Any]]) -> str:
    steps = [line for line in lines if line["event"] == "step"]
    by_title = {line["title"]: line["rows"] for line in lines if line["event"] == "table"}
    seconds = markdown(["scene", "step", "seconds"], [[s["scene"], s["text"], f"{s['seconds']:.1f}"] for s in steps])
    gas = next(rows for title, rows in by_title.items() if title.startswith("Gas"))
    stages = next(rows for title, rows in by_title.items() if title.startswith("Seconds"))
    return "\n\n".join(
        [
            f"Whole demo: {lines[-1]['seconds']:.0f} s.",
            seconds,
            "### Gas of the paid job (two milestones, four digits each: 296 public instances)",
            markdown(["transaction", "gas"], [[row["transaction"], row["gas"]] for row in gas]),
            VERIFICATION_NOTE,
            "### Seconds of the paid job, by the chain's clock",
            markdown(["stage", "seconds"], [[row["stage"], row["seconds"]] for row in stages]),
        ]
    )


def agent_shares(logs: Path) -> list[list[str]]:
    """For each milestone proven in the demo: the prover's own steps, and all the time from beginning it to claiming it."""
    rows = []
    for log in sorted(logs.glob("executor-*.log")):
        began: dict[tuple[str, int], float] = {}
        steps: dict[tuple[str, int], float] = {}
        for line in log.read_text().splitlines():
            said = json.loads(line) if line.startswith("{") else {}
            place = (said.get("job_id", ""), said.get("milestone", -1))
            if said.get("event") == "job_proving":
                began[place], steps[place] = _seconds(said), 0.0
            elif said.get("event") == "step_finished" and place in began:
                steps[place] += said["took_seconds"]
            elif said.get("event") == "job_claiming" and place in began:
                whole = _seconds(said) - began.pop(place)
                share = f"{whole / steps[place]:.3f}"
                rows.append([log.stem, str(place[1] + 1), f"{steps[place]:.2f}", f"{whole:.2f}", share])
    return rows


def _seconds(said: dict[str, Any]) -> float:
    return datetime.datetime.fromisoformat(said["timestamp"]).timestamp()


def contract_gas() -> str:
    """The committed gas of every kind of call, as the contract suite measured it."""
    kept = json.loads((ROOT / "tests" / "snapshots" / "gas.json").read_text())
    return markdown(["call", "gas"], [[sentence, f"{gas:,}"] for sentence, gas in kept.items()])


def machine() -> str:
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    return (
        f"{cores} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="pairs of proofs for each model")
    parser.add_argument("--dispute-rounds", type=int, default=25, help="wrong claims for each model and backend")
    parser.add_argument("--engine-rounds", type=int, default=25, help="pairs of runs for each line of the engine")
    options = parser.parse_args()
    print("1/4 the exact engine, against onnxruntime", flush=True)
    engine = bench_engine.to_markdown(*bench_engine.measure(options.engine_rounds))
    print("2/4 disputes, on a chain of their own", flush=True)
    disputes = bench_dispute.section(options.dispute_rounds)
    print("3/4 proving, against bare EZKL calls", flush=True)
    with tempfile.TemporaryDirectory() as home:
        proving = bench_proving.to_markdown(bench_proving.measure(Path(home), runs=options.runs))
    print("4/4 the demo, stage by stage", flush=True)
    demo = demo_tables(perform_demo())
    columns = ["executor", "milestone", "prover's steps s", "begun to claimed s", "ratio"]
    shares = markdown(columns, agent_shares(DEMO / "logs"))
    contracts = contract_gas()
    text = f"""# Benchmarks

Made by `make bench` on {datetime.datetime.now(datetime.UTC).date()}: {machine()}. Machines are noisy: read ratios before seconds.

## The exact engine against onnxruntime

`python -m scripts.bench_engine --rounds {options.engine_rounds}`. Runs alternate with the peer's, with the same number of threads; the ratio is the
median over pairs. The int8 peer is onnxruntime with default options on a file that its own quantiser made (QOperator, u8 activations, s8
weights by channel). Ours runs that very file, and the same model in our own quantisation. {ENGINE_NOTE}

{engine}

{disputes}

## Proving: the agent's path against bare EZKL

`python -m scripts.bench_proving --runs {options.runs}`. Both sides make one proof in a new child process from keys on
disk (witness, mock, prove, verify); runs alternate, and the ratio is the median over pairs. The target is under 1.10.
Before an executor accepts a job it also rehearses each milestone (witness and mock), because what cannot be proven
would cost it its lock; that is work of its own, not part of the ratio.

{proving}

And inside a running executor, from the logs of the demo below: all the time from beginning a milestone to its claim,
over the prover's own steps.

{shares}

## Gas of the contracts, without verifying a proof

`tests/snapshots/gas.json`, held to 1 % by `make test-contracts`.

{contracts}

## The demo, step by step

`make demo ARGS=--json`. Three executors, a dispatcher and a chain share the machine.

{demo}
"""
    OUT.write_text(text)
    print(f"wrote {OUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
