"""What a reader answers, in this project's types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.chain.facts import hex_bytes, number
from tallystick.ids import Address, Bytes32, bytes32
from tallystick.market.terms import JobStatus, JobTerms


@dataclass(frozen=True)
class BlockHead:
    """A block's number, hash and time (seconds since 1970)."""

    number: int
    hash: Bytes32
    time: int


@dataclass(frozen=True)
class JobState:
    """What the escrow stores for a job; `contracts/types/JobTypes.sol` says what each field means."""

    operator: Address
    timer: int
    round: int
    next_milestone: int
    status: JobStatus
    remaining: int
    bounty: int
    accepted_after: int
    paid_milestones: int
    economy_version: int

    @property
    def opened_at(self) -> int | None:
        """None unless open."""
        return self.timer if self.status is JobStatus.OPEN else None

    @property
    def deadline(self) -> int | None:
        """Of `next_milestone`. None unless assigned, and once all milestones are claimed."""
        return (self.timer or None) if self.status is JobStatus.ASSIGNED else None

    @property
    def is_pending(self) -> bool:
        """Whether a claim awaits finality."""
        return self.status is JobStatus.ASSIGNED and self.paid_milestones != self.next_milestone

    def price(self, terms: JobTerms) -> int | None:
        """At which it was accepted, in the payment token's smallest unit; None unless assigned."""
        return terms.price_at(0, self.accepted_after) if self.status is JobStatus.ASSIGNED else None


@dataclass(frozen=True)
class TokenInfo:
    """How to show amounts of a token.

    Attributes:
        symbol: The shortened address where the token does not name itself.
        decimals: 0 where it does not say: amounts are then in smallest units.
    """

    address: Address
    symbol: str
    decimals: int


def read_head(raw: Mapping[str, Any]) -> BlockHead:
    """A block as JSON-RPC has it."""
    return BlockHead(number=number(raw["number"]), hash=bytes32(hex_bytes(raw["hash"])), time=number(raw["timestamp"]))


def read_job_state(values: Mapping[str, Any]) -> JobState:
    """A decoded Solidity JobState, by snake-case names."""
    return JobState(**{**values, "status": JobStatus(values["status"])})
