"""Types for what identifies things. All are immutable strings in one canonical spelling."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, NewType

from eth_utils.address import to_checksum_address
from pydantic import AfterValidator

from tallystick.errors import InputError

Address = NewType("Address", str)
"""EIP-55 checksummed, 0x and 40 hex digits."""

JobId = NewType("JobId", str)
"""0x and 64 lower-case hex digits: the EIP-712 digest of the job's terms."""

ModelId = NewType("ModelId", str)
"""0x and 64 lower-case hex digits: the hash of the model's specification."""

Bytes32 = NewType("Bytes32", str)
"""0x and 64 lower-case hex digits: any other hash."""

ZERO_ADDRESS = Address("0x" + "00" * 20)
ZERO_BYTES32 = Bytes32("0x" + "00" * 32)

_HASH = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def _spell_hash(value: str, noun: str) -> str:
    spelled = value.strip().lower()
    if not _HASH.fullmatch(spelled):
        raise InputError(f"{value!r} is not a {noun}.", remedy=f"A {noun} is 0x and 64 hex digits.")
    return spelled


def _has_right_case(address: str) -> bool:
    """One case says nothing about typing errors; mixed case is EIP-55's checksum. eth-utils' is_address skips it."""
    digits = address[2:]
    return digits in (digits.lower(), digits.upper()) or to_checksum_address(address) == address


def parse_address(value: str) -> Address:
    """The checksummed spelling of an address. Raises InputError, also for a wrong checksum."""
    spelled = value.strip()
    if not _ADDRESS.fullmatch(spelled) or not _has_right_case(spelled):
        raise InputError(
            f"{value!r} is not an address.",
            remedy="An address is 0x and 40 hex digits; mixed case must match its EIP-55 checksum.",
        )
    return Address(to_checksum_address(spelled))


def parse_job_id(value: str) -> JobId:
    """Raises InputError."""
    return JobId(_spell_hash(value, "job id"))


def parse_model_id(value: str) -> ModelId:
    """Raises InputError."""
    return ModelId(_spell_hash(value, "model id"))


def parse_bytes32(value: str) -> Bytes32:
    """Raises InputError."""
    return Bytes32(_spell_hash(value, "32-byte hash"))


def bytes32(value: bytes) -> Bytes32:
    """The spelling of 32 raw bytes. Raises InputError for another length."""
    return parse_bytes32("0x" + value.hex())


def raw(value: str) -> bytes:
    """The bytes that a 0x-spelled id or hash stands for."""
    return bytes.fromhex(value.removeprefix("0x"))


def _checked(parse: Callable[[str], str]) -> AfterValidator:
    """`parse` as a pydantic validator: a ValueError is what becomes a located message there."""

    def check(value: str) -> str:
        try:
            return parse(value)
        except InputError as error:
            raise ValueError(str(error)) from error

    return AfterValidator(check)


AddressField = Annotated[Address, _checked(parse_address)]
JobIdField = Annotated[JobId, _checked(parse_job_id)]
ModelIdField = Annotated[ModelId, _checked(parse_model_id)]
Bytes32Field = Annotated[Bytes32, _checked(parse_bytes32)]
