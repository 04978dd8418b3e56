from __future__ import annotations

from pathlib import Path

import pytest
from executor_builders import JOB_ID, hash_of, open_job

from executor.methods import Methods
from tallystick.errors import InputError
from tallystick.ids import JobId


def folders(home: Path, *jobs: JobId) -> Methods:
    for job_id in jobs:
        (home / job_id).mkdir()
        (home / job_id / "0.trace").write_bytes(b"something")
    return Methods({}, home)


def test_forget_given_a_finished_job_removes_its_folder(tmp_path: Path) -> None:
    methods = folders(tmp_path, JOB_ID)

    methods.forget(JOB_ID)

    assert not (tmp_path / JOB_ID).exists()


def test_forget_all_but_given_jobs_that_go_on_keeps_theirs(tmp_path: Path) -> None:
    other = JobId(hash_of("another job"))
    methods = folders(tmp_path, JOB_ID, other)

    methods.forget_all_but([other])

    assert [folder for folder in (JOB_ID, other) if (tmp_path / folder).exists()] == [other]


def test_of_given_a_proof_kind_that_is_not_taken_says_how_to_take_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="proof kind zk") as raised:
        Methods({}, tmp_path).of(open_job())
    assert "--proof-kinds" in raised.value.remedy
