"""What a challenger needs of the chain. `ChainReader` and `Sender` are the real ones; tests bring small ones of their own."""

from __future__ import annotations

from typing import Protocol

from tallystick.chain.calls import Call
from tallystick.chain.deployment import Deployment
from tallystick.chain.disputes import ClaimRecord, JudgedFault
from tallystick.chain.receipts import Receipt
from tallystick.chain.rpc import Rpc
from tallystick.chain.views import BlockHead
from tallystick.ids import Address, Bytes32, JobId, ModelId
from tallystick.market.claims import ModelSpec
from tallystick.market.disputes import ClaimRef, DemandPoint
from tallystick.market.parameters import Economy


class Disputes(Protocol):
    async def claim_of(self, job_id: JobId, milestone: int) -> ClaimRecord | None: ...

    async def fault_of(self, program_id: Bytes32, claim: ClaimRef, witness: bytes) -> JudgedFault: ...

    async def claim_key_of(self, job_id: JobId, milestone: int) -> Bytes32 | None: ...

    async def demand_price(self, job_id: JobId, milestone: int, demand: DemandPoint) -> int: ...

    async def demand_credit_of(self, account: Address) -> int: ...


class Chain(Protocol):
    @property
    def deployment(self) -> Deployment: ...

    @property
    def disputes(self) -> Disputes: ...

    @property
    def rpc(self) -> Rpc: ...

    async def head(self) -> BlockHead: ...

    async def model_spec(self, model_id: ModelId) -> ModelSpec: ...

    async def economy_of(self, version: int) -> Economy: ...

    async def reward_of(self, account: Address) -> int: ...

    async def simulate(self, call: Call, sender: Address | None = None, block: int | None = None) -> bytes: ...


class Transactions(Protocol):
    @property
    def address(self) -> Address: ...

    async def send(self, key: str, call: Call) -> Receipt: ...

    async def resume(self) -> list[Receipt]: ...

    def forget(self, key: str) -> None: ...
