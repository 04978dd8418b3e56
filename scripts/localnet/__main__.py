"""`python -m scripts.localnet start|stop|status`: a market on this machine, left running in the foreground."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from scripts import compile_contracts
from scripts.localnet.classifier import EXAMPLE
from scripts.localnet.network import FAULT, localnet
from scripts.localnet.processes import ChildFailedError
from scripts.localnet.record import DEFAULT_FOLDER, LocalnetRecord

STOP_SECONDS = 30
"""For all processes together; each is killed long before."""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def running(folder: Path) -> LocalnetRecord | None:
    """The record of a network that still runs; one that was killed left a record without a process."""
    record = LocalnetRecord.read(folder)
    return record if record is not None and alive(record.pids["localnet"]) else None


def start(folder: Path, *, as_json: bool, rpc_port: int, dispatcher_port: int, cheat: bool) -> int:
    if (other := running(folder)) is not None:
        say(as_json, {"event": "error", "error": "already running", "pid": other.pids["localnet"]})
        return 1
    compile_contracts.main()
    console = Console(stderr=True)

    def leave(*_: object) -> None:
        # The exception that a terminal's Ctrl-C raises, so that every way to end is the same.
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    with console.status("local network") as status, contextlib.suppress(KeyboardInterrupt):
        network = localnet(folder, rpc_port=rpc_port, dispatcher_port=dispatcher_port, cheat=cheat, tell=status.update)
        with network as net:
            status.stop()
            say(as_json, {"event": "ready", **net.record.model_dump(mode="json")})
            if not as_json:
                tell_next(net.record, cheat=cheat)
            while net.children["chain"].process.poll() is None:
                time.sleep(0.5)
            console.print("The chain has ended.")
            return 1
    return 0


def tell_next(record: LocalnetRecord, *, cheat: bool) -> None:
    console = Console(highlight=False)

    def say_line(text: str) -> None:
        console.print(text, soft_wrap=True)

    say_line(f"[green]✓[/] chain {record.rpc}, dispatcher {record.dispatcher} (API: {record.dispatcher}/docs)")
    say_line("  three executors: amber (eu, asks 0.8), birch (eu, 0.9), cedar (us, 1)")
    if cheat:
        tell_of_cheat(record, say_line)
    else:
        say_line("  a challenger, which looks at every optimistic claim; with [bold]--cheat[/] that is left to you")
        say_line("Next, in another terminal: [bold]tallystick wallet balance[/], then [bold]tallystick model list[/]")
    say_line("Ctrl-C ends it.")


def tell_of_cheat(record: LocalnetRecord, say_line: Callable[[str], None]) -> None:
    """How to catch it: the commands, in order."""
    [(name, model_id)] = record.models.items()
    say_line(
        f"  a cheat: dogwood (us, asks 0.5) gets {FAULT} wrong in optimistic jobs; no challenger watches it but you"
    )
    say_line(f"Next, in another terminal, have it take a job of the model {name}:")
    inputs = shown(EXAMPLE / "inputs.json")
    say_line(
        f"  [bold]tallystick job fund --model {model_id} --inputs {inputs} --max-price 1 --stake-lock 10 --window 10m[/]"
    )
    say_line("and catch it before the window is over; a share of its stake is yours:")
    say_line(f"  [bold]. {shown(record.challenger_env)}; tallystick challenger check JOB --prove[/]")


def shown(path: Path | None) -> str:
    """A path as one would type it from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path and path.is_relative_to(here) else path)


def stop(folder: Path, *, as_json: bool) -> int:
    record = running(folder)
    if record is None:
        say(as_json, {"event": "stopped", "was_running": False})
        return 0
    os.kill(record.pids["localnet"], signal.SIGTERM)
    for _ in range(10 * STOP_SECONDS):
        if not alive(record.pids["localnet"]):
            say(as_json, {"event": "stopped", "was_running": True})
            return 0
        time.sleep(0.1)
    say(as_json, {"event": "error", "error": f"did not end in {STOP_SECONDS} s", "pid": record.pids["localnet"]})
    return 1


def status(folder: Path, *, as_json: bool) -> int:
    record = running(folder)
    if record is None:
        say(as_json, {"event": "status", "running": False, "next": "tallystick localnet start"})
        return 1
    processes = {name: alive(pid) for name, pid in record.pids.items()}
    say(as_json, {"event": "status", "running": True, "processes": processes, **record.model_dump(mode="json")})
    return 0


def absolute(folder: str) -> Path:
    """The record is read from other folders, and names its files by their whole paths."""
    return Path(folder).expanduser().resolve()


def say(as_json: bool, message: dict[str, object]) -> None:
    if as_json:
        print(json.dumps(message), flush=True)
        return
    for key in ("error", "rpc", "dispatcher", "deployment", "processes", "next", "pid"):
        if key in message and message["event"] != "ready":
            print(f"{key}: {message[key]}", flush=True)
    if message["event"] == "stopped":
        print("stopped" if message["was_running"] else "was not running", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tallystick localnet", description=__doc__)
    parser.add_argument("verb", choices=("start", "stop", "status"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=absolute, default=DEFAULT_FOLDER)
    parser.add_argument("--rpc-port", type=int, default=8545)
    parser.add_argument("--dispatcher-port", type=int, default=8600)
    parser.add_argument(
        "--cheat", action="store_true", help="with an executor that is wrong on purpose, for you to catch"
    )
    options = parser.parse_args()
    try:
        if options.verb == "start":
            code = start(
                options.folder,
                as_json=options.json,
                rpc_port=options.rpc_port,
                dispatcher_port=options.dispatcher_port,
                cheat=options.cheat,
            )
        else:
            code = {"stop": stop, "status": status}[options.verb](options.folder, as_json=options.json)
    except ChildFailedError as error:
        say(options.json, {"event": "error", "error": str(error)})
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
