"""Deploys Tallystick with Brownie to whatever chain an RPC endpoint serves, and writes down where everything is.

    python -m scripts.deploy --rpc URL --key-file FILE --out FILE --stake-token ADDRESS --governor ADDRESS
                             --guardian ADDRESS
    python -m scripts.deploy --rpc URL --key-file FILE --out FILE --with-test-tokens

The contracts know each other by immutable address, and some of them in circles. A contract's address follows from its
deployer and nonce, so the script computes the addresses to come, and the constructors refuse wrong ones.

The deployer administers the authority until the first adapter is listed, then hands it to the timelock and gives its own
role up. What it left behind is read back before the record is written: a deployment that is not as it should be has none.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from scripts import compile_contracts, ezkl_verifier
from scripts.deployer import Deployer, DeploymentError, brownie_session
from tallystick.chain.reverts import decode_revert
from tallystick.errors import InputError
from tallystick.ids import ZERO_ADDRESS, Address, parse_address
from tallystick.market.parameters import Economy, EntryRules
from tallystick.market.terms import ProofKind

SCHEMA = 1
ADMIN_ROLE = 0
"""The AccessManager's own: may do everything that is governed."""
FAMILIES = ("Dot", "Lookup", "Window", "Map", "Arith")
"""Of steps, in the order in which the judge takes their checkers."""
JUDGE_GAS_CAP = 1
"""The router lists no adapter without a cap; nobody calls a judge through it."""
DAY = 24 * 3600
LEAST_TIMELOCK_SECONDS = DAY
"""Where the stake token is a real one: time to see what governance decided, and to leave."""
MOST_TIMELOCK_SECONDS = 30 * DAY

ENTRY_RULES = EntryRules(min_lock=10**18, min_lock_ratio_bps=5_000, min_challenge_seconds=60, unbond_seconds=7 * DAY)
ECONOMY = Economy(
    late_slash_bps=5_000,
    late_finder_bps=1_000,
    late_creator_bps=4_000,
    late_bounty_bps=3_000,
    fault_challenger_bps=4_000,
    fault_creator_bps=3_000,
    fault_bounty_bps=1_000,
    release_bps=100,
)


@dataclass(frozen=True)
class Parameters:
    """What a deployment starts with. Governance can change the first two for new jobs, inside hard bounds."""

    entry_rules: EntryRules = ENTRY_RULES
    economy: Economy = ECONOMY
    timelock_seconds: int = 2 * DAY
    ezkl_gas_cap: int = 8_000_000
    """The most gas a check of an EZKL proof may take: about 4,000 public instances."""


@dataclass(frozen=True)
class Governance:
    """Who proposes to the timelock, and who may stop new jobs."""

    governor: Address
    guardian: Address


def _deploy_tokens(deployer: Deployer) -> dict[str, str]:
    return {
        "payment": deployer.create("MockToken", "Test dollar", "tUSD", 6, as_name="PaymentToken"),
        "stake": deployer.create("MockToken", "Tally", "TALLY", 18, as_name="StakeToken"),
    }


def _words(struct: EntryRules | Economy) -> tuple[int, ...]:
    """In ABI order, which is that of the fields."""
    return tuple(struct.model_dump().values())


def _refuse_bad_parameters(deployer: Deployer, parameters: Parameters) -> None:
    """Has the contract's own bounds look at them before anything is sent."""
    rules, economy = _words(parameters.entry_rules), _words(parameters.economy)
    creation = deployer.creation("ProtocolParameters", deployer.address, rules, economy)
    message = {"from": deployer.address, "data": creation}
    answer = deployer.web3.provider.make_request("eth_call", [message, "latest"])
    if "error" in answer:
        held = answer["error"].get("data")
        reason = decode_revert(bytes.fromhex(held[2:])) if isinstance(held, str) else answer["error"]["message"]
        raise DeploymentError(f"Nothing was sent, because the parameters are refused. {reason}")


def _deploy_governance(deployer: Deployer, parameters: Parameters, governance: Governance) -> str:
    """Timelock, authority and what they govern first. Returns the parameters' address."""
    deployer.create("Timelock", parameters.timelock_seconds, governance.governor)
    # Its first administrator is the deployer: listing the first adapter through the timelock would take its whole delay.
    authority = deployer.create("Authority", deployer.address, governance.guardian, deployer.coming(1))
    rules, economy = _words(parameters.entry_rules), _words(parameters.economy)
    deployed = deployer.create("ProtocolParameters", authority, rules, economy)
    deployer.create("VerifierRouter", authority)
    return deployed


def _deploy_contracts(deployer: Deployer, stake_token: str, parameters: Parameters, governance: Governance) -> None:
    verifier = deployer.create_raw("EzklVerifier", "0x" + ezkl_verifier.load().creation)
    adapter = deployer.create("EzklVerifierAdapter", verifier)
    governed = _deploy_governance(deployer, parameters, governance)
    kind, cap = int(ProofKind.ZK), parameters.ezkl_gas_cap
    deployer.call("VerifierRouter.addAdapter", "VerifierRouter", "addAdapter", kind, adapter, cap)
    registry = deployer.create("ModelRegistry", deployer.contracts["VerifierRouter"])

    escrow, settlement = deployer.coming(1), deployer.coming(2)
    stakes = deployer.create("StakeManager", stake_token, governed, escrow)
    deployer.create("JobEscrow", stakes, registry, settlement)
    settlement = deployer.create("MilestoneSettlement", escrow)
    _deploy_judge(deployer, settlement)


def _deploy_judge(deployer: Deployer, settlement: str) -> None:
    """Who finds faults in Optimistic claims. To the router it is an adapter without a proof to check."""
    checkers = [deployer.create(f"{family}Checker") for family in FAMILIES]
    dispute = deployer.create("TraceDispute", settlement, checkers, deployer.coming(1))
    deployer.create("TraceDemands", dispute)
    kind = int(ProofKind.OPTIMISTIC)
    deployer.call("VerifierRouter.addAdapter (judge)", "VerifierRouter", "addAdapter", kind, dispute, JUDGE_GAS_CAP)


def _hand_over(deployer: Deployer) -> None:
    """The authority to the timelock. From here on nothing that is governed changes without its delay."""
    timelock = deployer.contracts["Timelock"]
    deployer.call("Authority.grantRole", "Authority", "grantRole", ADMIN_ROLE, timelock, 0)
    deployer.call("Authority.renounceRole", "Authority", "renounceRole", ADMIN_ROLE, deployer.address)


def _check_powers(deployer: Deployer, parameters: Parameters, governance: Governance) -> None:
    """Raises DeploymentError unless everyone has exactly the power that is meant."""
    placed, read = deployer.contracts, deployer.read
    guardian_role = read("Authority", "GUARDIAN_ROLE")
    proposer, executor, root = (
        read("Timelock", name) for name in ("PROPOSER_ROLE", "EXECUTOR_ROLE", "DEFAULT_ADMIN_ROLE")
    )
    facts = {
        "the deployer administers the authority": (
            False,
            read("Authority", "hasRole", ADMIN_ROLE, deployer.address)[0],
        ),
        "the timelock administers it": (True, read("Authority", "hasRole", ADMIN_ROLE, placed["Timelock"])[0]),
        "the guardian is one": (True, read("Authority", "hasRole", guardian_role, governance.guardian)[0]),
        "the governor proposes": (True, read("Timelock", "hasRole", proposer, governance.governor)),
        "everybody executes": (True, read("Timelock", "hasRole", executor, ZERO_ADDRESS)),
        "the deployer administers the timelock": (False, read("Timelock", "hasRole", root, deployer.address)),
        "the timelock's delay": (parameters.timelock_seconds, read("Timelock", "getMinDelay")),
        "the parameters' authority": (placed["Authority"], read("ProtocolParameters", "authority")),
        "the router's authority": (placed["Authority"], read("VerifierRouter", "authority")),
    }
    wrong = [f"{what}: {found}, not {meant}" for what, (meant, found) in facts.items() if found != meant]
    if wrong:
        raise DeploymentError(f"Do not use this deployment; deploy again. {'; '.join(wrong)}.")


def _record(
    deployer: Deployer, tokens: dict[str, str], parameters: Parameters, governance: Governance
) -> dict[str, Any]:
    deployed = {name: address for name, address in deployer.contracts.items() if not name.endswith("Token")}
    code = bytes(deployer.web3.eth.get_code(deployer.contracts["EzklVerifier"]))
    return {
        "schema": SCHEMA,
        "chain_id": int(deployer.web3.eth.chain_id),
        "block": deployer.first_block,
        "contracts": dict(sorted(deployed.items())),
        "tokens": tokens,
        "ezkl_verifier_codehash": "0x" + keccak(code).hex(),
        "governance": {
            "governor": governance.governor,
            "guardian": governance.guardian,
            "timelock_seconds": parameters.timelock_seconds,
        },
        "parameters": {
            "entry_rules": parameters.entry_rules.model_dump(),
            "economy": parameters.economy.model_dump(),
            "ezkl_gas_cap": parameters.ezkl_gas_cap,
        },
        "gas": deployer.gas,  # in the order of sending
    }


def deploy(
    rpc_url: str,
    key: str,
    *,
    stake_token: Address | None = None,
    governor: Address | None = None,
    guardian: Address | None = None,
    parameters: Parameters | None = None,
) -> dict[str, Any]:
    """Deploys everything and returns the deployment record.

    Args:
        key: The deployer's private key, hex.
        stake_token: An ERC-20 that is there already. None deploys two mintable test tokens, for local chains.
        governor: Who proposes to the timelock. None is the deployer, likewise `guardian`.

    Raises:
        DeploymentError: nothing answers, or something is refused, before anything is sent; or what was deployed is not
            as it should be.
    """
    compile_contracts.main()
    ezkl_verifier.load()  # before anything is sent: what can fail on this machine fails first
    held = parameters or Parameters()
    with brownie_session(rpc_url, key) as deployer:
        own = parse_address(deployer.address)
        governance = Governance(governor or own, guardian or own)
        _refuse_bad_parameters(deployer, held)
        if stake_token and not deployer.has_code(stake_token):
            raise DeploymentError(f"Nothing was sent, because there is no token at {stake_token}.")
        tokens: dict[str, str] = {"stake": stake_token} if stake_token else _deploy_tokens(deployer)
        _deploy_contracts(deployer, tokens["stake"], held, governance)
        _hand_over(deployer)
        _check_powers(deployer, held, governance)
        return _record(deployer, tokens, held, governance)


def _account(text: str) -> Address:
    """An option's address. Nobody has the zero address's key, so nobody may be it."""
    try:
        address = parse_address(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if address == ZERO_ADDRESS:
        raise argparse.ArgumentTypeError("the zero address is nobody")
    return address


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = Parameters()
    parser.add_argument("--rpc", required=True, metavar="URL")
    parser.add_argument("--key-file", required=True, type=Path, help="holds the deployer's private key in hex")
    parser.add_argument("--out", required=True, type=Path, help="where the deployment record goes")
    token = parser.add_mutually_exclusive_group(required=True)
    token.add_argument("--with-test-tokens", action="store_true", help="deploy two tokens that anyone can mint")
    token.add_argument("--stake-token", type=_account, metavar="ADDRESS")
    test_only = "with test tokens the deployer by default"
    parser.add_argument("--governor", type=_account, metavar="ADDRESS", help=f"proposes to the timelock; {test_only}")
    parser.add_argument("--guardian", type=_account, metavar="ADDRESS", help=f"may stop new jobs; {test_only}")
    parser.add_argument("--timelock-seconds", type=_natural, default=defaults.timelock_seconds)
    parser.add_argument("--min-lock", type=_natural, default=ENTRY_RULES.min_lock, help="in the token's smallest unit")
    parser.add_argument("--unbond-seconds", type=_natural, default=ENTRY_RULES.unbond_seconds)
    parser.add_argument(
        "--min-challenge-seconds",
        type=_natural,
        default=ENTRY_RULES.min_challenge_seconds,
        help="the shortest challenge window of an optimistic job; the contract takes none below 10",
    )
    parser.add_argument("--ezkl-gas-cap", type=_natural, default=defaults.ezkl_gas_cap)
    return parser


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's. Ends the process, with what is wrong, where options are wrong or do not go together."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.stake_token and not (options.governor and options.guardian):
        parser.error("with --stake-token, name the --governor and the --guardian: the deployer is to keep no power")
    least = 0 if options.with_test_tokens else LEAST_TIMELOCK_SECONDS
    if not least <= options.timelock_seconds <= MOST_TIMELOCK_SECONDS:
        parser.error(f"--timelock-seconds must be from {least} to {MOST_TIMELOCK_SECONDS}")
    if not 1 <= options.ezkl_gas_cap < 2**40:
        parser.error("--ezkl-gas-cap must be from 1 to 2^40 - 1")
    return options


def main() -> None:
    options = parse_options()
    changed = ("min_lock", "unbond_seconds", "min_challenge_seconds")
    parameters = Parameters(
        entry_rules=ENTRY_RULES.model_copy(update={name: getattr(options, name) for name in changed}),
        timelock_seconds=options.timelock_seconds,
        ezkl_gas_cap=options.ezkl_gas_cap,
    )
    try:
        record = deploy(
            options.rpc,
            options.key_file.read_text().strip(),
            stake_token=options.stake_token,
            governor=options.governor,
            guardian=options.guardian,
            parameters=parameters,
        )
    except (DeploymentError, ezkl_verifier.EzklVerifierError) as error:
        sys.exit(str(error))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=2) + "\n")
    print(f"deployed to chain {record['chain_id']} at block {record['block']}: {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
