"""Runs slither on the contracts and holds its findings to tests/snapshots/slither.json, where each one is explained.

python -m scripts.static_analysis            fails for a finding without an explanation, and an explanation without one
python -m scripts.static_analysis --write    adds new findings with an empty explanation, which fails until it is written

A finding's key is slither's own sentence without line numbers, so that moving code changes nothing. A whole check can
be explained once, where every finding of it would be explained by the same words.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.standard_json import answer, question
from scripts.toolchain import CACHE, ROOT, SOLC_VERSION, foundry_executable, tool_environment

EXPLAINED = ROOT / "tests" / "snapshots" / "slither.json"
WORK = CACHE / "slither"
SLITHER = Path(sys.executable).parent / "slither"

WHAT_SLITHER_READS = ["abi", "devdoc", "userdoc"]
NO_CODE = {"object": "", "sourceMap": ""}
"""It reads syntax trees, and only wants the place for bytecode to be there. Making the code takes ten times as long."""

ANALYSIS_SECONDS = 600


@dataclass
class Explanations:
    """Why a check, or one finding by its key, is no defect here."""

    checks: dict[str, str] = field(default_factory=dict)
    findings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Explanations:
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, path: Path) -> None:
        ordered = {"checks": dict(sorted(self.checks.items())), "findings": dict(sorted(self.findings.items()))}
        path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def analysed_files() -> list[Path]:
    return [path for path in (ROOT / "contracts").rglob("*.sol") if "mocks" not in path.parts]


def _lay_out() -> Path:
    """The compiler's output, written as forge writes it: the one form that slither reads without compiling itself.

    Its own ways of calling a compiler end at our solcjs, or, once they see foundry.toml, at forge's whole build.
    """
    asked = question(analysed_files(), WHAT_SLITHER_READS, of_files=["ast"])
    folder = WORK / "build-info"
    folder.mkdir(parents=True, exist_ok=True)
    given = answer(asked)
    for contract in (contract for file in given["contracts"].values() for contract in file.values()):
        contract["evm"] = {"bytecode": NO_CODE, "deployedBytecode": NO_CODE}
    build = {"solcVersion": SOLC_VERSION, "input": asked, "output": given}
    (folder / "contracts.json").write_text(json.dumps(build))
    return folder


def run_slither() -> list[dict[str, Any]]:
    """Slither's findings about our own code. Raises SystemExit with its words where it does not finish."""
    build, report = _lay_out(), WORK / "report.json"
    report.unlink(missing_ok=True)
    environment = tool_environment()
    # Slither asks `forge config` where the project's tests are.
    environment["PATH"] = os.pathsep.join([str(foundry_executable("forge").parent), environment["PATH"]])
    command = [str(SLITHER), ".", "--compile-force-framework", "foundry", "--foundry-ignore-compile"]
    command += ["--foundry-build-info-directory", str(build.relative_to(ROOT))]
    command += ["--filter-paths", "node_modules/", "--json", str(report)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=ANALYSIS_SECONDS
    )
    # Its exit code counts findings; only the report says whether it finished.
    told: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {"success": False}
    if not told["success"]:
        sys.exit(f"Slither did not finish:\n{told.get('error') or done.stdout + done.stderr}")
    findings: list[dict[str, Any]] = told["results"].get("detectors", [])
    return findings


def key_of(finding: Mapping[str, Any]) -> str:
    """The check and slither's sentence, without places: one that survives moved lines."""
    sentence = re.sub(r" \([^()\s]+\.sol#[\d-]+\)", "", finding["description"])
    return f"{finding['check']}: {' '.join(sentence.split())}"


def numbered(keys: Iterable[str]) -> list[str]:
    """Equal sentences told apart, so that a second finding cannot hide behind the first."""
    seen: dict[str, int] = {}
    distinct = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        distinct.append(key if seen[key] == 1 else f"{key} [{seen[key]}]")
    return distinct


def complaints(found: list[dict[str, Any]], known: Explanations) -> list[str]:
    """What is wrong between findings and explanations, one sentence each."""
    by_finding = numbered(key_of(finding) for finding in found if finding["check"] not in known.checks)
    met = {finding["check"] for finding in found}
    wrong = [f"not explained: {key}" for key in by_finding if not known.findings.get(key, "").strip()]
    wrong += [f"not explained: the check {check}" for check, why in known.checks.items() if not why.strip()]
    wrong += [f"no longer found: {key}" for key in known.findings if key not in by_finding]
    wrong += [f"no longer found: any finding of the check {check}" for check in known.checks if check not in met]
    return wrong


def updated(found: list[dict[str, Any]], known: Explanations) -> Explanations:
    """What is found now, with the explanations that there are. What has vanished is left out."""
    keys = numbered(key_of(finding) for finding in found if finding["check"] not in known.checks)
    met = {finding["check"] for finding in found}
    return Explanations(
        checks={check: why for check, why in known.checks.items() if check in met},
        findings={key: known.findings.get(key, "") for key in keys},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="add what is new, drop what is gone")
    writing = parser.parse_args().write
    found, known = run_slither(), Explanations.read(EXPLAINED)
    if writing:
        known = updated(found, known)
        known.write(EXPLAINED)
    wrong = complaints(found, known)
    name = EXPLAINED.relative_to(ROOT)
    if wrong:
        print("\n".join(wrong))
        sys.exit(
            f"\n{len(wrong)} to settle: mend the contract, or say in {name} why it is fine (--write adds the key)."
        )
    print(f"slither: {len(found)} findings, all explained in {name}")


if __name__ == "__main__":
    main()
