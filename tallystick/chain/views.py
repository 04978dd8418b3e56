"""What a reader answers, in this project's types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.chain.facts import hex_bytes, number
from tallystick.ids import Address, Bytes32, bytes32
from tallystick.market.terms import JobStatus


@dataclass(frozen=True)
class BlockHead:
    """A block's number, hash and time (seconds since 1970)."""

    number: int
    hash: Bytes32
    time: int


@dataclass(frozen=True)
class JobState:
    """What the escrow stores for a job; `contracts/types/JobTypes.sol` says what each field means."""

    status: JobStatus
    next_milestone: int
    round: int
    opened_at: int
    deadline: int
    operator: Address
    price: int
    remaining: int


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
