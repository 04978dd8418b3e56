"""What an installation puts at the top of everybody's import path: exactly these names."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built by the declared build backend, without touching the network."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return zipfile.ZipFile(folder / done.stdout.strip().splitlines()[-1])


def test_wheel_has_exactly_these_top_level_names(wheel: zipfile.ZipFile) -> None:
    names = {name.partition("/")[0] for name in wheel.namelist()}

    assert {name for name in names if not name.endswith(".dist-info")} == {
        "challenger",
        "client_sdk",
        "dispatcher",
        "executor",
        "tallystick",
    }


def test_wheel_carries_the_data_that_code_reads(wheel: zipfile.ZipFile) -> None:
    wanted = {
        "tallystick/py.typed",
        "tallystick/chain/abi/JobEscrow.json",
        "tallystick/wire/requirements/grammar.lark",
    }

    assert wanted - set(wheel.namelist()) == set()


def test_wheel_declares_one_command_and_its_plug_ins(wheel: zipfile.ZipFile) -> None:
    place = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    lines = [line for line in wheel.read(place).decode().splitlines() if line]

    assert lines == [
        "[console_scripts]",
        "tallystick = client_sdk.cli:main",
        "[tallystick.commands]",
        "challenger = challenger.cli:app",
        "dispatcher = dispatcher.cli:app",
        "executor = executor.cli:app",
    ]
