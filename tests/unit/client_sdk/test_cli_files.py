"""Files that commands read and write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from client_sdk.cli._files import read_inputs, write_outputs
from tallystick.errors import InputError, TensorError


def test_read_inputs_given_json_gives_its_lists(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[[0.5, 1]]")

    assert read_inputs(tmp_path / "x.json") == [[0.5, 1]]


def test_read_inputs_given_an_array_gives_it(tmp_path: Path) -> None:
    numpy.save(tmp_path / "x.npy", numpy.array([[0.5, 1]]))

    assert read_inputs(tmp_path / "x.npy").tolist() == [[0.5, 1.0]]


def test_read_inputs_given_an_array_of_objects_runs_no_pickle(tmp_path: Path) -> None:
    numpy.save(tmp_path / "x.npy", numpy.array([{}], dtype=object), allow_pickle=True)

    with pytest.raises(TensorError, match="holds no plain array"):
        read_inputs(tmp_path / "x.npy")


@pytest.mark.parametrize(("name", "content"), [("x.json", "[1,"), ("x.json", ""), ("x.csv", "1;2")])
def test_read_inputs_given_no_json_names_the_file(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(InputError, match=f"{name} is not JSON"):
        read_inputs(tmp_path / name)


def test_read_inputs_given_a_damaged_array_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"")

    with pytest.raises(TensorError, match="holds no plain array"):
        read_inputs(tmp_path / "x.npy")


def test_read_inputs_given_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.json cannot be read: No such file"):
        read_inputs(tmp_path / "x.json")


def test_write_outputs_given_json_writes_all_of_them(tmp_path: Path) -> None:
    write_outputs(tmp_path / "y.json", [[[1.0]], [2.0]])

    assert json.loads((tmp_path / "y.json").read_text()) == [[[1.0]], [2.0]]


def test_write_outputs_given_npy_writes_the_one(tmp_path: Path) -> None:
    write_outputs(tmp_path / "y.npy", [[[1.0, 2.0]]])

    assert numpy.load(tmp_path / "y.npy").tolist() == [[1.0, 2.0]]


def test_write_outputs_given_npy_and_several_asks_for_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 outputs; one \.npy holds one"):
        write_outputs(tmp_path / "y.npy", [[1.0], [2.0]])
