from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from executor_builders import JOB_ID, NOW, TOKEN
from typer.testing import CliRunner

from executor.cli import app
from executor.journal import FILE_NAME, Earning, Journal
from executor.work import JobWork, Stage
from tallystick.clock import ManualClock
from tallystick.errors import HomeInUseError
from tallystick.service.home import home_lock, write_atomic


def told(*arguments: str, code: int = 0) -> Any:
    """What a command prints as JSON, on whichever stream it should."""
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout if code == 0 else result.stderr)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    journal = Journal.open(tmp_path / FILE_NAME, ManualClock(NOW), identity="deployment, operator and agent")
    work = JobWork(JOB_ID, 1, 2, stage=Stage.PROVING, milestone=1, deadline=9, last_word="slow", story=("a", "b"))
    journal.put_work(work)
    journal.record(rolled_back_to=None, facts=[], earned=[Earning(JOB_ID, 0, 3, TOKEN, 2**100)], cursor="1")
    journal.put_link("dispatcher", "away")
    journal.close()
    return tmp_path


def test_status_given_a_home_tells_jobs_earnings_and_links(home: Path) -> None:
    found = told("status", "--home", str(home))

    [job] = found["jobs"]
    assert (job["job_id"], job["stage"], job["milestone"], job["earned"]) == (JOB_ID, "proving", 1, str(2**100))
    assert (job["last_word"], job["story"]) == ("slow", ["a", "b"])
    assert found["earned"] == {TOKEN: str(2**100)}
    assert found["links"] == [{"name": "dispatcher", "ok": False, "trouble": "away", "since": NOW}]


def test_status_given_people_tells_the_same_in_words(home: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--home", str(home)])

    assert "proving" in result.stdout
    assert "dispatcher: away" in result.stdout


def test_status_given_no_home_fails_with_a_remedy(tmp_path: Path) -> None:
    failure = told("status", "--home", str(tmp_path / "nowhere"), code=1)

    assert (failure["event"], failure["error"]) == ("failed", "InputError")
    assert "start the executor once" in failure["remedy"]


def test_capability_given_a_machine_prints_what_would_be_announced(tmp_path: Path) -> None:
    found = told("capability", "--home", str(tmp_path), "--region", "eu", "--min-milestone-price", "5")

    assert (found["region"], found["min_milestone_price"], found["provers"][0]["name"]) == ("eu", 5, "ezkl")


def test_run_given_no_settings_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALLYSTICK_EXECUTOR_RPC", raising=False)

    assert "--rpc" in told("run", code=1)["remedy"]


def test_run_given_a_log_level_that_is_none_says_which_there_are() -> None:
    assert "debug, info, warning or error" in told("run", "--log-level", "nonsense", code=1)["remedy"]


def test_home_lock_given_a_home_in_use_says_by_whom(tmp_path: Path) -> None:
    import os

    with (
        home_lock(tmp_path),
        pytest.raises(HomeInUseError, match=f"Process {os.getpid()} works in"),
        home_lock(tmp_path),
    ):
        pass


def test_home_lock_given_a_home_left_behind_takes_it(tmp_path: Path) -> None:
    with home_lock(tmp_path):
        pass
    with home_lock(tmp_path):
        assert (tmp_path / "lock").exists()


def test_write_atomic_given_a_failure_leaves_the_old_content_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomic(tmp_path / "file", b"old")

    def full_disk(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_atomic(tmp_path / "file", b"new")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]
