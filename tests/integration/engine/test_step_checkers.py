"""The step checkers of the contracts against `tallystick.engine.element`, played in process by forge.

element
├── of every shared vector → its element
├── of random steps of each family → as Python says, what it refuses included
└── of every step of random programs → as the run has it
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import numpy as np
import pytest
from engine_programs import random_program

from scripts.step_cases import Case, Outcome, padded, shown
from scripts.step_checkers import COUNT, play, play_all
from scripts.step_samples import Sample
from tallystick.engine.executor import run
from tallystick.engine.trace import Trace

LONG = os.environ.get("TALLYSTICK_TEST_LONG") == "1"
PROGRAMS = 3_000 if LONG else 150
ELEMENTS = 5
"""Of each step."""


@pytest.mark.timeout(7_200)
def test_element_of_vectors_and_of_random_steps_is_pythons() -> None:
    seed, count = (secrets.randbelow(2**32), 100_000) if LONG else (0x7A11, COUNT)
    assert play_all(count, seed) > 5 * count


@pytest.mark.timeout(7_200)
def test_element_of_every_step_of_random_programs_is_the_runs() -> None:
    cases = [case for seed in range(PROGRAMS) for case in program_cases(seed)]
    assert int(play(cases, "programs")["played"]) == len(cases) > PROGRAMS


def program_cases(seed: int) -> Iterator[Case]:
    """The trace says what must be given, the executor having computed whole tensors."""
    program, x = random_program(seed)
    trace = run(program, [x])
    rng = np.random.default_rng(seed)
    for place in range(len(program.steps)):
        yield from step_cases(trace, place, rng)


def step_cases(trace: Trace, place: int, rng: np.random.Generator) -> Iterator[Case]:
    step, elements = trace.program.steps[place], trace.tensors[place].reshape(-1)
    sample = Sample(step, tuple(trace.tensor(ref) for ref in step.operands))
    data = padded(sample)
    for index in rng.integers(elements.size, size=min(ELEMENTS, elements.size)):
        case = shown(sample, data, int(index)).case()
        yield Case(case.target, case.call, Outcome.GIVES, int(elements[index]))
