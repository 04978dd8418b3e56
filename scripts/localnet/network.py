"""The whole market as processes: chain, dispatcher, executors. Made in order, ended together."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.localnet.chain import deploy, equip, start_chain, write_keystores
from scripts.localnet.people import EXECUTORS, ExecutorProfile, account
from scripts.localnet.processes import Child, free_port, start, wait_ready
from scripts.localnet.record import LocalnetRecord
from tallystick.units import parse_amount

PAYMENT_DECIMALS = 6

Tell = Callable[[str], None]
"""Hears what is being done, for whoever waits."""


@dataclass
class Localnet:
    """A running local network.

    Attributes:
        children: By name: `chain`, `dispatcher`, `executor-amber` and so on.
    """

    folder: Path
    record: LocalnetRecord
    children: dict[str, Child]

    def executor_of(self, operator: str) -> str:
        """The name of the executor process that works for an operator's address."""
        return next(f"executor-{e.name}" for e in EXECUTORS if account(e.operator).address == operator)


def _command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).parent / "tallystick"), *arguments]


def _surroundings(role: str, record: LocalnetRecord, key: str) -> dict[str, str]:
    values = {
        "RPC": record.rpc,
        "DEPLOYMENT": str(record.deployment),
        "STORE": record.store,
        "KEYSTORE": str(record.keystores[key]),
        "PASSWORD_FILE": str(record.password_file),
    }
    return {f"TALLYSTICK_{role}_{name}": value for name, value in values.items()}


def start_dispatcher(folder: Path, record: LocalnetRecord, port: int) -> Child:
    env = _surroundings("DISPATCHER", record, "dispatcher") | {
        "TALLYSTICK_DISPATCHER_PORT": str(port),
        "TALLYSTICK_DISPATCHER_DATABASE": str(folder / "dispatcher.db"),
        "TALLYSTICK_DISPATCHER_POLL_SECONDS": "0.2",
    }
    return start("dispatcher", _command("dispatcher", "run", "--json"), log=record.logs["dispatcher"], env=env)


def start_executor(folder: Path, record: LocalnetRecord, profile: ExecutorProfile) -> Child:
    name = f"executor-{profile.name}"
    env = _surroundings("EXECUTOR", record, profile.agent) | {
        "TALLYSTICK_EXECUTOR_DISPATCHER": record.dispatcher,
        "TALLYSTICK_EXECUTOR_HOME": str(folder / name),
        "TALLYSTICK_EXECUTOR_OPERATOR": account(profile.operator).address,
        "TALLYSTICK_EXECUTOR_REGION": profile.region,
        "TALLYSTICK_EXECUTOR_MIN_MILESTONE_PRICE": str(parse_amount(profile.ask, PAYMENT_DECIMALS)),
        "TALLYSTICK_EXECUTOR_POLL_SECONDS": "0.3",
        # Three provers on one small machine: each leaves some of it to the others.
        "RAYON_NUM_THREADS": str(max(1, (os.cpu_count() or 2) // 2)),
    }
    return start(name, _command("executor", "run", "--json"), log=record.logs[name], env=env)


def _log_names() -> tuple[str, ...]:
    return ("chain", "deploy", "dispatcher", *(f"executor-{executor.name}" for executor in EXECUTORS))


def _prepare(folder: Path, rpc: str, dispatcher: str, tell: Tell) -> LocalnetRecord:
    keystores, password_file = write_keystores(folder)
    tell("deploying the contracts with Brownie")
    deployment = deploy(rpc, folder)
    tell("giving money to the creator, stakes to the operators")
    asyncio.run(equip(rpc, deployment, folder))
    return LocalnetRecord(
        rpc=rpc,
        deployment=deployment,
        store=f"dir:{folder / 'store'}",
        dispatcher=dispatcher,
        keystores=keystores,
        password_file=password_file,
        pids={},
        logs={name: folder / "logs" / f"{name}.log" for name in _log_names()},
    )


@contextmanager
def localnet(
    folder: Path, *, rpc_port: int | None = None, dispatcher_port: int | None = None, tell: Tell = lambda _: None
) -> Iterator[Localnet]:
    """A fresh local network in `folder` (emptied first), ended and forgotten when the block ends.

    Args:
        rpc_port: None takes any free one; likewise `dispatcher_port`.

    Raises:
        ChildFailedError: one of its processes did not come up; says which, and where its log is.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    rpc_port, dispatcher_port = rpc_port or free_port(), dispatcher_port or free_port()
    with ExitStack() as ends:
        ends.callback(lambda: (folder / "localnet.json").unlink(missing_ok=True))
        children: dict[str, Child] = {}

        def keep(child: Child) -> Child:
            ends.callback(child.stop)
            children[child.name] = child
            return child

        tell("starting the chain")
        keep(start_chain(folder, rpc_port))
        record = _prepare(folder, f"http://127.0.0.1:{rpc_port}", f"http://127.0.0.1:{dispatcher_port}", tell)
        tell("starting the dispatcher and three executors")
        keep(start_dispatcher(folder, record, dispatcher_port))
        for profile in EXECUTORS:
            keep(start_executor(folder, record, profile))
        for name, child in children.items():
            if name != "chain":
                wait_ready(child)
        record.pids.update({"localnet": os.getpid(), **{name: child.pid for name, child in children.items()}})
        record.write(folder)
        yield Localnet(folder, record, children)
