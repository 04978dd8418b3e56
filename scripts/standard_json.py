"""Asks the pinned compiler in its own language (standard JSON), with the settings of brownie-config.yaml.

Brownie and forge ask for what deploying and testing need. Storage layouts and syntax trees are asked for here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with Brownie, without types

from scripts.toolchain import ROOT, SOLC, ToolMissingError


class CompilerRefusedError(Exception):
    """The sources do not compile; the message is the compiler's own."""


def compiler_settings() -> dict[str, Any]:
    """`settings` of the question, without what is to be answered."""
    solc = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]["solc"]
    return {
        "evmVersion": solc["evm_version"],
        "optimizer": {"enabled": solc["optimizer"]["enabled"], "runs": solc["optimizer"]["runs"]},
        "remappings": solc["remappings"],
        "viaIR": solc.get("viaIR", False),
    }


def question(files: Iterable[Path], of_contracts: list[str], of_files: Iterable[str] = ()) -> dict[str, Any]:
    """What to compile and which outputs to give, for each contract and for each file. Imports need not be listed."""
    return {
        "language": "Solidity",
        "sources": {path.relative_to(ROOT).as_posix(): {"content": path.read_text()} for path in sorted(files)},
        "settings": {**compiler_settings(), "outputSelection": {"*": {"*": of_contracts, "": list(of_files)}}},
    }


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The compiler's output. Raises CompilerRefusedError for an error in a source, ToolMissingError without set-up."""
    if not SOLC.exists():
        raise ToolMissingError("solc", SOLC)
    # In the root: the compiler reads imports relative to where it runs.
    done = subprocess.run(
        [str(SOLC), "--standard-json"], cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    given: dict[str, Any] = json.loads(done.stdout)
    errors = [error["formattedMessage"] for error in given.get("errors", []) if error["severity"] == "error"]
    if errors:
        raise CompilerRefusedError("\n".join(errors))
    return given
