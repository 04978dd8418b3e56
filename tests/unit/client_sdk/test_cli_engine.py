"""`tallystick model compile` and `model inspect`: no chain, no keys; readable by people and by programs."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from broken_programs import every_opcode
from cli_runs import last_object, plain, run
from sample_packages import sample_report

from tallystick.engine.compiler.calibration import read_calibration
from tallystick.engine.compiler.package import read_package, write_package
from tallystick.errors import InputError

DIGITS = Path(__file__).parents[3] / "examples" / "digits"
PROGRAM = every_opcode()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    write_package(PROGRAM, tmp_path / "model", report=sample_report())
    return tmp_path / "model"


def rows_of(output):
    return [line.split() for line in plain(output).splitlines()]


def test_inspect_given_a_package_shows_each_step_and_the_totals(folder, tmp_path):
    done = run("model", "inspect", folder, home=tmp_path)
    assert done.exit_code == 0, done.output
    package = read_package(folder)
    rows = rows_of(done.stdout)
    assert rows[0] == ["step", "node", "opcode", "family", "operands", "output", "MACs", "gas", "hash"]
    assert rows[1][:4] == ["0", "conv1", "CONV", "Dot"]
    assert "input 0, constant 0, constant 1" in plain(done.stdout)
    assert rows[1][-3] == f"{6 * 6 * 8 * 18:,}"
    assert rows[1][-2:] == [f"{package.manifest.gas[0]:,}", "0x" + package.commitment.step_hashes[0].hex()[:8]]
    assert [row[0] for row in rows[1 : 1 + len(PROGRAM.steps)]] == [str(k) for k in range(len(PROGRAM.steps))]
    assert package.manifest.program_hash in done.stdout
    assert f"at most {max(package.manifest.gas):,} gas" in plain(done.stdout)
    assert "image u8[1, 6, 6, 4], scale 0.1, zero 3" in plain(done.stdout)
    assert "97.50% of rows" in plain(done.stdout)


def test_inspect_given_json_tells_the_same_to_programs(folder, tmp_path):
    values = last_object(run("model", "inspect", folder, "--json", home=tmp_path))
    package = read_package(folder)
    assert values["program_hash"] == package.manifest.program_hash
    assert values["step_count"] == len(values["steps"]) == len(PROGRAM.steps)
    assert values["steps"][0]["hash"] == "0x" + package.commitment.step_hashes[0].hex()
    assert values["steps"][0]["operands"] == ["input 0", "constant 0", "constant 1"]
    assert values["trace_bytes"] == sum(step.header.byte_size for step in PROGRAM.steps)
    assert values["worst_step_gas"] == max(package.manifest.gas)
    assert values["inputs"][0]["scale"] == "0.1"
    assert values["next"]


def test_inspect_given_a_damaged_package_refuses(folder, tmp_path):
    (folder / "program.bin").write_bytes(b"TALLYPRG")
    done = run("model", "inspect", folder, "--json", home=tmp_path)
    assert done.exit_code == 1
    assert last_object(done)["error"] == "ArtifactCorruptError"
    assert last_object(done)["remedy"]


def test_inspect_given_no_package_says_what_makes_one(tmp_path):
    done = run("model", "inspect", tmp_path, home=tmp_path)
    assert done.exit_code == 1
    assert "tallystick model compile" in done.stderr


def test_compile_given_a_float_model_and_data_writes_a_package(tmp_path):
    calibration, out = DIGITS / "calibration.json", tmp_path / "program"
    arguments = ("model", "compile", DIGITS / "digits.onnx", "--calibration", calibration, "-o", out)
    done = run(*arguments, "--json", home=tmp_path)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    stages = [line["stage"] for line in lines if line.get("event") == "stage"]
    assert stages[0] == "reading"
    assert "calibrating" in stages
    package = read_package(out)
    assert lines[-1]["program_hash"] == package.manifest.program_hash
    assert lines[-1]["top1"] == package.report.top1
    assert package.report.samples > 0
    assert lines[-1]["next"] == f"Look at its steps: tallystick model inspect {out}"

    again = run(*arguments, home=tmp_path)
    assert again.exit_code == 0, again.output
    assert package.manifest.program_hash in again.stdout


def test_compile_given_another_package_in_the_folder_refuses_without_force(folder, tmp_path):
    arguments = ("model", "compile", DIGITS / "digits.onnx", "--calibration", DIGITS / "calibration.json", "-o", folder)
    done = run(*arguments, home=tmp_path)
    assert done.exit_code == 1
    assert "--force" in done.stderr
    assert run(*arguments, "--force", home=tmp_path).exit_code == 0
    assert read_package(folder).report.operators != sample_report().operators


def test_compile_given_a_float_model_without_data_says_what_to_give(tmp_path):
    done = run("model", "compile", DIGITS / "digits.onnx", "-o", tmp_path / "out", home=tmp_path)
    assert done.exit_code == 1
    assert "--calibration" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dim", ["seq", "=3", "seq=0", "seq=many"])
def test_compile_given_a_dim_that_says_nothing_refuses(dim, tmp_path):
    done = run("model", "compile", DIGITS / "digits.onnx", "-o", tmp_path / "out", "--dim", dim, home=tmp_path)
    assert done.exit_code == 1
    assert "NAME=SIZE" in done.stderr


def test_compile_given_no_file_refuses(tmp_path):
    done = run("model", "compile", tmp_path / "none.onnx", "-o", tmp_path / "out", home=tmp_path)
    assert done.exit_code == 1
    assert "is not a file" in done.stderr


# ---- calibration data -------------------------------------------------------------------------------------------------


def test_read_calibration_given_any_form_gives_arrays_by_name(tmp_path):
    model, array = DIGITS / "digits.onnx", np.arange(12.0).reshape(3, 4)
    np.savez(tmp_path / "a.npz", left=array, right=array[:, :1])
    np.save(tmp_path / "a.npy", array)
    (tmp_path / "named.json").write_text(json.dumps({"left": array.tolist()}))
    (tmp_path / "plain.json").write_text(json.dumps(array.tolist()))
    found = {name: read_calibration(tmp_path / name, model) for name in ("a.npz", "a.npy", "named.json", "plain.json")}
    assert {name: sorted(arrays) for name, arrays in found.items()} == {
        "a.npz": ["left", "right"],
        "a.npy": ["pixels"],
        "named.json": ["left"],
        "plain.json": ["pixels"],
    }
    for name, arrays in found.items():
        assert np.array_equal(next(iter(arrays.values())), array), name


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"{", "holds no calibration data"),
        ("a.json", b"[[1, 2], [3]]", "rows of different lengths"),
        ("a.json", b'{"x": "words"}', "no array of numbers for 'x'"),
        ("a.json", b'{"x": 1}', "no array of numbers for 'x'"),
        ("a.npy", b"\x93NUMPY", "holds no calibration data"),
        ("a.npz", b"PK", "holds no calibration data"),
        ("a.npz", b"PK\x03\x04" + bytes(40), "holds no calibration data"),
        ("a.npz", npy(np.arange(3)), "holds no calibration data"),
        ("a.json", b"[" * 100_000, "holds no calibration data"),
    ],
)
def test_read_calibration_given_something_else_says_what_to_give(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        read_calibration(tmp_path / name, DIGITS / "digits.onnx")
    assert ".npz" in caught.value.remedy


def test_read_calibration_given_no_file_refuses(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_calibration(tmp_path / "none.npz", DIGITS / "digits.onnx")


def test_read_calibration_given_a_pickle_never_loads_it(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="holds no calibration data"):
        read_calibration(tmp_path / "a.npy", DIGITS / "digits.onnx")
