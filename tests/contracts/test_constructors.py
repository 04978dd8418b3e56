"""Contracts that know each other by immutable address refuse a set-up in which they do not.

JobEscrow        of a stake manager that serves another escrow → JobEscrow_Misdeployed
MilestoneSettlement for an escrow that serves another settlement → MilestoneSettlement_Misdeployed
EzklVerifierAdapter for no contract → EzklVerifierAdapter_NotAContract
all              → hold what they were given
"""

from __future__ import annotations

from refusals import plain, refusal_of_creation, refused
from stage import Stage


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


def test_contracts_name_each_other(stage: Stage) -> None:
    named = (
        stage.stakes.escrow(),
        stage.settlement.escrow(),
        stage.escrow.stakeManager(),
        stage.escrow.settlement(),
        stage.escrow.registry(),
        stage.registry.router(),
    )
    expected = (stage.escrow, stage.escrow, stage.stakes, stage.settlement, stage.registry, stage.router)
    assert plain(named) == plain(expected)
