"""What Brownie compiled, for tests that deploy a contract by hand."""

from __future__ import annotations

import json
from typing import Any

from scripts.compile_contracts import ARTIFACTS, alone


def artifact(name: str) -> dict[str, Any]:
    """Read when nobody is loading Brownie's project, which writes the artifacts anew: a reader could meet half of one."""
    with alone():
        return dict(json.loads((ARTIFACTS / f"{name}.json").read_text()))
