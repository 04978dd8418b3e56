"""What the doctor says of backends that are there, missing, refused or wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from executor.cli import app
from tallystick.engine.backends import Backend
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.conformance.shapes import maps
from tallystick.engine.opcodes import DType
from tallystick.engine.program import Array, Program
from tallystick.errors import ModelError
from tallystick.service import backends
from tallystick.service.backend_choice import BackendChoice
from tallystick.service.backends import Candidate, Finding, advice, examine, machine_facts

NUMPY = Candidate("numpy", "numpy", NumpyBackend)


class ZeroBackend:
    """Gives every step's tensor the right form and nothing else."""

    name = "zero"

    def prepare(self, program: Program) -> ZeroBackend:
        self.plan = NumpyBackend().prepare(program)
        return self

    def run(self, inputs: Sequence[Array], *, keep: bool) -> list[Array | None]:
        return [None if output is None else output * 0 for output in self.plan.run(inputs, keep=keep)]


def missing() -> Backend:
    raise ImportError("No module named 'nowhere'")


def refused() -> Backend:
    raise ModelError("torch finds no CUDA device.", remedy="Install the driver.")


def test_examine_given_a_missing_library_says_which() -> None:
    [finding] = examine([Candidate("fast", "nowhere", missing)])

    assert (finding.usable, finding.version) == (False, "")
    assert "nowhere is not installed" in finding.why


def test_examine_given_a_backend_that_refuses_tells_why() -> None:
    [finding] = examine([Candidate("cuda", "numpy", refused)])

    assert not finding.usable
    assert "no CUDA device" in finding.why


def test_examine_given_a_wrong_backend_tells_the_first_differences() -> None:
    heard: list[tuple[str, str]] = []

    [finding] = examine([Candidate("zero", "numpy", ZeroBackend)], lambda *said: heard.append(said), [maps(DType.U8)])

    assert not finding.usable
    assert len(finding.failures) == backends.FAILURES_TOLD
    assert "elements differ" in finding.failures[0]
    assert heard == [("zero", "MAP U8")]
    assert "zero" in advice([finding, *examine([NUMPY])])


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([("cuda", False), ("onnxruntime", True), ("numpy", True)], "run on onnxruntime. Nothing to do."),
        ([("onnxruntime", False), ("numpy", True)], "install onnxruntime"),
        ([("numpy", False)], "No backend can be used"),
    ],
)
def test_advice_given_findings_names_the_fastest_that_is_exact(findings: list[tuple[str, bool]], words: str) -> None:
    assert words in advice([Finding(name, "1", usable, "") for name, usable in findings])


def test_machine_facts_given_this_machine_names_versions_and_processor() -> None:
    facts = machine_facts()

    assert facts["versions"]["numpy"]
    assert facts["processor"]


def test_doctor_given_json_prints_one_object_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "CANDIDATES", (Candidate("fast", "nowhere", missing), NUMPY))

    result = CliRunner().invoke(app, ["doctor", "--json"])

    said = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    assert (said["event"], said["use"]) == ("doctor", "numpy")
    assert [backend["usable"] for backend in said["backends"]] == [False, True]


def test_doctor_given_people_ends_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "CANDIDATES", (NUMPY,))

    result = CliRunner().invoke(app, ["doctor"])

    assert result.stdout.splitlines()[-1].endswith("install onnxruntime and run this again.")


def test_doctor_given_a_home_spares_its_agent_the_self_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = (Candidate("fast", "nowhere", missing), NUMPY)
    monkeypatch.setattr(backends, "CANDIDATES", candidates)
    assert BackendChoice(tmp_path, "auto", candidates).known() is None

    result = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path)])

    assert result.exit_code == 0
    assert BackendChoice(tmp_path, "auto", candidates).known() == NUMPY
