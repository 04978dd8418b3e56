"""Sends one transaction and kills itself with SIGKILL at the place it is told. Run by test_sender_crashes.py."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from eth_account import Account

from tallystick.chain.calls import MarketCalls
from tallystick.chain.deployment import load_deployment
from tallystick.chain.journal import State
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    rpc_url, record, journal, key, place, amount = sys.argv[1:]
    deployment = load_deployment(Path(record))
    reader = await ChainReader.connect(rpc_url, deployment)

    def on_step(_key: str, state: State) -> None:
        if state == place:
            die()

    sender = Sender(reader, Account.from_key(key), Path(journal), on_step=on_step)
    if place == "offered":  # a node has it, and nobody has written that down
        sender._journal.mark_broadcast = die  # type: ignore[method-assign]
    if place == "found":  # the receipt is there, and nobody has written that down
        sender._journal.settle = die  # type: ignore[method-assign]
    token = deployment.tokens.payment
    assert token is not None
    await sender.send("mint", MarketCalls(deployment).mint_test_token(token, sender.address, int(amount)))


asyncio.run(main())
