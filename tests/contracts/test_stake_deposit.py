"""StakeManager's constructor and its deposits.

constructor
├── no contract for a token, no contract for parameters, no escrow → StakeManager_ZeroAddress
└── → keeps what it was given

deposit
├── nothing → StakeManager_ZeroAmount
├── for nobody → StakeManager_ZeroAddress
├── more than 96 bits hold, alone or with what is there → StakeManager_AmountTooLarge
├── as much as they hold → is stake
├── the money
│   ├── is not allowed → ERC20InsufficientAllowance
│   ├── comes short → StakeManager_UnexpectedAmount
│   ├── is refused with an answer of false → SafeERC20FailedOperation
│   └── comes without an answer → is stake
├── the token calls back → the second call is refused, and goes through afterwards
├── → is free stake, told and held
└── for somebody else → is that operator's stake, of the caller's tokens

depositWithPermit
├── nothing, for nobody → as `deposit`
├── the signature
│   ├── is right → is stake, and nothing of the allowance is left
│   ├── was used by somebody else before → is stake
│   ├── is over less, has expired, is for another spender, is by another key → ERC20InsufficientAllowance
│   └── has expired, with an allowance → is stake
├── for somebody else → is that operator's stake
├── by a stranger, with the owner's signature → the stranger's tokens are asked for
└── the token
    ├── has no permit → its refusal; with an allowance → is stake
    ├── keeps a fee → StakeManager_UnexpectedAmount
    └── calls back → the second call is refused, and goes through afterwards
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts
from eth_account import Account
from order_stage import KEY, NO_PERMIT, OTHER_KEY, sign_permit
from refusals import Refused, decoded, plain, refusal, refusal_of_creation, refused
from stage import TALLY, ZERO, Stage, event, rpc
from stake_stage import STAKED, StakeStage

MOST = 2**96 - 1
UNDERFLOW = 0x11
GUARDED = refused("ReentrancyGuardReentrantCall")
SIGNER = Account.from_key(KEY)


@pytest.fixture
def stakes(stage: Stage) -> StakeStage:
    return StakeStage(stage)


# ---- constructor ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0, 1, 2], ids=["token", "parameters", "escrow"])
@pytest.mark.parametrize("instead", [ZERO, "0x" + "11" * 20])
def test_constructor_with_something_missing_reverts(stage: Stage, missing: int, instead: str) -> None:
    # Whether the escrow is there cannot be asked: it is deployed later.
    arguments = [stage.stake, stage.parameters, stage.escrow]
    arguments[missing] = ZERO if missing == 2 else instead
    assert refusal_of_creation(stage.project.StakeManager, *arguments, sender=stage.deployer) == refused(
        "StakeManager_ZeroAddress"
    )


def test_constructor_keeps_what_it_was_given(stage: Stage, stakes: StakeStage) -> None:
    kept = (stakes.manager.stakeToken(), stakes.manager.parameters(), stakes.manager.escrow())
    assert plain(kept) == plain((stage.stake, stage.parameters, stage.deployer))


# ---- deposit ----------------------------------------------------------------------------------------------------------


def test_deposit_of_nothing_reverts(stage: Stage, stakes: StakeStage) -> None:
    call = (stage.operator, 0)
    assert refusal(stakes.manager.deposit, *call, sender=stage.operator) == refused("StakeManager_ZeroAmount")


def test_deposit_for_nobody_reverts(stage: Stage, stakes: StakeStage) -> None:
    assert refusal(stakes.manager.deposit, ZERO, 1, sender=stage.operator) == refused("StakeManager_ZeroAddress")


@pytest.mark.parametrize("amount", [MOST + 1, MOST + 2, 2**256 - 1])
def test_deposit_of_more_than_96_bits_reverts(stage: Stage, stakes: StakeStage, amount: int) -> None:
    stakes.give(stage.operator, 2**256 - 1 - int(stage.stake.totalSupply()))
    assert refusal(stakes.manager.deposit, stage.operator, amount, sender=stage.operator) == refused(
        "StakeManager_AmountTooLarge", amount=amount, most=MOST
    )


def test_deposit_of_more_than_fits_beside_the_stake_reverts(stage: Stage, stakes: StakeStage) -> None:
    stakes.deposit()
    amount = MOST - STAKED + 1
    assert refusal(stakes.manager.deposit, stage.operator, amount, sender=stage.operator) == refused(
        "StakeManager_AmountTooLarge", amount=amount, most=amount - 1
    )


def test_deposit_of_as_much_as_fits_is_stake(stakes: StakeStage) -> None:
    stakes.deposit()
    stakes.deposit(MOST - STAKED)
    assert stakes.books()["stake"] == MOST


def test_deposit_without_allowance_reverts(stage: Stage, stakes: StakeStage) -> None:
    stage.stake.mint(stage.operator, 100, {"from": stage.operator})
    assert refusal(stakes.manager.deposit, stage.operator, 100, sender=stage.operator) == refused(
        "ERC20InsufficientAllowance", spender=stakes.manager, allowance=0, needed=100
    )


def test_deposit_of_a_token_with_fee_reverts(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockFeeToken"))
    stakes.give(stage.operator, 100)
    assert refusal(stakes.manager.deposit, stage.operator, 100, sender=stage.operator) == refused(
        "StakeManager_UnexpectedAmount", expected=100, received=99
    )


def test_deposit_of_a_token_that_answers_false_reverts(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockFalseToken"))
    stakes.give(stage.operator, 100)
    stakes.token.refuse(True, {"from": stage.stranger})
    assert refusal(stakes.manager.deposit, stage.operator, 100, sender=stage.operator) == refused(
        "SafeERC20FailedOperation", token=stakes.token
    )


def test_deposit_of_a_token_that_answers_nothing_is_stake(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockVoidToken"))
    stakes.deposit(100)
    assert (stakes.books()["stake"], stakes.books()["held"]) == (100, 100)


@pytest.mark.parametrize("name", ["deposit", "depositWithPermit"])
def test_deposit_when_the_token_calls_back_refuses_the_call_until_it_is_done(stage: Stage, name: str) -> None:
    stakes = StakeStage(stage, stage.deploy("MockReentrantToken"))
    token, manager = stakes.token, stakes.manager
    for account in (stage.operator, accounts.at(token.address, force=True)):
        stakes.give(account, 100)
    data = manager.deposit.encode_input(token, 100)
    token.arm(manager, data, {"from": stage.stranger})
    permit = (NO_PERMIT,) if name == "depositWithPermit" else ()
    getattr(manager, name)(stage.operator, 100, *permit, {"from": stage.operator})
    assert (token.reentered(), decoded(token.answer())) == (False, GUARDED)
    rpc("eth_call", {"from": token.address, "to": manager.address, "data": data}, "latest")


def test_deposit_is_free_stake(stakes: StakeStage) -> None:
    stakes.deposit()
    assert stakes.books() == {"stake": STAKED, "free": STAKED, "locked": 0, "unbonding": 0, "held": STAKED}


def test_deposit_for_somebody_else_is_that_operators_stake(stage: Stage, stakes: StakeStage) -> None:
    stakes.give(stage.operator, 5)
    deposited = stakes.manager.deposit(stage.rival, 5, {"from": stage.operator})
    assert plain((stakes.manager.stakeOf(stage.rival), stage.stake.balanceOf(stage.operator))) == (5, 0)
    assert event(deposited, "StakeDeposited") == {
        "operator": plain(stage.rival),
        "from": plain(stage.operator),
        "amount": 5,
    }


# ---- depositWithPermit ------------------------------------------------------------------------------------------------


def permit(stakes: StakeStage, amount: int = STAKED, key: str = KEY, **changed: Any) -> tuple[Any, ...]:
    """A signature over an allowance of the signer's, right but for what is changed."""
    usual = {"spender": stakes.manager, "deadline": stakes.stage.now() + 100}
    return sign_permit(stakes.token, SIGNER.address, Account.from_key(key), amount, **{**usual, **changed})


@pytest.fixture
def rich(stage: Stage, stakes: StakeStage) -> Any:
    """The signer has tokens, and has allowed nothing."""
    stage.stake.mint(SIGNER.address, STAKED, {"from": stage.stranger})
    return accounts.at(SIGNER.address, force=True)


def refused_deposit(stakes: StakeStage, signature: tuple[Any, ...], amount: int = STAKED) -> Refused:
    return refusal(stakes.manager.depositWithPermit, SIGNER.address, amount, signature, sender=SIGNER.address)


def test_deposit_with_permit_of_nothing_reverts(stakes: StakeStage) -> None:
    assert refused_deposit(stakes, permit(stakes, 0), 0) == refused("StakeManager_ZeroAmount")


def test_deposit_with_permit_for_nobody_reverts(stakes: StakeStage, rich: Any) -> None:
    assert refusal(stakes.manager.depositWithPermit, ZERO, 1, permit(stakes, 1), sender=rich) == refused(
        "StakeManager_ZeroAddress"
    )


def test_deposit_with_permit_is_stake(stage: Stage, stakes: StakeStage, rich: Any) -> None:
    stakes.manager.depositWithPermit(rich, STAKED, permit(stakes), {"from": rich})
    held = (stakes.manager.stakeOf(rich), stage.stake.allowance(rich, stakes.manager))
    assert plain(held) == (STAKED, 0)


def test_deposit_with_permit_that_was_used_before_is_stake(stage: Stage, stakes: StakeStage, rich: Any) -> None:
    signature = permit(stakes)
    stage.stake.permit(rich, stakes.manager, STAKED, *signature, {"from": stage.rival})
    stakes.manager.depositWithPermit(rich, STAKED, signature, {"from": rich})
    assert int(stakes.manager.stakeOf(rich)) == STAKED


@pytest.mark.parametrize(
    "changed", [{"amount": STAKED - 1}, {"deadline": 1}, {"spender": ZERO}, {"key": OTHER_KEY}], ids=str
)
def test_deposit_with_permit_that_is_wrong_reverts(stakes: StakeStage, rich: Any, changed: dict[str, Any]) -> None:
    assert refused_deposit(stakes, permit(stakes, **changed)) == refused(
        "ERC20InsufficientAllowance", spender=stakes.manager, allowance=0, needed=STAKED
    )


def test_deposit_with_permit_that_expired_and_an_allowance_is_stake(
    stage: Stage, stakes: StakeStage, rich: Any
) -> None:
    stage.stake.approve(stakes.manager, STAKED, {"from": rich})
    stakes.manager.depositWithPermit(rich, STAKED, permit(stakes, deadline=1), {"from": rich})
    assert int(stakes.manager.stakeOf(rich)) == STAKED


def test_deposit_with_permit_for_somebody_else_is_that_operators_stake(
    stage: Stage, stakes: StakeStage, rich: Any
) -> None:
    deposited = stakes.manager.depositWithPermit(stage.operator, STAKED, permit(stakes), {"from": rich})
    assert stakes.books()["stake"] == STAKED
    assert event(deposited, "StakeDeposited")["from"] == plain(rich)


def test_deposit_with_permit_of_somebody_else_asks_for_the_callers_tokens(
    stage: Stage, stakes: StakeStage, rich: Any
) -> None:
    call = (stage.stranger, STAKED, permit(stakes))
    assert refusal(stakes.manager.depositWithPermit, *call, sender=stage.stranger) == refused(
        "ERC20InsufficientAllowance", spender=stakes.manager, allowance=0, needed=STAKED
    )


def test_deposit_with_permit_of_a_token_without_permit_reverts(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockVoidToken"))
    stakes.token.mint(SIGNER.address, STAKED, {"from": stage.stranger})
    assert refused_deposit(stakes, NO_PERMIT) == refused("Panic", code=UNDERFLOW)


def test_deposit_with_permit_of_a_token_without_permit_and_an_allowance_is_stake(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockVoidToken"))
    stakes.give(stage.operator, 5 * TALLY)
    stakes.manager.depositWithPermit(stage.operator, 5 * TALLY, NO_PERMIT, {"from": stage.operator})
    assert stakes.books()["stake"] == 5 * TALLY


def test_deposit_with_permit_of_a_token_with_fee_reverts(stage: Stage) -> None:
    stakes = StakeStage(stage, stage.deploy("MockFeeToken"))
    stakes.token.mint(SIGNER.address, 100, {"from": stage.stranger})
    assert refused_deposit(stakes, permit(stakes, 100), 100) == refused(
        "StakeManager_UnexpectedAmount", expected=100, received=99
    )
