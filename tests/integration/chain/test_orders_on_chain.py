"""Jobs and stake funded by signatures: permits, signed orders, and orders through the real Permit2."""

import pytest
from canonical_permit2 import install_permit2, is_packaged
from market_scene import account, address_of

from tallystick.errors import RevertError
from tallystick.market.events import JobAssigned, JobCreated, StakeDeposited
from tallystick.market.orders import PERMIT2, Funding, JobOrder, SignedOrder, message_to_sign, nonce_place
from tallystick.market.permits import Permit, TokenPermit, permit_message, signed_permit
from tallystick.market.terms import JobStatus

pytestmark = pytest.mark.chain

NONCE = 2**200 + 7
needs_permit2 = pytest.mark.skipif(not is_packaged(), reason="npm's hardhat-predeploy is not installed: no Permit2")


async def chain_time(scene) -> int:
    return (await scene.reader.head()).time


async def permit_of(scene, token, spender, amount, name="creator") -> TokenPermit:
    """Signed under the domain and nonce that the reader found."""
    support = await scene.reader.permit_support(token, address_of(name))
    assert support is not None
    permit = Permit(
        owner=address_of(name),
        spender=spender,
        value=amount,
        nonce=support.nonce,
        deadline=await chain_time(scene) + 600,
    )
    return signed_permit(permit, bytes(account(name).sign_message(permit_message(permit, support.domain)).signature))


async def order_of(scene, **changed) -> JobOrder:
    """Of a job that has been open for a hundred seconds already."""
    now = await chain_time(scene)
    usual = {"terms": scene.terms(), "nonce": NONCE, "starts_at": now - 100, "expires_at": now + 600}
    return JobOrder(**{**usual, **changed})


async def signed(scene, order, funding=Funding.ALLOWANCE, *, domain=None, by="creator") -> SignedOrder:
    message = message_to_sign(order, funding, domain or scene.deployment.domain())
    permit = None
    if funding is Funding.PERMIT:
        escrow = scene.deployment.contracts.job_escrow
        permit = await permit_of(scene, order.terms.payment_token, escrow, order.terms.max_price)
    signature = bytes(account(by).sign_message(message).signature)
    return SignedOrder(order=order, funding=funding, signature=signature, permit=permit)


async def allow(scene, spender, amount) -> None:
    await scene.send("creator", f"allow:{spender}:{amount}", scene.calls.approve(scene.payment, spender, amount))


async def taken(scene, order):
    return await scene.send("agent", "take", scene.calls.accept_order(order, address_of("operator")))


# ---- permits ----------------------------------------------------------------------------------------------------------


async def test_permit_support_of_the_test_tokens_counts_the_owners_permits(scene):
    await allow(scene, scene.deployment.contracts.job_escrow, 0)
    terms = scene.terms()
    before = await scene.reader.permit_support(scene.payment, address_of("creator"))
    permit = await permit_of(scene, scene.payment, scene.deployment.contracts.job_escrow, terms.max_price)
    await scene.send("creator", "create", scene.calls.create_job_with_permit(terms, permit))
    after = await scene.reader.permit_support(scene.payment, address_of("creator"))
    assert (before.domain, before.nonce, after.nonce) == (after.domain, 0, 1)


async def test_permit_support_of_a_contract_that_is_no_token_is_none(scene):
    escrow = scene.deployment.contracts.job_escrow
    assert await scene.reader.permit_support(escrow, address_of("creator")) is None


async def test_create_job_with_permit_needs_no_allowance_before(scene):
    escrow = scene.deployment.contracts.job_escrow
    await allow(scene, escrow, 0)
    terms = scene.terms()
    permit = await permit_of(scene, scene.payment, escrow, terms.max_price)
    receipt = await scene.send("creator", "create", scene.calls.create_job_with_permit(terms, permit))
    [fact] = receipt.facts
    held = await scene.reader.balance_of(scene.payment, escrow)
    assert (type(fact), fact.opened_at, held) == (JobCreated, fact.at.block_time, terms.max_price)


async def test_create_job_with_a_permit_for_somebody_else_is_refused_by_the_tokens_name(scene):
    await allow(scene, scene.deployment.contracts.job_escrow, 0)
    terms = scene.terms()
    permit = await permit_of(scene, scene.payment, address_of("stranger"), terms.max_price)
    with pytest.raises(RevertError) as caught:
        await scene.send("creator", "create", scene.calls.create_job_with_permit(terms, permit))
    assert caught.value.name == "ERC20InsufficientAllowance"


async def test_deposit_stake_with_permit_needs_no_allowance_before(scene):
    stake, manager = scene.deployment.tokens.stake, scene.deployment.contracts.stake_manager
    await scene.send("operator", "mint more", scene.calls.mint_test_token(stake, address_of("operator"), 5))
    permit = await permit_of(scene, stake, manager, 5, name="operator")
    before = await scene.reader.stake_of(address_of("operator"))
    call = scene.calls.deposit_stake_with_permit(address_of("operator"), 5, permit)
    receipt = await scene.send("operator", "deposit more", call)
    assert [type(fact) for fact in receipt.facts] == [StakeDeposited]
    assert await scene.reader.stake_of(address_of("operator")) == before + 5


# ---- orders -----------------------------------------------------------------------------------------------------------


async def test_post_order_by_a_stranger_creates_the_creators_job(scene):
    order = await order_of(scene)
    receipt = await scene.send("stranger", "post", scene.calls.post_order(await signed(scene, order)))
    [fact] = receipt.facts
    assert (fact.creator, fact.terms, fact.job_id) == (address_of("creator"), order.terms, scene.job_id(order.terms))


async def test_post_order_opens_the_job_when_the_order_started(scene):
    order = await order_of(scene)
    receipt = await scene.send("stranger", "post", scene.calls.post_order(await signed(scene, order)))
    [fact] = receipt.facts
    assert fact.opened_at == order.starts_at < fact.at.block_time


@pytest.mark.parametrize("funding", [Funding.ALLOWANCE, Funding.PERMIT], ids=lambda funding: funding.name)
async def test_accept_order_creates_and_accepts_in_one_transaction(scene, funding):
    order = await order_of(scene)
    if funding is Funding.PERMIT:
        await allow(scene, scene.deployment.contracts.job_escrow, 0)
    receipt = await taken(scene, await signed(scene, order, funding))
    state = await scene.reader.job_state(scene.job_id(order.terms))
    assert [type(fact) for fact in receipt.facts] == [JobCreated, JobAssigned]
    assert (state.status, state.operator, state.remaining) == (
        JobStatus.ASSIGNED,
        address_of("operator"),
        order.terms.max_price,
    )


async def test_accept_order_fixes_the_price_by_the_orders_own_ramp(scene):
    order = await order_of(scene)
    receipt = await taken(scene, await signed(scene, order))
    assigned = receipt.facts[1]
    assert assigned.price == order.terms.price_at(order.starts_at, assigned.at.block_time) > order.terms.min_price


async def test_is_order_nonce_used_follows_the_order(scene):
    order = await order_of(scene)
    before = await scene.reader.is_order_nonce_used(address_of("creator"), NONCE)
    await taken(scene, await signed(scene, order))
    after = [await scene.reader.is_order_nonce_used(address_of("creator"), nonce) for nonce in (NONCE, NONCE + 1)]
    assert (before, after) == (False, [True, False])


async def test_cancel_orders_voids_the_order_with_that_nonce(scene):
    order = await order_of(scene)
    await scene.send("creator", "cancel", scene.calls.cancel_orders(*nonce_place(NONCE)))
    with pytest.raises(RevertError, match="ask the creator for one with another nonce") as caught:
        await taken(scene, await signed(scene, order))
    assert (caught.value.name, caught.value.arguments["nonce"]) == ("JobEscrow_OrderNonceUsed", NONCE)


async def test_accept_order_signed_for_another_escrow_is_refused_by_name(scene):
    elsewhere = scene.deployment.domain().model_copy(update={"escrow": address_of("stranger")})
    with pytest.raises(RevertError) as caught:
        await taken(scene, await signed(scene, await order_of(scene), domain=elsewhere))
    assert caught.value.name == "JobEscrow_BadOrderSignature"


async def test_accept_order_signed_by_somebody_else_is_refused_by_name(scene):
    with pytest.raises(RevertError) as caught:
        await taken(scene, await signed(scene, await order_of(scene), by="stranger"))
    assert caught.value.arguments == {"creator": address_of("creator")}


# ---- Permit2 ----------------------------------------------------------------------------------------------------------


async def test_accept_order_through_permit2_on_a_chain_without_it_says_so(scene):
    with pytest.raises(RevertError, match="this chain has no Permit2") as caught:
        await taken(scene, await signed(scene, await order_of(scene), Funding.PERMIT2))
    assert caught.value.name == "JobEscrow_NoPermit2"


@needs_permit2
async def test_accept_order_through_permit2_takes_the_deposit_by_the_one_signature(scene):
    install_permit2(scene.chain)
    escrow = scene.deployment.contracts.job_escrow
    await allow(scene, escrow, 0)
    await allow(scene, PERMIT2, 10**18)
    order = await order_of(scene)
    receipt = await taken(scene, await signed(scene, order, Funding.PERMIT2))
    assert [type(fact) for fact in receipt.facts] == [JobCreated, JobAssigned]
    assert await scene.reader.balance_of(scene.payment, escrow) == order.terms.max_price


@needs_permit2
async def test_accept_order_through_permit2_signed_by_somebody_else_is_refused_by_permit2s_name(scene):
    install_permit2(scene.chain)
    await allow(scene, PERMIT2, 10**18)
    with pytest.raises(RevertError, match="Sign Permit2's message for this very order") as caught:
        await taken(scene, await signed(scene, await order_of(scene), Funding.PERMIT2, by="stranger"))
    assert caught.value.name == "InvalidSigner"
