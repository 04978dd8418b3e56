"""Reading one deployment: the typed answers of its contracts, and the facts of its logs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from eth_utils.crypto import keccak

from tallystick.chain.abi import Function, contract_abi
from tallystick.chain.calls import Call
from tallystick.chain.deployment import Deployment
from tallystick.chain.facts import FactDecoder, RawLog, hex_bytes, number
from tallystick.chain.logs import LogFetcher
from tallystick.chain.receipts import Receipt, read_receipt
from tallystick.chain.reverts import revert_in
from tallystick.chain.rpc import Rpc
from tallystick.chain.tokens import TokenReader
from tallystick.chain.views import BlockHead, JobState, TokenInfo, read_head, read_job_state
from tallystick.errors import ChainUnavailableError, NotDeployedError, RpcRefusedError, WrongChainError
from tallystick.ids import Address, Bytes32, JobId, ModelId, bytes32, parse_job_id, raw
from tallystick.market.claims import ModelSpec
from tallystick.market.events import ChainFact
from tallystick.market.terms import JobTerms, terms_tuple

_BLOCK_TIMES_KEPT = 10_000


class ChainReader:
    """Make it with `await ChainReader.connect(...)`, inside the event loop that uses it, and `close` it."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        self.rpc = rpc
        self.deployment = deployment
        self._decoder = FactDecoder(deployment)
        self._logs = LogFetcher(rpc, self._decoder.filter)
        self._tokens = TokenReader(self.call)
        self._block_times: dict[str, int] = {}

    @classmethod
    async def connect(cls, rpc_url: str, deployment: Deployment, timeout_seconds: float = 10) -> Self:
        """A reader that has made sure of the chain and of every contract.

        Raises:
            InputError: not an http or https URL.
            ChainUnavailableError: no answer within `timeout_seconds`.
            WrongChainError: the endpoint answers for another chain.
            NotDeployedError: an address of the deployment holds no contract, or another verifier than recorded.
        """
        rpc = Rpc(rpc_url, timeout_seconds=timeout_seconds)
        reader = cls(rpc, deployment)
        try:
            await reader._check_chain()
            await reader._check_contracts()
        except BaseException:
            await rpc.close()
            raise
        return reader

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

    async def _escrow(self, name: str, *arguments: Any) -> Any:
        function = contract_abi("JobEscrow").functions[name]
        return (await self.call(self.deployment.contracts.job_escrow, function, *arguments))[0]

    async def _stake(self, name: str, *arguments: Any) -> Any:
        function = contract_abi("StakeManager").functions[name]
        return (await self.call(self.deployment.contracts.stake_manager, function, *arguments))[0]

    # ---- jobs ---------------------------------------------------------------------------------------------------------

    async def job_state(self, job_id: JobId) -> JobState:
        """What the escrow stores; status NONE for a job that it does not know."""
        return read_job_state(await self._escrow("stateOf", raw(job_id)))

    async def job_id_of(self, terms: JobTerms) -> JobId:
        """As the contract computes it."""
        return parse_job_id(await self._escrow("jobIdOf", terms_tuple(terms)))

    async def price_now(self, terms: JobTerms) -> int:
        """In the payment token's smallest unit. Raises RevertError unless the job is open."""
        return int(await self._escrow("priceNow", terms_tuple(terms)))

    async def credit_of(self, token: Address, account: Address) -> int:
        """What `account` can withdraw in `token`, in its smallest unit."""
        return int(await self._escrow("creditOf", token, account))

    async def model_spec(self, model_id: ModelId) -> ModelSpec:
        """Raises RevertError (`ModelRegistry_UnknownModel`) for an id that nobody registered."""
        function = contract_abi("ModelRegistry").functions["specOf"]
        [spec] = await self.call(self.deployment.contracts.model_registry, function, raw(model_id))
        return ModelSpec.model_validate(spec)

    async def is_program_registered(self, program_id: Bytes32) -> bool:
        """Whether EZKL's verifier was shown this program's verifying-key artifact, without which it checks no proof.

        It has no view for that, so its storage is read: `mapping(bytes32 => bool)` in slot 0. The deployment pins the
        hash of its code, and with that its layout.
        """
        slot = "0x" + keccak(raw(program_id) + bytes(32)).hex()
        verifier = self.deployment.contracts.ezkl_verifier
        return number(await self.rpc.request("eth_getStorageAt", verifier, slot, "latest")) != 0

    # ---- stake, in the stake token's smallest unit --------------------------------------------------------------------

    async def free_stake(self, operator: Address) -> int:
        """What can be locked for jobs or unbonded."""
        return int(await self._stake("freeStakeOf", operator))

    async def locked_stake(self, operator: Address) -> int:
        """What is held for running jobs."""
        return int(await self._stake("lockedStakeOf", operator))

    async def unbonding(self, operator: Address) -> tuple[int, int]:
        """Amount, and the time from which it can be withdrawn."""
        function = contract_abi("StakeManager").functions["unbondingOf"]
        amount, ready_at = await self.call(self.deployment.contracts.stake_manager, function, operator)
        return int(amount), int(ready_at)

    async def is_agent(self, operator: Address, agent: Address) -> bool:
        """Whether `agent` may act for `operator`; an operator may act for itself."""
        return bool(await self._stake("isAgent", operator, agent))

    async def min_lock(self) -> int:
        """Least stake lock of a job."""
        return int(await self._stake("minLock"))

    async def bounty_of(self, job_id: JobId) -> int:
        """What waits for whoever finishes the job."""
        return int(await self._stake("bountyOf", raw(job_id)))

    async def reward_of(self, account: Address) -> int:
        """What `account` can withdraw of shares of slashes and bounties."""
        return int(await self._stake("rewardOf", account))

    # ---- tokens and coin ----------------------------------------------------------------------------------------------

    async def token(self, address: Address) -> TokenInfo:
        """Raises InputError where there is no token at the address."""
        return await self._tokens.info(address)

    async def balance_of(self, token: Address, account: Address) -> int:
        """In the token's smallest unit. Raises InputError where there is no token at the address."""
        return await self._tokens.balance_of(token, account)

    async def allowance(self, token: Address, owner: Address, spender: Address) -> int:
        """In the token's smallest unit. Raises InputError where there is no token at the address."""
        return await self._tokens.allowance(token, owner, spender)

    async def native_balance(self, account: Address) -> int:
        """In wei."""
        return number(await self.rpc.request("eth_getBalance", account, "latest"))

    # ---- facts --------------------------------------------------------------------------------------------------------

    async def facts(self, first: int, last: int) -> list[ChainFact]:
        """What the contracts stated in blocks `first` to `last`, both included, in order.

        Raises:
            ChainUnavailableError: no answer, or from a node that has not seen block `last` yet.
        """
        return (await self.facts_and_blocks(first, last))[0]

    async def facts_and_blocks(
        self, first: int, last: int, also: Sequence[int] = ()
    ) -> tuple[list[ChainFact], dict[int, Bytes32]]:
        """`facts`, and the hashes of block `last` and of the blocks `also` named: all as one node has them, so that
        whoever knows the hash of `last` knows which chain the facts are of."""
        logs, hashes = await self._logs.fetch(first, last, also)
        return await self._facts_in(logs), hashes

    async def transaction_receipt(self, transaction_hash: Bytes32) -> Receipt | None:
        """None where the transaction is not, or not any more, in a block of the endpoint's chain."""
        raw_receipt = await self.rpc.request("eth_getTransactionReceipt", transaction_hash)
        if raw_receipt is None or raw_receipt.get("blockNumber") is None:
            return None
        return read_receipt(raw_receipt, tuple(await self._facts_in(raw_receipt["logs"])))

    async def _facts_in(self, logs: list[RawLog]) -> list[ChainFact]:
        known = [log for log in logs if self._decoder.knows(log)]
        times = await self._times_of(known)
        facts = [self._decoder.decode(log, times[log["blockHash"]]) for log in known]
        return sorted(facts, key=lambda fact: (fact.at.block_number, fact.at.log_index))

    async def _times_of(self, logs: list[RawLog]) -> dict[str, int]:
        """Block times by block hash: a number can come to stand for another block, a hash cannot."""
        for log in logs:
            if log.get("blockTimestamp") is not None:
                self._block_times[log["blockHash"]] = number(log["blockTimestamp"])
        missing = sorted({log["blockHash"] for log in logs} - self._block_times.keys())
        blocks = await self.rpc.batch([("eth_getBlockByHash", [h, False]) for h in missing]) if missing else []
        for block_hash, block in zip(missing, blocks, strict=True):
            if block is None:
                raise ChainUnavailableError(
                    f"The RPC endpoint {self.rpc.host} does not have block {bytes32(hex_bytes(block_hash))} any more.",
                    remedy="The chain has just been reorganised; ask again.",
                )
            self._block_times[block_hash] = number(block["timestamp"])
        times = {log["blockHash"]: self._block_times[log["blockHash"]] for log in logs}
        if len(self._block_times) > _BLOCK_TIMES_KEPT:
            self._block_times.clear()
        return times
