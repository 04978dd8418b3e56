"""Solidity structs as EIP-712 typed data and as ABI tuples, from one list of fields each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak
from pydantic import BaseModel, ConfigDict

from tallystick.ids import Bytes32, bytes32, raw


class Struct(BaseModel):
    """A Solidity struct's values by Python names, each in this project's spelling."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class StructType:
    """A struct's name and fields, in order, by their Solidity names and types. `parts`: the structs among its fields."""

    name: str
    fields: tuple[tuple[str, str], ...]
    parts: tuple[StructType, ...] = ()

    def all_types(self) -> dict[str, list[dict[str, str]]]:
        """This type and every one inside it, as EIP-712's `types`."""
        held = {self.name: [{"name": field, "type": kind} for field, kind in self.fields]}
        for part in self.parts:
            held |= part.all_types()
        return held

    def part(self, kind: str) -> StructType | None:
        return next((part for part in self.parts if part.name == kind), None)


def python_name(solidity_name: str) -> str:
    """`maxPrice` as the models spell it: `max_price`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in solidity_name)


def _plain(kind: str, value: Any) -> Any:
    if kind == "bytes32":
        return raw(value)
    if kind.endswith("[]"):
        return list(value)
    return int(value) if kind.startswith("uint") else value


def message_values(struct: StructType, value: Struct) -> dict[str, Any]:
    """A model's values by their Solidity names, as EIP-712's `message`."""
    values: dict[str, Any] = {}
    for field, kind in struct.fields:
        held, part = getattr(value, python_name(field)), struct.part(kind)
        values[field] = message_values(part, held) if part else _plain(kind, held)
    return values


def abi_tuple(struct: StructType, value: Struct) -> tuple[Any, ...]:
    """A model in ABI order, for a contract call."""
    values = []
    for field, kind in struct.fields:
        held, part = getattr(value, python_name(field)), struct.part(kind)
        values.append(abi_tuple(part, held) if part else _plain(kind, held))
    return tuple(values)


def typed_message(domain: Mapping[str, Any], struct: StructType, value: Struct) -> SignableMessage:
    """What a wallet signs. `header` is the domain separator, `body` the struct hash."""
    return encode_typed_data(dict(domain), struct.all_types(), message_values(struct, value))


def digest_of(message: SignableMessage) -> Bytes32:
    """The 32 bytes that are signed: keccak-256 of 0x1901, the domain separator and the struct hash."""
    return bytes32(keccak(b"\x19" + message.version + message.header + message.body))
