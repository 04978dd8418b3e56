"""Claims beyond the usual one: many at once, those that await finality, faults, early releases."""

import pytest
from artifacts import artifact
from governance import send
from market_scene import CHALLENGE_SECONDS, address_of

from tallystick.chain.abi import contract_abi, read_abi
from tallystick.chain.calldata import claim_in
from tallystick.errors import RevertError
from tallystick.ids import raw
from tallystick.market.book import fold
from tallystick.market.claims import claim_tuple, statement_digest, statement_tuple
from tallystick.market.events import (
    JobAssigned,
    JobCompleted,
    JobExpired,
    JobFact,
    JobFaulted,
    JobReleased,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
    OptimisticClaimed,
    StakeSlashed,
)
from tallystick.market.terms import JobStatus, terms_tuple

pytestmark = pytest.mark.chain

LONGER = CHALLENGE_SECONDS + 1
MILESTONE = [MilestoneClaimed, MilestonePaid]


def kinds(facts):
    return [type(fact) for fact in facts]


async def accepted(scene, terms):
    await scene.send("creator", f"create:{terms.salt}", scene.calls.create_job(terms))
    await scene.send("agent", f"accept:{terms.salt}", scene.calls.accept(terms, address_of("operator")))
    return terms


async def claimed(scene, terms, milestone):
    call = scene.calls.claim(terms, scene.claim(terms, milestone))
    return await scene.send("agent", f"claim:{terms.salt}:{milestone}", call)


async def job_of(scene, terms):
    facts = await scene.reader.facts(scene.deployment.block, (await scene.reader.head()).number)
    return fold(fact for fact in facts if isinstance(fact, JobFact))[scene.job_id(terms)]


# ---- statements -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zk", "optimistic"])
async def test_statement_is_the_one_that_the_settlement_builds(scene, kind):
    terms = scene.terms() if kind == "zk" else await scene.traced_terms()
    function = contract_abi("MilestoneSettlement").functions["statementOf"]
    settlement = scene.deployment.contracts.milestone_settlement
    [built] = await scene.reader.call(settlement, function, terms_tuple(terms), claim_tuple(scene.claim(terms, 1)))
    assert type(scene.statement(terms, 1)).model_validate(built) == scene.statement(terms, 1)


async def test_statement_digest_is_the_one_that_the_settlement_computes(scene):
    statement = scene.statement(scene.terms(), 1)
    function = contract_abi("MilestoneSettlement").functions["digestOf"]
    settlement = scene.deployment.contracts.milestone_settlement
    [digest] = await scene.reader.call(settlement, function, statement_tuple(statement))
    assert statement_digest(statement) == digest


# ---- many at once -----------------------------------------------------------------------------------------------------


async def two_jobs(scene):
    return [await accepted(scene, scene.terms(salt=salt)) for salt in (1, 2)]


async def test_claim_many_pays_milestones_of_two_jobs_in_one_transaction(scene):
    one, other = await two_jobs(scene)
    batches = [(one, [scene.claim(one, 0), scene.claim(one, 1)]), (other, [scene.claim(other, 0)])]
    receipt = await scene.send("agent", "claim many", scene.calls.claim_many(batches))
    assert kinds(receipt.facts) == [*MILESTONE, *MILESTONE, JobCompleted, *MILESTONE]


async def test_claim_in_a_transaction_with_many_finds_each(scene):
    one, other = await two_jobs(scene)
    batches = [(one, [scene.claim(one, 0), scene.claim(one, 1)]), (other, [scene.claim(other, 0)])]
    receipt = await scene.send("agent", "claim many", scene.calls.claim_many(batches))
    found = [
        await claim_in(scene.reader, receipt.transaction_hash, scene.job_id(terms), milestone)
        for terms, milestone in ((one, 1), (other, 0), (other, 1))
    ]
    assert found == [scene.claim(one, 1), scene.claim(other, 0), None]


async def test_expire_many_skips_what_is_not_late(scene):
    one, other = await two_jobs(scene)
    idle = scene.terms(salt=3)
    scene.chain.pass_time(1300)
    await scene.send("stranger", "expire", scene.calls.expire(other))
    receipt = await scene.send("stranger", "expire many", scene.calls.expire_many([idle, other, one]))
    assert [(type(fact), fact.job_id) for fact in receipt.facts] == [
        (kind, scene.job_id(one)) for kind in (JobExpired, JobReopened, StakeSlashed)
    ]


# ---- finality ---------------------------------------------------------------------------------------------------------


async def test_optimistic_claims_wait_and_leave_no_deadline(scene):
    terms = await accepted(scene, await scene.traced_terms())
    await claimed(scene, terms, 0)
    receipt = await claimed(scene, terms, 1)
    state, job = await scene.reader.job_state(scene.job_id(terms)), await job_of(scene, terms)
    assert kinds(receipt.facts) == [OptimisticClaimed, MilestoneClaimed]
    assert (state.is_pending, state.next_milestone, state.paid_milestones, state.deadline) == (True, 2, 0, None)
    assert (len(job.claims), job.next_milestone, job.paid_milestones, job.deadline) == (2, 2, 0, None)


async def test_final_at_in_the_book_is_the_settlements(scene):
    terms = await accepted(scene, await scene.traced_terms())
    await claimed(scene, terms, 0)
    function = contract_abi("MilestoneSettlement").functions["claimOf"]
    settlement = scene.deployment.contracts.milestone_settlement
    [held] = await scene.reader.call(settlement, function, raw(scene.job_id(terms)), 0)
    assert (await job_of(scene, terms)).final_at == held["final_at"]


async def test_finalize_too_early_is_refused_with_the_times(scene):
    terms = await accepted(scene, await scene.traced_terms())
    await claimed(scene, terms, 0)
    with pytest.raises(RevertError, match="challenge window") as caught:
        await scene.send("stranger", "finalize", scene.calls.finalize(terms))
    assert (caught.value.name, set(caught.value.arguments)) == ("MilestoneSettlement_NotFinal", {"finalAt", "nowAt"})


async def test_finalize_pays_what_is_final_and_completes(scene):
    terms = await accepted(scene, await scene.traced_terms())
    for milestone in (0, 1):
        await claimed(scene, terms, milestone)
    scene.chain.pass_time(LONGER)
    receipt = await scene.send("stranger", "finalize", scene.calls.finalize(terms))
    job = await job_of(scene, terms)
    assert kinds(receipt.facts) == [MilestonePaid, MilestonePaid, JobCompleted]
    assert (job.status, job.claims, job.surplus) == (
        JobStatus.COMPLETED,
        (),
        terms.max_price - sum(payment.to_operator for payment in job.payments),
    )


async def test_finalize_many_skips_what_is_not_final(scene):
    early = await accepted(scene, await scene.traced_terms())
    await claimed(scene, early, 0)
    scene.chain.pass_time(LONGER)
    late = await accepted(scene, await scene.traced_terms(salt=2))
    await claimed(scene, late, 0)
    receipt = await scene.send("stranger", "finalize many", scene.calls.finalize_many([late, early]))
    assert [(type(fact), fact.job_id) for fact in receipt.facts] == [(MilestonePaid, scene.job_id(early))]


async def test_expire_while_a_claim_waits_is_refused_until_it_is_final(scene):
    terms = await accepted(scene, await scene.traced_terms())
    await claimed(scene, terms, 0)
    scene.chain.pass_time(1300)
    with pytest.raises(RevertError, match="`finalize` them first") as caught:
        await scene.send("stranger", "expire early", scene.calls.expire(terms))
    await scene.send("stranger", "finalize", scene.calls.finalize(terms))
    receipt = await scene.send("stranger", "expire", scene.calls.expire(terms))
    assert (caught.value.name, kinds(receipt.facts)[0]) == ("JobEscrow_ClaimsPending", JobExpired)


async def test_fault_voids_the_claims_and_slashes_the_whole_lock(scene):
    terms = await accepted(scene, await scene.traced_terms())
    for milestone in (0, 1):
        await claimed(scene, terms, milestone)
    settlement = scene.deployment.contracts.milestone_settlement
    judge = read_abi("MockJudge", artifact("MockJudge")["abi"]).functions["proveFault"]
    send(scene.chain, scene.traced.adapter, judge.encode(settlement, terms_tuple(terms), 1), address_of("stranger"))
    head = (await scene.reader.head()).number
    job = await job_of(scene, terms)
    [slash] = job.slashes
    assert kinds(await scene.reader.facts(head, head)) == [JobFaulted, JobReopened, StakeSlashed]
    assert (job.status, job.next_milestone, job.claims, job.failed_operators) == (
        JobStatus.OPEN,
        0,
        (),
        {address_of("operator")},
    )
    assert (slash.is_fault, slash.finder, slash.amount) == (True, address_of("stranger"), terms.stake_lock)
    assert job.bounty == slash.to_bounty == (await scene.reader.job_state(scene.job_id(terms))).bounty


# ---- early release ----------------------------------------------------------------------------------------------------


async def test_release_early_costs_what_the_reader_says_and_reopens(scene):
    terms = await accepted(scene, scene.terms())
    await claimed(scene, terms, 0)
    scene.chain.pass_time(700)
    asked = await scene.reader.release_fee_of(terms)
    receipt = await scene.send("agent", "release", scene.calls.release_early(terms))
    job = await job_of(scene, terms)
    released, _ = receipt.facts
    assert kinds(receipt.facts) == [JobReleased, JobReopened]
    # Asked a block earlier, so a little less.
    assert 0 < asked <= released.fee == job.bounty
    assert (job.status, job.next_milestone, job.failed_operators, [held.fee for held in job.releases]) == (
        JobStatus.OPEN,
        1,
        frozenset(),
        [released.fee],
    )


async def test_release_early_takes_the_fee_out_of_the_operators_stake(scene):
    before = await scene.reader.stake_of(address_of("operator"))
    terms = await accepted(scene, scene.terms())
    receipt = await scene.send("agent", "release", scene.calls.release_early(terms))
    after = await scene.reader.stake_of(address_of("operator"))
    assert (before - after, await scene.reader.locked_stake(address_of("operator"))) == (receipt.facts[0].fee, 0)


async def test_release_early_by_a_stranger_is_refused_by_name(scene):
    terms = await accepted(scene, scene.terms())
    with pytest.raises(RevertError) as caught:
        await scene.send("stranger", "release", scene.calls.release_early(terms))
    assert caught.value.name == "StakeManager_NotAgent"


async def test_a_released_job_is_taken_again_in_its_next_round(scene):
    terms = await accepted(scene, scene.terms())
    await scene.send("agent", "release", scene.calls.release_early(terms))
    receipt = await scene.send("agent", "again", scene.calls.accept(terms, address_of("operator")))
    [fact] = receipt.facts
    assert (type(fact), fact.round) == (JobAssigned, 2)
