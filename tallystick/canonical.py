"""One byte string per JSON value, so that a document can be named by its hash."""

from __future__ import annotations

import json
from typing import Any

from tallystick.errors import ArtifactCorruptError, InputError

_LOOKED_INTO = (float, dict, list, tuple)


def _refuse_floats(value: object, *path: object) -> None:
    if isinstance(value, float):
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        raise InputError(
            f"{place or 'The value'} is the float {value!r}, which has no one spelling.",
            remedy="Use an integer in a smaller unit, or a string.",
        )
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for step, item in items:
        # Asked here as well as above: a tensor's million integers need no call each.
        if isinstance(item, _LOOKED_INTO):
            _refuse_floats(item, *path, step)


def encode_canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no white space and no floats. Raises InputError for what has no one spelling."""
    _refuse_floats(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The text {error.object[:40]!r} holds half of a surrogate pair.") from error


def decode_canonical(data: bytes) -> Any:
    """The value, if `data` is exactly how `encode_canonical` would spell it. Raises ArtifactCorruptError."""
    try:
        value = json.loads(data)
        spelled = encode_canonical(value)
    except RecursionError:
        raise ArtifactCorruptError("The document is nested deeper than any of ours.") from None
    except InputError as error:
        raise ArtifactCorruptError(f"The document has no canonical spelling: {error.what}") from error
    except ValueError as error:
        raise ArtifactCorruptError(f"The document is not JSON: {error}.") from error
    if spelled != data:
        raise ArtifactCorruptError("The document is JSON, but not in the canonical spelling that its hash needs.")
    return value
