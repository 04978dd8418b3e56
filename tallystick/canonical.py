"""One byte string per JSON value, so that a document can be named by its hash."""

from __future__ import annotations

import json
from typing import Any

from tallystick.errors import ArtifactCorruptError, InputError


def _refuse_floats(value: object, path: str) -> None:
    if isinstance(value, float):
        raise InputError(
            f"{path or 'the value'} is the float {value!r}, which has no one spelling.",
            remedy="Use an integer in a smaller unit, or a string.",
        )
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_floats(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_floats(item, f"{path}[{index}]")


def encode_canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no white space and no floats. Raises InputError for a float."""
    _refuse_floats(value, "")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode_canonical(data: bytes) -> Any:
    """The value, if `data` is exactly how `encode_canonical` would spell it. Raises ArtifactCorruptError."""
    try:
        value = json.loads(data)
    except (UnicodeDecodeError, ValueError) as error:
        raise ArtifactCorruptError(f"The document is not JSON: {error}.") from error
    if encode_canonical(value) != data:
        raise ArtifactCorruptError("The document is JSON, but not in the canonical spelling that its hash needs.")
    return value
