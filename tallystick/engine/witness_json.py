"""A witness as JSON: bytes as hex with 0x, names as JSON has them, nothing left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.engine.openings import OpenedTensor, Opening
from tallystick.engine.witness import Witness
from tallystick.errors import WitnessError


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _hexes(items: Sequence[bytes]) -> list[str]:
    return [_hex(item) for item in items]


def _opening_to_json(opening: Opening) -> dict[str, Any]:
    return {"first": opening.first, "data": _hex(opening.data), "proof": _hexes(opening.proof)}


def _tensor_to_json(tensor: OpenedTensor) -> dict[str, Any]:
    return {
        "header": _hex(tensor.header),
        "treeRoot": _hex(tensor.tree_root),
        "path": _hexes(tensor.path),
        "openings": [_opening_to_json(opening) for opening in tensor.openings],
    }


def to_json(witness: Witness) -> dict[str, Any]:
    """What `json.dumps` takes and `from_json` reads."""
    return {
        "program": _hex(witness.program),
        "stepIndex": witness.step_index,
        "step": _hex(witness.step),
        "stepPath": _hexes(witness.step_path),
        "element": witness.element,
        "output": _tensor_to_json(witness.output),
        "operands": [tensor and _tensor_to_json(tensor) for tensor in witness.operands],
    }


# ---- back -------------------------------------------------------------------------------------------------------------


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise WitnessError("Form", f"{text!r} is no hex with 0x in front.")
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise WitnessError("Form", f"{text[:20]!r} is no hex: {error}") from error


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise WitnessError("Form", f"{value!r} is no index.")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise WitnessError("Form", f"A list is due where there is {type(value).__name__}.")
    return value


def _fields(value: object, *names: str) -> list[Any]:
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise WitnessError("Form", f"The fields are not {', '.join(names)}.")
    return [value[name] for name in names]


def _hashes(value: object) -> tuple[bytes, ...]:
    return tuple(_bytes(item) for item in _list(value))


def _opening(value: object) -> Opening:
    first, data, proof = _fields(value, "first", "data", "proof")
    return Opening(_number(first), _bytes(data), _hashes(proof))


def _tensor(value: object) -> OpenedTensor:
    header, root, path, openings = _fields(value, "header", "treeRoot", "path", "openings")
    return OpenedTensor(_bytes(header), _bytes(root), _hashes(path), tuple(_opening(each) for each in _list(openings)))


def from_json(value: object) -> Witness:
    """The inverse of `to_json`, of what `json.loads` gave.

    Raises:
        WitnessError: `Form`: it is no such thing. Whether it proves something, only `verify` says.
    """
    names = ("program", "stepIndex", "step", "stepPath", "element", "output", "operands")
    program, step_index, step, step_path, element, output, operands = _fields(value, *names)
    return Witness(
        program=_bytes(program),
        step_index=_number(step_index),
        step=_bytes(step),
        step_path=_hashes(step_path),
        element=_number(element),
        output=_tensor(output),
        operands=tuple(None if each is None else _tensor(each) for each in _list(operands)),
    )
