"""`tallystick bench`: what things would cost, measured on this machine before anybody depends on them."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_sdk._engine import needs_engine
from client_sdk.cli._bench_chain import play_on_chain
from client_sdk.cli._bench_views import dispute_shown, dispute_values
from client_sdk.cli._command import Session, register
from tallystick.errors import InputError

if TYPE_CHECKING:
    from tallystick.dispute.timings import Timings
    from tallystick.engine.backends import Backend
    from tallystick.engine.trace import Trace

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Measure what a model would cost.")


@app.callback()
def bench() -> None:
    """Measure what a model would cost."""


async def dispute(
    session: Session,
    *,
    model: Annotated[Path, typer.Option(help="A folder that `model compile` made.", show_default=False)],
    rounds: Annotated[int, typer.Option(min=1, help="Wrong claims that are looked at.")] = 15,
    beside: Annotated[
        str | None,
        typer.Option(help="Whose published row to show. Else found by the folder's name.", show_default=False),
    ] = None,
    chain: Annotated[bool, typer.Option("--chain/--no-chain", help="Play faults on a local chain.")] = True,
) -> None:
    """Measure what it takes to show that a claim of a program is wrong: gas, moves, seconds. Needs no network and no keys."""
    with needs_engine():
        from tallystick.dispute.cases import dearest_cases  # noqa: PLC0415  (the engine is an extra)
        from tallystick.dispute.figures import PUBLISHED, figures_of, published_of  # noqa: PLC0415
        from tallystick.dispute.timings import random_inputs  # noqa: PLC0415
        from tallystick.engine.compiler.package import read_package  # noqa: PLC0415
        from tallystick.engine.executor import run  # noqa: PLC0415
    if beside is not None and published_of(beside) is None:
        raise InputError(f"zk-OPML published nothing about {beside!r}.", remedy=f"Name one of {', '.join(PUBLISHED)}.")
    screen = session.screen
    with screen.working("checking hashes"):
        package = read_package(model)
        screen.now("looking for the dearest faults")
        trace = run(package.program, random_inputs(package.program, 0))
        cases = dearest_cases(trace, commitment=package.commitment)
        screen.now("finding faults in wrong claims")
        backend, timings = _timed(trace, rounds)
        screen.now("playing the dearest on a local chain")
        played, why_not = play_on_chain(cases) if chain else (None, "it was not wanted")
    values = dispute_values(
        model=package.directory.resolve().name,
        figures=dataclasses.asdict(figures_of(package.program)),
        published=published_of(beside or package.directory.resolve().name),
        timings={"backend": backend, **dataclasses.asdict(timings)},
        dearest=[{"name": case.name, "gas_bound": case.gas, "witness_bytes": len(case.packed)} for case in cases],
        chain=played,
    )
    if played is None:
        screen.warn("no_chain", f"No fault was played on a chain: {why_not}. Gas is by bounds.")
    screen.finish(values, *dispute_shown(values), then=f"Look at each step's bound: tallystick model inspect {model}")


def _timed(trace: Trace, rounds: int) -> tuple[str, Timings]:
    """On one thread of the fastest backend that is there, as a challenger would."""
    from tallystick.dispute.timings import time_search  # noqa: PLC0415

    backend = _backend()
    return backend.name, time_search(trace, backend.prepare(trace.program), rounds, time.perf_counter)


def _backend() -> Backend:
    try:
        from tallystick.engine.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: PLC0415
    except ImportError:
        from tallystick.engine.backends.numpy_backend import NumpyBackend  # noqa: PLC0415

        return NumpyBackend(threads=1)
    return OnnxRuntimeBackend(threads=1)


register(app, dispute, connects=False)
