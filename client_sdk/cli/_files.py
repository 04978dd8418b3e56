"""Arrays and documents that commands read and write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tallystick.errors import InputError, TensorError

MAX_INPUT_BYTES = 256 << 20


def read_inputs(path: Path) -> Any:
    """Nested lists or a mapping from names to them, from JSON; an array, from `.npy`.

    Raises:
        InputError: missing, too large, or of neither form.
        TensorError: an array that holds objects instead of numbers.
    """
    data = read_bytes(path)
    if path.suffix == ".npy":
        return _read_npy(path)
    try:
        return json.loads(data)
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(
            f"{path} is not JSON: {error}.", remedy="Give nested lists of numbers as JSON, or an array as .npy."
        ) from error


def read_bytes(path: Path) -> bytes:
    """Raises InputError for a file that is missing or unreasonably large."""
    try:
        if path.stat().st_size > MAX_INPUT_BYTES:
            raise InputError(f"{path} has {path.stat().st_size} bytes; at most {MAX_INPUT_BYTES} are read.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from error


def write_outputs(path: Path, outputs: list[Any]) -> None:
    """All outputs as JSON; or the only one, as `.npy`. Raises InputError."""
    if path.suffix != ".npy":
        path.write_text(json.dumps(outputs) + "\n")
        return
    if len(outputs) > 1:
        raise InputError(f"The model has {len(outputs)} outputs; one .npy holds one.", remedy="Write .json instead.")
    _numpy().save(path, _numpy().asarray(outputs[0]), allow_pickle=False)


def _read_npy(path: Path) -> Any:
    try:
        # Never pickles: a file with inputs must not be a program.
        return _numpy().load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise TensorError(f"{path} holds no plain array: {error}.", remedy="Save it with numpy.save.") from error


def _numpy() -> Any:
    try:
        import numpy  # noqa: PLC0415  (the client works without it)
    except ModuleNotFoundError as error:
        raise InputError(
            "A .npy file needs numpy, which is not installed.",
            remedy="Run `pip install 'tallystick[numpy]'`, or use JSON.",
        ) from error
    return numpy
