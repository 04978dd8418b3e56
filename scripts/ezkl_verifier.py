"""EZKL's reusable verifier, generated and compiled on this machine. Its source has no licence, so it is not committed.

It is the same for every circuit, so one small circuit suffices to generate it, and one deployment serves every model.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.toolchain import CACHE, ROOT, SOLC, SOLC_VERSION, tool_environment

CONTRACT = "Halo2VerifierReusable"
GENERATION_SECONDS = 180
# Legacy code generation with the optimizer set for size: with viaIR the compiler may move variables into memory at
# 0x80, where this verifier's assembly expects its key and nothing else.
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 1},
    "viaIR": False,
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["evm.bytecode.object", "evm.deployedBytecode.object"]}},
}
_GENERATE = """
import sys
from pathlib import Path
from tallystick.proving import verifier_source
Path(sys.argv[2]).write_text(verifier_source(Path(sys.argv[1])))
"""


class EzklVerifierError(Exception):
    """The verifier could not be generated or compiled."""


@dataclass(frozen=True)
class EzklVerifier:
    """Compiled code, as hex without 0x."""

    creation: str
    runtime: str
    source_sha256: str


def generate_source() -> str:
    """Asks EZKL for its verifier, in a child process with the checkout's HOME. Takes a few seconds."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        out = Path(folder) / "verifier.sol"
        done = subprocess.run(
            [sys.executable, "-c", _GENERATE, folder, str(out)],
            cwd=ROOT,
            env=tool_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=GENERATION_SECONDS,
        )
        if done.returncode or not out.exists():
            raise EzklVerifierError(f"EZKL did not generate its verifier:\n{done.stdout}\n{done.stderr}")
        return out.read_text()


def compile_source(source: str) -> EzklVerifier:
    """Raises EzklVerifierError with the compiler's own words."""
    question = {"language": "Solidity", "sources": {"v.sol": {"content": source}}, "settings": SETTINGS}
    done = subprocess.run(
        [str(SOLC), "--standard-json"], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    errors = [error["formattedMessage"] for error in answer.get("errors", []) if error["severity"] == "error"]
    if errors:
        raise EzklVerifierError("EZKL's verifier does not compile:\n" + "\n".join(errors))
    evm = answer["contracts"]["v.sol"][CONTRACT]["evm"]
    return EzklVerifier(
        creation=evm["bytecode"]["object"],
        runtime=evm["deployedBytecode"]["object"],
        source_sha256=hashlib.sha256(source.encode()).hexdigest(),
    )


def _cached_at() -> Path:
    """Named after everything that the code depends on, so that a file that exists is right."""
    basis = [importlib.metadata.version("ezkl"), SOLC_VERSION, SETTINGS]
    key = hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()[:16]
    return CACHE / "ezkl-verifier" / f"{key}.json"


def load() -> EzklVerifier:
    """The verifier for the installed EZKL: from the cache, or generated, compiled and cached now."""
    place = _cached_at()
    if place.exists():
        return EzklVerifier(**json.loads(place.read_text()))
    verifier = compile_source(generate_source())
    place.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed: a reader never sees half of it.
    part = place.with_suffix(".part")
    part.write_text(json.dumps(asdict(verifier)))
    part.replace(place)
    return verifier


def main() -> None:
    verifier = load()
    print(f"{CONTRACT}: {len(verifier.runtime) // 2} bytes, source sha256 {verifier.source_sha256}")


if __name__ == "__main__":
    main()
