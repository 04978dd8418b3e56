"""A package comes back as it was written, every hash of it is checked, and nothing that is there is lost by accident."""

import hashlib
import json

import numpy as np
import pytest
from broken_programs import every_opcode, with_step
from sample_packages import sample_report

from tallystick.canonical import encode_canonical
from tallystick.engine.compiler import package as package_module
from tallystick.engine.compiler.package import MANIFEST_FILE, read_package, write_package
from tallystick.engine.encoding import encode_program
from tallystick.engine.fold import LEAF_BYTES
from tallystick.errors import ArtifactCorruptError, InputError, ModelError

PROGRAM = every_opcode()
OTHER = with_step(PROGRAM, 0, zero_y=11)
REPORT = sample_report()


@pytest.fixture
def folder(tmp_path):
    """A package of PROGRAM."""
    write_package(PROGRAM, tmp_path / "model", report=REPORT)
    return tmp_path / "model"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest_of(folder):
    return json.loads((folder / MANIFEST_FILE).read_bytes())


def say(folder, **changes):
    (folder / MANIFEST_FILE).write_bytes(encode_canonical({**manifest_of(folder), **changes}))


def test_read_package_given_a_written_one_gives_program_and_report_back(folder):
    found = read_package(folder)
    assert encode_program(found.program) == encode_program(PROGRAM)
    assert found.report == REPORT
    assert found.manifest.gas == manifest_of(folder)["gas"]


def test_write_package_says_what_the_program_is(folder):
    manifest = manifest_of(folder)
    file = (folder / "program.bin").read_bytes()
    assert manifest["files"] == {"program.bin": {"bytes": len(file), "sha256": "0x" + hashlib.sha256(file).hexdigest()}}
    assert manifest["program_hash"] == "0x" + read_package(folder).commitment.program_hash.hex()
    assert (manifest["semantics_version"], manifest["leaf_bytes"]) == (1, LEAF_BYTES)
    assert manifest["inputs"][0]["quantisation"] == {"scale": "0.1", "scale_bits": "0x3dcccccd", "zero": 3}
    assert manifest["steps"][0] == {
        "name": "conv1",
        "opcode": "CONV",
        "dtype": "u8",
        "dims": [1, 6, 6, 8],
        "macs": 6 * 6 * 8 * 18,
    }
    assert manifest["agreement"]["rms_error"] == "0.30000000000000004"


def test_write_package_given_the_same_program_twice_writes_the_same_bytes(folder, tmp_path):
    write_package(every_opcode(), tmp_path / "again", report=sample_report())
    assert contents(tmp_path / "again") == contents(folder)


def test_write_package_leaves_nothing_else_behind(folder, tmp_path):
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_write_package_given_an_empty_folder_fills_it(tmp_path):
    (tmp_path / "deep" / "model").mkdir(parents=True)
    write_package(PROGRAM, tmp_path / "deep" / "model", report=REPORT)
    assert read_package(tmp_path / "deep" / "model").report == REPORT


def test_write_package_given_a_program_that_is_not_valid_writes_nothing(tmp_path):
    with pytest.raises(ModelError, match="stride_h"):
        write_package(with_step(PROGRAM, 0, stride_h=0), tmp_path / "model", report=REPORT)
    assert not list(tmp_path.iterdir())


def test_write_package_given_the_same_package_is_content(folder):
    before = (folder / MANIFEST_FILE).stat().st_mtime_ns
    write_package(PROGRAM, folder, report=REPORT)
    assert (folder / MANIFEST_FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize("other", [{"program": OTHER}, {"report": sample_report(notes=())}])
def test_write_package_given_another_package_there_refuses_without_force(folder, other):
    before = contents(folder)
    with pytest.raises(ModelError, match="holds another package") as caught:
        write_package(other.get("program", PROGRAM), folder, report=other.get("report", REPORT))
    assert "--force" in caught.value.remedy
    assert contents(folder) == before


def test_write_package_given_force_replaces_another_package(folder, tmp_path):
    write_package(OTHER, folder, report=REPORT, force=True)
    assert encode_program(read_package(folder).program) == encode_program(OTHER)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("force", [False, True])
def test_write_package_given_anything_but_a_package_never_replaces_it(folder, force):
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(ModelError, match="is no package"):
        write_package(OTHER, folder, report=REPORT, force=force)
    assert (folder / "thesis.tex").read_text() == "years of work"


def test_write_package_given_a_file_in_its_place_refuses(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(ModelError, match="is no package"):
        write_package(PROGRAM, tmp_path / "model", report=REPORT, force=True)


def test_write_package_given_a_rename_that_fails_puts_the_old_package_back(folder, monkeypatch):
    before, swap = contents(folder), package_module._swap

    def swap_without_source(fresh, directory, old):
        fresh.rename(fresh.with_name("elsewhere"))
        swap(fresh, directory, old)

    monkeypatch.setattr(package_module, "_swap", swap_without_source)
    with pytest.raises(InputError, match="cannot be written"):
        write_package(OTHER, folder, report=REPORT, force=True)
    assert contents(folder) == before


# ---- reading ----------------------------------------------------------------------------------------------------------


def test_read_package_given_no_package_says_how_to_make_one(tmp_path):
    with pytest.raises(ModelError, match=r"cannot be read") as caught:
        read_package(tmp_path)
    assert "tallystick model compile" in caught.value.remedy


def test_read_package_given_a_changed_byte_of_the_program_refuses(folder):
    data = bytearray((folder / "program.bin").read_bytes())
    data[-1] ^= 1
    (folder / "program.bin").write_bytes(data)
    with pytest.raises(ArtifactCorruptError, match="has the SHA-256"):
        read_package(folder)


def test_read_package_given_another_program_with_its_digest_refuses(folder):
    data = encode_program(OTHER)
    (folder / "program.bin").write_bytes(data)
    digest = "0x" + hashlib.sha256(data).hexdigest()
    say(folder, files={"program.bin": {"bytes": len(data), "sha256": digest}})
    with pytest.raises(ArtifactCorruptError, match="program_hash are not those of the program"):
        read_package(folder)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"program_hash": "0x" + "00" * 32}, "program_hash"),
        ({"steps_root": "0x" + "00" * 32}, "steps_root"),
        ({"constants_root": "0x" + "00" * 32}, "constants_root"),
        ({"semantics_version": 2}, "semantics_version"),
        ({"leaf_bytes": 512}, "leaf_bytes"),
        ({"steps": []}, "steps"),
        ({"gas": []}, "gas of 0 steps"),
        ({"files": {}}, "manifest says none"),
        ({"program_hash": "0x00"}, "not one of ours: program_hash"),
        ({"version": 2}, "not one of ours: version"),
        ({"extra": 1}, "not one of ours: extra"),
        ({"gas": ["1"]}, "not one of ours: gas.0"),
    ],
)
def test_read_package_given_a_manifest_that_does_not_fit_refuses(folder, changes, says):
    say(folder, **changes)
    with pytest.raises(ArtifactCorruptError, match=says):
        read_package(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dims", [1, 6, 6, 5]),
        ("dims", [0]),
        ("dtype", "i8"),
        ("held", "integers"),
        ("quantisation", None),
        ("quantisation", {"scale": "0.2", "scale_bits": "0x3dcccccd", "zero": 3}),
        ("quantisation", {"scale": "nan", "scale_bits": "0x7fc00000", "zero": 3}),
        ("quantisation", {"scale": "0.1", "scale_bits": "0x3dcccccd", "zero": 256}),
    ],
)
def test_read_package_given_an_input_that_is_not_the_programs_refuses(folder, key, value):
    say(folder, inputs=[{**manifest_of(folder)["inputs"][0], key: value}])
    with pytest.raises(ArtifactCorruptError):
        read_package(folder)


def test_read_package_given_a_manifest_in_another_spelling_refuses(folder):
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest_of(folder), indent=1))
    with pytest.raises(ArtifactCorruptError, match="canonical"):
        read_package(folder)


def test_read_package_given_other_gas_bounds_takes_them_as_said(folder):
    gas = [1] * len(PROGRAM.steps)
    say(folder, gas=gas)
    assert read_package(folder).manifest.gas == gas


def test_read_package_given_a_manifest_over_the_bound_reads_none_of_it(folder, monkeypatch):
    monkeypatch.setattr(package_module, "MAX_MANIFEST_BYTES", 100)
    with pytest.raises(ModelError, match="over the bound of 100"):
        read_package(folder)


@pytest.mark.parametrize("scale", [np.float32(1e-38), np.float32(1 / 3), np.nextafter(np.float32(1), np.float32(2))])
def test_read_package_given_any_scale_gives_the_same_bits_back(tmp_path, scale):
    spec = REPORT.inputs[0]
    held = type(spec.quantisation)(scale, 3, spec.quantisation.dtype)
    report = sample_report(inputs=(type(spec)(spec.name, spec.header, "quantised", held),))
    write_package(PROGRAM, tmp_path / "model", report=report)
    found = read_package(tmp_path / "model").report.inputs[0].quantisation.scale
    assert found.tobytes() == scale.tobytes()
