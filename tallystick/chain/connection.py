"""One endpoint that answers for one deployment's chain: blocks, calls, and making sure of both."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from eth_utils.crypto import keccak

from tallystick.chain.abi import Function
from tallystick.chain.calls import Call
from tallystick.chain.deployment import Deployment
from tallystick.chain.facts import hex_bytes, number
from tallystick.chain.reverts import revert_in
from tallystick.chain.rpc import Rpc
from tallystick.chain.views import BlockHead, read_head
from tallystick.errors import ChainUnavailableError, NotDeployedError, RpcRefusedError, WrongChainError
from tallystick.ids import Address, raw


class ChainConnection:
    """Make it with `await connect(...)`, inside the event loop that uses it, and `close` it."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        self.rpc = rpc
        self.deployment = deployment

    @classmethod
    async def connect(cls, rpc_url: str, deployment: Deployment, timeout_seconds: float = 10) -> Self:
        """One that has made sure of the chain and of every contract.

        Raises:
            InputError: not an http or https URL.
            ChainUnavailableError: no answer within `timeout_seconds`.
            WrongChainError: the endpoint answers for another chain.
            NotDeployedError: an address of the deployment holds no contract, or another verifier than recorded.
        """
        rpc = Rpc(rpc_url, timeout_seconds=timeout_seconds)
        connection = cls(rpc, deployment)
        try:
            await connection._check_chain()
            await connection._check_contracts()
        except BaseException:
            await rpc.close()
            raise
        return connection

    async def close(self) -> None:
        await self.rpc.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _check_chain(self) -> None:
        actual = number(await self.rpc.request("eth_chainId"))
        expected = self.deployment.chain_id
        if actual != expected:
            raise WrongChainError(
                f"The RPC endpoint {self.rpc.host} answers for chain {actual}; the deployment is on chain {expected}.",
                remedy="Use an endpoint of that chain, or the deployment record of this one.",
            )

    async def _check_contracts(self) -> None:
        contracts = self.deployment.contracts
        named = {name: getattr(contracts, name) for name in type(contracts).model_fields}
        codes = await asyncio.gather(*(self._code(address) for address in named.values()))
        for (name, address), code in zip(named.items(), codes, strict=True):
            if not code:
                raise NotDeployedError(
                    f"There is no contract at {address}, where the deployment has its {name}.",
                    remedy="Deploy again, or use the record of a deployment on this chain.",
                )
            wanted = self.deployment.ezkl_verifier_codehash if name == "ezkl_verifier" else None
            if wanted is not None and keccak(code) != raw(wanted):
                raise NotDeployedError(
                    f"The code at {address} hashes to 0x{keccak(code).hex()}; the deployment's {name} to {wanted}.",
                    remedy="Do not use this deployment: its verifier is not the one that was recorded.",
                )

    async def _code(self, address: Address) -> bytes:
        return hex_bytes(await self.rpc.request("eth_getCode", address, "latest"))

    # ---- blocks -------------------------------------------------------------------------------------------------------

    async def head(self) -> BlockHead:
        """The endpoint's newest block."""
        block = await self.rpc.request("eth_getBlockByNumber", "latest", False)
        if block is None:
            raise ChainUnavailableError(
                f"The RPC endpoint {self.rpc.host} has no block yet.", remedy="Wait until it has caught up."
            )
        return read_head(block)

    async def block(self, number: int) -> BlockHead | None:
        """The block of that number; None where the endpoint has not seen it."""
        block = await self.rpc.request("eth_getBlockByNumber", hex(number), False)
        return None if block is None else read_head(block)

    # ---- calls --------------------------------------------------------------------------------------------------------

    async def call(self, to: Address, function: Function, *arguments: Any) -> list[Any]:
        """A view function's answers. Raises RevertError where it refuses, ChainError for an answer of another form."""
        call = Call(to=to, data=function.encode(*arguments), description=function.name)
        return function.decode(await self.simulate(call))

    async def simulate(self, call: Call, sender: Address | None = None, block: int | None = None) -> bytes:
        """What a call would return at the end of `block`, the newest unless given. Raises RevertError."""
        message: dict[str, Any] = {"to": call.to, "data": "0x" + call.data.hex()}
        if sender is not None:
            message |= {"from": sender, "value": hex(call.value)}
        try:
            answer = await self.rpc.request("eth_call", message, "latest" if block is None else hex(block))
        except RpcRefusedError as refusal:
            revert = revert_in(refusal)
            if revert is None:
                raise
            raise revert from None
        return hex_bytes(answer)

    async def is_contract(self, account: Address) -> bool:
        """Whether there is code at the address."""
        return bool(await self._code(account))

    async def native_balance(self, account: Address) -> int:
        """In wei."""
        return number(await self.rpc.request("eth_getBalance", account, "latest"))
