"""Disputes in the form the contracts take them, as contracts/types/DisputeTypes.sol and DemandTypes.sol have it."""

from __future__ import annotations

from typing import Annotated, Any

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from tallystick.ids import Address, Bytes32, Bytes32Field, bytes32, raw


def _to_bytes(value: Any) -> Any:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value


HexBytesField = Annotated[bytes, BeforeValidator(_to_bytes), PlainSerializer(lambda held: "0x" + held.hex())]
"""Bytes; as JSON, and as the chain reader has them, 0x and hex digits."""


class ClaimRef(BaseModel):
    """A claim that stands: with the job's terms, everything that the settlement's commitment to it is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    milestone: int
    input_root: Bytes32Field
    output_root: Bytes32Field
    trace_root: Bytes32Field


def claim_ref_tuple(claim: ClaimRef) -> tuple[Any, ...]:
    """The claim in ABI order."""
    return (claim.milestone, raw(claim.input_root), raw(claim.output_root), raw(claim.trace_root))


class DemandPoint(BaseModel):
    """What a claimer is asked to show, as the chain spells it (`Demand` in Solidity).

    Attributes:
        list: 0 the program's inputs, 1 its constants, 2 the trace.
        of_list: Whether tensor roots of the list are asked for, and not a part of a tensor.
        tensor: Its index in the list; 0 where `of_list`.
        count: Leaves of the tree that the node is in; 0 at a tensor's root, `height` and `index` likewise.
        node: Its hash; at a tensor's root that root.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    list: int
    of_list: bool
    tensor: int
    count: int
    height: int
    index: int
    node: Bytes32Field

    @property
    def is_tensor_root(self) -> bool:
        """Whether nothing of the tensor was asked for before."""
        return not self.of_list and self.count == 0


_DEMAND_TYPE = "(uint8,bool,uint32,uint32,uint8,uint32,bytes32)"


def demand_tuple(demand: DemandPoint) -> tuple[Any, ...]:
    """The demand in ABI order."""
    return (
        demand.list,
        demand.of_list,
        demand.tensor,
        demand.count,
        demand.height,
        demand.index,
        raw(demand.node),
    )


def demand_id_of(claim_key: Bytes32, demand: DemandPoint) -> Bytes32:
    """As `TraceDemands.demandIdOf` computes it."""
    return bytes32(keccak(abi_encode(["bytes32", _DEMAND_TYPE], [raw(claim_key), demand_tuple(demand)])))


def commitment_digest(witness: bytes, challenger: Address, salt: bytes) -> Bytes32:
    """What a challenger commits to before it shows a witness: see `ITraceDispute.commit`. `salt`: 32 bytes."""
    return bytes32(keccak(abi_encode(["bytes32", "address", "bytes32"], [keccak(witness), challenger, salt])))
