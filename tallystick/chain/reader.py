"""Reading one deployment: the typed answers of its contracts, and the facts of its logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_utils.crypto import keccak

from tallystick.chain.abi import contract_abi
from tallystick.chain.connection import ChainConnection
from tallystick.chain.deployment import Deployment
from tallystick.chain.disputes import DisputeReader
from tallystick.chain.facts import FactDecoder, RawLog, hex_bytes, number
from tallystick.chain.logs import LogFetcher
from tallystick.chain.permits import PermitReader, PermitSupport
from tallystick.chain.receipts import Receipt, read_receipt
from tallystick.chain.rpc import Rpc
from tallystick.chain.tokens import TokenReader
from tallystick.chain.views import JobState, TokenInfo, read_job_state
from tallystick.errors import ChainUnavailableError
from tallystick.ids import Address, Bytes32, JobId, ModelId, bytes32, parse_job_id, raw
from tallystick.market.claims import ModelSpec
from tallystick.market.events import ChainFact
from tallystick.market.orders import nonce_place
from tallystick.market.parameters import Economy, EntryRules
from tallystick.market.terms import JobTerms, terms_tuple

_BLOCK_TIMES_KEPT = 10_000


class ChainReader(ChainConnection):
    """Make it with `await ChainReader.connect(...)`, inside the event loop that uses it, and `close` it."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment)
        self._decoder = FactDecoder(deployment)
        self._logs = LogFetcher(rpc, self._decoder.filter)
        self._tokens = TokenReader(self.call)
        self._permits = PermitReader(self.call, deployment.chain_id)
        self.disputes = DisputeReader(self.call, deployment.contracts)
        self._economies: dict[int, Economy] = {}
        self._block_times: dict[str, int] = {}

    async def _escrow(self, name: str, *arguments: Any) -> Any:
        function = contract_abi("JobEscrow").functions[name]
        return (await self.call(self.deployment.contracts.job_escrow, function, *arguments))[0]

    async def _stake(self, name: str, *arguments: Any) -> Any:
        function = contract_abi("StakeManager").functions[name]
        return (await self.call(self.deployment.contracts.stake_manager, function, *arguments))[0]

    async def _parameters(self, name: str, *arguments: Any) -> Any:
        function = contract_abi("ProtocolParameters").functions[name]
        return (await self.call(self.deployment.contracts.protocol_parameters, function, *arguments))[0]

    # ---- jobs ---------------------------------------------------------------------------------------------------------

    async def job_state(self, job_id: JobId) -> JobState:
        """What the escrow stores; status NONE for a job that it does not know."""
        return read_job_state(await self._escrow("stateOf", raw(job_id)))

    async def job_id_of(self, terms: JobTerms) -> JobId:
        """As the contract computes it."""
        return parse_job_id(await self._escrow("jobIdOf", terms_tuple(terms)))

    async def price_of(self, terms: JobTerms) -> int:
        """Of an open job, what accepting it would fix in the newest block; of an assigned one, what accepting it fixed.

        In the payment token's smallest unit. Raises RevertError for any other job.
        """
        return int(await self._escrow("priceOf", terms_tuple(terms)))

    async def release_fee_of(self, terms: JobTerms) -> int:
        """What an early release would cost in the newest block, in the stake token's smallest unit.

        Raises RevertError unless the job is assigned and no claim awaits finality.
        """
        return int(await self._escrow("releaseFeeOf", terms_tuple(terms)))

    async def is_order_nonce_used(self, creator: Address, nonce: int) -> bool:
        """Whether an order with this nonce was submitted or cancelled."""
        word, bit = nonce_place(nonce)
        return bool(int(await self._escrow("orderNoncesOf", creator, word)) & bit)

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

    async def stake_of(self, operator: Address) -> int:
        """Everything of an operator's: free, locked and unbonding. The latter two may overlap."""
        return int(await self._stake("stakeOf", operator))

    async def free_stake(self, operator: Address) -> int:
        """What can be locked for jobs: neither locked nor unbonding."""
        return int(await self._stake("freeStakeOf", operator))

    async def locked_stake(self, operator: Address) -> int:
        """What is held for running jobs."""
        return int(await self._stake("lockedStakeOf", operator))

    async def unbonding(self, operator: Address) -> tuple[int, int]:
        """Amount, and the time from which it can be withdrawn as far as nothing locks it any more."""
        function = contract_abi("StakeManager").functions["unbondingOf"]
        amount, ready_at = await self.call(self.deployment.contracts.stake_manager, function, operator)
        return int(amount), int(ready_at)

    async def is_agent(self, operator: Address, agent: Address) -> bool:
        """Whether `agent` may act for `operator`; an operator may act for itself."""
        return bool(await self._stake("isAgent", operator, agent))

    async def reward_of(self, account: Address) -> int:
        """What `account` can withdraw of shares of slashes and bounties."""
        return int(await self._stake("rewardOf", account))

    # ---- what governance may change -------------------------------------------------------------------------------------

    async def entry_rules(self) -> EntryRules:
        """What a new job, and a new unbonding, must meet today."""
        return EntryRules.model_validate(await self._parameters("entryRules"))

    async def min_lock(self) -> int:
        """Least stake lock of a new job."""
        return (await self.entry_rules()).min_lock

    async def new_jobs_paused(self) -> bool:
        return bool(await self._parameters("newJobsPaused"))

    async def economy_version(self) -> int:
        """The version that new jobs get."""
        return int(await self._parameters("economyVersion"))

    async def economy_of(self, version: int) -> Economy:
        """The rules of slashing and early release of the jobs that have this version. It never changes.

        Raises RevertError (`ProtocolParameters_UnknownEconomy`) for a version that never was.
        """
        if version not in self._economies:
            self._economies[version] = Economy.model_validate(await self._parameters("economyOf", version))
        return self._economies[version]

    # ---- tokens -------------------------------------------------------------------------------------------------------

    async def token(self, address: Address) -> TokenInfo:
        """Raises InputError where there is no token at the address."""
        return await self._tokens.info(address)

    async def balance_of(self, token: Address, account: Address) -> int:
        """In the token's smallest unit. Raises InputError where there is no token at the address."""
        return await self._tokens.balance_of(token, account)

    async def allowance(self, token: Address, owner: Address, spender: Address) -> int:
        """In the token's smallest unit. Raises InputError where there is no token at the address."""
        return await self._tokens.allowance(token, owner, spender)

    async def permit_support(self, token: Address, owner: Address) -> PermitSupport | None:
        """How `owner` can sign an allowance of this token; None where the token takes no EIP-2612 permits."""
        return await self._permits.support(token, owner)

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
