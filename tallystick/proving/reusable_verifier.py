"""The source of EZKL's reusable verifier: one contract that serves every circuit, so it is deployed once.

It is generated, not committed: its text is the library's, and says nothing about the circuit it was generated from.
"""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper

from tallystick.proving import steps
from tallystick.proving.child import ChildRunner
from tallystick.proving.circuit_options import CANDIDATES
from tallystick.proving.circuit_settings import read_settings
from tallystick.proving.ezkl_prover import ezkl_version
from tallystick.proving.locks import folder_lock
from tallystick.proving.prover import Limits, no_progress
from tallystick.proving.workshop import Workshop

_LIMITS = Limits(seconds=120, memory_bytes=2 * 2**30)


def verifier_source(home: Path) -> str:
    """Solidity of the reusable verifier of the installed EZKL, kept under `home` after the first time.

    Raises:
        ProvingError: the prover is missing or failed.
    """
    home = home.resolve()
    version = ezkl_version()
    kept = home / "verifier" / f"{version}.sol"
    with folder_lock(kept.with_suffix(".sol.lock"), seconds=_LIMITS.seconds):
        if not kept.is_file():
            runner = ChildRunner(home / "child")
            _no_compiler(home / "child")
            workshop = Workshop(home, runner, version)
            with workshop.workspace() as folder:
                _generate(workshop, folder).replace(kept)
    return kept.read_text()


def _no_compiler(child_home: Path) -> None:
    """Puts a compiler that always fails where the library looks for one; without it, it tries to download one."""
    compiler = child_home / ".svm" / "0.8.20" / "solc-0.8.20"
    compiler.parent.mkdir(parents=True, exist_ok=True)
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)


def _generate(workshop: Workshop, folder: Path) -> Path:
    model, settings, data = folder / "network.onnx", folder / "settings.json", folder / "data.json"
    compiled, srs, vk, pk = folder / "model.compiled", folder / "any.srs", folder / "vk.key", folder / "pk.key"
    source = folder / "verifier.sol"
    model.write_bytes(_smallest_model())
    data.write_text('{"input_data": [[0.5, -0.5]]}')
    workshop.run(
        [steps.settings(model, settings, CANDIDATES[0]), steps.calibrate(data, model, settings)],
        logrows=None,
        limits=_LIMITS,
        progress=no_progress,
    )
    rest = [
        steps.compile_circuit(model, compiled, settings),
        steps.srs(srs, read_settings(settings.read_bytes()).logrows),
        steps.setup(compiled, vk, pk, srs),
        steps.solidity(vk, settings, source, srs),
    ]
    workshop.run(rest, logrows=None, limits=_LIMITS, progress=no_progress)
    return source


def _smallest_model() -> bytes:
    node = helper.make_node("Relu", ["x"], ["y"])
    graph = helper.make_graph(
        [node],
        "smallest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
