"""Commands that make an ONNX model into an exact integer program, and show one. They need neither chain nor keys."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from client_sdk._engine import needs_engine
from client_sdk.cli._command import Session
from client_sdk.cli._program_views import package_facts, package_values, step_values, steps_table
from client_sdk.cli._screen import Screen, facts_table
from tallystick.errors import InputError

SECONDS_BETWEEN = 2.0
"""At most so often a program hears how far a stage is."""


async def compile_program(
    session: Session,
    *,
    file: Annotated[Path, typer.Argument(help="The ONNX file: float, QOperator or QDQ.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the program and its manifest.")],
    calibration: Annotated[
        Path | None,
        typer.Option(help=".npz by input name, .npy or JSON: inputs as jobs will bring them.", show_default=False),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="What a dynamic leading dim becomes.")] = 1,
    dim: Annotated[list[str] | None, typer.Option(help="NAME=SIZE: what a dynamic dim becomes.")] = None,
    result: Annotated[
        str | None, typer.Option(help="Which of several results. Else the first.", show_default=False)
    ] = None,
    weight_bits: Annotated[int, typer.Option(min=7, max=8, help="7 suits processors without VNNI.")] = 8,
    force: Annotated[bool, typer.Option("--force", help="Replace another package that is in the folder.")] = False,
) -> None:
    """Make an ONNX model into a program that gives the same bits on every machine."""
    dims = _dims(dim or [])
    started = time.monotonic()
    with needs_engine():
        from tallystick.engine.compiler.calibration import read_calibration  # noqa: PLC0415  (the engine is an extra)
        from tallystick.engine.compiler.compile import CompileOptions, compile_model  # noqa: PLC0415
        from tallystick.engine.compiler.package import write_package  # noqa: PLC0415
    if not file.is_file():
        raise InputError(f"{file} is not a file.", remedy="Check the path.")
    options = CompileOptions(batch=batch, dims=dims, output=result, weight_bits=weight_bits)
    screen = session.screen
    with screen.working("reading"):
        samples = read_calibration(calibration, file) if calibration else None
        compiled = compile_model(file, samples, options, progress=_teller(screen))
        screen.now("writing")
        package = write_package(compiled.program, out, report=compiled.report, force=force)
    for note in package.report.notes:
        screen.warn("compile_note", note)
    values = {**package_values(package), "seconds": round(time.monotonic() - started, 3)}
    shown = facts_table({**package_facts(package), "took": f"{values['seconds']:.1f} s"})
    screen.finish(values, shown, then=f"Look at its steps: tallystick model inspect {out}")


async def inspect(
    session: Session,
    directory: Annotated[Path, typer.Argument(help="A folder that `model compile` made.", show_default=False)],
) -> None:
    """Show a compiled program: its steps, what they cost to dispute, its hashes. Checks every hash on the way."""
    with needs_engine():
        from tallystick.engine.compiler.package import read_package  # noqa: PLC0415  (the engine is an extra)
    screen = session.screen
    with screen.working("checking hashes"):
        package = read_package(directory)
    values = {**package_values(package), "steps": step_values(package)}
    then = f"Register it as an optimistic model: tallystick model register {directory}"
    screen.finish(values, steps_table(package), "", facts_table(package_facts(package)), then=then)


def _dims(texts: list[str]) -> dict[str, int]:
    found = {}
    for text in texts:
        name, separator, size = text.rpartition("=")
        if not separator or not name or not size.isdecimal() or not int(size):
            raise InputError(f"{text!r} does not say what a dim becomes.", remedy="Write NAME=SIZE, such as seq=128.")
        found[name] = int(size)
    return found


def _teller(screen: Screen) -> Any:
    """Tells of each stage once, and within long ones now and then."""
    last: dict[str, float] = {}

    def tell(stage: str, done: int, total: int) -> None:
        counted = f" {done} of {total}" if total > 1 else ""
        screen.now(f"{stage}{counted}")
        now = time.monotonic()
        if stage not in last or now - last[stage] >= SECONDS_BETWEEN:
            last[stage] = now
            screen.progress("stage", f"{stage}{counted}", stage=stage, done=done, total=total)

    return tell
