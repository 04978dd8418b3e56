"""`tallystick localnet`: hands over to the checkout's own scripts, because a local market needs the contracts' sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from tallystick.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="A whole market on this machine: chain, contracts, dispatcher, executors, challenger.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


@app.command()
def start(
    rpc_port: Annotated[int, typer.Option(help="The chain's port.")] = 8545,
    dispatcher_port: Annotated[int, typer.Option(help="The dispatcher's port.")] = 8600,
    cheat: Annotated[
        bool, typer.Option("--cheat", help="With an executor that is wrong on purpose, and nobody but you to catch it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start it and stay in the foreground; Ctrl-C ends it."""
    options = [f"--rpc-port={rpc_port}", f"--dispatcher-port={dispatcher_port}", *(["--cheat"] if cheat else [])]
    _hand_over("start", *options, as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop one that runs in another terminal."""
    _hand_over("stop", as_json=as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether one runs, and where."""
    _hand_over("status", as_json=as_json)


def find_checkout(*starts: Path) -> Path:
    """The first checkout of this project at or above any of the folders. Raises InputError."""
    for start_folder in starts:
        for folder in (start_folder, *start_folder.parents):
            if (folder / "scripts" / "localnet" / "__main__.py").is_file() and (folder / "contracts").is_dir():
                return folder
    raise InputError(
        "A local network is deployed from the contracts' sources, and there is no checkout here.",
        remedy="Clone the project and run `tallystick localnet start` inside it, or name a network that exists: "
        "--rpc and --deployment.",
    )


def _hand_over(verb: str, *options: str, as_json: bool) -> None:
    checkout = find_checkout(Path.cwd(), Path(__file__).resolve().parent)
    command = [sys.executable, "-m", "scripts.localnet", verb, *options, *(["--json"] if as_json else [])]
    child = subprocess.Popen(command, cwd=checkout)
    while True:
        try:
            raise typer.Exit(child.wait())
        except KeyboardInterrupt:
            # The terminal sends Ctrl-C to the child as well, which ends its own children in order first.
            continue
