"""Jobs that are signed instead of sent: what is signed, how it is paid for, and that nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from client_builders import CREATOR, DEPLOYMENT, START, TOKEN_DOMAIN, World, address

from client_sdk._drafting import Drafting
from client_sdk._models import Models
from client_sdk._ordering import Ordering
from client_sdk._request import JobRequest
from tallystick.errors import InputError, InsufficientFundsError, MarketPausedError, TensorError
from tallystick.ids import ZERO_ADDRESS
from tallystick.market.manifests import JobManifest
from tallystick.market.orders import PERMIT2, Funding, SignedOrder, nonce_place, order_signer
from tallystick.market.permits import Permit, permit_message, signed_permit
from tallystick.storage.manifests import get_manifest

DOMAIN = DEPLOYMENT.domain()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.chain.takes_permits = True
    return world


def ordering(world: World) -> Ordering:
    models = Models(world.connection, lambda: pytest.fail("an order needs no prover"))
    return Ordering(world.connection, Drafting(world.connection, models))


async def sign(world: World, valid_for: str | None = None, **changes: Any) -> SignedOrder:
    fields: dict[str, Any] = {"model": world.model, "inputs": [[0.5, 0.0], [0.0, 0.5]], "max_price": "10", **changes}
    return await ordering(world).sign(JobRequest(**fields), valid_for)


async def test_sign_given_a_request_is_signed_by_the_creator_and_sends_nothing(world: World) -> None:
    signed = await sign(world)

    assert order_signer(signed, DOMAIN) == CREATOR == signed.order.terms.creator
    assert world.signing.sent == []


async def test_sign_given_a_request_publishes_what_an_executor_needs(world: World) -> None:
    signed = await sign(world, note="two rows")

    assert get_manifest(world.store, signed.order.terms.manifest, JobManifest).note == "two rows"


async def test_sign_given_a_request_starts_with_the_newest_block_and_closes_with_its_accept_window(
    world: World,
) -> None:
    world.clock.advance(50)

    order = (await sign(world, accept_within="2m")).order

    assert (order.starts_at, order.closes_at) == (START + 10, START + 130)


async def test_sign_given_a_chain_without_blocks_for_longer_than_the_order_is_open_says_so(world: World) -> None:
    world.clock.advance(131)

    with pytest.raises(InputError, match="newest block is 121 s old, and the order would be open for 120 s"):
        await sign(world, accept_within="2m")


async def test_sign_given_a_time_of_its_own_closes_with_that(world: World) -> None:
    order = (await sign(world, valid_for="30s", accept_within="2m")).order

    assert order.closes_at - order.starts_at == 30


async def test_sign_given_a_salt_uses_it_as_the_nonce_so_that_the_same_order_is_one_job(world: World) -> None:
    assert (await sign(world, salt=7)).order.nonce == 7


async def test_sign_twice_without_a_salt_makes_two_orders(world: World) -> None:
    first, second = await sign(world), await sign(world)

    assert first.order.nonce != second.order.nonce


async def test_sign_gives_no_dispatcher_a_first_choice_since_none_would_see_the_order(world: World) -> None:
    terms = (await sign(world, exclusive="5m", dispatcher_fee_bps=100)).order.terms

    assert (terms.dispatcher, terms.exclusive_seconds, terms.dispatcher_fee_bps) == (ZERO_ADDRESS, 0, 0)


async def test_sign_given_a_token_that_takes_permits_signs_one_that_lasts_as_long_as_the_order(world: World) -> None:
    world.chain.permit_nonce = 4

    signed = await sign(world, valid_for="5m")

    told = Permit(
        owner=CREATOR,
        spender=DEPLOYMENT.contracts.job_escrow,
        value=10_000_000,
        nonce=4,
        deadline=signed.order.expires_at,
    )
    expected = signed_permit(told, world.signing.sign(permit_message(told, TOKEN_DOMAIN)))
    assert (signed.funding, signed.permit) == (Funding.PERMIT, expected)


async def test_sign_given_an_allowance_that_is_enough_needs_no_permit(world: World) -> None:
    world.chain.allowed = 10_000_000

    signed = await sign(world)

    assert (signed.funding, signed.permit) == (Funding.ALLOWANCE, None)


async def test_sign_given_a_token_without_permits_goes_through_permit2_where_that_is_allowed(world: World) -> None:
    world.chain.takes_permits = False
    world.chain.allowances[PERMIT2] = 10_000_000

    signed = await sign(world)

    assert (signed.funding, signed.permit) == (Funding.PERMIT2, None)
    assert order_signer(signed, DOMAIN) == CREATOR


async def test_sign_given_no_way_to_pay_without_a_transaction_says_which_one_to_send(world: World) -> None:
    world.chain.takes_permits = False

    with pytest.raises(InsufficientFundsError, match=r"tallystick wallet approve 10 --token .* Permit2"):
        await sign(world)


async def test_sign_given_no_gas_money_is_content(world: World) -> None:
    world.chain.native = 0

    assert (await sign(world)).funding is Funding.PERMIT


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"inputs": [[0.5]]}, TensorError, "the model takes"),
        ({"max_price": "100.5"}, InsufficientFundsError, "holds 100 tUSD"),
        ({"valid_for": "5x"}, InputError, "valid_for: '5x' is not a duration"),
    ],
)
async def test_sign_given_a_wrong_request_says_what_is_wrong(
    world: World, changes: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        await sign(world, **changes)


async def test_sign_while_new_jobs_are_paused_says_so(world: World) -> None:
    world.chain.paused = True

    with pytest.raises(MarketPausedError):
        await sign(world)


async def test_cancel_given_an_order_of_ones_own_uses_up_its_nonce(world: World) -> None:
    signed = await sign(world, salt=300)

    await ordering(world).cancel(signed)

    [(_, call)] = world.signing.sent
    assert nonce_place(300) == (1, 1 << 44)
    assert call == world.connection.calls.cancel_orders(1, 1 << 44)


async def test_cancel_given_an_order_whose_nonce_is_used_sends_nothing(world: World) -> None:
    signed = await sign(world, salt=7)
    world.chain.order_nonces = {7}

    await ordering(world).cancel(signed)

    assert world.signing.sent == []


async def test_cancel_given_an_order_of_somebody_else_is_refused(world: World) -> None:
    signed = await sign(world)
    terms = signed.order.terms.model_copy(update={"creator": address("somebody else")})
    theirs = signed.model_copy(update={"order": signed.order.model_copy(update={"terms": terms})})

    with pytest.raises(InputError, match="cannot cancel it"):
        await ordering(world).cancel(theirs)
