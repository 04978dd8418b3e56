"""`tallystick model`: make an ONNX model into a circuit or a program, register it, look at what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from client_sdk.cli._command import Session, register
from client_sdk.cli._files import read_inputs
from client_sdk.cli._model_program import compile_program, inspect
from client_sdk.cli._screen import facts_table, list_table
from client_sdk.cli._views import model_table, model_values
from tallystick.errors import InputError
from tallystick.proving.prover import Limits, ProvingStep
from tallystick.units import parse_seconds, parse_size

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Register and compile models and look at them.")


async def register_model(
    session: Session,
    *,
    file: Annotated[Path, typer.Argument(help="The ONNX file.", show_default=False)],
    calibration: Annotated[Path, typer.Option(help="JSON or .npy: inputs as jobs will bring them.")],
    name: Annotated[str, typer.Option(help="What people call it. Else the file's name.")] = "",
    step_time: Annotated[str, typer.Option(help="Longest that one step of the prover may take.")] = "10m",
    memory: Annotated[str, typer.Option(help="Most memory that the prover may take.")] = "16GiB",
) -> None:
    """Make a model into a circuit, publish it and register it on the chain."""
    inputs = _calibration(read_inputs(calibration))
    limits = Limits(seconds=parse_seconds(step_time), memory_bytes=parse_size(memory))
    screen = session.screen

    def show_step(step: ProvingStep) -> None:
        if step.took_seconds is None:
            about = f", about {step.estimate_seconds:.0f} s" if step.estimate_seconds else ""
            screen.now(f"{step.name}{about}")
        else:
            values = {"step": step.name, "seconds": step.took_seconds, "memory_bytes": step.peak_memory_bytes}
            screen.progress("step_done", f"{step.name}: {step.took_seconds:.1f} s", **values)

    async with session.client(sign=True) as client:
        with screen.working("making a circuit"):
            model = await client.register_model(file, inputs, name=name or file.stem, limits=limits, progress=show_step)
    then = f"Fund a job for it: tallystick job fund --model {model.model_id} --inputs FILE --max-price 10"
    screen.finish(model_values(model), model_table(model), then=then)


async def show(
    session: Session,
    model_id: Annotated[str, typer.Argument(metavar="ID", help="A model's id.", show_default=False)],
) -> None:
    """Show a registered model: inputs, outputs, ranges."""
    async with session.client() as client:
        model = await client.model(model_id)
    then = f"Fund a job for it: tallystick job fund --model {model.model_id} --inputs FILE --max-price 10"
    session.screen.finish(model_values(model), model_table(model), then=then)


async def list_models(session: Session) -> None:
    """List registered models, oldest first."""
    async with session.client() as client:
        models = await client.models()
    table = list_table("model", "name", "block")
    for model in models:
        table.add_row(model.model_id, model.name or "(its manifest is not in this store)", str(model.registered_block))
    then = "Look at one: tallystick model show ID" if models else "Register one: tallystick model register FILE"
    session.screen.finish({"models": models}, table, then=then)


async def install_srs(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A public ceremony's SRS.", show_default=False)],
    sha256: Annotated[str, typer.Option(help="Its digest, 0x and 64 hex digits, as the ceremony published it.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            help="An executor's ceremony folder. Else where this client registers models.", show_default=False
        ),
    ] = None,
) -> None:
    """Check a public ceremony's SRS and put it where models are made, or proven, with it."""
    from tallystick.proving.srs import install_ceremony_srs  # noqa: PLC0415  (proving is an extra)

    path, srs = install_ceremony_srs(file, folder or session.home() / "srs", sha256=sha256)
    values = {"path": str(path), "rows": f"2^{srs.logrows}", "sha256": srs.sha256}
    session.screen.finish(values, facts_table(values), then="Register a model with it: tallystick model register FILE")


def _calibration(inputs: Any) -> list[Any]:
    """One entry for each model input, in the model's order; an array alone is the only input's."""
    if isinstance(inputs, dict):
        return list(inputs.values())
    if isinstance(inputs, list) and not inputs:
        raise InputError("The calibration data is empty.", remedy="Give inputs as jobs will bring them.")
    return [inputs]


register(app, register_model, name="register")
register(app, show)
register(app, list_models, name="list")
register(app, install_srs, name="install-srs", connects=False)
register(app, compile_program, name="compile", connects=False)
register(app, inspect, connects=False)
