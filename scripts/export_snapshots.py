"""Exports what must not change unseen, so that a change shows in the diff: ABIs, code sizes, storage, the HTTP API.

python -m scripts.export_snapshots            writes them
python -m scripts.export_snapshots --check    writes nothing; fails, and says what differs, where one is stale
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts import compile_contracts, storage_layouts
from scripts.toolchain import ROOT
from tallystick.chain.abi import CONTRACTS

ABI_FOLDER = ROOT / "tallystick" / "chain" / "abi"
SNAPSHOTS = ROOT / "tests" / "snapshots"

ARTIFACT_NAMES = {"EzklVerifier": "IEzklVerifier", "StepChecker": "IStepChecker"}
"""EZKL's verifier is generated at deployment, and of step checkers there are five: what is used of them is an interface."""

ONLY_SIZED = ("DotChecker", "LookupChecker", "WindowChecker", "MapChecker", "ArithChecker")
"""Deployed, and called by another contract alone."""

MAX_CODE_BYTES = 24_576
"""The most code that a contract may have on chain (EIP-170)."""

MAX_OUR_BYTES = MAX_CODE_BYTES * 9 // 10
"""The most that one of ours may have: a tenth is left for a correction, which must not need a second contract."""


def _order(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return entry["type"], entry.get("name", ""), json.dumps(entry, sort_keys=True)


def abi_text(abi: list[dict[str, Any]]) -> str:
    """An ABI in one order and spelling, one entry a line, so that a diff shows entries."""
    lines = [json.dumps(entry, sort_keys=True) for entry in sorted(abi, key=_order)]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def size_of(artifact: Mapping[str, Any]) -> int:
    """Deployed code in bytes. A library's placeholder is as long as its address, so it counts right."""
    return len(artifact["deployedBytecode"].removeprefix("0x")) // 2


def read_artifacts() -> dict[str, dict[str, Any]]:
    """Brownie's artifacts of the exported contracts, compiled anew where a source has changed."""
    compile_contracts.main()
    names = (*CONTRACTS, *ONLY_SIZED)
    files = {name: compile_contracts.ARTIFACTS / f"{ARTIFACT_NAMES.get(name, name)}.json" for name in names}
    return {name: json.loads(path.read_text()) for name, path in files.items()}


def openapi_text() -> str | None:
    """The dispatcher's API description; None where the dispatcher's extra is not installed."""
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("dispatcher.api") is None:
        return None
    document = importlib.import_module("dispatcher.api").openapi_document()
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Raises SystemExit for contracts with less room than a tenth of what a chain takes."""
    large = [
        f"{name} has {size} bytes of code, {size - MAX_OUR_BYTES} over {MAX_OUR_BYTES}: a chain takes at most "
        f"{MAX_CODE_BYTES}, of which a tenth stays free. Move a part into a library or a contract of its own."
        for name, size in sizes.items()
        if size > MAX_OUR_BYTES
    ]
    if large:
        sys.exit("\n".join(large))


def snapshots() -> dict[Path, str]:
    """What each file should hold. Raises SystemExit for a contract too large to keep."""
    artifacts = read_artifacts()
    sizes = {name: size_of(artifact) for name, artifact in sorted(artifacts.items()) if name not in ARTIFACT_NAMES}
    check_sizes(sizes)
    abis = {name: abi_text(artifact["abi"]) for name, artifact in artifacts.items() if name in CONTRACTS}
    wanted = {ABI_FOLDER / f"{name}.json": text for name, text in abis.items()}
    wanted[SNAPSHOTS / "sizes.json"] = json.dumps(sizes, indent=1) + "\n"
    wanted[SNAPSHOTS / "storage.json"] = storage_layouts.storage_text()
    openapi = openapi_text()
    if openapi is not None:
        wanted[SNAPSHOTS / "openapi.json"] = openapi
    return wanted


def main() -> None:
    stale = {path: text for path, text in snapshots().items() if not path.exists() or path.read_text() != text}
    if "--check" in sys.argv[1:]:
        if stale:
            names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
            sys.exit(f"Snapshots are stale: {names}. If the change is meant: python -m scripts.export_snapshots")
        return
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
