"""tests/vectors/engine.json as calls of the step checkers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from scripts.step_cases import FAMILIES, Case, Outcome, padded, requantize_case, shown
from scripts.step_samples import Sample
from scripts.toolchain import ROOT
from tallystick.engine.preimages import decode_header, decode_step
from tallystick.engine.program import Array, from_bytes
from tallystick.ids import raw

VECTORS = ROOT / "tests" / "vectors" / "engine.json"


def _array(operand: dict[str, str]) -> Array:
    header = decode_header(raw(operand["header"]))
    if "data" in operand:
        return from_bytes(raw(operand["data"]), header)
    return from_bytes(np.resize(np.frombuffer(raw(operand["repeats"]), np.uint8), header.byte_size).tobytes(), header)


def _element_cases(case: dict[str, Any]) -> Iterator[Case]:
    sample = Sample(decode_step(raw(case["step"])), tuple(_array(operand) for operand in case["operands"]))
    data = padded(sample)
    for index, expected in case["elements"]:
        call = shown(sample, data, index).call()
        yield Case(FAMILIES.index(sample.step.opcode.family), call, Outcome.GIVES, expected)


def vector_cases() -> Iterator[Case]:
    """Every element and every requantisation, with what the file has for it."""
    vectors = json.loads(VECTORS.read_text())
    for case in vectors["elements"]:
        yield from _element_cases(case)
    for row in vectors["requantize"]["cases"]:
        yield requantize_case(*row)
