"""Reading what the contracts know of claims, faults and demands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tallystick.chain.abi import Function, contract_abi
from tallystick.chain.deployment import Contracts
from tallystick.ids import ZERO_BYTES32, Address, Bytes32, JobId, raw
from tallystick.market.disputes import ClaimRef, DemandPoint, claim_ref_tuple, demand_tuple

Call = Callable[..., Awaitable[list[Any]]]
"""`ChainConnection.call`: address, function, arguments."""


@dataclass(frozen=True)
class ClaimRecord:
    """What the settlement keeps of an Optimistic claim, whether it still stands or not.

    Attributes:
        final_at: The last second in which it can be shown to be wrong.
    """

    commitment: Bytes32
    final_at: int
    claimed_at: int


@dataclass(frozen=True)
class DemandRecord:
    """What is kept of a demand.

    Attributes:
        asked_at: Block time, seconds.
        is_over: Whether it was shown or given back.
        base, crowding: Wei for the answer, and wei that its answer burns.
    """

    payer: Address
    asked_at: int
    is_over: bool
    base: int
    crowding: int


@dataclass(frozen=True)
class JudgedFault:
    """What the judge finds; `kind` as `tallystick.dispute.packing.FaultKind` counts."""

    kind: int
    step: int
    element: int
    computed: int
    claimed: int


class DisputeReader:
    """A part of `ChainReader`."""

    def __init__(self, call: Call, contracts: Contracts) -> None:
        self._call = call
        self._contracts = contracts

    async def _ask(self, contract: str, address: Address, name: str, *arguments: Any) -> Any:
        function: Function = contract_abi(contract).functions[name]
        return (await self._call(address, function, *arguments))[0]

    async def _demands(self, name: str, *arguments: Any) -> Any:
        return await self._ask("TraceDemands", self._contracts.trace_demands, name, *arguments)

    async def claim_of(self, job_id: JobId, milestone: int) -> ClaimRecord | None:
        """None where that milestone was never claimed Optimistically."""
        held = await self._ask(
            "MilestoneSettlement", self._contracts.milestone_settlement, "claimOf", raw(job_id), milestone
        )
        return None if held["commitment"] == ZERO_BYTES32 else ClaimRecord(**held)

    async def fault_of(self, program_id: Bytes32, claim: ClaimRef, witness: bytes) -> JudgedFault:
        """What a witness shows of a claim, made or not. Raises RevertError where it shows nothing."""
        held = (raw(program_id), claim_ref_tuple(claim), witness)
        return JudgedFault(**await self._ask("TraceDispute", self._contracts.trace_dispute, "faultOf", *held))

    async def claim_key_of(self, job_id: JobId, milestone: int) -> Bytes32 | None:
        """What names the claim that stands; None where none does."""
        key = Bytes32(await self._demands("claimKeyOf", raw(job_id), milestone))
        return None if key == ZERO_BYTES32 else key

    async def demand_price(self, job_id: JobId, milestone: int, demand: DemandPoint) -> int:
        """Wei that it costs in the newest block; it rises with the base fee, and with each open demand."""
        return int(await self._demands("priceOf", raw(job_id), milestone, demand_tuple(demand)))

    async def demand_of(self, demand_id: Bytes32) -> DemandRecord | None:
        """None where it was never asked."""
        held = DemandRecord(**await self._demands("demandOf", raw(demand_id)))
        return held if held.asked_at else None

    async def demand_credit_of(self, account: Address) -> int:
        """Wei that `account` can withdraw of demand fees."""
        return int(await self._demands("creditOf", account))
