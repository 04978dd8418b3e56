"""What the agent needs of the chain. `ChainReader` and `Sender` are the real ones; tests bring small ones of their own."""

from __future__ import annotations

from typing import Protocol

from tallystick.chain.calls import Call
from tallystick.chain.deployment import Deployment
from tallystick.chain.receipts import Receipt
from tallystick.chain.views import BlockHead, JobState
from tallystick.ids import Address, JobId, ModelId
from tallystick.market.claims import ModelSpec
from tallystick.market.parameters import Economy
from tallystick.market.terms import JobTerms


class Disputes(Protocol):
    async def demand_credit_of(self, account: Address) -> int: ...


class Chain(Protocol):
    @property
    def deployment(self) -> Deployment: ...

    @property
    def disputes(self) -> Disputes: ...

    async def head(self) -> BlockHead: ...

    async def job_state(self, job_id: JobId) -> JobState: ...

    async def model_spec(self, model_id: ModelId) -> ModelSpec: ...

    async def free_stake(self, operator: Address) -> int: ...

    async def release_fee_of(self, terms: JobTerms) -> int: ...

    async def economy_of(self, version: int) -> Economy: ...

    async def credit_of(self, token: Address, account: Address) -> int: ...

    async def reward_of(self, account: Address) -> int: ...


class Transactions(Protocol):
    @property
    def address(self) -> Address: ...

    async def send(self, key: str, call: Call) -> Receipt: ...

    async def resume(self) -> list[Receipt]: ...
