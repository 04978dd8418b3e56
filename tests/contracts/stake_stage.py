"""A stake manager with an account of its own in the escrow's place, so that a test can lock, release and slash at will."""

from __future__ import annotations

from typing import Any

from refusals import plain
from stage import TALLY, Stage, word

JOB = word("job")
STAKED = 100 * TALLY
LOCKED = 40 * TALLY


class StakeStage:
    """`manager` serves an escrow that is the stage's deployer, unless another is given; `token` is what it holds."""

    def __init__(self, stage: Stage, token: Any = None, escrow: Any = None) -> None:
        self.stage = stage
        self.token = token or stage.stake
        self.escrow = escrow or stage.deployer
        self.manager = stage.deploy("StakeManager", self.token, stage.parameters, self.escrow)

    def give(self, account: Any, amount: int) -> None:
        """Gives an account tokens, and the manager an allowance of them."""
        self.token.mint(account, amount, {"from": account})
        self.token.approve(self.manager, amount, {"from": account})

    def deposit(self, amount: int = STAKED, operator: Any = None) -> Any:
        """The operator, or another one, deposits stake of its own."""
        operator = operator or self.stage.operator
        self.give(operator, amount)
        return self.manager.deposit(operator, amount, {"from": operator})

    def lock(self, amount: int = LOCKED) -> Any:
        return self.manager.lock(self.stage.operator, self.stage.operator, amount, {"from": self.escrow})

    def release(self, amount: int = LOCKED, fee: int = 0) -> Any:
        return self.manager.release(self.stage.operator, amount, fee, {"from": self.escrow})

    def slash(self, amount: int = LOCKED, **parts: Any) -> Any:
        arguments = (JOB, self.stage.operator, amount, self.division(**parts))
        return self.manager.slash(*arguments, {"from": self.escrow})

    def division(self, **parts: Any) -> tuple[Any, ...]:
        """Of nothing, to the finder and the creator, but for what is said."""
        usual = {
            "finder": self.stage.finder.address,
            "creator": self.stage.creator.address,
            "toFinder": 0,
            "toCreator": 0,
            "toBounty": 0,
            "burned": 0,
        }
        assert set(parts) <= set(usual), "a test names a part that does not exist"
        return tuple({**usual, **parts}.values())

    def request(self, amount: int) -> int:
        """The operator asks for stake; returns when it is ready."""
        self.manager.requestUnbond(amount, {"from": self.stage.operator})
        return self.ready_at()

    def ready_at(self) -> int:
        return int(self.manager.unbondingOf(self.stage.operator)[1])

    def complete(self) -> Any:
        return self.manager.completeUnbond({"from": self.stage.operator})

    def books(self) -> dict[str, int]:
        """What the manager says of the operator, and what it holds."""
        operator, manager = self.stage.operator, self.manager
        values = {
            "stake": manager.stakeOf(operator),
            "free": manager.freeStakeOf(operator),
            "locked": manager.lockedStakeOf(operator),
            "unbonding": manager.unbondingOf(operator)[0],
            "held": self.token.balanceOf(manager),
        }
        return {name: plain(value) for name, value in values.items()}
