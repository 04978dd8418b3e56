"""Estimates said before a step, times learnt after it. The child is a stand-in; the real one has integration tests."""

import os

import pytest

from tallystick.errors import ProverFailedError
from tallystick.proving.child import Step
from tallystick.proving.estimates import tabled_seconds
from tallystick.proving.keys import KeyIdentity
from tallystick.proving.prover import Limits, ProvingStep, no_progress
from tallystick.proving.workshop import Workshop
from tallystick.proving.workspace import workspace

LIMITS = Limits(seconds=1)
IDENTITY = KeyIdentity(onnx=b"o", settings=b"s", srs_sha256="0x" + "11" * 32, prover_version="1")


class FakeRunner:
    """Says every step took two seconds, and writes what a step's arguments say it would make."""

    def __init__(self) -> None:
        self.ran: list[Step] = []

    def run(self, steps, *, limits, progress):
        for step in steps:
            self.ran.append(step)
            progress(ProvingStep(step.name, estimate_seconds=step.estimate_seconds))
            for made in {"compile": ("compiled",), "setup": ("vk", "pk"), "vka": ("vka",)}.get(step.call, ()):
                with open(step.arguments[made], "wb") as file:  # noqa: PTH123
                    file.write(b"made")
            progress(ProvingStep(step.name, took_seconds=2.0, peak_memory_bytes=1))
        return [{} for _ in steps]


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def workshop(tmp_path, runner):
    return Workshop(tmp_path, runner, "1")


def test_run_given_a_known_size_says_the_estimate_before_the_step(workshop):
    said = []
    workshop.run([Step("prove", "prove", {})], logrows=15, limits=LIMITS, progress=said.append)

    assert said[0] == ProvingStep("prove", estimate_seconds=tabled_seconds("prove", 15))


def test_run_given_a_known_size_learns_the_time(workshop):
    workshop.run([Step("prove", "prove", {})], logrows=15, limits=LIMITS, progress=no_progress)

    assert workshop.estimates.seconds("prove", 15) == 2.0


def test_run_given_no_size_learns_nothing(workshop, tmp_path):
    workshop.run([Step("prove", "prove", {})], logrows=None, limits=LIMITS, progress=no_progress)

    assert not (tmp_path / "estimates.json").exists()


def test_run_when_a_step_fails_passes_the_error_on(tmp_path):
    class Failing:
        def run(self, steps, *, limits, progress):
            raise ProverFailedError("no")

    with pytest.raises(ProverFailedError):
        Workshop(tmp_path, Failing(), "1").run([], logrows=3, limits=LIMITS, progress=no_progress)


def test_ensure_keys_runs_its_steps_in_one_child(workshop, runner, tmp_path):
    workshop.ensure_keys(IDENTITY, srs=tmp_path / "srs", logrows=10, limits=LIMITS, progress=no_progress)

    assert [step.name for step in runner.ran] == ["compile", "setup", "vka"]


def test_ensure_keys_given_cached_keys_runs_nothing(workshop, runner, tmp_path):
    for _ in range(2):
        workshop.ensure_keys(IDENTITY, srs=tmp_path / "srs", logrows=10, limits=LIMITS, progress=no_progress)

    assert len(runner.ran) == 3


def test_workspace_goes_away_afterwards(tmp_path):
    with workspace(tmp_path) as folder:
        (folder / "witness.json").write_text("{}")

    assert list(tmp_path.iterdir()) == []


def test_workspace_removes_what_a_dead_process_left(tmp_path):
    left = tmp_path / "999999999-abc"
    left.mkdir()

    with workspace(tmp_path):
        assert not left.exists()


def test_workspace_leaves_what_a_living_process_uses(tmp_path):
    used = tmp_path / f"{os.getppid()}-abc"
    used.mkdir()

    with workspace(tmp_path):
        assert used.exists()
