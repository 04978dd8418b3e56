"""Proofs of inference: circuits, keys and proofs, made by a prover in a child process.

Importing this package loads neither numpy nor onnx nor ezkl; the names below load what they need when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallystick.proving.ezkl_prover import EzklProver
    from tallystick.proving.reusable_verifier import verifier_source

__all__ = ["EzklProver", "verifier_source"]


_HOMES = {
    "EzklProver": "tallystick.proving.ezkl_prover",
    "verifier_source": "tallystick.proving.reusable_verifier",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
