"""Real children that sleep, allocate, crash and outlive: each is ended, and the error says why."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from tallystick.errors import ProverFailedError, ProverMemoryError, ProverTimeoutError
from tallystick.proving.child import ChildRunner, Step
from tallystick.proving.prover import Limits, no_progress

STEP = [Step("prove", "prove", {})]
BEGIN = """print('{"begin": "prove"}', flush=True)\n"""
DONE = """print(json.dumps({"done": "prove", "seconds": 1.0, "peak": 5, "result": %s}), flush=True)\n"""


def child(tmp_path, body):
    """A runner whose child is this program instead of the prover's."""
    return ChildRunner(tmp_path, command=[sys.executable, "-c", f"import json, os, sys, time\n{textwrap.dedent(body)}"])


def run(runner, limits=Limits(seconds=60), progress=no_progress):  # noqa: B008
    return runner.run(STEP, limits=limits, progress=progress)


def gone_within(process, seconds):
    try:
        process.wait(timeout=seconds)
    except psutil.TimeoutExpired:
        return False
    return True


def only_child_of(pid, seconds=60.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        children = psutil.Process(pid).children()
        if children:
            return children[0]
        time.sleep(0.02)
    raise AssertionError("no child was started")


def test_run_given_a_child_that_answers_returns_its_results(tmp_path):
    assert run(child(tmp_path, BEGIN + DONE % '{"outputs": 3}')) == [{"outputs": 3}]


def test_run_reports_a_step_before_and_after(tmp_path):
    said = []
    run(child(tmp_path, BEGIN + DONE % "{}"), progress=said.append)

    assert [(step.name, step.took_seconds, step.peak_memory_bytes) for step in said] == [
        ("prove", None, None),
        ("prove", 1.0, 5),
    ]


def test_run_given_a_sleeping_child_stops_it_at_the_time_limit(tmp_path):
    start = time.monotonic()
    with pytest.raises(ProverTimeoutError, match=r"'prove' was stopped after .* limit is 2 s"):
        run(child(tmp_path, BEGIN + "time.sleep(60)"), limits=Limits(seconds=2))

    assert time.monotonic() - start < 30


def test_run_given_a_sleeping_child_leaves_no_process(tmp_path):
    body = BEGIN + f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(ProverTimeoutError):
        run(child(tmp_path, body), limits=Limits(seconds=2))

    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_run_given_a_child_that_never_begins_stops_it_too(tmp_path):
    with pytest.raises(ProverTimeoutError, match="'start'"):
        run(child(tmp_path, "time.sleep(60)"), limits=Limits(seconds=0.5))


def test_run_given_a_growing_child_stops_it_at_the_memory_limit(tmp_path):
    body = BEGIN + "held = bytearray(400 * 2**20)\nheld[::4096] = b'x' * len(held[::4096])\ntime.sleep(60)"
    with pytest.raises(ProverMemoryError, match="limit is 200 MiB"):
        run(child(tmp_path, body), limits=Limits(seconds=60, memory_bytes=200 * 2**20))


def test_run_given_a_child_killed_from_outside_says_memory(tmp_path):
    with pytest.raises(ProverMemoryError, match="memory runs out"):
        run(child(tmp_path, BEGIN + f"os.kill(os.getpid(), {int(signal.SIGKILL)})"))


def test_run_given_a_crashing_child_shows_signal_and_last_words(tmp_path):
    with pytest.raises(ProverFailedError, match=r"SIGABRT.*out of cheese"):
        run(child(tmp_path, BEGIN + "print('out of cheese', file=sys.stderr, flush=True); os.abort()"))


def test_run_hands_none_of_the_callers_environment_on(tmp_path, monkeypatch):
    monkeypatch.setenv("TALLYSTICK_TEST_PASSWORD", "hunter2")

    [environment] = run(child(tmp_path, BEGIN + DONE % "dict(os.environ)"))

    assert "hunter2" not in environment.values()


def test_run_gives_the_child_a_home_of_its_own(tmp_path):
    [result] = run(child(tmp_path, BEGIN + DONE % '{"home": os.environ["HOME"], "cwd": os.getcwd()}'))

    assert result == {"home": str(tmp_path), "cwd": str(tmp_path)}


def test_run_leaves_no_file_behind(tmp_path):
    run(child(tmp_path, BEGIN + DONE % "{}"))

    assert list((tmp_path / "requests").iterdir()) == []


PARENT = """
import sys
from pathlib import Path
from tallystick.proving.child import ChildRunner, Step
from tallystick.proving.prover import Limits, no_progress
made = Path(sys.argv[1]) / "made.srs"
ChildRunner(Path(sys.argv[1])).run(
    [Step("srs", "srs", {"path": str(made), "logrows": 20})], limits=Limits(seconds=600), progress=no_progress
)
"""


@pytest.mark.proofs
def test_run_when_the_parent_is_killed_ends_a_prover_at_work(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    prover = only_child_of(parent.pid)
    try:
        while prover.cpu_times().user < 0.5:  # now inside the library, with the interpreter's lock held
            time.sleep(0.05)
        os.kill(parent.pid, signal.SIGKILL)

        assert gone_within(prover, 60)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            prover.kill()
        parent.kill()
        parent.wait()


WATCHED = "import time\nfrom tallystick.proving.lifeline import watch_lifeline\nwatch_lifeline(0)\ntime.sleep(60)\n"


def test_watch_lifeline_when_the_pipe_closes_ends_the_process():
    process = subprocess.Popen([sys.executable, "-c", WATCHED], stdin=subprocess.PIPE, start_new_session=True)
    try:
        only_child_of(process.pid)  # the watcher
        process.stdin.close()

        assert process.wait(timeout=30) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def test_watch_lifeline_while_the_pipe_is_open_lets_the_process_live():
    body = WATCHED.replace("time.sleep(60)", "time.sleep(0.5)")
    process = subprocess.Popen([sys.executable, "-c", body], stdin=subprocess.PIPE, start_new_session=True)
    try:
        assert process.wait(timeout=60) == 0
    finally:
        process.stdin.close()
