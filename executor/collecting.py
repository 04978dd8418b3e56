"""Sending home what the operator is owed. No address but its own can receive any of it."""

from __future__ import annotations

from executor.ports import Chain
from executor.sending import Sending
from executor.work import Instruction
from tallystick.chain.calls import Call, MarketCalls
from tallystick.errors import RevertError
from tallystick.ids import Address
from tallystick.service.patience import Patience


class Collector:
    """Collects for one operator.

    Args:
        link: Patience with the endpoint.
    """

    def __init__(self, chain: Chain, sending: Sending, calls: MarketCalls, link: Patience, operator: Address) -> None:
        self._chain = chain
        self._sending = sending
        self._calls = calls
        self._link = link
        self._operator = operator

    async def collect(self, told: Instruction, token: Address) -> str:
        """Pay in `token`, rewards, and fees of answered demands. Returns a sentence."""
        credit = await self._link.until_answered(lambda: self._chain.credit_of(token, self._operator))
        if credit:
            await self._withdraw(f"collect:{token}:{told.job_id}", told, self._calls.withdraw(token, self._operator))
        reward = await self._link.until_answered(lambda: self._chain.reward_of(self._operator))
        if reward:
            await self._withdraw(f"reward:{told.job_id}", told, self._calls.withdraw_reward(self._operator))
        fees = await self._link.until_answered(lambda: self._chain.disputes.demand_credit_of(self._operator))
        if fees:
            await self._withdraw(f"fees:{told.job_id}", told, self._calls.withdraw_demand_fees(self._operator))
        if not credit and not reward and not fees:
            return "nothing left to collect"
        note = f"{credit} of the payment token and {reward} of the stake token sent to the operator"
        return f"{note}, and {fees} wei for answered demands" if fees else note

    async def _withdraw(self, key: str, told: Instruction, call: Call) -> None:
        try:
            await self._sending.send(key, told.attempt, call)
        except RevertError as error:
            # Anyone may send it home: then somebody was faster, and it is where it belongs.
            if not error.name.endswith("_NothingToWithdraw"):
                raise
