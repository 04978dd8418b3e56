"""Logs of the deployment's contracts as typed facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tallystick.chain.abi import Event, contract_abi
from tallystick.chain.deployment import Deployment
from tallystick.errors import ChainError
from tallystick.ids import Address, bytes32, parse_address
from tallystick.market.events import (
    AgentAppointed,
    AgentRevoked,
    BountyPaid,
    ChainFact,
    ClaimExtended,
    DemandReturned,
    DemandUnanswered,
    FaultCommitted,
    FaultProven,
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFaulted,
    JobRefunded,
    JobReleased,
    JobReopened,
    LogPosition,
    MilestoneClaimed,
    MilestonePaid,
    ModelRegistered,
    OptimisticClaimed,
    StakeDeposited,
    StakeSlashed,
    TraceDemanded,
    TraceShown,
)

FACTS: Mapping[str, tuple[type[ChainFact], ...]] = {
    "JobEscrow": (
        JobCreated,
        JobAssigned,
        MilestoneClaimed,
        MilestonePaid,
        JobCompleted,
        JobReleased,
        JobExpired,
        JobFaulted,
        JobReopened,
        JobRefunded,
    ),
    "MilestoneSettlement": (OptimisticClaimed, ClaimExtended),
    "TraceDispute": (FaultCommitted, FaultProven),
    "TraceDemands": (TraceDemanded, TraceShown, DemandUnanswered, DemandReturned),
    "StakeManager": (StakeDeposited, AgentAppointed, AgentRevoked, StakeSlashed, BountyPaid),
    "ModelRegistry": (ModelRegistered,),
}
"""Which contract says what. The same event from any other address is not a fact."""

RawLog = Mapping[str, Any]
"""A log as JSON-RPC has it."""


def number(quantity: Any) -> int:
    """A JSON-RPC quantity."""
    return int(quantity, 16) if isinstance(quantity, str) else int(quantity)


def hex_bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


class FactDecoder:
    """Knows the addresses and topics of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        contracts = deployment.contracts
        emitters = {
            "JobEscrow": contracts.job_escrow,
            "MilestoneSettlement": contracts.milestone_settlement,
            "TraceDispute": contracts.trace_dispute,
            "TraceDemands": contracts.trace_demands,
            "StakeManager": contracts.stake_manager,
            "ModelRegistry": contracts.model_registry,
        }
        self._kinds: dict[tuple[Address, str], tuple[Event, type[ChainFact]]] = {}
        for contract, kinds in FACTS.items():
            events = contract_abi(contract).events
            for kind in kinds:
                event = events[kind.__name__]
                self._kinds[emitters[contract], event.topic] = (event, kind)

    @property
    def filter(self) -> dict[str, Any]:
        """The address and topic part of an `eth_getLogs` filter."""
        addresses = sorted({address for address, _ in self._kinds})
        topics = sorted({topic for _, topic in self._kinds})
        return {"address": addresses, "topics": [topics]}

    def knows(self, log: RawLog) -> bool:
        """Whether a log, still on the chain, is a fact."""
        if log.get("removed") or not log["topics"]:
            return False
        return (parse_address(log["address"]), log["topics"][0]) in self._kinds

    def decode(self, log: RawLog, block_time: int) -> ChainFact:
        """The fact that a known log states. Raises ChainError where its content has another form."""
        event, kind = self._kinds[parse_address(log["address"]), log["topics"][0]]
        topics = [hex_bytes(topic) for topic in log["topics"][1:]]
        values = event.decode(topics, hex_bytes(log["data"]))
        stated = {name: value for name, value in values.items() if name in kind.model_fields}
        position = LogPosition(
            block_number=number(log["blockNumber"]),
            block_hash=bytes32(hex_bytes(log["blockHash"])),
            block_time=block_time,
            transaction_hash=bytes32(hex_bytes(log["transactionHash"])),
            log_index=number(log["logIndex"]),
        )
        try:
            return kind.model_validate({"at": position, **stated})
        except ValidationError as error:
            raise ChainError(
                f"The {event.name} of {position.transaction_hash} has another form than this version reads: {error}",
                remedy="Update this program, or use the deployment record of this version.",
            ) from error
