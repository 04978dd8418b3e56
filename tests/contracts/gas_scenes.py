"""What each step costs whom, as sentences. "Warm": the accounts in it have been credited before, as in daily use; "cold":
they are credited for the first time, which costs 17,100 gas for each of them, once.

A scene brings the stage to where the step can be taken, takes it, and returns the transaction. Claims name a proof that the
adapter takes without a look, so that what is measured is the claim and not a proof system.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import real_proofs
from ezkl_stage import deploy_ezkl_verifier
from order_stage import BY_PERMIT, BY_PERMIT2, OrderStage, encoded
from permit2_stage import install_permit2
from stage import DOLLAR, OPTIMISTIC, TALLY, ZK, Stage, Terms

YES = b"\x06"
ONE = {"shareBps": [10_000], "durationSeconds": [50_000]}
MANY = {"shareBps": [39] * 255 + [55], "durationSeconds": [600] * 256}
BATCH = 32

Scene = Callable[[Stage], Any]


# ---- stake ----------------------------------------------------------------------------------------------------------


def deposit(stage: Stage, before: int = 0) -> Any:
    for _ in range(before):
        stage.bond(stage.operator, TALLY)
    stage.bond(stage.rival, TALLY)  # the contract has held the token before
    stage.stake.mint(stage.operator, 2 * TALLY, {"from": stage.operator})
    stage.stake.approve(stage.stakes, 2 * TALLY, {"from": stage.operator})
    return stage.stakes.deposit(stage.operator, TALLY, {"from": stage.operator})


def deposit_with_permit(stage: Stage, before: int = 0) -> Any:
    stage.bond(stage.rival, TALLY)
    signer = _funded_signer(stage, stage.stake)
    for _ in range(before):
        stage.stakes.depositWithPermit(*_permit_to_stake(stage, signer), {"from": signer.creator})
    return stage.stakes.depositWithPermit(*_permit_to_stake(stage, signer), {"from": signer.creator})


def _permit_to_stake(stage: Stage, signer: OrderStage) -> tuple[Any, ...]:
    return signer.creator, TALLY, signer.permit(stage.stake, TALLY, spender=stage.stakes)


def _funded_signer(stage: Stage, token: Any) -> OrderStage:
    """Somebody who signs, holds the token and may send."""
    signer = OrderStage(stage)
    stage.deployer.transfer(signer.creator, 10**18)
    stage.unlock(signer.creator)
    token.mint(signer.creator, 1_000 * TALLY, {"from": stage.stranger})
    return signer


def withdraw_reward(stage: Stage) -> Any:
    expire(stage)
    return stage.stakes.withdrawReward(stage.finder, {"from": stage.finder})


# ---- creation -------------------------------------------------------------------------------------------------------


def _hold_tokens(stage: Stage) -> None:
    """The escrow holds the payment token of another job."""
    stage.create(salt=900)


def create(stage: Stage, cold: bool = False, **changed: Any) -> Any:
    if not cold:
        _hold_tokens(stage)
    terms = stage.terms(**changed)
    stage.fund(terms)
    return stage.escrow.createJob(terms.abi(), {"from": stage.creator})


def create_with_permit(stage: Stage) -> Any:
    _hold_tokens(stage)
    signer = _funded_signer(stage, stage.payment)
    terms = stage.terms(creator=signer.creator, **ONE)
    permit = signer.permit(stage.payment, terms["maxPrice"])
    return stage.escrow.createJobWithPermit(terms.abi(), permit, {"from": signer.creator})


def accept_order(stage: Stage, funding: str) -> Any:
    _hold_tokens(stage)
    stage.bond(stage.operator)
    signer = OrderStage(stage)
    order = signer.order(**ONE)
    if funding == "permit2":
        permit2 = install_permit2(stage.deployer)
        signer.fund(order, spender=permit2)
        signed = signer.signed(order, BY_PERMIT2, signer.permit2(order))
    elif funding == "permit":
        signer.mint(order)
        signed = signer.signed(order, BY_PERMIT, permit=encoded(signer.permit(stage.payment, order.terms["maxPrice"])))
    else:
        signer.fund(order)
        signed = signer.signed(order)
    no_assignment = (b"\0" * 32, "0x" + "00" * 20, 0, 0)
    return stage.escrow.acceptOrder(signed, stage.operator, no_assignment, b"", {"from": stage.operator})


# ---- acceptance -----------------------------------------------------------------------------------------------------


def accept(stage: Stage, **changed: Any) -> Any:
    terms = stage.create(**changed)
    stage.bond(stage.operator)
    return stage.accept(terms)


def accept_by_agent(stage: Stage) -> Any:
    terms = stage.create(**ONE)
    stage.bond(stage.operator)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    no_assignment = (b"\0" * 32, "0x" + "00" * 20, 0, 0)
    return stage.escrow.accept(terms.abi(), stage.operator, no_assignment, b"", {"from": stage.agent})


def accept_assigned(stage: Stage) -> Any:
    terms = stage.create(stage.dispatched_terms(**ONE))
    stage.bond(stage.operator)
    assignment = stage.assignment(terms, stage.operator)
    return stage.accept(terms, assignment=assignment, signature=stage.sign(assignment))


def release_early(stage: Stage) -> Any:
    terms = stage.assigned()
    return stage.escrow.releaseEarly(terms.abi(), {"from": stage.operator})


# ---- claims ---------------------------------------------------------------------------------------------------------


def _warm(stage: Stage) -> None:
    """Operator and creator have been credited before, and the operator has stake enough for everything."""
    stage.bond(stage.operator, 10_000 * TALLY)
    terms = stage.assigned(salt=901, **ONE)
    stage.settle(terms, 0, proof=YES)


def claim(stage: Stage, milestone: int = 0, cold: bool = False, agent: bool = False, **changed: Any) -> Any:
    if not cold:
        _warm(stage)
    terms = stage.assigned(**changed)
    for earlier in range(milestone):
        stage.settle(terms, earlier, proof=YES)
    if not agent:
        return stage.settle(terms, milestone, proof=YES)
    stage.stakes.appointAgent(stage.agent, {"from": stage.operator})
    return stage.settle(terms, milestone, stage.agent, proof=YES)


def claim_jobs(stage: Stage) -> Any:
    _warm(stage)
    jobs = [stage.assigned(salt=salt, **ONE) for salt in range(BATCH)]
    batches = [(terms.abi(), [stage.claim(terms, 0, proof=YES)]) for terms in jobs]
    return stage.settlement.claimMany(batches, {"from": stage.operator})


def claim_milestones(stage: Stage) -> Any:
    _warm(stage)
    shares = [312] * (BATCH - 1)
    terms = stage.assigned(shareBps=[*shares, 10_000 - sum(shares)], durationSeconds=[50_000] * BATCH)
    claims = [stage.claim(terms, milestone, proof=YES) for milestone in range(BATCH)]
    return stage.settlement.claimMany([(terms.abi(), claims)], {"from": stage.operator})


def _traced(stage: Stage) -> Terms:
    return stage.assigned(proofKind=OPTIMISTIC, modelId=stage.traced)


def claim_optimistic(stage: Stage) -> tuple[Terms, Any]:
    _warm(stage)
    terms = _traced(stage)
    return terms, stage.settle(terms, 0, proof=b"\x11" * 32)


def finalize(stage: Stage) -> Any:
    terms, _ = claim_optimistic(stage)
    stage.at(stage.now() + terms["challengeSeconds"] + 1)
    return stage.settlement.finalize(terms.abi(), {"from": stage.stranger})


def fault(stage: Stage) -> Any:
    late = stage.assigned(salt=902)
    stage.at(stage.state(late)["deadline"] + 1)
    stage.escrow.expire(late.abi(), {"from": stage.finder})
    terms, _ = claim_optimistic(stage)
    return stage.judge.proveFault(stage.settlement, terms.abi(), 0, {"from": stage.finder})


# ---- missed deadlines, ends -----------------------------------------------------------------------------------------


def expire(stage: Stage, cold: bool = True) -> Any:
    if not cold:
        earlier = stage.assigned(salt=903)
        stage.at(stage.state(earlier)["deadline"] + 1)
        stage.escrow.expire(earlier.abi(), {"from": stage.finder})
    terms = stage.assigned()
    stage.at(stage.state(terms)["deadline"] + 1)
    return stage.escrow.expire(terms.abi(), {"from": stage.finder})


def expire_many(stage: Stage) -> Any:
    stage.bond(stage.operator, 10_000 * TALLY)
    jobs = [stage.assigned(salt=salt) for salt in range(BATCH)]
    stage.at(stage.state(jobs[-1])["deadline"] + 1)
    return stage.escrow.expireMany([terms.abi() for terms in jobs], {"from": stage.finder})


def refund(stage: Stage) -> Any:
    terms = stage.create()
    stage.at(stage.state(terms)["openedAt"] + terms["acceptSeconds"] + 1)
    return stage.escrow.refund(terms.abi(), {"from": stage.stranger})


def withdraw(stage: Stage) -> Any:
    claim(stage, cold=True)
    return stage.escrow.withdraw(stage.payment, stage.operator, {"from": stage.operator})


def ezkl(stage: Stage) -> tuple[Any, Any]:
    """Registering the key of MLP 4-8-3, and a claim with its proof: 7 instances, 157 words of key, 3,072 bytes."""
    proof = real_proofs.load()["digits 0"]
    verifier = deploy_ezkl_verifier(stage)
    adapter = stage.deploy("EzklVerifierAdapter", verifier)
    stage.router.addAdapter(ZK, adapter, 3_000_000, {"from": stage.governor})
    registered = verifier.registerVka(proof.vka, {"from": stage.stranger})
    model = stage.register_model("real", adapter=adapter.address, programId=proof.program_id)
    _warm(stage)
    terms = stage.assigned(modelId=model, inputs=[proof.input_root] * 2)
    claimed = stage.settle(terms, 0, outputRoot=proof.output_root, proof=proof.encoded())
    return registered, claimed


MEASURED: dict[str, Scene] = {
    "register a model": lambda stage: stage.registry.register(stage.spec("new"), {"from": stage.creator}),
    "deposit stake, an operator's first": deposit,
    "deposit stake, an operator's second": lambda stage: deposit(stage, 1),
    "deposit stake with a permit, the signer's first": deposit_with_permit,
    "deposit stake with a permit, the signer's second": lambda stage: deposit_with_permit(stage, 1),
    "create a job of 1 milestone": lambda stage: create(stage, **ONE),
    "create a job of 1 milestone, the first in its token": lambda stage: create(stage, cold=True, **ONE),
    "create a job of 2 milestones": create,
    "create a job of 256 milestones": lambda stage: create(stage, **MANY),
    "create a job of 1 milestone with a permit": create_with_permit,
    "accept a job": lambda stage: accept(stage, **ONE),
    "accept a job of 256 milestones": lambda stage: accept(stage, **MANY),
    "accept a job as the operator's agent": accept_by_agent,
    "accept a job with the dispatcher's signed assignment": accept_assigned,
    "accept a signed order: post, fund by allowance, accept": lambda stage: accept_order(stage, "allowance"),
    "accept a signed order: post, fund by permit, accept": lambda stage: accept_order(stage, "permit"),
    "accept a signed order: post, fund by Permit2, accept": lambda stage: accept_order(stage, "permit2"),
    "release a job early": release_early,
    "claim and be paid for a milestone": claim,
    "claim and be paid for a milestone, operator credited for the first time": lambda stage: claim(stage, cold=True),
    "claim and be paid for a milestone as the operator's agent": lambda stage: claim(stage, agent=True),
    "claim and be paid for a milestone of 256": lambda stage: claim(stage, **MANY),
    "claim, be paid and complete a job of 1 milestone": lambda stage: claim(stage, **ONE),
    "claim, be paid and complete a job of 1 milestone at its maximum price": lambda stage: claim(
        stage, **ONE, minPrice=100 * DOLLAR
    ),
    f"claim, be paid and complete {BATCH} jobs of 1 milestone, all together": claim_jobs,
    f"claim and be paid for {BATCH} milestones of one job, all together": claim_milestones,
    "claim a milestone optimistically": lambda stage: claim_optimistic(stage)[1],
    "finalize an optimistic claim": finalize,
    "show a fault and slash, before the judge's own work": fault,
    "expire and slash": lambda stage: expire(stage, cold=False),
    "expire and slash, finder and creator rewarded for the first time": expire,
    f"expire and slash {BATCH} jobs, all together": expire_many,
    "refund a job that nobody took": refund,
    "withdraw what was earned": withdraw,
    "withdraw a reward": withdraw_reward,
    "show EZKL's verifier a program of 157 words": lambda stage: ezkl(stage)[0],
    "claim and be paid with an EZKL proof of 7 instances": lambda stage: ezkl(stage)[1],
}
