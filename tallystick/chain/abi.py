"""The contracts' ABIs, and values in and out of them. Plain data: nothing here talks to a node.

The JSON files in `abi/` are exported from the compiled contracts (`python -m scripts.export_snapshots`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, cast

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tallystick.errors import ChainError

CONTRACTS = (
    "JobEscrow",
    "MilestoneSettlement",
    "StakeManager",
    "ModelRegistry",
    "VerifierRouter",
    "ProtocolParameters",
    "Authority",
    "Timelock",
    "EzklVerifierAdapter",
    "EzklVerifier",
    "TraceDispute",
    "TraceDemands",
    "StepChecker",
    "MockToken",
)
"""MockToken stands for any ERC-20 here: it adds only `mint`, which exists on local chains alone. EzklVerifier is EZKL's
own contract, as far as it is used. StepChecker is what the five contracts behind the judge have in common."""

_PERMIT2_ERRORS = (
    ("InvalidAmount", "maxAmount"),
    ("SignatureExpired", "signatureDeadline"),
    ("InvalidNonce", None),
    ("InvalidSignature", None),
    ("InvalidSignatureLength", None),
    ("InvalidSigner", None),
    ("InvalidContractSignature", None),
)
"""What Permit2 refuses a transfer by signature with, each with its argument, a uint256. The contract is not ours, and its
interface in contracts/ names no errors."""

_ARRAY = re.compile(r"\[\d*\]$")


def snake_case(solidity_name: str) -> str:
    """`nextDeadline` as Python spells it: `next_deadline`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", solidity_name).lower()


@dataclass(frozen=True)
class Parameter:
    """One input, output or struct field. `kind` is the canonical ABI type, `declared` what Solidity calls it."""

    name: str
    kind: str
    declared: str
    indexed: bool = False
    parts: tuple[Parameter, ...] = ()


def _parameter(entry: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=entry["name"],
        kind=collapse_if_tuple(cast(Any, entry)),
        declared=entry.get("internalType", entry["type"]),
        indexed=entry.get("indexed", False),
        parts=tuple(_parameter(part) for part in entry.get("components", ())),
    )


def to_python(parameter: Parameter, value: Any) -> Any:
    """A decoded value in this project's spelling: checksummed addresses, 0x-hex, structs by snake-case names."""
    if _ARRAY.search(parameter.kind):
        element = Parameter(
            name=parameter.name,
            kind=_ARRAY.sub("", parameter.kind),
            declared=_ARRAY.sub("", parameter.declared),
            parts=parameter.parts,
        )
        return [to_python(element, item) for item in value]
    if parameter.parts:
        return {snake_case(part.name): to_python(part, item) for part, item in zip(parameter.parts, value, strict=True)}
    if parameter.kind == "address":
        return to_checksum_address(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value


def _decode(parameters: Sequence[Parameter], data: bytes, what: str) -> list[Any]:
    try:
        values = abi_decode([parameter.kind for parameter in parameters], data)
    except (DecodingError, OverflowError, ValueError) as error:
        raise ChainError(
            f"{what} is {len(data)} bytes that cannot be read: {error}.",
            remedy="Check that the deployment record names contracts of this version.",
        ) from error
    return [to_python(parameter, value) for parameter, value in zip(parameters, values, strict=True)]


@dataclass(frozen=True)
class Function:
    """A contract's function: arguments to calldata, answers to values."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(parameter.kind for parameter in self.inputs)})"

    @property
    def selector(self) -> bytes:
        return keccak(text=self.signature)[:4]

    def encode(self, *arguments: Any) -> bytes:
        """The calldata, arguments in ABI order and form."""
        return self.selector + abi_encode([parameter.kind for parameter in self.inputs], arguments)

    def decode(self, answer: bytes) -> list[Any]:
        """The outputs in order. Raises ChainError for an answer of another form, also for an empty one."""
        return _decode(self.outputs, answer, f"The answer of {self.name}")

    def decode_arguments(self, calldata: bytes) -> list[Any]:
        """The inputs in order. Raises ChainError for calldata of another function or form."""
        if calldata[:4] != self.selector:
            raise ChainError(f"The calldata is not a call of {self.name}.")
        return _decode(self.inputs, calldata[4:], f"The call of {self.name}")


@dataclass(frozen=True)
class Event:
    """A contract's event: a log's topics and data to values by snake-case names."""

    name: str
    inputs: tuple[Parameter, ...]

    @property
    def topic(self) -> str:
        kinds = ",".join(parameter.kind for parameter in self.inputs)
        return "0x" + keccak(text=f"{self.name}({kinds})").hex()

    def decode(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """Values by name. `topics` without the first, which names the event. Raises ChainError."""
        indexed = [parameter for parameter in self.inputs if parameter.indexed]
        plain = [parameter for parameter in self.inputs if not parameter.indexed]
        what = f"The event {self.name}"
        values = _decode(indexed, b"".join(topics), what) + _decode(plain, data, what)
        names = [snake_case(parameter.name) for parameter in (*indexed, *plain)]
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class CustomError:
    """A contract's named error. Arguments keep their Solidity names, as the error itself does."""

    name: str
    inputs: tuple[Parameter, ...]

    @property
    def selector(self) -> bytes:
        return keccak(text=f"{self.name}({','.join(parameter.kind for parameter in self.inputs)})")[:4]

    def decode(self, data: bytes) -> dict[str, Any]:
        """Arguments by name; `data` without the selector. Raises ChainError."""
        values = _decode(self.inputs, data, f"The error {self.name}")
        return {parameter.name: value for parameter, value in zip(self.inputs, values, strict=True)}


@dataclass(frozen=True)
class ContractAbi:
    """One contract's functions and events by name, errors by selector."""

    name: str
    functions: Mapping[str, Function] = field(repr=False)
    events: Mapping[str, Event] = field(repr=False)
    errors: Mapping[bytes, CustomError] = field(repr=False)


def _parameters(entry: Mapping[str, Any], key: str) -> tuple[Parameter, ...]:
    return tuple(_parameter(part) for part in entry.get(key, ()))


def read_abi(name: str, entries: Iterable[Mapping[str, Any]]) -> ContractAbi:
    """An ABI as solc writes it. Overloaded names do not occur in this project's contracts."""
    held = list(entries)
    functions = [
        Function(entry["name"], _parameters(entry, "inputs"), _parameters(entry, "outputs"))
        for entry in held
        if entry["type"] == "function"
    ]
    events = [Event(entry["name"], _parameters(entry, "inputs")) for entry in held if entry["type"] == "event"]
    errors = [CustomError(entry["name"], _parameters(entry, "inputs")) for entry in held if entry["type"] == "error"]
    return ContractAbi(
        name=name,
        functions={function.name: function for function in functions},
        events={event.name: event for event in events},
        errors={error.selector: error for error in errors},
    )


@cache
def contract_abi(name: str) -> ContractAbi:
    """The committed ABI of one of CONTRACTS."""
    text = resources.files("tallystick.chain").joinpath("abi", f"{name}.json").read_text(encoding="utf-8")
    return read_abi(name, json.loads(text))


@cache
def all_errors() -> Mapping[bytes, CustomError]:
    """Every contract's errors together, and Permit2's: a revert that bubbled up is decoded whoever threw it."""
    ours = {selector: error for name in CONTRACTS for selector, error in contract_abi(name).errors.items()}
    inputs = {name: [Parameter(held, "uint256", "uint256")] if held else [] for name, held in _PERMIT2_ERRORS}
    permit2 = [CustomError(name, tuple(held)) for name, held in inputs.items()]
    return {**{error.selector: error for error in permit2}, **ours}
