"""Timelock, Authority and what they govern, wired as in production. The governor's key decides nothing at once.

what is governed
├── the lists below → every function of parameters and router that changes something is in them
└── escrow, stakes, settlement, registry → know no authority
Timelock
├── set up → its delay; governor proposes and cancels, everybody executes, nobody but itself administers
├── schedule
│   ├── by anyone but the governor → AccessControlUnauthorizedAccount
│   └── with less than the delay → TimelockInsufficientDelay
├── execute
│   ├── what was never scheduled, or differs in a byte → TimelockUnexpectedOperationState
│   ├── a second too early → TimelockUnexpectedOperationState
│   ├── when the delay is over, by anyone → done
│   ├── again → TimelockUnexpectedOperationState
│   ├── what was cancelled → TimelockUnexpectedOperationState
│   └── what the target refuses → the target's own error
├── cancel by anyone but the governor → AccessControlUnauthorizedAccount
└── its own delay and roles
    ├── by the governor itself → TimelockUnauthorizedCaller, AccessControlUnauthorizedAccount
    └── through itself → changed, after the old delay
Authority
├── a governed function, each
│   ├── by governor, guardian, deployer, creator, operator or stranger → AccessManagedUnauthorized
│   └── through the timelock → done
├── pauseNewJobs
│   ├── by the guardian → done at once
│   ├── by the timelock → AccessManagedUnauthorized, until it names itself guardian
│   └── by anyone else → AccessManagedUnauthorized
├── the guardian
│   ├── any of the authority's own functions → AccessManagerUnauthorizedAccount
│   └── replaced through the timelock → the new one may, the old one may not
├── the governor and the deployer: any of the authority's own functions → AccessManagerUnauthorizedAccount
├── setAuthority
│   ├── by anyone, the timelock included → AccessManagedUnauthorized
│   └── by the authority, told through the timelock → the new authority's word counts
└── a target closed by the authority → nothing but what is governed stops
a market under the timelock
└── a job from the first adapter to the last payment, with a pause in between
what not even the timelock can do
├── change an adapter → VerifierRouter_AdapterExists
└── leave the bounds → ProtocolParameters_OutOfBounds
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import pytest
from refusals import Refused, plain, refusal, refused
from stage import COMPLETED, ECONOMY, ENTRY_RULES, GAS_CAP, NO_HASH, TALLY, UNBOND_SECONDS, ZERO, ZK, Stage, event

DAY = 24 * 60 * 60
DELAY = 2 * DAY
ADMIN_ROLE, GUARDIAN_ROLE = 0, 1
READY, WAITING_OR_READY = 0b100, 0b110
"""OpenZeppelin's states of an operation, as bits."""
OTHER_RULES = (2 * TALLY, 6_000, 90, 2_000)
OTHER_ECONOMY = (6_000, *ECONOMY[1:])


class Government:
    """A timelock over an authority over parameters and router."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.timelock = stage.deploy("Timelock", DELAY, stage.governor)
        self.authority = stage.deploy("Authority", self.timelock, stage.guardian, stage.coming(2))
        self.router = stage.deploy("VerifierRouter", self.authority)
        self.parameters = stage.deploy("ProtocolParameters", self.authority, ENTRY_RULES, ECONOMY)

    def market(self) -> Stage:
        """The stage's people in front of contracts that go by this government."""
        market = copy(self.stage)
        market.authority, market.router, market.parameters = self.authority, self.router, self.parameters
        market.registry = market.deploy("ModelRegistry", self.router)
        escrow, settlement = market.coming(1), market.coming(2)
        market.stakes = market.deploy("StakeManager", market.stake, self.parameters, escrow)
        market.escrow = market.deploy("JobEscrow", market.stakes, market.registry, settlement)
        market.settlement = market.deploy("MilestoneSettlement", market.escrow)
        return market

    def proposal(self, function: Any, *arguments: Any) -> tuple[Any, ...]:
        """A call as the timelock takes it: target, value, data, predecessor, salt."""
        return function._address, 0, function.encode_input(*arguments), NO_HASH, NO_HASH

    def id_of(self, proposal: tuple[Any, ...]) -> str:
        return str(self.timelock.hashOperation(*proposal))

    def schedule(self, proposal: tuple[Any, ...], delay: int = DELAY) -> Any:
        return self.timelock.schedule(*proposal, delay, {"from": self.stage.governor})

    def through(self, function: Any, *arguments: Any) -> Any:
        """The governor proposes, time passes, a stranger executes."""
        self.due(function, *arguments)
        return self.timelock.execute(*self.proposal(function, *arguments), {"from": self.stage.stranger})

    def due(self, function: Any, *arguments: Any) -> tuple[Any, ...]:
        """A proposal that can be executed now."""
        proposal = self.proposal(function, *arguments)
        self.schedule(proposal)
        self.stage.at(self.stage.now() + DELAY)
        return proposal

    def execute_refusal(self, proposal: tuple[Any, ...]) -> Refused:
        return refusal(self.timelock.execute, *proposal, sender=self.stage.stranger)

    def unexpected(self, proposal: tuple[Any, ...], states: int) -> Refused:
        expected = "0x" + states.to_bytes(32, "big").hex()
        return refused("TimelockUnexpectedOperationState", operationId=self.id_of(proposal), expectedStates=expected)


@pytest.fixture(scope="module")
def government(stage: Stage) -> Government:
    return Government(stage)


Call = tuple[Any, tuple[Any, ...]]

GOVERNED: dict[str, Callable[[Government], Call]] = {
    "setEconomy": lambda g: (g.parameters.setEconomy, (OTHER_ECONOMY,)),
    "setEntryRules": lambda g: (g.parameters.setEntryRules, (OTHER_RULES,)),
    "resumeNewJobs": lambda g: (g.parameters.resumeNewJobs, ()),
    "addAdapter": lambda g: (g.router.addAdapter, (ZK, g.stage.adapter, GAS_CAP)),
}
"""By the timelock only. `pauseNewJobs` is the guardian's, `setAuthority` the authority's own."""
PEOPLE = ("governor", "guardian", "deployer", "creator", "operator", "stranger")


# ---- what is governed -------------------------------------------------------------------------------------------------


def changing(contract: Any) -> set[str]:
    functions = [entry for entry in contract.abi if entry["type"] == "function"]
    return {entry["name"] for entry in functions if entry["stateMutability"] not in ("view", "pure")}


def test_governed_functions_are_all_that_change_something(government: Government) -> None:
    found = changing(government.parameters) | changing(government.router)
    assert found == {*GOVERNED, "pauseNewJobs", "setAuthority"}


@pytest.mark.parametrize("name", ["escrow", "stakes", "settlement", "registry"])
def test_contracts_that_know_of_money_know_no_authority(stage: Stage, name: str) -> None:
    names = {entry.get("name", "") for entry in getattr(stage, name).abi}
    assert not names & {"authority", "setAuthority", "owner", "transferOwnership", "pause", "upgradeTo"}


# ---- Timelock ---------------------------------------------------------------------------------------------------------

ROLES = {
    "PROPOSER_ROLE": "governor",
    "CANCELLER_ROLE": "governor",
    "EXECUTOR_ROLE": "everybody",
    "DEFAULT_ADMIN_ROLE": "timelock",
}


@pytest.mark.parametrize("role", ROLES)
def test_timelock_gives_each_role_to_one(stage: Stage, government: Government, role: str) -> None:
    people = {name: getattr(stage, name) for name in PEOPLE}
    candidates = {**people, "timelock": government.timelock, "authority": government.authority, "everybody": ZERO}
    number = getattr(government.timelock, role)()
    holders = [name for name, account in candidates.items() if government.timelock.hasRole(number, account)]
    assert holders == [ROLES[role]]


def test_timelock_has_its_delay(government: Government) -> None:
    assert int(government.timelock.getMinDelay()) == DELAY


@pytest.mark.parametrize("person", ["guardian", "deployer", "stranger"])
def test_schedule_by_anyone_but_the_governor_reverts(stage: Stage, government: Government, person: str) -> None:
    proposal = government.proposal(government.parameters.setEconomy, OTHER_ECONOMY)
    caller = getattr(stage, person)
    assert refusal(government.timelock.schedule, *proposal, DELAY, sender=caller) == refused(
        "AccessControlUnauthorizedAccount", account=caller, neededRole=government.timelock.PROPOSER_ROLE()
    )


@pytest.mark.parametrize("delay", [0, DELAY - 1])
def test_schedule_with_less_than_the_delay_reverts(stage: Stage, government: Government, delay: int) -> None:
    proposal = government.proposal(government.parameters.setEconomy, OTHER_ECONOMY)
    assert refusal(government.timelock.schedule, *proposal, delay, sender=stage.governor) == refused(
        "TimelockInsufficientDelay", delay=delay, minDelay=DELAY
    )


def test_execute_of_what_was_never_scheduled_reverts(government: Government) -> None:
    proposal = government.proposal(government.parameters.setEconomy, OTHER_ECONOMY)
    assert government.execute_refusal(proposal) == government.unexpected(proposal, READY)


def test_execute_of_something_else_than_was_scheduled_reverts(government: Government) -> None:
    government.due(government.parameters.setEconomy, OTHER_ECONOMY)
    other = government.proposal(government.parameters.setEconomy, (7_000, *ECONOMY[1:]))
    assert government.execute_refusal(other) == government.unexpected(other, READY)


def test_execute_a_second_too_early_reverts(stage: Stage, government: Government) -> None:
    proposal = government.proposal(government.parameters.setEconomy, OTHER_ECONOMY)
    government.schedule(proposal)
    stage.at(stage.now() + DELAY - 1)
    assert government.execute_refusal(proposal) == government.unexpected(proposal, READY)


def test_execute_when_the_delay_is_over_is_anyones(stage: Stage, government: Government) -> None:
    proposal = government.due(government.parameters.setEconomy, OTHER_ECONOMY)
    government.timelock.execute(*proposal, {"from": stage.creator})
    assert plain(government.parameters.economyOf(2)) == OTHER_ECONOMY


def test_execute_again_reverts(government: Government) -> None:
    government.through(government.parameters.setEconomy, OTHER_ECONOMY)
    proposal = government.proposal(government.parameters.setEconomy, OTHER_ECONOMY)
    assert government.execute_refusal(proposal) == government.unexpected(proposal, READY)


def test_execute_of_what_was_cancelled_reverts(stage: Stage, government: Government) -> None:
    proposal = government.due(government.parameters.setEconomy, OTHER_ECONOMY)
    government.timelock.cancel(government.id_of(proposal), {"from": stage.governor})
    assert government.execute_refusal(proposal) == government.unexpected(proposal, READY)


@pytest.mark.parametrize("person", ["guardian", "deployer", "stranger"])
def test_cancel_by_anyone_but_the_governor_reverts(stage: Stage, government: Government, person: str) -> None:
    proposal = government.due(government.parameters.setEconomy, OTHER_ECONOMY)
    caller = getattr(stage, person)
    assert refusal(government.timelock.cancel, government.id_of(proposal), sender=caller) == refused(
        "AccessControlUnauthorizedAccount", account=caller, neededRole=government.timelock.CANCELLER_ROLE()
    )


def test_cancel_of_what_is_done_reverts(stage: Stage, government: Government) -> None:
    government.through(government.parameters.setEconomy, OTHER_ECONOMY)
    proposal = government.proposal(government.parameters.setEconomy, OTHER_ECONOMY)
    found = refusal(government.timelock.cancel, government.id_of(proposal), sender=stage.governor)
    assert found == government.unexpected(proposal, WAITING_OR_READY)


def test_update_delay_by_the_governor_itself_reverts(stage: Stage, government: Government) -> None:
    assert refusal(government.timelock.updateDelay, 0, sender=stage.governor) == refused(
        "TimelockUnauthorizedCaller", caller=stage.governor
    )


@pytest.mark.parametrize("role", ["PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE", "DEFAULT_ADMIN_ROLE"])
def test_grant_role_of_the_timelock_by_the_governor_itself_reverts(
    stage: Stage, government: Government, role: str
) -> None:
    number = getattr(government.timelock, role)()
    assert refusal(government.timelock.grantRole, number, stage.rival, sender=stage.governor) == refused(
        "AccessControlUnauthorizedAccount", account=stage.governor, neededRole=NO_HASH
    )


def test_update_delay_through_the_timelock_takes_the_old_delay(stage: Stage, government: Government) -> None:
    government.through(government.timelock.updateDelay, 60)
    proposal = government.proposal(government.parameters.setEconomy, OTHER_ECONOMY)
    government.schedule(proposal, 60)
    stage.at(stage.now() + 60)
    government.timelock.execute(*proposal, {"from": stage.stranger})
    assert plain(government.parameters.economyVersion()) == 2


# ---- Authority: what is governed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOVERNED)
@pytest.mark.parametrize("person", PEOPLE)
def test_governed_function_by_a_person_reverts(stage: Stage, government: Government, name: str, person: str) -> None:
    function, arguments = GOVERNED[name](government)
    caller = getattr(stage, person)
    assert refusal(function, *arguments, sender=caller) == refused("AccessManagedUnauthorized", caller=caller)


def test_set_economy_through_the_timelock_makes_a_version(government: Government) -> None:
    done = government.through(government.parameters.setEconomy, OTHER_ECONOMY)
    assert event(done, "EconomySet") == {"version": 2, "economy": OTHER_ECONOMY}


def test_set_entry_rules_through_the_timelock_sets_them(government: Government) -> None:
    government.through(government.parameters.setEntryRules, OTHER_RULES)
    assert plain(government.parameters.entryRules()) == OTHER_RULES


def test_resume_through_the_timelock_ends_the_pause(stage: Stage, government: Government) -> None:
    government.parameters.pauseNewJobs({"from": stage.guardian})
    done = government.through(government.parameters.resumeNewJobs)
    assert event(done, "NewJobsResumed") == {"by": plain(government.timelock)}
    assert not government.parameters.newJobsPaused()


def test_add_adapter_through_the_timelock_adds_it(stage: Stage, government: Government) -> None:
    government.through(government.router.addAdapter, ZK, stage.adapter, GAS_CAP)
    assert int(government.router.gasCapOf(ZK, stage.adapter)) == GAS_CAP


# ---- Authority: the guardian ------------------------------------------------------------------------------------------


def test_pause_by_the_guardian_takes_no_time(stage: Stage, government: Government) -> None:
    government.parameters.pauseNewJobs({"from": stage.guardian})
    assert bool(government.parameters.newJobsPaused())


@pytest.mark.parametrize("person", [name for name in PEOPLE if name != "guardian"])
def test_pause_by_anybody_else_reverts(stage: Stage, government: Government, person: str) -> None:
    caller = getattr(stage, person)
    assert refusal(government.parameters.pauseNewJobs, sender=caller) == refused(
        "AccessManagedUnauthorized", caller=caller
    )


def test_pause_through_the_timelock_reverts_until_it_is_guardian(government: Government) -> None:
    due = government.due(government.parameters.pauseNewJobs)
    assert government.execute_refusal(due) == refused("AccessManagedUnauthorized", caller=government.timelock)
    government.through(government.authority.grantRole, GUARDIAN_ROLE, government.timelock, 0)
    government.timelock.execute(*due, {"from": government.stage.stranger})
    assert bool(government.parameters.newJobsPaused())


def test_guardian_replaced_through_the_timelock_hands_its_power_on(stage: Stage, government: Government) -> None:
    government.through(government.authority.revokeRole, GUARDIAN_ROLE, stage.guardian)
    government.through(government.authority.grantRole, GUARDIAN_ROLE, stage.rival, 0)
    assert refusal(government.parameters.pauseNewJobs, sender=stage.guardian) == refused(
        "AccessManagedUnauthorized", caller=stage.guardian
    )
    government.parameters.pauseNewJobs({"from": stage.rival})
    assert bool(government.parameters.newJobsPaused())


def test_guardian_role_is_labelled_and_the_pause_is_all_it_has(stage: Stage, government: Government) -> None:
    assert int(government.authority.GUARDIAN_ROLE()) == GUARDIAN_ROLE
    held = {
        name: int(government.authority.getTargetFunctionRole(target, selector))
        for target in (government.parameters, government.router)
        for name, selector in ((name, getattr(target, name).signature) for name in changing(target))
    }
    assert [name for name, role in held.items() if role == GUARDIAN_ROLE] == ["pauseNewJobs"]
    assert {role for name, role in held.items() if name != "pauseNewJobs"} == {ADMIN_ROLE}


# ---- Authority: its own functions -------------------------------------------------------------------------------------

OWN: dict[str, Callable[[Government], Call]] = {
    "grantRole": lambda g: (g.authority.grantRole, (ADMIN_ROLE, g.stage.rival, 0)),
    "revokeRole": lambda g: (g.authority.revokeRole, (ADMIN_ROLE, g.timelock)),
    "labelRole": lambda g: (g.authority.labelRole, (GUARDIAN_ROLE, "friend")),
    "setRoleAdmin": lambda g: (g.authority.setRoleAdmin, (GUARDIAN_ROLE, GUARDIAN_ROLE)),
    "setRoleGuardian": lambda g: (g.authority.setRoleGuardian, (GUARDIAN_ROLE, GUARDIAN_ROLE)),
    "setGrantDelay": lambda g: (g.authority.setGrantDelay, (GUARDIAN_ROLE, 0)),
    "setTargetFunctionRole": lambda g: (
        g.authority.setTargetFunctionRole,
        (g.parameters, [g.parameters.setEconomy.signature], GUARDIAN_ROLE),
    ),
    "setTargetAdminDelay": lambda g: (g.authority.setTargetAdminDelay, (g.parameters, 0)),
    "setTargetClosed": lambda g: (g.authority.setTargetClosed, (g.parameters, True)),
    "updateAuthority": lambda g: (g.authority.updateAuthority, (g.parameters, g.stage.authority)),
}
NO_ADMINS_OWN = {"renounceRole", "schedule", "execute", "cancel", "consumeScheduledOp", "multicall"}
"""Open to all, each for what the caller itself may do."""


def test_authoritys_own_functions_are_all_known(government: Government) -> None:
    assert changing(government.authority) == {*OWN, *NO_ADMINS_OWN}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("person", ["governor", "guardian", "deployer", "stranger"])
def test_authoritys_own_function_by_a_person_reverts(
    stage: Stage, government: Government, name: str, person: str
) -> None:
    function, arguments = OWN[name](government)
    caller = getattr(stage, person)
    assert refusal(function, *arguments, sender=caller) == refused(
        "AccessManagerUnauthorizedAccount", msgsender=caller, roleId=ADMIN_ROLE
    )


@pytest.mark.parametrize("name", [*GOVERNED, "setAuthority"])
@pytest.mark.parametrize("person", ["governor", "guardian"])
def test_execute_by_the_authority_for_a_person_reverts(
    stage: Stage, government: Government, name: str, person: str
) -> None:
    """The authority calls for those who may, and for nobody else."""
    usual = {**GOVERNED, "setAuthority": lambda g: (g.parameters.setAuthority, (g.stage.authority,))}
    function, arguments = usual[name](government)
    caller, data = getattr(stage, person), function.encode_input(*arguments)
    assert refusal(government.authority.execute, function._address, data, sender=caller) == refused(
        "AccessManagerUnauthorizedCall", caller=caller, target=function._address, selector=data[:10]
    )


# ---- setAuthority -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["parameters", "router"])
@pytest.mark.parametrize("person", PEOPLE)
def test_set_authority_by_a_person_reverts(stage: Stage, government: Government, target: str, person: str) -> None:
    caller = getattr(stage, person)
    function = getattr(government, target).setAuthority
    assert refusal(function, stage.authority, sender=caller) == refused("AccessManagedUnauthorized", caller=caller)


def test_set_authority_by_the_timelock_itself_reverts(stage: Stage, government: Government) -> None:
    due = government.due(government.parameters.setAuthority, stage.authority)
    assert government.execute_refusal(due) == refused("AccessManagedUnauthorized", caller=government.timelock)


@pytest.mark.parametrize("target", ["parameters", "router"])
def test_update_authority_through_the_timelock_hands_the_target_on(
    stage: Stage, government: Government, target: str
) -> None:
    contract = getattr(government, target)
    government.through(government.authority.updateAuthority, contract, stage.authority)
    assert plain(contract.authority()) == plain(stage.authority)
    # The stage's authority answers to its governor without a delay.
    function, arguments = GOVERNED["setEconomy" if target == "parameters" else "addAdapter"](government)
    function(*arguments, {"from": stage.governor})
    assert refusal(function, *arguments, sender=government.timelock) == refused(
        "AccessManagedUnauthorized", caller=government.timelock
    )


# ---- what governance cannot reach -------------------------------------------------------------------------------------


def test_closed_target_lets_jobs_and_stake_go_on(stage: Stage) -> None:
    """The hardest that an authority can do to a target: nothing that is governed can be called any more."""
    terms = stage.create(salt=1)
    stage.authority.setTargetClosed(stage.parameters, True, {"from": stage.governor})
    for function, arguments, sender in (
        (stage.parameters.setEconomy, (OTHER_ECONOMY,), stage.governor),
        (stage.parameters.pauseNewJobs, (), stage.guardian),
    ):
        assert refusal(function, *arguments, sender=sender) == refused("AccessManagedUnauthorized", caller=sender)
    stage.accept(terms)
    stage.settle(terms, 0)
    stage.expire(terms)
    stage.stakes.requestUnbond(TALLY, {"from": stage.operator})
    stage.at(stage.now() + UNBOND_SECONDS)
    stage.stakes.completeUnbond({"from": stage.operator})
    assert stage.state(stage.create(salt=2))["economyVersion"] == 1


def test_market_under_the_timelock_works_from_the_first_adapter_to_the_last_payment(
    stage: Stage, government: Government
) -> None:
    government.through(government.router.addAdapter, ZK, stage.adapter, GAS_CAP)
    government.through(government.parameters.setEconomy, OTHER_ECONOMY)
    market = government.market()
    market.model = market.register_model("digits")
    first = market.create(salt=1)
    government.parameters.pauseNewJobs({"from": stage.guardian})
    market.accept(first)
    for milestone in (0, 1):
        market.settle(first, milestone)
    assert refusal(market.escrow.createJob, market.terms(salt=2).abi(), sender=stage.creator) == refused(
        "ProtocolParameters_NewJobsPaused"
    )
    government.through(government.parameters.resumeNewJobs)
    second = market.assigned(salt=2)
    assert (market.state(first)["status"], market.state(second)["economyVersion"]) == (COMPLETED, 2)


def test_add_adapter_again_through_the_timelock_reverts(stage: Stage, government: Government) -> None:
    government.through(government.router.addAdapter, ZK, stage.adapter, GAS_CAP)
    due = government.due(government.router.addAdapter, ZK, stage.adapter, GAS_CAP + 1)
    assert government.execute_refusal(due) == refused(
        "VerifierRouter_AdapterExists", proofKind=ZK, adapter=stage.adapter
    )


def test_set_economy_beyond_the_bounds_through_the_timelock_reverts(government: Government) -> None:
    due = government.due(government.parameters.setEconomy, (8_001, *ECONOMY[1:]))
    assert government.execute_refusal(due) == refused(
        "ProtocolParameters_OutOfBounds", name="lateSlashBps", value=8_001, least=1_000, most=8_000
    )


def test_deployer_has_no_role_in_the_authority(stage: Stage, government: Government) -> None:
    roles = [bool(government.authority.hasRole(role, stage.deployer)[0]) for role in (ADMIN_ROLE, GUARDIAN_ROLE)]
    assert roles == [False, False]
    assert bool(government.authority.hasRole(ADMIN_ROLE, government.timelock)[0])
