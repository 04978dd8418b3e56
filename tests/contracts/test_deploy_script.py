"""`python -m scripts.deploy` as a person runs it, against the chain of this suite.

deploy
├── with test tokens → everything is there, knows each other, and the record says where
├── with a governor → the router waits for it to accept
├── with a stake token of its own → no tokens are deployed
├── without a token → refused before anything is sent
└── no chain at the address → says so
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from brownie import web3
from eth_account import Account
from refusals import plain
from stage import TALLY, Stage

from scripts.toolchain import ROOT

KEY = "0x" + "5e" * 32


@pytest.fixture
def key_file(stage: Stage, tmp_path: Path) -> Path:
    """A deployer with some money."""
    stage.deployer.transfer(Account.from_key(KEY).address, 10**19, silent=True)
    place = tmp_path / "deployer.key"
    place.write_text(KEY + "\n")
    return place


def run(key_file: Path, *options: str, rpc: str | None = None) -> subprocess.CompletedProcess[str]:
    out = key_file.with_name("deployment.json")
    where = ("--rpc", rpc or web3.provider.endpoint_uri, "--key-file", str(key_file), "--out", str(out))
    command = [sys.executable, "-m", "scripts.deploy", *where, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def deployed(key_file: Path, *options: str) -> dict[str, Any]:
    done = run(key_file, *options)
    assert done.returncode == 0, done.stderr
    return json.loads(key_file.with_name("deployment.json").read_text())


def at(stage: Stage, name: str, address: str) -> Any:
    return web3.eth.contract(address=address, abi=getattr(stage.project, name).abi).functions


def test_deploy_with_test_tokens_records_what_is_there(stage: Stage, key_file: Path) -> None:
    next_block = web3.eth.block_number + 1
    record = deployed(key_file, "--with-test-tokens")
    assert (record["schema"], record["chain_id"], record["block"]) == (1, 31337, next_block)
    places = [*record["contracts"].values(), *record["tokens"].values()]
    assert len(places) == 9
    assert all(web3.eth.get_code(place) for place in places)
    code = web3.eth.get_code(record["contracts"]["EzklVerifier"])
    assert record["ezkl_verifier_codehash"] == web3.keccak(code).to_0x_hex()
    assert record["gas"]["JobEscrow"] > 1_000_000


def test_deploy_sets_the_contracts_up_for_each_other(stage: Stage, key_file: Path) -> None:
    record = deployed(key_file, "--with-test-tokens", "--min-lock", str(5 * TALLY), "--unbond-seconds", "60")
    placed = record["contracts"]
    escrow = at(stage, "JobEscrow", placed["JobEscrow"])
    stakes = at(stage, "StakeManager", placed["StakeManager"])
    named = (
        escrow.settlement().call(),
        escrow.stakeManager().call(),
        escrow.registry().call(),
        stakes.escrow().call(),
        stakes.stakeToken().call(),
        at(stage, "EzklVerifierAdapter", placed["EzklVerifierAdapter"]).verifier().call(),
    )
    assert named == (
        placed["MilestoneSettlement"],
        placed["StakeManager"],
        placed["ModelRegistry"],
        placed["JobEscrow"],
        record["tokens"]["stake"],
        placed["EzklVerifier"],
    )
    assert (stakes.minLock().call(), stakes.unbondSeconds().call()) == (5 * TALLY, 60)
    router = at(stage, "VerifierRouter", placed["VerifierRouter"])
    assert router.gasCapOf(1, placed["EzklVerifierAdapter"]).call() == 8_000_000


def test_deploy_with_a_governor_hands_the_router_over(stage: Stage, key_file: Path) -> None:
    record = deployed(key_file, "--with-test-tokens", "--governor", stage.governor.address)
    router = at(stage, "VerifierRouter", record["contracts"]["VerifierRouter"])
    assert router.pendingOwner().call() == stage.governor.address


def test_deploy_with_a_stake_token_deploys_none(stage: Stage, key_file: Path) -> None:
    record = deployed(key_file, "--stake-token", stage.stake.address)
    assert plain(record["tokens"]["stake"]) == plain(stage.stake)
    assert list(record["tokens"]) == ["stake"]


def test_deploy_without_a_token_is_refused(stage: Stage, key_file: Path) -> None:
    done = run(key_file)
    assert (done.returncode, "--stake-token" in done.stderr) == (2, True)


def test_deploy_without_a_chain_says_so(stage: Stage, key_file: Path) -> None:
    done = run(key_file, "--with-test-tokens", rpc="http://127.0.0.1:1")
    assert (done.returncode, "No chain answers at http://127.0.0.1:1" in done.stderr) == (1, True)
