"""`tallystick dispatcher run` as a process: started, killed, started again, stopped, and refused what it cannot use."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from anvil_chain import AnvilChain
from chain_relay import relay_to
from dispatcher_market import DispatcherMarket, address_of, agent_of, until

from scripts.toolchain import ROOT
from tallystick.ids import JobId
from tallystick.wire.api import MAX_WAIT_SECONDS, HealthView
from tallystick.wire.dispatcher_client import DispatcherClient

pytestmark = pytest.mark.chain

TALLYSTICK = [sys.executable, "-c", "from client_sdk.cli import main; main()"]


class DispatcherProcess:
    """One run of the command. Its standard error goes to a file, where a failing test's reader finds it."""

    def __init__(self, arguments: Sequence[str], log: Path, env: dict[str, str] | None = None) -> None:
        self._log = log.open("a")
        self.process = subprocess.Popen(
            [*TALLYSTICK, "dispatcher", "run", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )

    def ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended with code {self.process.wait(10)}"
        said: dict[str, Any] = json.loads(line)
        assert said["event"] == "ready", said
        return said

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        self._log.close()
        if self.process.stdout:
            self.process.stdout.close()


def arguments_of(market: DispatcherMarket, **changes: object) -> list[str]:
    settings = market.settings(**changes)
    named = {
        "rpc": settings.rpc,
        "deployment": settings.deployment,
        "store": settings.store,
        "database": settings.database,
        "keystore": settings.keystore,
        "password-file": settings.password_file,
        "port": settings.port,
        "poll-seconds": settings.poll_seconds,
        "rpc-timeout-seconds": 1,
        "offer-seconds": settings.offer_seconds,
    }
    return [text for name, value in named.items() for text in (f"--{name}", str(value))]


@contextlib.contextmanager
def started(market: DispatcherMarket, **changes: object) -> Iterator[DispatcherProcess]:
    process = DispatcherProcess(arguments_of(market, **changes), market.folder / "dispatcher.log")
    try:
        yield process
    finally:
        process.close()


def failure_of(process: DispatcherProcess) -> dict[str, Any]:
    """What the command printed before it ended with code 1."""
    out, _ = process.process.communicate(timeout=120)
    assert process.process.returncode == 1
    said: dict[str, Any] = json.loads(out.splitlines()[-1])
    return said


async def well(client: DispatcherClient) -> HealthView:
    """The dispatcher's health, once it is good."""

    async def look() -> HealthView | None:
        health = await client.health()
        return health if health.status == "ok" else None

    return await until(look)


async def test_run_given_a_chain_says_where_it_listens_and_serves_there(market: DispatcherMarket) -> None:
    with started(market) as process:
        said = process.ready()
        async with DispatcherClient(said["url"]) as client:
            assert (await client.health()).dispatcher == said["address"]


async def test_run_killed_with_an_offer_out_hands_out_the_same_one_after_the_restart(
    market: DispatcherMarket,
) -> None:
    await market.equip("alice")
    agent = address_of(agent_of("alice"))
    with started(market, offer_seconds=600) as first:
        async with DispatcherClient(first.ready()["url"]) as client:
            await market.announce(client, "alice")
            await market.fund()
            before = await client.offers(agent, wait_seconds=MAX_WAIT_SECONDS)
        first.kill()

    with started(market, offer_seconds=600) as second:
        async with DispatcherClient(second.ready()["url"]) as client:
            after = await client.offers(agent, wait_seconds=MAX_WAIT_SECONDS)

    assert before
    assert after == before


async def test_run_given_a_chain_that_is_down_serves_and_reads_it_once_it_is_there(market: DispatcherMarket) -> None:
    async with relay_to(market.chain.port) as relay:
        with started(market, rpc=relay.rpc_url) as process:
            async with DispatcherClient(process.ready()["url"]) as client:
                assert (await client.health()).status == "chain_unavailable"

                await relay.mend()

                assert (await well(client)).indexed_block is not None


async def test_run_given_a_chain_that_goes_away_and_comes_back_reads_what_it_missed(market: DispatcherMarket) -> None:
    async with relay_to(market.chain.port) as relay:
        await relay.mend()
        with started(market, rpc=relay.rpc_url) as process:
            async with DispatcherClient(process.ready()["url"]) as client:
                await well(client)
                await relay.cut()
                job_id, _ = await market.fund()
                assert (await client.jobs()).jobs == ()

                await relay.mend()

                async def jobs() -> list[JobId]:
                    return [view.job_id for view in (await client.jobs()).jobs]

                assert await until(jobs) == [job_id]


def test_run_given_sigterm_ends_within_seconds_and_without_complaint(market: DispatcherMarket) -> None:
    with started(market) as process:
        process.ready()
        asked_at = time.monotonic()

        process.process.send_signal(signal.SIGTERM)

        assert process.process.wait(60) == 0
        assert time.monotonic() - asked_at < 30


def test_run_given_a_wrong_password_names_the_remedy(market: DispatcherMarket) -> None:
    market.settings()
    (market.folder / "password").write_text("another password\n")

    with started(market) as process:
        said = failure_of(process)

    assert (said["error"], "password" in said["remedy"]) == ("KeystoreError", True)


def test_run_given_another_chain_names_both(market: DispatcherMarket) -> None:
    with AnvilChain("--chain-id", "5") as other, started(market, rpc=other.rpc_url) as process:
        said = failure_of(process)

    assert said["error"] == "WrongChainError"
    assert "31337" in said["message"]


def test_run_given_a_chain_without_the_contracts_says_which_is_missing(market: DispatcherMarket) -> None:
    with AnvilChain() as empty, started(market, rpc=empty.rpc_url) as process:
        said = failure_of(process)

    assert said["error"] == "NotDeployedError"


def test_run_given_a_taken_port_says_so(market: DispatcherMarket) -> None:
    with started(market) as first, started(market, port=first.ready()["port"]) as second:
        said = failure_of(second)

    assert "cannot listen" in said["message"]
