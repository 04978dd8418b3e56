"""`tallystick model`: make an ONNX model into a circuit or a program, register either, look at what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from client_sdk._models import ModelHandle
from client_sdk.cli._command import Session, register
from client_sdk.cli._files import read_inputs
from client_sdk.cli._kinds import ProofKindWord
from client_sdk.cli._model_program import compile_program, inspect
from client_sdk.cli._model_views import model_table, model_values, models_table
from client_sdk.cli._screen import facts_table
from tallystick.errors import InputError
from tallystick.proving.prover import Limits, ProvingStep
from tallystick.units import parse_seconds, parse_size

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Register and compile models and look at them.")


async def register_model(
    session: Session,
    *,
    file: Annotated[
        Path,
        typer.Argument(help="An .onnx file, or a package: the folder that `model compile` made.", show_default=False),
    ],
    calibration: Annotated[
        Path | None,
        typer.Option(help="Of an .onnx file, JSON or .npy: inputs as jobs will bring them.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(help="What people call it. Else the file's or folder's name.")] = "",
    proof_kind: Annotated[
        ProofKindWord | None, typer.Option(help="Which it has to become. Else optimistic for a package, zk for a file.")
    ] = None,
    step_time: Annotated[str, typer.Option(help="Longest that one step of the prover may take.")] = "10m",
    memory: Annotated[str, typer.Option(help="Most memory that the prover may take.")] = "16GiB",
) -> None:
    """Register a model: an ONNX file as a circuit (zk), a package as a program (optimistic)."""
    if kind_of(file, proof_kind) is ProofKindWord.OPTIMISTIC:
        await _register_program(session, file, name or file.resolve().name)
        return
    if calibration is None:
        raise InputError(
            "A circuit needs calibration data, and none was given.",
            remedy="Give --calibration FILE: inputs as jobs will bring them. Or compile the model to a package first: "
            f"tallystick model compile {file} -o DIR",
        )
    limits = Limits(seconds=parse_seconds(step_time), memory_bytes=parse_size(memory))
    await _register_circuit(session, file, _calibration(read_inputs(calibration)), name, limits)


def kind_of(file: Path, wanted: ProofKindWord | None) -> ProofKindWord:
    """What a file or folder can be registered as. Raises InputError where that is not what is wanted, or there is neither."""
    if not file.exists():
        raise InputError(f"There is neither a file nor a folder {file}.", remedy="Check the path.")
    found = ProofKindWord.OPTIMISTIC if file.is_dir() else ProofKindWord.ZK
    if wanted not in (None, found):
        raise InputError(
            f"{file} is {'a folder' if file.is_dir() else 'a file'}, which is registered as {found.value}, not as "
            f"{wanted.value if wanted else ''}.",
            remedy="An .onnx file becomes zk; what `tallystick model compile FILE -o DIR` makes becomes optimistic.",
        )
    return found


async def _register_circuit(session: Session, file: Path, inputs: list[Any], name: str, limits: Limits) -> None:
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
    screen.finish(model_values(model), model_table(model), then=_fund(model))


async def _register_program(session: Session, directory: Path, name: str) -> None:
    async with session.client(sign=True) as client:
        with session.screen.working("checking, publishing and registering"):
            model = await client.register_program(directory, name=name)
    session.screen.finish(model_values(model), model_table(model), then=_fund(model))


def _fund(model: ModelHandle) -> str:
    return f"Fund a job for it: tallystick job fund --model {model.model_id} --inputs FILE --max-price 10"


async def show(
    session: Session,
    model_id: Annotated[str, typer.Argument(metavar="ID", help="A model's id.", show_default=False)],
) -> None:
    """Show a registered model: its proof kind, inputs, outputs, ranges."""
    async with session.client() as client:
        model = await client.model(model_id)
    session.screen.finish(model_values(model), model_table(model), then=_fund(model))


async def list_models(session: Session) -> None:
    """List registered models, oldest first."""
    async with session.client() as client:
        models = await client.models()
    then = "Look at one: tallystick model show ID" if models else "Register one: tallystick model register FILE"
    values = [{**vars(model), "proof_kind": model.proof_kind.name.lower()} for model in models]
    session.screen.finish({"models": values}, models_table(models), then=then)


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
