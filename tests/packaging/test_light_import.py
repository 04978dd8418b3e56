"""The SDK is light: it imports without what only other roles need, and the command answers at once."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HEAVY = (
    "numpy",
    "numba",
    "onnx",
    "onnxruntime",
    "ezkl",
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "apscheduler",
    "ipfshttpclient",
    "pynvml",
)

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def run_without(modules: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    return run(f"BLOCKED = {modules!r}\n{BLOCKER}\n{code}")


def test_blocker_given_a_blocked_module_blocks_it() -> None:
    assert "No module named 'numpy'" in run_without(("numpy",), "import numpy").stderr


def test_client_sdk_imports_without_what_other_roles_need() -> None:
    code = """
import client_sdk
for name in client_sdk.__all__:
    getattr(client_sdk, name)
import client_sdk.testing
"""
    done = run_without(HEAVY, code)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["job", "model", "wallet", "localnet"])
def test_command_modules_import_without_what_other_roles_need(module: str) -> None:
    done = run_without(HEAVY, f"import client_sdk.cli.{module}")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "module"), [("dispatcher", "fastapi"), ("executor", "psutil"), ("challenger", "numpy")]
)
def test_command_given_a_role_whose_extra_is_missing_says_what_to_install(command: str, module: str) -> None:
    done = run_without(
        (module,),
        f"import sys; sys.argv = ['tallystick', {command!r}, '--help']; from client_sdk.cli import main; main()",
    )

    assert done.returncode == 1
    assert f"Error: The command '{command}' needs the module '{module}', which is not installed." in done.stderr
    assert f"pip install 'tallystick[{command}]'" in done.stderr


def test_register_program_without_the_engine_says_what_to_install() -> None:
    code = """
from pathlib import Path
from types import SimpleNamespace
from client_sdk._models import Models
Models(SimpleNamespace(store=None), None)._publish_program(Path("."), "program")
"""
    done = run_without(("numpy",), code)

    assert "A program needs the module 'numpy', which is not installed." in done.stderr
    assert "pip install 'tallystick[engine]'" in done.stderr


def test_importing_the_package_loads_nothing_heavy() -> None:
    done = run(
        "import sys, client_sdk, client_sdk.cli; print([m for m in ('web3', 'pydantic', 'httpx') if m in sys.modules])"
    )

    assert done.stdout.strip() == "[]"


def test_help_answers_within_a_second() -> None:
    code = "import sys; sys.argv = ['tallystick', '--help']; from client_sdk.cli import main; main()"
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(code).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    # A processor's seconds, and the best of three: this is about what is imported, not about what else the machine does.
    assert min(seconds) < 1.0
