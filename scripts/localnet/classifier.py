"""The digits CNN of `examples/digits_cnn` as an Optimistic model: eight handwritten digits at once, an exact integer program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from client_sdk import AsyncClient, ModelHandle
from scripts.localnet.people import account
from scripts.localnet.record import LocalnetRecord
from scripts.toolchain import ROOT

if TYPE_CHECKING:
    from tallystick.engine.compiler.package import Package

EXAMPLE = ROOT / "examples" / "digits_cnn"
MODEL_NAME = "digits-cnn"
IMAGES = 8
"""That one run reads."""


def compile_classifier(folder: Path) -> Package:
    """What `tallystick model compile` makes of it, in `folder`. Seconds; blocks."""
    # The compiler is slow to import, and most local networks do without.
    from tallystick.engine.compiler.calibration import read_calibration  # noqa: PLC0415
    from tallystick.engine.compiler.compile import CompileOptions, compile_model  # noqa: PLC0415
    from tallystick.engine.compiler.package import write_package  # noqa: PLC0415

    onnx = EXAMPLE / "digits_cnn.onnx"
    samples = read_calibration(EXAMPLE / "calibration.npz", onnx)
    compiled = compile_model(onnx, samples, CompileOptions(batch=IMAGES))
    return write_package(compiled.program, folder, report=compiled.report, force=True)


async def register_classifier(record: LocalnetRecord, folder: Path) -> ModelHandle:
    """Compiles and registers it, as the creator, for whoever funds a job next."""
    async with AsyncClient.connect(
        rpc=record.rpc,
        deployment=record.deployment,
        store=record.store,
        account=account("creator"),
        home=folder / "creator",
    ) as client:
        return await client.register_program(compile_classifier(folder / MODEL_NAME), name=MODEL_NAME)
