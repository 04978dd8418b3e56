"""The README's path through the command line, on a local network of its own, and the market without its dispatcher.

command line
├── register, quote, fund --watch, result, receipt: a newcomer's first paid job
├── sign, accept-order: a job that costs its creator no gas
├── requirements that do not parse: a caret, exit code 1, nothing funded
├── an input outside the circuit's range: its place and value, nothing funded
├── a cheat, and nobody who watches it: the newcomer catches it by hand, and another executor does the job again
└── dispatcher killed: the job is taken, proven and paid all the same
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.localnet.network import Localnet, localnet
from scripts.localnet.people import CHEAT, EXECUTORS, account
from scripts.localnet.processes import wait_ready
from scripts.toolchain import ROOT

pytestmark = [pytest.mark.chain, pytest.mark.proofs]

DIGITS = ROOT / "examples" / "digits"
PATIENCE_SECONDS = 90
TALLYSTICK = Path(sys.executable).parent / "tallystick"


class Shell:
    """Runs the command as the creator, and keeps what later commands need."""

    def __init__(self, net: Localnet, home: Path) -> None:
        self.net = net
        self.model = ""
        record = net.record
        self._env = os.environ | {
            "TALLYSTICK_CLIENT_RPC": record.rpc,
            "TALLYSTICK_CLIENT_DEPLOYMENT": str(record.deployment),
            "TALLYSTICK_CLIENT_STORE": record.store,
            "TALLYSTICK_CLIENT_DISPATCHER": record.dispatcher,
            "TALLYSTICK_CLIENT_KEYSTORE": str(record.keystores["creator"]),
            "TALLYSTICK_CLIENT_PASSWORD_FILE": str(record.password_file),
            "TALLYSTICK_CLIENT_HOME": str(home),
        }

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(TALLYSTICK), *map(str, arguments)]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=200, check=False)

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        """The last object of a command that must succeed."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return last

    def until(self, job_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The job, once it is so."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while not holds(job := self.json("job", "show", job_id)):
            assert time.monotonic() < ends, job
        return job

    def as_executor(self, *arguments: str | Path) -> dict[str, Any]:
        """A command of the first executor, beside its running agent."""
        record, profile = self.net.record, EXECUTORS[0]
        values = {
            "RPC": record.rpc,
            "DEPLOYMENT": str(record.deployment),
            "OPERATOR": account(profile.operator).address,
            "KEYSTORE": str(record.keystores[profile.agent]),
            "HOME": str(self.net.folder / f"executor-{profile.name}"),
        }
        env = os.environ | {f"TALLYSTICK_EXECUTOR_{name}": value for name, value in values.items()}
        command = [str(TALLYSTICK), "executor", *map(str, arguments), "--json"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def fund(self, *options: str) -> dict[str, Any]:
        inputs = DIGITS / "inputs.json"
        return self.json(
            "job", "fund", "--model", self.model, "--inputs", inputs, "--max-price", "3", "--watch", *options
        )


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("market")
    with localnet(folder / "net") as net:
        shell = Shell(net, folder / "home")
        registered = shell.json(
            "model",
            "register",
            DIGITS / "digits.onnx",
            "--calibration",
            DIGITS / "calibration.json",
            "--name",
            "digits",
        )
        shell.model = registered["model_id"]
        yield shell


def test_job_quote_when_three_executors_run_counts_those_in_the_region(shell: Shell) -> None:
    quote = shell.json("job", "quote", "--model", shell.model, "--milestones", "2", "--requirements", "region=eu")
    assert (quote["capable"], quote["total"]) == (2, 3)


def test_job_fund_when_watched_ends_completed_with_a_result_and_a_receipt(shell: Shell, tmp_path: Path) -> None:
    job = shell.fund()
    assert (job["status"], job["funded_by"]) == ("completed", "permit")

    out = tmp_path / "result.json"
    assert shell.run("job", "result", job["job_id"], "--out", out).returncode == 0
    [scores] = json.loads(out.read_text())
    labels = json.loads((DIGITS / "samples.json").read_text())["labels"][:8]
    found = [max(range(10), key=row.__getitem__) for batch in scores for row in batch]
    assert sum(p == t for p, t in zip(found, labels, strict=True)) >= 7

    receipt = shell.json("job", "receipt", job["job_id"])
    assert [payment["milestone"] for payment in receipt["payments"]] == [0, 1]
    assert (receipt["funded_by"], receipt["surplus"], receipt["releases"], receipt["slashes"]) == ("permit", 0, [], [])


def test_job_sign_when_handed_to_an_executor_is_taken_proven_and_paid_without_gas_of_the_creators(
    shell: Shell, tmp_path: Path
) -> None:
    order = tmp_path / "order.json"
    inputs = DIGITS / "inputs.json"
    signed = shell.json("job", "sign", "--model", shell.model, "--inputs", inputs, "--max-price", "3", "--out", order)

    taken = shell.as_executor("accept-order", order)
    assert (taken["taken"], taken["job_id"]) == (True, signed["job_id"])
    done = shell.json("job", "watch", signed["job_id"])
    receipt = shell.json("job", "receipt", signed["job_id"])

    assert done["status"] == "completed"
    assert receipt["funded_by"] == "order"
    assert receipt["transactions"][0]["purpose"] == "create and accept"


def test_job_fund_when_requirements_do_not_parse_points_at_the_place(shell: Shell) -> None:
    before = shell.json("job", "list")
    inputs = DIGITS / "inputs.json"
    done = shell.run(
        *("job", "fund", "--model", shell.model, "--inputs", inputs, "--max-price", "3", "--requirements", "vram>=16")
    )
    assert done.returncode == 1
    assert "16GiB" in done.stdout + done.stderr
    assert "^" in done.stdout + done.stderr
    assert shell.json("job", "list") == before


def test_job_fund_when_a_value_is_out_of_range_names_its_place(shell: Shell, tmp_path: Path) -> None:
    before = shell.json("job", "list")
    images = json.loads((DIGITS / "inputs.json").read_text())
    images[1][2][3] = 40.0
    (tmp_path / "inputs.json").write_text(json.dumps(images))
    done = shell.run("job", "fund", "--model", shell.model, "--inputs", tmp_path / "inputs.json", "--max-price", "3")
    assert done.returncode == 1
    assert "40.0" in done.stdout + done.stderr
    assert "(2, 3)" in done.stdout + done.stderr
    assert shell.json("job", "list") == before


def test_challenger_check_when_a_cheat_has_claimed_earns_the_newcomer_a_share_of_its_stake(shell: Shell) -> None:
    net = shell.net
    net.children["challenger"].kill()
    cheat = net.start_cheat()
    net.leave_challenging()
    wait_ready(cheat)
    funded = shell.json(
        *(
            "job",
            "fund",
            "--model",
            net.record.models["digits-cnn"],
            "--inputs",
            ROOT / "examples/digits_cnn/inputs.json",
        ),
        *("--max-price", "1", "--stake-lock", "10", "--window", "5m"),
    )
    job_id = funded["job_id"]
    shell.until(job_id, lambda job: bool(job["claims"]))

    command = f". {net.record.challenger_env}; {TALLYSTICK} challenger check {job_id} --prove --json"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=200, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["found"], said["fault"]["step"], said["fault"]["element"]) == ("fault", 3, 120)
    [fault] = shell.json("job", "show", job_id)["faults"]
    assert fault["challenger"] == account("challenger").address
    again = shell.until(job_id, lambda job: job["round"] == 2 and bool(job["claims"]))
    assert again["operator"] != account(CHEAT.operator).address
    shares = shell.json("job", "receipt", job_id)["slashes"]
    assert [(share["finder"], share["to_finder"]) for share in shares] == [(account("challenger").address, 4 * 10**18)]


def test_job_fund_when_the_dispatcher_is_killed_is_taken_and_paid_all_the_same(shell: Shell) -> None:
    # The last test of this network: from here on it has no dispatcher.
    shell.net.children["dispatcher"].kill()
    job = shell.fund("--exclusive", "3s")
    assert job["status"] == "completed"
