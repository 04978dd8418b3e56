"""The whole market as processes: chain, dispatcher, executors, challenger. Made in order, ended together."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.localnet.chain import deploy, equip, start_chain, write_keystores
from scripts.localnet.classifier import register_classifier
from scripts.localnet.people import CHEAT, EXECUTORS, STAKED, ExecutorProfile, account
from scripts.localnet.processes import Child, free_port, start, wait_ready
from scripts.localnet.record import LocalnetRecord
from tallystick.units import parse_amount

PAYMENT_DECIMALS = 6
FAULT = "op=3,element=120"
"""What the cheat gets wrong: one element in the middle of the network, of a step that all but the smallest programs have."""

Tell = Callable[[str], None]
"""Hears what is being done, for whoever waits."""


@dataclass
class Localnet:
    """A running local network.

    Attributes:
        children: By name: `chain`, `dispatcher`, `executor-amber`, `challenger` and so on.
    """

    folder: Path
    record: LocalnetRecord
    children: dict[str, Child] = field(default_factory=dict)
    _ends: ExitStack = field(default_factory=ExitStack)

    def keep(self, child: Child) -> Child:
        """It ends with the network."""
        self._ends.callback(child.stop)
        self.children[child.name] = child
        self.record.pids[child.name] = child.pid
        self.record.logs[child.name] = child.log
        return child

    def executor_of(self, operator: str) -> str:
        """The name of the executor process that works for an operator's address."""
        return next(f"executor-{each.name}" for each in STAKED if account(each.operator).address == operator)

    def start_executor(self, profile: ExecutorProfile) -> Child:
        """Begins to start; `wait_ready` waits for it."""
        return self.keep(_start_executor(self.folder, self.record, profile))

    def start_cheat(self, fault: str = FAULT) -> Child:
        """The same for the executor that is wrong on purpose. It takes Optimistic jobs alone, where it can be."""
        own = {"TALLYSTICK_EXECUTOR_FAULT": fault, "TALLYSTICK_EXECUTOR_PROOF_KINDS": "optimistic"}
        return self.keep(_start_executor(self.folder, self.record, CHEAT, own))

    def start_challenger(self) -> Child:
        return self.keep(_start_challenger(self.folder, self.record))

    def leave_challenging(self) -> None:
        """To whoever else wants to: makes what they need, a model for the cheat to be wrong about and a challenger's settings."""
        registered = asyncio.run(register_classifier(self.record, self.folder))
        self.record.models[registered.name] = registered.model_id
        self.record.challenger_env = self.folder / "challenger.env"
        settings = _challenger_env(self.folder, self.record)
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
        self.record.challenger_env.write_text("".join(lines))

    def is_running(self, name: str) -> bool:
        return name in self.children and self.children[name].process.poll() is None

    def ask_to_end(self) -> None:
        """All at once but for the chain, which the others may need for their last words."""
        for name, child in self.children.items():
            if name != "chain" and self.is_running(name):
                child.process.terminate()


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


def _log(folder: Path, name: str) -> Path:
    return folder / "logs" / f"{name}.log"


def _start_dispatcher(folder: Path, record: LocalnetRecord, port: int) -> Child:
    env = _surroundings("DISPATCHER", record, "dispatcher") | {
        "TALLYSTICK_DISPATCHER_PORT": str(port),
        "TALLYSTICK_DISPATCHER_DATABASE": str(folder / "dispatcher.db"),
        "TALLYSTICK_DISPATCHER_POLL_SECONDS": "0.2",
    }
    return start("dispatcher", _command("dispatcher", "run", "--json"), log=_log(folder, "dispatcher"), env=env)


def _start_executor(
    folder: Path, record: LocalnetRecord, profile: ExecutorProfile, own: dict[str, str] | None = None
) -> Child:
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
        **(own or {}),
    }
    return start(name, _command("executor", "run", "--json"), log=_log(folder, name), env=env)


def _challenger_env(folder: Path, record: LocalnetRecord) -> dict[str, str]:
    home = {"TALLYSTICK_CHALLENGER_HOME": str(folder / "challenger")}
    return _surroundings("CHALLENGER", record, "challenger") | home


def _start_challenger(folder: Path, record: LocalnetRecord) -> Child:
    env = _challenger_env(folder, record) | {"TALLYSTICK_CHALLENGER_POLL_SECONDS": "0.3"}
    return start("challenger", _command("challenger", "run", "--json"), log=_log(folder, "challenger"), env=env)


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
        logs={"deploy": _log(folder, "deploy")},
    )


@contextmanager
def localnet(
    folder: Path,
    *,
    rpc_port: int | None = None,
    dispatcher_port: int | None = None,
    cheat: bool = False,
    tell: Tell = lambda _: None,
) -> Iterator[Localnet]:
    """A fresh local network in `folder` (emptied first), ended and forgotten when the block ends.

    Args:
        rpc_port: None takes any free one; likewise `dispatcher_port`.
        cheat: Whether an executor that is wrong on purpose runs as well. Nobody watches it then: that is left to
            whoever started the network.

    Raises:
        ChildFailedError: one of its processes did not come up; says which, and where its log is.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    rpc_port, dispatcher_port = rpc_port or free_port(), dispatcher_port or free_port()
    with ExitStack() as ends:
        ends.callback(lambda: (folder / "localnet.json").unlink(missing_ok=True))
        tell("starting the chain")
        chain = start_chain(folder, rpc_port)
        ends.callback(chain.stop)
        record = _prepare(folder, f"http://127.0.0.1:{rpc_port}", f"http://127.0.0.1:{dispatcher_port}", tell)
        net = Localnet(folder, record, _ends=ends)
        net.keep(chain)
        tell(f"starting the dispatcher, the executors and {'a cheat' if cheat else 'a challenger'}")
        net.keep(_start_dispatcher(folder, record, dispatcher_port))
        for profile in EXECUTORS:
            net.start_executor(profile)
        if cheat:
            net.start_cheat()
            tell("making a model for the cheat to be wrong about")
            net.leave_challenging()
        else:
            net.start_challenger()
        for name, child in net.children.items():
            if name != "chain":
                wait_ready(child)
        record.pids["localnet"] = os.getpid()
        record.write(folder)
        try:
            yield net
        finally:
            net.ask_to_end()
