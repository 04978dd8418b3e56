"""What an account holds and is owed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from client_builders import CREATOR, DEPLOYMENT, PAYMENT, STAKE, World, address

from client_sdk._wallet import Wallet
from tallystick.errors import InputError, KeystoreError


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def sent(world: World) -> list[str]:
    return [key.partition(":")[0] for key, _ in world.signing.sent]


async def test_balances_given_an_account_shows_payment_stake_and_coin(world: World) -> None:
    world.chain.credits[PAYMENT.address] = 5

    balances = await Wallet(world.connection).balances(CREATOR)

    assert [(one.token.symbol, one.held, one.owed) for one in balances.tokens] == [
        ("tUSD", 100_000_000, 5),
        ("TALLY", 0, 0),
    ]
    assert balances.native == 10**18


async def test_withdraw_given_credits_takes_them_home(world: World) -> None:
    world.chain.credits = {PAYMENT.address: 5, STAKE.address: 7}

    done = await Wallet(world.connection).withdraw()

    assert [(one.token.symbol, one.amount) for one in done] == [("tUSD", 5), ("TALLY", 7)]
    assert sent(world) == ["withdraw", "withdraw"]


async def test_withdraw_given_nothing_owed_sends_nothing(world: World) -> None:
    assert await Wallet(world.connection).withdraw() == []
    assert sent(world) == []


async def test_approve_given_an_amount_allows_the_escrow_exactly_that(world: World) -> None:
    await Wallet(world.connection).approve("12.5")

    assert world.chain.allowed == 12_500_000


@pytest.mark.parametrize("amount", ["x", "-1", "0.0000001"])
async def test_approve_given_no_amount_is_refused(world: World, amount: str) -> None:
    with pytest.raises(InputError):
        await Wallet(world.connection).approve(amount)
    assert sent(world) == []


async def test_mint_test_tokens_given_a_local_chain_mints_both(world: World) -> None:
    await Wallet(world.connection).mint_test_tokens("10", address("friend"))

    assert sent(world) == ["mint", "mint"]


async def test_mint_test_tokens_given_a_public_chain_is_refused(world: World) -> None:
    world.chain.deployment = DEPLOYMENT.model_copy(update={"chain_id": 1})

    with pytest.raises(InputError, match="Chain 1 is no local one"):
        await Wallet(world.connection).mint_test_tokens("10")


async def test_withdraw_given_a_client_without_a_key_is_refused(world: World) -> None:
    with pytest.raises(KeystoreError):
        await Wallet(replace(world.connection, signing=None)).withdraw()


async def test_approve_given_a_deployment_without_a_payment_token_asks_for_one(world: World) -> None:
    tokens: Any = DEPLOYMENT.tokens.model_copy(update={"payment": None})
    world.chain.deployment = DEPLOYMENT.model_copy(update={"tokens": tokens})

    with pytest.raises(InputError, match="no payment token of its own"):
        await Wallet(world.connection).approve("1")


async def test_mint_test_tokens_given_an_account_without_coin_sends_it_one_for_gas(world: World) -> None:
    world.chain.native = 0

    await Wallet(world.connection).mint_test_tokens("10", address("friend"))

    assert world.signing.sent[-1][1].value == 10**18
