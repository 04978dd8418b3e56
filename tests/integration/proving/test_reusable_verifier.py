"""One Solidity text for every circuit."""

import pytest
from proving_models import DIGITS

from tallystick.proving import steps, verifier_source
from tallystick.proving.child import ChildRunner
from tallystick.proving.keys import KeyFiles
from tallystick.proving.prover import no_progress

pytestmark = pytest.mark.proofs


def test_verifier_source_is_the_same_for_another_circuit(home, digits, tmp_path, limits):
    onnx = (DIGITS / "digits.onnx").read_bytes()
    [folder] = [path.parent for path in home.glob("keys/*/network.onnx") if path.read_bytes() == onnx]
    files, made = KeyFiles(folder), tmp_path / "verifier.sol"
    ChildRunner(tmp_path / "child").run(
        [steps.solidity(files.vk, files.settings, made, digits.srs_path)], limits=limits, progress=no_progress
    )

    assert made.read_text() == verifier_source(tmp_path / "home")


def test_verifier_source_is_the_reusable_contract(home):
    assert "contract Halo2VerifierReusable" in verifier_source(home)


def test_verifier_source_after_the_first_time_is_read_from_the_home(home):
    verifier_source(home)
    [kept] = (home / "verifier").glob("*.sol")
    kept.write_text("kept")
    try:
        assert verifier_source(home) == "kept"
    finally:
        kept.unlink()
