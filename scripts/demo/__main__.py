"""`make demo`: a whole market on this machine, and five scenes that show what it is for."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from client_sdk import AsyncClient
from scripts import compile_contracts
from scripts.demo import scene_caught, scene_forged, scene_paid, scene_vanished
from scripts.demo.narrator import Narrator, narrator
from scripts.demo.stage import Samples, Stage
from scripts.localnet.classifier import EXAMPLE
from scripts.localnet.network import Localnet, localnet
from scripts.localnet.people import account
from scripts.localnet.processes import ChildFailedError
from scripts.localnet.record import DEFAULT_FOLDER
from scripts.toolchain import CACHE, ROOT
from tallystick.chain.deployment import load_deployment
from tallystick.chain.reader import ChainReader
from tallystick.errors import TallystickError

FOLDER = CACHE / "demo"
SCENES = {
    "paid": scene_paid.play,
    "vanished": scene_vanished.play,
    "caught": scene_caught.play,
    "forged": scene_forged.play,
}
NEED_NO_CIRCUIT = ("paid", "caught")
"""Scenes that are not about the model that the first one registers."""


async def play(net: Localnet, teller: Narrator, scenes: list[str]) -> str | None:
    """The id of the model whose jobs a cheat was caught with, where that was played."""
    record = net.record
    market: dict[str, Any] = {"rpc": record.rpc, "deployment": record.deployment, "store": record.store}
    async with AsyncExitStack() as exits:
        reader = await ChainReader.connect(record.rpc, load_deployment(record.deployment))
        exits.push_async_callback(reader.close)
        creator, stranger = [
            await exits.enter_async_context(
                AsyncClient.connect(
                    **market, dispatcher=record.dispatcher, account=account(name), home=net.folder / name
                )
            )
            for name in ("creator", "stranger")
        ]
        stage = Stage(net, teller, reader, creator, stranger, Samples.read())
        for name in scenes:
            if stage.model is None and name not in NEED_NO_CIRCUIT:
                await scene_paid.register(stage)
            await SCENES[name](stage)
        await scene_caught.finale(stage)
        return None if stage.program is None else stage.program.model_id


def perform(folder: Path, teller: Narrator, scenes: list[str]) -> str | None:
    """See `play`."""
    teller.scene("Setting the stage", "A chain, contracts, dispatcher, executors and challenger, each its own process.")
    with teller.step("compile", "the contracts are compiled"):
        compile_contracts.main()
    with teller.step("network", "chain, contracts, dispatcher, three executors and a challenger are up") as found:
        network = localnet(folder, tell=teller.progress)
        net = network.__enter__()
        found["chain"] = net.record.rpc
        found["dispatcher"] = net.record.dispatcher
    try:
        return asyncio.run(play(net, teller, scenes))
    finally:
        network.__exit__(*sys.exc_info())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo ARGS=...", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a step")
    parser.add_argument("--scene", choices=SCENES, action="append", help="only this one; may be given more than once")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the network keeps its files")
    options = parser.parse_args()
    teller = narrator(as_json=options.json)
    # Ended from outside, it still ends its processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        model = perform(options.folder, teller, options.scene or list(SCENES))
    except (TallystickError, ChildFailedError) as error:
        sys.exit(f"\n{error}\nThe logs of all processes are in {options.folder / 'logs'}")
    teller.last_words(
        {
            "The same market, left running": ".venv/bin/tallystick localnet start",
            **catch_the_next(model or "ID"),
            "Your own model, first job": ".venv/bin/tallystick model register --help",
            "How it works": "docs/architecture.md",
            "What the processes said": shown(options.folder / "logs"),
            "All tests": "make test",
        }
    )


def catch_the_next(model: str) -> dict[str, str]:
    """How the newcomer does what the challenger did. The model of a local network with a cheat is that of this demo."""
    env, inputs = shown(DEFAULT_FOLDER / "challenger.env"), shown(EXAMPLE / "inputs.json")
    fund = f"job fund --model {model} --inputs {inputs} --max-price 1 --stake-lock 10 --window 10m"
    return {
        "Catch the next cheat yourself": ".venv/bin/tallystick localnet start --cheat",
        "  it takes your job": f".venv/bin/tallystick {fund}",
        "  you show it, and earn": f". {env}; .venv/bin/tallystick challenger check JOB --prove",
    }


if __name__ == "__main__":
    main()
