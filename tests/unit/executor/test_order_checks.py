"""What can be wrong with an order, one thing at a time. The chain stands in at its seam."""

from __future__ import annotations

from typing import Any

import pytest
from executor_builders import (
    DEPLOYMENT,
    NOW,
    TOKEN,
    TOKEN_DOMAIN,
    address,
    signed_order,
    terms,
)

from executor.order_checks import check_order
from tallystick.chain.permits import PermitSupport
from tallystick.chain.views import BlockHead
from tallystick.errors import InputError, InsufficientFundsError, TermsError
from tallystick.ids import ZERO_BYTES32, Address
from tallystick.market.orders import PERMIT2, Funding, SignedOrder

CREATOR = address("creator")
ESCROW = DEPLOYMENT.contracts.job_escrow


class OrderChain:
    """A creator with 1,000 tokens, all of them allowed to the escrow, and no nonce used."""

    deployment = DEPLOYMENT

    def __init__(self) -> None:
        self.used: set[int] = set()
        self.contracts: set[Address] = set()
        self.balance = 1_000
        self.allowances = {ESCROW: 1_000}
        self.permit_nonce: int | None = None

    async def head(self) -> BlockHead:
        return BlockHead(1, ZERO_BYTES32, NOW)

    async def is_contract(self, account: Address) -> bool:
        return account in self.contracts

    async def is_order_nonce_used(self, creator: Address, nonce: int) -> bool:
        assert creator == CREATOR
        return nonce in self.used

    async def balance_of(self, token: Address, account: Address) -> int:
        assert (token, account) == (TOKEN, CREATOR)
        return self.balance

    async def allowance(self, token: Address, owner: Address, spender: Address) -> int:
        assert (token, owner) == (TOKEN, CREATOR)
        return self.allowances.get(spender, 0)

    async def permit_support(self, token: Address, owner: Address) -> PermitSupport | None:
        return None if self.permit_nonce is None else PermitSupport(TOKEN_DOMAIN, self.permit_nonce)


@pytest.fixture
def chain() -> OrderChain:
    return OrderChain()


async def test_check_order_given_a_sound_order_raises_nothing(chain: OrderChain) -> None:
    await check_order(chain, signed_order(), NOW)


@pytest.mark.parametrize(
    ("signed", "now", "error", "sentence"),
    [
        (signed_order(), NOW - 5, InputError, "starts at .*, in 5 s"),
        (signed_order(expires_at=NOW + 60), NOW + 61, InputError, "closed at .*, 1 s ago"),
        (signed_order(terms(accept_seconds=30)), NOW + 31, InputError, "closed at .*, 1 s ago"),
        (signed_order(signer="somebody else"), NOW, InputError, f"its signature is by {address('somebody else')}"),
        (signed_order(terms(max_price=0, min_price=0)), NOW, TermsError, "maximum price is 0"),
    ],
)
async def test_check_order_given_an_order_that_is_wrong_by_itself_says_why(
    chain: OrderChain, signed: SignedOrder, now: int, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        await check_order(chain, signed, now)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"used": {7}}, InputError, "nonce 7 is used"),
        ({"balance": 999}, InsufficientFundsError, "deposits 1000 units of .*; its creator holds 999"),
        ({"allowances": {ESCROW: 999}}, InsufficientFundsError, f"its creator allows {ESCROW} 999"),
    ],
)
async def test_check_order_given_a_chain_that_would_refuse_says_what_is_missing(
    chain: OrderChain, change: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    for name, value in change.items():
        setattr(chain, name, value)

    with pytest.raises(error, match=sentence):
        await check_order(chain, signed_order(), NOW)


async def test_check_order_given_a_creator_that_is_a_contract_leaves_its_signature_to_the_simulation(
    chain: OrderChain,
) -> None:
    chain.contracts = {CREATOR}

    await check_order(chain, signed_order(signer="an owner of the contract"), NOW)


async def test_check_order_given_a_signature_for_another_market_is_refused(chain: OrderChain) -> None:
    contracts = DEPLOYMENT.contracts.model_copy(update={"job_escrow": address("another escrow")})
    chain.deployment = DEPLOYMENT.model_copy(update={"contracts": contracts})

    with pytest.raises(InputError, match="for this market"):
        await check_order(chain, signed_order(), NOW)


async def test_check_order_given_a_permit_that_fits_needs_no_allowance(chain: OrderChain) -> None:
    chain.allowances, chain.permit_nonce = {}, 3

    await check_order(chain, signed_order(funding=Funding.PERMIT, permit_nonce=3), NOW)


async def test_check_order_given_a_permit_that_was_used_and_its_allowance_is_content(chain: OrderChain) -> None:
    chain.permit_nonce = 4

    await check_order(chain, signed_order(funding=Funding.PERMIT, permit_nonce=3), NOW)


@pytest.mark.parametrize(
    ("signed", "nonce"),
    [
        (signed_order(funding=Funding.PERMIT, permit_nonce=3), 4),
        (signed_order(funding=Funding.PERMIT, permit_deadline=NOW - 1), 0),
        (signed_order(funding=Funding.PERMIT), None),
    ],
)
async def test_check_order_given_a_permit_that_does_not_fit_any_more_says_so(
    chain: OrderChain, signed: SignedOrder, nonce: int | None
) -> None:
    chain.allowances, chain.permit_nonce = {}, nonce

    with pytest.raises(InsufficientFundsError, match="its permit does not fit any more"):
        await check_order(chain, signed, NOW)


async def test_check_order_given_funding_through_permit2_asks_for_the_allowance_there(chain: OrderChain) -> None:
    chain.allowances = {PERMIT2: 1_000}

    await check_order(chain, signed_order(funding=Funding.PERMIT2), NOW)


async def test_check_order_given_funding_through_permit2_does_not_count_the_escrows_allowance(
    chain: OrderChain,
) -> None:
    with pytest.raises(InsufficientFundsError, match=f"allows {PERMIT2} 0"):
        await check_order(chain, signed_order(funding=Funding.PERMIT2), NOW)
