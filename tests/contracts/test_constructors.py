"""Contracts that know each other by immutable address refuse a set-up in which they do not.

JobEscrow of a stake manager that serves another escrow → JobEscrow_Misdeployed
MilestoneSettlement for an escrow that serves another settlement → MilestoneSettlement_Misdeployed
EzklVerifierAdapter for no contract → EzklVerifierAdapter_NotAContract
Authority without an admin → AccessManagerInvalidInitialAdmin
all → hold what they were given, and the settlement reads everything else from the escrow

The stake manager's own refusals are in test_stake_deposit.py, the parameters' in test_protocol_parameters.py.
"""

from __future__ import annotations

from refusals import plain, refusal_of_creation, refused
from stage import ZERO, Stage


def test_job_escrow_of_a_foreign_stake_manager_reverts(stage: Stage) -> None:
    arguments = (stage.stakes, stage.registry, stage.settlement)
    assert refusal_of_creation(stage.project.JobEscrow, *arguments, sender=stage.deployer) == refused(
        "JobEscrow_Misdeployed", escrowOfStakeManager=stage.escrow
    )


def test_settlement_of_a_foreign_escrow_reverts(stage: Stage) -> None:
    container = stage.project.MilestoneSettlement
    assert refusal_of_creation(container, stage.escrow, sender=stage.deployer) == refused(
        "MilestoneSettlement_Misdeployed", settlementOfEscrow=stage.settlement
    )


def test_ezkl_adapter_without_a_verifier_reverts(stage: Stage) -> None:
    container = stage.project.EzklVerifierAdapter
    assert refusal_of_creation(container, stage.stranger, sender=stage.deployer) == refused(
        "EzklVerifierAdapter_NotAContract", verifier=stage.stranger
    )


def test_authority_without_an_admin_reverts(stage: Stage) -> None:
    arguments = (ZERO, stage.guardian, stage.parameters)
    assert refusal_of_creation(stage.project.Authority, *arguments, sender=stage.deployer) == refused(
        "AccessManagerInvalidInitialAdmin", initialAdmin=ZERO
    )


def test_contracts_name_each_other(stage: Stage) -> None:
    named = {
        stage.stakes.escrow: stage.escrow,
        stage.stakes.parameters: stage.parameters,
        stage.stakes.stakeToken: stage.stake,
        stage.escrow.stakeManager: stage.stakes,
        stage.escrow.settlement: stage.settlement,
        stage.escrow.registry: stage.registry,
        stage.escrow.parameters: stage.parameters,
        stage.settlement.escrow: stage.escrow,
        stage.registry.router: stage.router,
        stage.router.authority: stage.authority,
        stage.parameters.authority: stage.authority,
    }
    assert [plain(view()) for view in named] == [plain(contract) for contract in named.values()]


def test_settlement_counts_layouts_from_one(stage: Stage) -> None:
    assert (int(stage.settlement.SCHEMA_VERSION()), int(stage.registry.SCHEMA_VERSION())) == (1, 1)
