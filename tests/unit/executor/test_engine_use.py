"""Which backend programs run on, how long they are said to take, and how an executor is told to be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from executor_programs import inputs, program
from typer.testing import CliRunner

from executor.cli import app
from executor.optimistic.engine import Engine
from executor.optimistic.faults import parse_fault
from executor.optimistic.inspection import LoadedProgram
from executor.optimistic.run_times import RunTimes, computed_seconds, trace_bytes
from tallystick.engine.backends import Backend
from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.commitments import program_commitment
from tallystick.errors import InputError
from tallystick.ids import bytes32
from tallystick.service import backend_choice
from tallystick.service.backend_choice import BackendChoice, make_backend
from tallystick.service.backends import Candidate, Finding

NUMPY = Candidate("numpy", "numpy", NumpyBackend)


class Fast(NumpyBackend):
    name = "fast"


def missing() -> Backend:
    raise ImportError("No module named 'nowhere'")


FAST, GONE = Candidate("onnxruntime", "numpy", Fast), Candidate("cuda", "nowhere", missing)


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The backends whose self-tests were run; none of them takes time."""
    asked: list[str] = []

    def examine(candidates: list[Candidate]) -> list[Finding]:
        [candidate] = candidates
        asked.append(candidate.name)
        return [Finding(candidate.name, "1", candidate.name != "cuda", "why")]

    monkeypatch.setattr(backend_choice, "examine", examine)
    return asked


def test_settle_given_auto_takes_the_fastest_that_is_exact(tmp_path: Path, tested: list[str]) -> None:
    choice = BackendChoice(tmp_path, "auto", [GONE, FAST, NUMPY])

    assert choice.known() is None
    assert (choice.settle(), tested) == (FAST, ["cuda", "onnxruntime"])


def test_settle_given_a_second_start_tests_nothing(tmp_path: Path, tested: list[str]) -> None:
    BackendChoice(tmp_path, "auto", [GONE, FAST, NUMPY]).settle()
    again = BackendChoice(tmp_path, "auto", [GONE, FAST, NUMPY])

    assert (again.known(), again.settle(), len(tested)) == (FAST, FAST, 2)


def test_settle_given_another_machine_tests_again(
    tmp_path: Path, tested: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    BackendChoice(tmp_path, "auto", [FAST, NUMPY]).settle()
    monkeypatch.setattr(backend_choice, "machine_facts", lambda: {"processor": "another"})
    again = BackendChoice(tmp_path, "auto", [FAST, NUMPY])

    assert again.known() is None
    again.settle()
    assert tested == ["onnxruntime", "onnxruntime"]


def test_settle_given_a_wanted_backend_that_is_not_exact_says_why(tmp_path: Path, tested: list[str]) -> None:
    with pytest.raises(InputError, match="cuda cannot be used here: why"):
        BackendChoice(tmp_path, "cuda", [GONE, FAST, NUMPY]).settle()


def test_known_given_the_reference_wanted_needs_no_test(tmp_path: Path, tested: list[str]) -> None:
    assert (BackendChoice(tmp_path, "numpy", [FAST, NUMPY]).known(), tested) == (NUMPY, [])


def test_known_given_a_damaged_file_asks_anew(tmp_path: Path, tested: list[str]) -> None:
    (tmp_path / "backends.json").write_text("{")

    assert BackendChoice(tmp_path, "auto", [FAST, NUMPY]).known() is None


def test_engine_given_no_choice_yet_runs_on_the_reference_until_it_is_settled(
    tmp_path: Path, tested: list[str]
) -> None:
    engine = Engine(BackendChoice(tmp_path, "auto", [FAST, NUMPY]), 1, tmp_path)
    assert (engine.name, engine.is_settled, engine.backend, engine.version) == ("numpy", False, "engine-numpy", "1")

    engine.settle()

    assert (engine.name, engine.is_settled) == ("onnxruntime", True)


def test_make_backend_given_threads_hands_them_on() -> None:
    backend = make_backend(NUMPY, 3)

    assert isinstance(backend, NumpyBackend)
    assert backend._how.threads == 3


# ---- times ------------------------------------------------------------------------------------------------------------


def loaded() -> LoadedProgram:
    commitment = program_commitment(program())
    return LoadedProgram(bytes32(commitment.program_hash), program(), commitment)


def test_estimate_seconds_given_a_run_is_what_it_took_and_survives_a_restart(tmp_path: Path) -> None:
    model, choice = loaded(), BackendChoice(tmp_path, "numpy")
    engine = Engine(choice, 1, tmp_path)
    assert engine.estimate_seconds(model) == computed_seconds(program())

    engine.run(model, inputs(0))

    measured = engine.measured_seconds(model)
    assert measured is not None
    assert Engine(choice, 1, tmp_path).estimate_seconds(model) == measured < computed_seconds(program())
    assert Engine(choice, 2, tmp_path).measured_seconds(model) is None


def test_note_given_slower_and_faster_runs_rises_at_once_and_falls_by_half(tmp_path: Path) -> None:
    times, seen = RunTimes(tmp_path / "times"), []
    for seconds in (2.0, 8.0, 2.0, 2.0):
        times.note("p", "t", seconds)
        seen.append(times.measured("p", "t"))

    assert seen == [2.0, 8.0, 5.0, 3.5]


def test_computed_seconds_given_a_program_grows_with_its_work() -> None:
    macs = 700 * 600 + 600 * 10

    assert computed_seconds(program()) >= 2.0 + macs / 2e8
    assert trace_bytes(program()) == 700 + 600 + 10


# ---- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["op=7,element=120", "weights", "output", "withhold", "late"])
def test_parse_fault_given_a_development_chain_takes_each(spec: str) -> None:
    found = parse_fault(spec, 31337)

    assert (found.spec, found.withholds, found.is_late) == (spec, spec == "withhold", spec == "late")
    assert found.element == ((7, 120) if spec.startswith("op") else None)


@pytest.mark.parametrize("spec", ["op=7", "op=-1,element=0", "op=7,element=", "wrong", "Weights", "late "])
def test_parse_fault_given_something_else_tells_what_there_is(spec: str) -> None:
    with pytest.raises(InputError, match="is no fault") as raised:
        parse_fault(spec, 31337)
    assert "withhold" in raised.value.remedy


@pytest.mark.parametrize("chain_id", [1, 10, 11155111])
def test_parse_fault_given_any_other_chain_refuses(chain_id: int) -> None:
    with pytest.raises(InputError, match=f"chain {chain_id} is not a development chain"):
        parse_fault("output", chain_id)


def test_run_given_a_fault_and_a_chain_that_is_none_of_these_ends_before_anything_starts(tmp_path: Path) -> None:
    from executor_builders import DEPLOYMENT, OPERATOR

    record = tmp_path / "deployment.json"
    record.write_text(json.dumps(DEPLOYMENT.model_dump(mode="json") | {"chain_id": 10}))
    options = {
        "rpc": "http://127.0.0.1:9",
        "deployment": str(record),
        "store": f"dir:{tmp_path}/store",
        "home": f"{tmp_path}/home",
        "operator": OPERATOR,
        "keystore": f"{tmp_path}/nowhere",
        "fault": "output",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]

    result = CliRunner().invoke(app, ["run", "--json", *arguments])

    assert result.exit_code == 1
    assert "chain 10 is not a development chain" in json.loads(result.stderr.splitlines()[-1])["message"]
    assert not (tmp_path / "home" / "journal.sqlite3").exists()
