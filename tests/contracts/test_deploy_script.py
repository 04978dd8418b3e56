"""`python -m scripts.deploy` as a person runs it, against the chain of this suite.

deploy
├── with test tokens → everything is there, knows each other, and the record says where
├── with options → the parameters are those
├── governance
│   ├── the deployer → has no power left
│   ├── the timelock → administers the authority; carries out what the governor proposed, once the delay is over
│   ├── the guardian → stops new jobs, and cannot let them in again
│   └── nobody named, test tokens → the deployer is governor and guardian
├── with a stake token of its own → no tokens are deployed
└── refused before anything is sent
    ├── no token (other options: tests/unit/test_deploy_options.py)
    ├── parameters outside their bounds
    ├── no contract at the stake token's address
    └── no chain at the address
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from brownie import web3
from eth_account import Account
from refusals import plain, refusal_of_data
from stage import TALLY, Stage

from scripts.toolchain import ROOT

KEY = "0x" + "5e" * 32
DEPLOYER = Account.from_key(KEY).address
SILENT = Account.from_key("0x" + "51" * 32)
"""A deployer who never gets to send anything."""
ADMIN_ROLE, GUARDIAN_ROLE = 0, 1
DAY = 24 * 3600


# A deployment takes seconds: the script is a process of its own that loads the whole project. So tests that only look at
# what one left share it.


def funded(stage: Stage, key: str, folder: Path) -> Path:
    """The key file of a deployer with some money."""
    stage.deployer.transfer(Account.from_key(key).address, 10**19, silent=True)
    place = folder / "deployer.key"
    place.write_text(key + "\n")
    return place


@pytest.fixture(scope="module")
def key_file(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return funded(stage, KEY, tmp_path_factory.mktemp("deployer"))


@pytest.fixture(scope="module")
def plain_deployment(stage: Stage, key_file: Path) -> dict[str, Any]:
    """One with test tokens, and the block that came next when it started."""
    next_block = web3.eth.block_number + 1
    return {**deployed(key_file, "--with-test-tokens"), "next_block": next_block}


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


def how_refused(stage: Stage, function: Any, sender: str | None = None) -> str:
    """The name of the error with which a call is refused."""
    data = function._encode_transaction_data()
    target = SimpleNamespace(address=function.address)
    return refusal_of_data(target, data, sender=sender or stage.stranger.address).name


def test_deploy_with_test_tokens_records_what_is_there(plain_deployment: dict[str, Any]) -> None:
    record = plain_deployment
    assert (record["schema"], record["chain_id"], record["block"]) == (1, 31337, record["next_block"])
    places = [*record["contracts"].values(), *record["tokens"].values()]
    assert len(places) == 19
    assert all(web3.eth.get_code(place) for place in places)
    code = web3.eth.get_code(record["contracts"]["EzklVerifier"])
    assert record["ezkl_verifier_codehash"] == web3.keccak(code).to_0x_hex()
    assert record["gas"]["JobEscrow"] > 1_000_000


def test_deploy_records_gas_in_the_order_of_sending(plain_deployment: dict[str, Any]) -> None:
    assert list(plain_deployment["gas"]) == [
        "PaymentToken",
        "StakeToken",
        "EzklVerifier",
        "EzklVerifierAdapter",
        "Timelock",
        "Authority",
        "ProtocolParameters",
        "VerifierRouter",
        "VerifierRouter.addAdapter",
        "ModelRegistry",
        "StakeManager",
        "JobEscrow",
        "MilestoneSettlement",
        "DotChecker",
        "LookupChecker",
        "WindowChecker",
        "MapChecker",
        "ArithChecker",
        "TraceDispute",
        "TraceDemands",
        "VerifierRouter.addAdapter (judge)",
        "Authority.grantRole",
        "Authority.renounceRole",
    ]


def test_deploy_sets_the_contracts_up_for_each_other(stage: Stage, plain_deployment: dict[str, Any]) -> None:
    record = plain_deployment
    placed = record["contracts"]
    escrow = at(stage, "JobEscrow", placed["JobEscrow"])
    stakes = at(stage, "StakeManager", placed["StakeManager"])
    named = (
        escrow.settlement().call(),
        escrow.stakeManager().call(),
        escrow.registry().call(),
        escrow.parameters().call(),
        stakes.escrow().call(),
        stakes.stakeToken().call(),
        at(stage, "ModelRegistry", placed["ModelRegistry"]).router().call(),
        at(stage, "EzklVerifierAdapter", placed["EzklVerifierAdapter"]).verifier().call(),
    )
    assert named == (
        placed["MilestoneSettlement"],
        placed["StakeManager"],
        placed["ModelRegistry"],
        placed["ProtocolParameters"],
        placed["JobEscrow"],
        record["tokens"]["stake"],
        placed["VerifierRouter"],
        placed["EzklVerifier"],
    )
    router = at(stage, "VerifierRouter", placed["VerifierRouter"])
    assert router.gasCapOf(1, placed["EzklVerifierAdapter"]).call() == 8_000_000


@pytest.fixture(scope="module")
def optioned(stage: Stage, key_file: Path) -> dict[str, Any]:
    """One with parameters of its own; nobody is named to govern it."""
    options = (
        "--min-lock",
        str(5 * TALLY),
        "--unbond-seconds",
        "60",
        "--ezkl-gas-cap",
        "7000000",
        "--min-challenge-seconds",
        "20",
    )
    return deployed(key_file, "--with-test-tokens", *options, "--timelock-seconds", "0")


def test_deploy_with_options_sets_those_parameters(stage: Stage, optioned: dict[str, Any]) -> None:
    record = optioned
    placed = record["contracts"]
    parameters = at(stage, "ProtocolParameters", placed["ProtocolParameters"])
    rules = tuple(record["parameters"]["entry_rules"].values())
    economy = tuple(record["parameters"]["economy"].values())
    assert (rules[0], *rules[2:], record["parameters"]["ezkl_gas_cap"]) == (5 * TALLY, 20, 60, 7_000_000)
    assert (tuple(parameters.entryRules().call()), tuple(parameters.economyOf(1).call())) == (rules, economy)
    router = at(stage, "VerifierRouter", placed["VerifierRouter"])
    assert router.gasCapOf(1, placed["EzklVerifierAdapter"]).call() == 7_000_000


# ---- governance -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def governed(stage: Stage, key_file: Path) -> dict[str, Any]:
    """A deployment with a governor, a guardian and a timelock of two days."""
    return deployed(key_file, "--with-test-tokens", *governance(stage))


def governance(stage: Stage) -> tuple[str, ...]:
    return ("--governor", stage.governor.address, "--guardian", stage.guardian.address)


def test_deploy_leaves_the_deployer_without_power(stage: Stage, governed: dict[str, Any]) -> None:
    authority = at(stage, "Authority", governed["contracts"]["Authority"])
    timelock = at(stage, "Timelock", governed["contracts"]["Timelock"])
    roles = [
        timelock.DEFAULT_ADMIN_ROLE().call(),
        timelock.PROPOSER_ROLE().call(),
        timelock.CANCELLER_ROLE().call(),
        timelock.EXECUTOR_ROLE().call(),
    ]
    held = [authority.hasRole(role, DEPLOYER).call()[0] for role in (ADMIN_ROLE, GUARDIAN_ROLE)]
    assert (held, [timelock.hasRole(role, DEPLOYER).call() for role in roles]) == ([False] * 2, [False] * 4)


def test_deploy_makes_the_timelock_the_only_administrator(stage: Stage, governed: dict[str, Any]) -> None:
    placed = governed["contracts"]
    authority = at(stage, "Authority", placed["Authority"])
    router = at(stage, "VerifierRouter", placed["VerifierRouter"])
    parameters = at(stage, "ProtocolParameters", placed["ProtocolParameters"])
    assert authority.hasRole(ADMIN_ROLE, placed["Timelock"]).call() == [True, 0]
    assert (router.authority().call(), parameters.authority().call()) == (placed["Authority"],) * 2
    assert at(stage, "Timelock", placed["Timelock"]).getMinDelay().call() == 2 * DAY
    assert governed["governance"] == {
        "governor": stage.governor.address,
        "guardian": stage.guardian.address,
        "timelock_seconds": 2 * DAY,
    }


def test_governors_proposal_is_carried_out_by_anyone_once_the_delay_is_over(
    stage: Stage, governed: dict[str, Any]
) -> None:
    placed = governed["contracts"]
    timelock = at(stage, "Timelock", placed["Timelock"])
    router = at(stage, "VerifierRouter", placed["VerifierRouter"])
    data = web3.eth.contract(abi=stage.router.abi).encode_abi("addAdapter", args=(1, stage.adapter.address, 9))
    operation = (placed["VerifierRouter"], 0, data, bytes(32), bytes(32))
    timelock.schedule(*operation, 2 * DAY).transact({"from": stage.governor.address})
    assert how_refused(stage, timelock.execute(*operation)) == "TimelockUnexpectedOperationState"
    stage.at(stage.now() + 2 * DAY)
    timelock.execute(*operation).transact({"from": stage.stranger.address})
    assert router.gasCapOf(1, stage.adapter.address).call() == 9


def test_guardian_stops_new_jobs_and_cannot_let_them_in_again(stage: Stage, governed: dict[str, Any]) -> None:
    parameters = at(stage, "ProtocolParameters", governed["contracts"]["ProtocolParameters"])
    parameters.pauseNewJobs().transact({"from": stage.guardian.address})
    resume = parameters.resumeNewJobs()
    assert how_refused(stage, resume, stage.guardian.address) == "AccessManagedUnauthorized"
    assert parameters.newJobsPaused().call()


def test_deploy_with_test_tokens_and_nobody_named_makes_the_deployer_both(optioned: dict[str, Any]) -> None:
    assert optioned["governance"] == {"governor": DEPLOYER, "guardian": DEPLOYER, "timelock_seconds": 0}


# ---- the stake token --------------------------------------------------------------------------------------------------


def test_deploy_with_a_stake_token_deploys_none(stage: Stage, key_file: Path) -> None:
    record = deployed(key_file, "--stake-token", stage.stake.address, *governance(stage))
    assert plain(record["tokens"]["stake"]) == plain(stage.stake)
    assert list(record["tokens"]) == ["stake"]


# ---- refusals ---------------------------------------------------------------------------------------------------------

SOMEBODY = "0x" + "42" * 20


@pytest.fixture
def silent_key_file(stage: Stage, tmp_path: Path) -> Path:
    return funded(stage, SILENT.key.to_0x_hex(), tmp_path)


def test_deploy_without_a_token_is_refused(key_file: Path) -> None:
    done = run(key_file)
    assert (done.returncode, "--stake-token" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--with-test-tokens", "--min-lock", "0"), "ProtocolParameters_OutOfBounds"),
        (("--with-test-tokens", "--unbond-seconds", "59"), 'name="unbondSeconds", value=59, least=60'),
        (
            ("--stake-token", SOMEBODY, "--governor", SOMEBODY, "--guardian", SOMEBODY),
            "there is no token at 0x4242424242424242424242424242424242424242",
        ),
    ],
    ids=["least lock", "unbonding", "no token there"],
)
def test_deploy_given_what_the_contracts_would_refuse_sends_nothing(
    silent_key_file: Path, options: tuple[str, ...], said: str
) -> None:
    done = run(silent_key_file, *options)
    assert (done.returncode, said in done.stderr, "Nothing was sent" in done.stderr) == (1, True, True)
    assert web3.eth.get_transaction_count(SILENT.address) == 0


def test_deploy_without_a_chain_says_so(key_file: Path) -> None:
    done = run(key_file, "--with-test-tokens", rpc="http://127.0.0.1:1")
    assert (done.returncode, "No chain answers at http://127.0.0.1:1" in done.stderr) == (1, True)
