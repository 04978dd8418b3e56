"""Where the checkout's tools are, and the environment they run in. Nothing here starts anything."""

import os
import platform
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
HOME = CACHE / "home"
"""The HOME of tools that keep state in the user's (Brownie, EZKL): a checkout leaves no trace outside itself."""

SOLC_VERSION = "0.8.37"
SOLC = HOME / ".solcx" / f"solc-v{SOLC_VERSION}"
SVM_SOLC = HOME / ".svm" / "0.8.20" / "solc-0.8.20"
"""EZKL looks for exactly this one, and would go to the network where it is missing."""


class ToolMissingError(Exception):
    """A tool that set-up installs is not where set-up puts it."""

    def __init__(self, tool: str, place: Path) -> None:
        super().__init__(f"{tool} is not at {place}. Run `make setup` in {ROOT}.")


def tool_environment() -> dict[str, str]:
    """This process's environment with HOME moved into the checkout."""
    return {**os.environ, "HOME": str(HOME), "SOLCX_BINARY_PATH": str(SOLC.parent)}


def node_executable() -> Path:
    found = shutil.which("node", path=str(ROOT / ".venv" / "bin")) or shutil.which("node")
    if found is None:
        raise ToolMissingError("node", ROOT / ".venv" / "bin")
    return Path(found)


def foundry_executable(name: str) -> Path:
    """The native `anvil` or `forge` inside its npm package for this platform."""
    machine = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}[platform.machine().lower()]
    place = ROOT / "node_modules" / "@foundry-rs" / f"{name}-{platform.system().lower()}-{machine}" / "bin" / name
    if not place.exists():
        raise ToolMissingError(name, place)
    return place
