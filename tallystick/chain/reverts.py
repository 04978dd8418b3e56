"""What a contract said when it refused, and what to do about it."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from tallystick.chain.abi import CustomError, all_errors
from tallystick.chain.remedies import REMEDIES
from tallystick.errors import ChainError, RevertError, RpcRefusedError
from tallystick.market.terms import JobStatus, ProofKind

_ERROR = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_PANICS = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "a value that is no member of its enum",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
    0x51: "call of a zero function pointer",
}
_ENUMS = {"enum JobStatus": JobStatus, "enum ProofKind": ProofKind}
_HALTS = (
    "out of gas",
    "outofgas",
    "gas required exceeds allowance",
    "invalid opcode",
    "opcodenotfound",
    "invalidfeopcode",
    "stack underflow",
    "stack limit reached",
    "invalid jump",
    "evm error",
    "vm execution error",
)
"""How nodes word that code stopped without reverting: gas spent, `invalid`, broken bytecode."""

_BARE = "The contract refused without saying why."


def _shown(declared: str, value: Any) -> str:
    names = _ENUMS.get(declared)
    if names is not None:
        return names(value).name.lower() if value in list(names) else str(value)
    return f'"{value}"' if declared == "string" else str(value)


def _decode_named(error: CustomError, data: bytes) -> RevertError:
    arguments = error.decode(data)
    shown = ", ".join(f"{part.name}={_shown(part.declared, arguments[part.name])}" for part in error.inputs)
    return RevertError(
        f"The contract refused: {error.name}({shown}).",
        name=error.name,
        arguments=arguments,
        remedy=REMEDIES.get(error.name, ""),
    )


def _decode_builtin(data: bytes) -> RevertError | None:
    if data[:4] == _ERROR:
        (reason,) = abi_decode(["string"], data[4:])
        return RevertError(f"The contract refused: {reason!r}.", name="Error", arguments={"reason": reason})
    if data[:4] == _PANIC:
        (code,) = abi_decode(["uint256"], data[4:])
        meaning = _PANICS.get(code, "unknown")
        return RevertError(
            f"The contract stopped: {meaning} (panic 0x{code:02x}).",
            name="Panic",
            arguments={"code": code},
            remedy="This should not happen; please report it with the transaction's inputs.",
        )
    return None


def decode_revert(data: bytes) -> RevertError:
    """The error that a revert's bytes state; errors that bubbled up from another contract are named too.

    Never fails: bytes that nobody knows become a RevertError that shows them.
    """
    if not data:
        return RevertError(
            _BARE,
            name="",
            arguments={},
            remedy="A call to an address without the expected contract, or one that ran out of gas, ends like this.",
        )
    named = all_errors().get(data[:4])
    try:
        known = _decode_named(named, data[4:]) if named else _decode_builtin(data)
    except (DecodingError, ChainError, OverflowError, ValueError):
        known = None
    return known or RevertError(
        f"The contract refused with an error that this version does not know: 0x{data[:36].hex()}"
        f"{' ..' if len(data) > 36 else ''}",
        name="",
        arguments={"data": "0x" + data.hex()},
        remedy="Check that the deployment record names contracts of this version.",
    )


def _data_in(held: Any) -> bytes | None:
    """Nodes put a revert's bytes in different places."""
    if isinstance(held, dict):
        return next((found for key in ("data", "result", "output") if (found := _data_in(held.get(key)))), None)
    if isinstance(held, str):
        text = held.removeprefix("Reverted ").removeprefix("0x")
        try:
            return bytes.fromhex(text)
        except ValueError:
            return None
    return None


def revert_in(refusal: RpcRefusedError) -> RevertError | None:
    """The revert that an endpoint's refusal of a call stands for; None where it is another kind of refusal."""
    data = _data_in(refusal.data)
    if data:
        return decode_revert(data)
    said = refusal.message.lower()
    if any(halt in said for halt in _HALTS):
        return RevertError(
            f"The contract stopped: {refusal.message}.",
            name="",
            arguments={},
            remedy="It ran out of gas, or is not the contract that it is taken for.",
        )
    if refusal.code == 3 or "revert" in said:
        return decode_revert(b"")
    return None
