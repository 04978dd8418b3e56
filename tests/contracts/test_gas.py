"""What each step costs is what tests/snapshots/gas.json says, so that a change of it shows in the diff.

`make gas ARGS=--write` measures and writes the file anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from gas_scenes import MEASURED
from stage import Stage

from scripts.gas import tolerance

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "gas.json"
OUT = os.environ.get("TALLYSTICK_GAS_OUT")
"""Where to write what was measured, instead of holding it to the snapshot."""


@pytest.mark.proofs
@pytest.mark.parametrize("sentence", MEASURED)
def test_gas_of_a_step_is_what_it_was(stage: Stage, sentence: str) -> None:
    used = int(MEASURED[sentence](stage).gas_used)
    if OUT:
        path = Path(OUT)
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, sentence: used}))
        return
    known = json.loads(SNAPSHOT.read_text())
    slack = tolerance(sentence, used)
    assert known.get(sentence) == pytest.approx(used, abs=slack), "if that is meant: make gas ARGS=--write"


def test_snapshot_has_a_scene_for_every_sentence() -> None:
    assert OUT or set(json.loads(SNAPSHOT.read_text())) == set(MEASURED)
