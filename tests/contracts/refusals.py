"""Asks a contract for something it must refuse, and reads the named error with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from brownie import project, web3
from eth_abi.abi import decode
from eth_utils.abi import function_abi_to_4byte_selector
from permit2_stage import permit2_abi

BUILT_IN = (
    {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)


@dataclass(frozen=True)
class Refused:
    """A named error with its arguments: integers, checksummed addresses, 0x-hex for bytes."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


def refused(name: str, /, **arguments: Any) -> Refused:
    """What a test expects. Accounts and contracts stand for their addresses."""
    return Refused(name, {key: plain(value) for key, value in arguments.items()})


class NotRefusedError(AssertionError):
    """The contract did what it was asked to."""


def refusal(function: Any, *arguments: Any, sender: Any, gas: int | None = None, value: int = 0) -> Refused:
    """How the latest state refuses a call. Nothing is sent, so nothing changes. Raises NotRefusedError."""
    request = {"from": str(sender), "to": function._address, "data": function.encode_input(*arguments)}
    if value:
        request["value"] = hex(value)
    return _refusal(request if gas is None else {**request, "gas": hex(gas)})


def refusal_of_data(contract: Any, data: str, *, sender: Any) -> Refused:
    """How a contract refuses calldata that no encoder would write. Raises NotRefusedError."""
    return _refusal({"from": str(sender), "to": contract.address, "data": data})


def refusal_of_creation(container: Any, *arguments: Any, sender: Any) -> Refused:
    """How a constructor refuses its arguments. Raises NotRefusedError."""
    return _refusal({"from": str(sender), "data": container.deploy.encode_input(*arguments)})


def _refusal(request: dict[str, Any]) -> Refused:
    # Straight to the provider: Brownie's middleware turns answers into exceptions of its own.
    answer = web3.provider.make_request("eth_call", [request, "latest"])
    if "error" not in answer:
        raise NotRefusedError("the call went through")
    return decoded(answer["error"].get("data"))


def decoded(data: Any) -> Refused:
    """The error in a revert's data, bytes or 0x-hex, as a contract that caught it keeps it. Nameless if there is none."""
    data = plain(data)
    if not isinstance(data, str) or len(data) < 10:
        return Refused("")
    entry = _errors()[data[:10]]
    values = decode([_type(item) for item in entry["inputs"]], bytes.fromhex(data[10:]))
    names = [item["name"] for item in entry["inputs"]]
    return Refused(entry["name"], {name: plain(value) for name, value in zip(names, values, strict=True)})


@cache
def _errors() -> dict[str, dict[str, Any]]:
    return {"0x" + function_abi_to_4byte_selector(entry).hex(): entry for entry in _entries()}


def _entries() -> Iterator[dict[str, Any]]:
    yield from BUILT_IN
    abis = [container.abi for container in project.get_loaded_projects()[0]]
    # Permit2 is called by the project's contracts, but is none of them.
    for abi in (*abis, permit2_abi()):
        yield from (entry for entry in abi if entry["type"] == "error")


def _type(item: dict[str, Any]) -> str:
    return str(item["type"])


def plain(value: Any) -> Any:
    """One spelling for every value: hex in lower case, Brownie's own kinds of numbers and tuples as Python's."""
    if hasattr(value, "address"):
        return value.address.lower()
    if isinstance(value, bytes | bytearray):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return tuple(plain(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return str(value).lower() if isinstance(value, str) and value.startswith("0x") else value
