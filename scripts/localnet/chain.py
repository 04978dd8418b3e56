"""The local chain and what is put on it before anyone arrives: contracts, tokens, stakes, agents, keystores."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

from scripts.localnet.people import NAMES, STAKED, account
from scripts.localnet.processes import Child, ChildFailedError, start, wait_listening
from scripts.toolchain import ROOT, foundry_executable
from tallystick.chain.calls import MarketCalls
from tallystick.chain.deployment import Deployment, load_deployment
from tallystick.chain.keys import create_keystore
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender
from tallystick.ids import Address

BLOCK_SECONDS = 1
CREATOR_TOKENS = 1_000
STAKE_TOKENS = 100
WINDOW_SECONDS = 20
"""The shortest challenge window here, and what a job gets that asks for none: nobody wants to wait, and all watch closely."""


def start_chain(folder: Path, port: int) -> Child:
    """Anvil with a block a second, and one at once for each transaction."""
    command: list[str | Path] = [
        foundry_executable("anvil"),
        *("--port", str(port)),
        *("--accounts", str(len(NAMES))),
        *("--block-time", str(BLOCK_SECONDS)),
        "--mixed-mining",
        "--quiet",
    ]
    return wait_listening(start("chain", command, log=folder / "logs" / "chain.log"), port)


def write_keystores(folder: Path) -> tuple[dict[str, Path], Path]:
    """An encrypted keystore for everyone, under one random password in a file."""
    password_file = folder / "password.txt"
    password_file.touch(mode=0o600)
    password = secrets.token_urlsafe(24)
    password_file.write_text(password)
    keystores = {}
    for name in NAMES:
        keystores[name] = folder / "keystores" / f"{name}.json"
        create_keystore(keystores[name], password, private_key=bytes(account(name).key), light=True)
    return keystores, password_file


def deploy(rpc: str, folder: Path) -> Path:
    """Deploys with Brownie, in a process of its own because Brownie keeps one network per process.

    The deployer is governor and guardian, and the timelock has no delay: whoever tries governance here need not wait.
    """
    key_file = folder / "deployer.key"
    key_file.touch(mode=0o600)
    key_file.write_text(account("deployer").key.hex())
    out, log = folder / "deployment.json", folder / "logs" / "deploy.log"
    command = [sys.executable, "-m", "scripts.deploy", "--rpc", rpc, "--key-file", str(key_file), "--out", str(out)]
    with log.open("wb") as sink:
        done = subprocess.run(
            [
                *command,
                "--with-test-tokens",
                *("--timelock-seconds", "0"),
                *("--min-challenge-seconds", str(WINDOW_SECONDS)),
            ],
            cwd=ROOT,
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        )
    key_file.unlink()
    if done.returncode:
        raise ChildFailedError("deploy", f"ended with code {done.returncode}", log)
    return out


async def equip(rpc: str, deployment_path: Path, folder: Path) -> None:
    """Gives the creator money, and every operator a stake and its agent: what people do with their cold keys."""
    deployment = load_deployment(deployment_path)
    reader = await ChainReader.connect(rpc, deployment)
    try:
        await _equip(reader, deployment, folder / "senders")
    finally:
        await reader.close()


async def _equip(reader: ChainReader, deployment: Deployment, journals: Path) -> None:
    calls = MarketCalls(deployment)
    payment, stake = deployment.tokens.payment, deployment.tokens.stake
    if payment is None:
        raise ValueError("the local network is deployed with test tokens")

    def sender(name: str) -> Sender:
        return Sender(reader, account(name), journals / f"{name}.sqlite")

    creator = sender("creator")
    units = 10 ** (await reader.token(payment)).decimals
    await creator.send("mint", calls.mint_test_token(payment, creator.address, CREATOR_TOKENS * units))
    for profile in STAKED:
        operator = sender(profile.operator)
        amount = STAKE_TOKENS * 10 ** (await reader.token(stake)).decimals
        await operator.send("mint", calls.mint_test_token(stake, operator.address, amount))
        await operator.send("approve", calls.approve(stake, deployment.contracts.stake_manager, amount))
        await operator.send("deposit", calls.deposit_stake(operator.address, amount))
        agent = Address(account(profile.agent).address)
        await operator.send("appoint", calls.appoint_agent(agent))
