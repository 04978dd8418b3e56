"""A job from funding to pay-out through the bindings, and what the reader says of it at every step."""

import pytest
from market_scene import account, address_of, create_runtime, word

from tallystick.chain.abi import contract_abi
from tallystick.errors import InsufficientFundsError, RevertError
from tallystick.market.book import fold
from tallystick.market.claims import model_id_of, program_id_of
from tallystick.market.events import (
    AgentAppointed,
    BountyPaid,
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFact,
    JobRefunded,
    JobReopened,
    MilestoneClaimed,
    MilestonePaid,
    ModelRegistered,
    StakeDeposited,
    StakeSlashed,
)
from tallystick.market.terms import Assignment, JobStatus, assignment_message

pytestmark = pytest.mark.chain

BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"
MILESTONE = [MilestoneClaimed, MilestonePaid]


def kinds(facts):
    return [type(fact) for fact in facts]


async def opened(scene, **changed):
    terms = scene.terms(**changed)
    await scene.send("creator", f"create:{terms.salt}", scene.calls.create_job(terms))
    return terms


async def accepted(scene, **changed):
    terms = await opened(scene, **changed)
    await scene.send("agent", f"accept:{terms.salt}", scene.calls.accept(terms, address_of("operator")))
    return terms


async def all_facts(scene):
    return await scene.reader.facts(scene.deployment.block, (await scene.reader.head()).number)


async def book_of(scene):
    return fold(fact for fact in await all_facts(scene) if isinstance(fact, JobFact))


async def test_setting_up_states_stake_agent_and_model(scene):
    facts = await all_facts(scene)
    assert kinds(facts) == [StakeDeposited, AgentAppointed, ModelRegistered]
    assert facts[2].spec == scene.spec


async def test_create_job_states_the_very_terms(scene):
    terms = scene.terms()
    receipt = await scene.send("creator", "create", scene.calls.create_job(terms))
    [fact] = receipt.facts
    assert (type(fact), fact.terms, fact.job_id, fact.creator) == (
        JobCreated,
        terms,
        scene.job_id(terms),
        address_of("creator"),
    )


async def test_job_id_of_is_the_same_in_python_and_on_chain(scene):
    terms = scene.terms(
        salt=2**64 - 1, share_bps=(1, 9_998, 1), duration_seconds=(1, 2, 2**32 - 1), max_price=2**96 - 1
    )
    assert await scene.reader.job_id_of(terms) == scene.job_id(terms)


async def test_job_state_of_an_unknown_job_is_none(scene):
    assert (await scene.reader.job_state(scene.job_id(scene.terms()))).status is JobStatus.NONE


async def test_job_state_follows_the_job(scene):
    terms = await accepted(scene)
    state = await scene.reader.job_state(scene.job_id(terms))
    assert (state.status, state.next_milestone, state.round, state.operator, state.remaining) == (
        JobStatus.ASSIGNED,
        0,
        1,
        address_of("operator"),
        terms.max_price,
    )


async def test_price_of_an_open_job_is_what_price_at_says(scene):
    terms = await opened(scene)
    opened_at = (await scene.reader.job_state(scene.job_id(terms))).opened_at
    scene.chain.pass_time(300)
    head = await scene.reader.head()
    assert await scene.reader.price_of(terms) == terms.price_at(opened_at, head.time)


async def test_price_of_an_assigned_job_is_what_accepting_fixed(scene):
    terms = await opened(scene)
    scene.chain.pass_time(300)
    receipt = await scene.send("agent", "accept", scene.calls.accept(terms, address_of("operator")))
    scene.chain.pass_time(100)
    state = await scene.reader.job_state(scene.job_id(terms))
    [fact] = receipt.facts
    assert terms.min_price < fact.price < terms.max_price
    assert (await scene.reader.price_of(terms), state.price(terms)) == (fact.price, fact.price)


async def test_accept_with_an_assignment_signed_by_the_dispatcher_takes_an_exclusive_job(scene):
    terms = await opened(scene, dispatcher=address_of("dispatcher"), exclusive_seconds=600, dispatcher_fee_bps=100)
    head = await scene.reader.head()
    assignment = Assignment(
        job_id=scene.job_id(terms), operator=address_of("operator"), round=1, expires_at=head.time + 60
    )
    message = assignment_message(assignment, scene.deployment.domain())
    signature = bytes(account("dispatcher").sign_message(message).signature)
    call = scene.calls.accept(terms, address_of("operator"), assignment, signature)
    receipt = await scene.send("agent", "accept", call)
    assert kinds(receipt.facts) == [JobAssigned]


async def test_accept_of_an_exclusive_job_without_an_assignment_is_refused_by_name(scene):
    terms = await opened(scene, dispatcher=address_of("dispatcher"), exclusive_seconds=600)
    with pytest.raises(RevertError) as caught:
        await scene.send("agent", "accept", scene.calls.accept(terms, address_of("operator")))
    assert (caught.value.name, set(caught.value.arguments)) == ("JobEscrow_ExclusiveUntil", {"until", "nowAt"})


async def test_whole_life_is_told_in_order(scene):
    terms = await accepted(scene)
    for milestone in (0, 1):
        claim = scene.claim(terms, milestone)
        await scene.send("agent", f"claim:{milestone}", scene.calls.claim(terms, claim))
    facts = (await all_facts(scene))[3:]
    assert kinds(facts) == [JobCreated, JobAssigned, *MILESTONE, *MILESTONE, JobCompleted]


async def test_whole_life_folds_into_a_paid_job(scene):
    terms = await accepted(scene)
    for milestone in (0, 1):
        await scene.send("agent", f"claim:{milestone}", scene.calls.claim(terms, scene.claim(terms, milestone)))
    job = (await book_of(scene))[scene.job_id(terms)]
    assert (job.status, [payment.output_root for payment in job.payments]) == (
        JobStatus.COMPLETED,
        [word("output 0"), word("output 1")],
    )
    earned = sum(payment.to_operator for payment in job.payments)
    assert await scene.reader.credit_of(scene.payment, address_of("operator")) == earned == job.price


async def test_withdraw_pays_the_credit_out(scene):
    terms = await accepted(scene, share_bps=(10_000,), duration_seconds=(600,))
    await scene.send("agent", "claim", scene.calls.claim(terms, scene.claim(terms, 0)))
    credit = await scene.reader.credit_of(scene.payment, address_of("operator"))
    await scene.send("agent", "withdraw", scene.calls.withdraw(scene.payment, address_of("operator")))
    assert (
        await scene.reader.balance_of(scene.payment, address_of("operator")),
        await scene.reader.credit_of(scene.payment, address_of("operator")),
    ) == (credit, 0)


async def test_block_time_of_facts_is_the_blocks(scene):
    terms = await opened(scene)
    fact = (await all_facts(scene))[-1]
    block = await scene.reader.block(fact.at.block_number)
    state = await scene.reader.job_state(scene.job_id(terms))
    assert (fact.at.block_time, fact.at.block_hash, state.opened_at) == (block.time, block.hash, block.time)


async def test_expire_slashes_reopens_and_tells_it(scene):
    terms = await accepted(scene)
    await scene.send("agent", "claim:0", scene.calls.claim(terms, scene.claim(terms, 0)))
    scene.chain.pass_time(1300)
    receipt = await scene.send("stranger", "expire", scene.calls.expire(terms))
    assert kinds(receipt.facts) == [JobExpired, JobReopened, StakeSlashed]
    job = (await book_of(scene))[scene.job_id(terms)]
    assert (job.status, job.round, job.next_milestone, job.failed_operators, job.bounty) == (
        JobStatus.OPEN,
        2,
        1,
        {address_of("operator")},
        (await scene.reader.job_state(scene.job_id(terms))).bounty,
    )


async def test_expire_leaves_stake_where_the_reader_says(scene):
    terms = await accepted(scene)
    locked = await scene.reader.locked_stake(address_of("operator"))
    scene.chain.pass_time(700)
    receipt = await scene.send("stranger", "expire", scene.calls.expire(terms))
    slash = receipt.facts[2]
    assert (locked, await scene.reader.locked_stake(address_of("operator"))) == (terms.stake_lock, 0)
    assert await scene.reader.free_stake(address_of("operator")) == 100 * 10**18 - slash.amount
    assert await scene.reader.reward_of(address_of("stranger")) == slash.to_finder > 0


async def test_cancel_of_a_reopened_job_burns_the_bounty(scene):
    terms = await accepted(scene)
    scene.chain.pass_time(700)
    await scene.send("stranger", "expire", scene.calls.expire(terms))
    receipt = await scene.send("creator", "cancel", scene.calls.cancel(terms))
    assert kinds(receipt.facts) == [JobRefunded, BountyPaid]
    assert receipt.facts[1].account == BURN_ADDRESS


async def test_unbonding_is_told_with_its_time(scene):
    await scene.send("operator", "unbond", scene.calls.request_unbond(10**18))
    amount, ready_at = await scene.reader.unbonding(address_of("operator"))
    assert (amount, ready_at > (await scene.reader.head()).time) == (10**18, True)


async def test_complete_unbond_too_early_is_refused_with_the_times(scene):
    await scene.send("operator", "unbond", scene.calls.request_unbond(10**18))
    with pytest.raises(RevertError, match="Wait until the unbonding delay is over") as caught:
        await scene.send("operator", "complete", scene.calls.complete_unbond())
    assert caught.value.arguments["readyAt"] > caught.value.arguments["nowAt"]


async def test_is_agent_follows_appointment_and_revocation(scene):
    operator, agent = address_of("operator"), address_of("agent")
    before = await scene.reader.is_agent(operator, agent)
    await scene.send("operator", "revoke", scene.calls.revoke_agent(agent))
    assert (before, await scene.reader.is_agent(operator, agent)) == (True, False)


async def test_model_spec_is_what_was_registered(scene):
    assert await scene.reader.model_spec(model_id_of(scene.spec)) == scene.spec


async def test_model_spec_of_an_unknown_model_is_refused_by_name(scene):
    with pytest.raises(RevertError, match="Register the model first") as caught:
        await scene.reader.model_spec(word("nothing"))
    assert caught.value.arguments == {"modelId": word("nothing")}


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda proof: b"\x02" + proof[1:], "MilestoneSettlement_WrongMagic"),
        (lambda proof: b"\x04", "MilestoneSettlement_CheckFailed"),
        (lambda proof: b"\x03", "MilestoneSettlement_CheckFailed"),
    ],
)
async def test_claim_with_a_spoilt_proof_is_refused_by_the_name_that_bubbled_up(scene, spoil, name):
    terms = await accepted(scene)
    with pytest.raises(RevertError) as caught:
        await scene.send("agent", "claim", scene.calls.claim(terms, scene.claim(terms, 0, spoil=spoil)))
    assert caught.value.name == name


async def test_claim_with_an_error_that_nobody_knows_shows_its_bytes(scene):
    terms = await accepted(scene)
    with pytest.raises(RevertError, match="does not know: 0x") as caught:
        await scene.send(
            "agent", "claim", scene.calls.claim(terms, scene.claim(terms, 0, spoil=lambda proof: proof[:-1]))
        )
    assert caught.value.name == ""


async def test_create_job_without_enough_tokens_is_refused_by_the_tokens_name(scene):
    with pytest.raises(RevertError) as caught:
        await scene.send("creator", "create", scene.calls.create_job(scene.terms(max_price=10**25)))
    assert caught.value.name == "ERC20InsufficientAllowance"


async def test_send_from_an_account_without_coins_says_what_is_missing(scene):
    scene.chain.set_coins(address_of("stranger"), 1000)
    with pytest.raises(InsufficientFundsError, match="holds 1000 wei"):
        await scene.send("stranger", "mint", scene.calls.mint_test_token(scene.payment, address_of("stranger"), 1))
    assert scene.chain.transaction_count(address_of("stranger")) == 0


async def test_call_of_code_that_stops_without_reverting_is_a_revert_error(scene):
    """Old contracts end like this where newer ones revert; the node has done its part."""
    token = create_runtime(scene.chain, "fe")
    with pytest.raises(RevertError, match="The contract stopped"):
        await scene.reader.call(token, contract_abi("MockToken").functions["decimals"])


async def test_program_is_registered_once_it_was_shown(scene):
    vka = [bytes([byte]) * 32 for byte in range(50)]
    before = await scene.reader.is_program_registered(program_id_of(vka))
    await scene.send("creator", "program", scene.calls.register_program(vka))
    assert (before, await scene.reader.is_program_registered(program_id_of(vka))) == (False, True)
