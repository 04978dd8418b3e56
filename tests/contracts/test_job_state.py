"""JobStateLib.load and save pack a job's state by hand; Solidity's own way of doing it says whether they are right.

save
├── one member at its most, whichever, the others at zero → read by Solidity as it was given
└── random states, one over the other → read by Solidity as they were given

load
├── one member at its most, whichever → its word, and nothing in the others
└── random states, one over the other → words as Solidity wrote them
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from dirty_words import used_bits
from stage import REFUNDED, Stage

State = tuple[Any, ...]


@pytest.fixture(scope="module")
def mock(stage: Stage) -> Any:
    return stage.deploy("MockJobState")


def members(mock: Any) -> list[tuple[str, int]]:
    """Names and the largest values, in order."""
    (copy_out,) = (entry for entry in mock.abi if entry.get("name") == "copyOut")
    found = copy_out["outputs"][0]["components"]
    return [
        (item["name"], REFUNDED if item["name"] == "status" else 2 ** used_bits(item["type"]) - 1) for item in found
    ]


def state(mock: Any, values: dict[str, int]) -> State:
    numbers = [values.get(name, 0) for name, _ in members(mock)]
    return (f"0x{numbers[0]:040x}", *numbers[1:])


def extremes(mock: Any) -> Iterator[State]:
    for name, most in members(mock):
        yield state(mock, {name: most})
    yield state(mock, dict(members(mock)))


def random_states(mock: Any, seed: int) -> Iterator[State]:
    dice = random.Random(seed)
    for _ in range(10):
        yield state(mock, {name: dice.randint(0, most) for name, most in members(mock)})


def read_back(stage: Stage, write: Any, read: Any, states: Iterator[State]) -> tuple[list[Any], list[Any]]:
    """What was written, and what was read after each, as numbers."""
    given, found = [], []
    for written in states:
        write(written, {"from": stage.stranger})
        operator, *numbers = read()
        given.append([int(written[0], 16), *written[1:]])
        found.append([int(str(operator), 0), *(int(number) for number in numbers)])
    return given, found


def test_save_of_each_member_at_its_most_is_what_solidity_reads(stage: Stage, mock: Any) -> None:
    given, found = read_back(stage, mock.save, mock.copyOut, extremes(mock))
    assert found == given


def test_save_of_random_states_is_what_solidity_reads(stage: Stage, mock: Any) -> None:
    given, found = read_back(stage, mock.save, mock.copyOut, random_states(mock, 1))
    assert found == given


def test_load_of_each_member_at_its_most_is_what_solidity_wrote(stage: Stage, mock: Any) -> None:
    given, found = read_back(stage, mock.copyIn, mock.load, extremes(mock))
    assert found == given


def test_load_of_random_states_is_what_solidity_wrote(stage: Stage, mock: Any) -> None:
    given, found = read_back(stage, mock.copyIn, mock.load, random_states(mock, 2))
    assert found == given
