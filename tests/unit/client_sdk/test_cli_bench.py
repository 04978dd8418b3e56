"""`tallystick bench dispute`: the row of any package, for people and for programs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from broken_programs import every_opcode
from cli_runs import last_object, plain, run
from sample_packages import sample_report

from client_sdk.cli import _bench_chain
from client_sdk.cli._bench_views import dispute_shown, dispute_values
from tallystick.dispute.figures import figures_of
from tallystick.engine.compiler.package import write_package

PROGRAM = every_opcode()
PLAYED = {
    "claim_gas": 96_000,
    "plain_settlement_gas": 76_000,
    "finalize_gas": 59_000,
    "answers": [{"answer_bytes": 64, "demand_gas": 180_000, "answer_gas": 95_000, "fee_gas": 153_000}],
    "faults": [
        {**dict.fromkeys(("products", "calldata", "proofs", "element", "settlement"), 1), **each}
        for each in (
            {
                "name": "a",
                "gas": 200_000,
                "floor": 90_000,
                "witness_bytes": 900,
                "calldata_bytes": 1_900,
                "bound": 210_000,
            },
            {
                "name": "b",
                "gas": 300_000,
                "floor": 99_000,
                "witness_bytes": 990,
                "calldata_bytes": 1_990,
                "bound": 310_000,
            },
        )
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("packages") / "lenet"
    write_package(PROGRAM, place, report=sample_report())
    return place


def test_bench_dispute_given_a_package_shows_its_row(folder: Path, tmp_path: Path) -> None:
    done = run("bench", "dispute", "--model", folder, "--rounds", "1", "--no-chain", home=tmp_path)
    assert done.exit_code == 0, done.output
    shown, figures = plain(done.stdout), figures_of(PROGRAM)
    assert f"{len(PROGRAM.steps)} steps, {figures.elements:,} elements" in shown
    assert f"{figures.gas:,} gas (step {figures.worst_step})" in shown
    assert "trace published (Path A)" in shown
    assert "zk-OPML's LeNet, as published" in shown
    assert shown.rstrip().splitlines()[-1].startswith("Look at each step's bound: tallystick model inspect")
    assert "No fault was played on a chain" in plain(done.stderr)


def test_bench_dispute_given_json_tells_the_same_to_programs(folder: Path, tmp_path: Path) -> None:
    arguments = ("bench", "dispute", "--model", folder, "--rounds", "2", "--no-chain", "--json", "--beside", "XGBoost")
    values = last_object(run(*arguments, home=tmp_path))
    figures = figures_of(PROGRAM)
    assert (values["gas"], values["path_b_moves"]) == (figures.gas, figures.path_b_moves)
    assert values["zk_opml"] == {"model": "XGBoost", "operators": 62, "moves": 13, "seconds": 598}
    assert values["measured"]["rounds"] == 2
    assert values["chain"] is None
    assert {case["name"].split()[0] for case in values["dearest"]} == {step.opcode.name for step in PROGRAM.steps}


def test_bench_dispute_given_no_package_says_how_to_make_one(tmp_path: Path) -> None:
    done = run("bench", "dispute", "--model", tmp_path / "nothing", "--no-chain", home=tmp_path)
    assert done.exit_code == 1
    assert "tallystick model compile" in done.output


def test_bench_dispute_given_a_model_that_nobody_published_refuses(folder: Path, tmp_path: Path) -> None:
    done = run("bench", "dispute", "--model", folder, "--beside", "ResNet-50", "--no-chain", home=tmp_path)
    assert done.exit_code == 1
    assert "MobileNetV2" in done.output


# ---- what a chain says ------------------------------------------------------------------------------------------------


def values_with(chain: Any) -> dict[str, Any]:
    measured = {"rounds": 1, "inference_seconds": 1.0, "fault_seconds": 2.0, "slowest_seconds": 2.0, "ratio": 2.0}
    figures = figures_of(PROGRAM).__dict__
    timings = {"backend": "numpy", **measured}
    return dispute_values(model="m", figures=figures, published=None, timings=timings, dearest=[], chain=chain)


def test_dispute_values_given_faults_from_a_chain_have_the_dearest_first() -> None:
    chain = values_with(PLAYED)["chain"]
    assert [fault["name"] for fault in chain["faults"]] == ["b", "a"]
    assert chain["faults"][0]["cap_share"] == 300_000 / 16_777_216
    assert (chain["claim_over_plain"], chain["claim_and_finalize_over_plain"]) == (20_000, 79_000)


def test_dispute_shown_given_faults_from_a_chain_shows_each() -> None:
    from rich.console import Console

    console = Console(width=400)
    with console.capture() as held:
        console.print(*dispute_shown(values_with(PLAYED)))
    assert "300,000 gas, 1.8% of the cap; 1,990 bytes, floor 99,000" in held.get()
    assert "64 bytes: 95,000, paid 153,000" in held.get()
    assert "96,000 gas, +20,000 over a plain settlement (+79,000 with being finalized)" in held.get()


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "why"),
    [(1, "", "tracing\nToolMissingError: anvil is not there.\n", "anvil is not there"), (1, "", "", "said nothing")],
)
def test_play_on_chain_where_there_is_none_says_why(
    monkeypatch: pytest.MonkeyPatch, code: int, stdout: str, stderr: str, why: str
) -> None:
    ended = subprocess.CompletedProcess([], code, stdout, stderr)
    monkeypatch.setattr(_bench_chain.subprocess, "run", lambda *_, **__: ended)
    played, reason = _bench_chain.play_on_chain([])
    assert played is None
    assert why in reason


def test_play_on_chain_outside_a_checkout_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_bench_chain, "__file__", str(tmp_path / "installed" / "cli.py"))
    assert _bench_chain.play_on_chain([]) == (None, "there is no checkout with the contracts' sources here")


def test_play_on_chain_takes_the_last_line_for_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.CompletedProcess([], 0, "compiling\n" + json.dumps(PLAYED) + "\n", "")
    monkeypatch.setattr(_bench_chain.subprocess, "run", lambda *_, **__: ended)
    assert _bench_chain.play_on_chain([]) == (PLAYED, "")
