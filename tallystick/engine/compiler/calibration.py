"""Calibration data from files: arrays by input name, samples along the first axis."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.engine.compiler.graph import Array
from tallystick.engine.compiler.load import load_model
from tallystick.errors import InputError

FORMS = "Give a .npz with an array for each input, a .npy for the only input, or JSON."


def read_calibration(path: Path, model: Path) -> dict[str, Array]:
    """Arrays by input name, from `.npz`, `.npy` or JSON; what has no name is the model's only input.

    Args:
        path: The data.
        model: The ONNX file; read only where the data has no names.

    Raises:
        InputError: missing, of no such form, or not numbers.
        ModelError: the model cannot be loaded.
    """
    data = _read(path)
    if isinstance(data, dict):
        return {str(name): _numbers(path, name, array) for name, array in data.items()}
    name = only_input(model)
    return {name: _numbers(path, name, data)}


def only_input(model: Path) -> str:
    """The name of a model's only input. Raises InputError where it has several, ModelError where it cannot be loaded."""
    graph = load_model(model).graph
    constants = {tensor.name for tensor in graph.initializer}
    names = [str(value.name) for value in graph.input if value.name not in constants]
    if len(names) != 1:
        raise InputError(
            f"The calibration data is one array, and the model has the inputs {names}.",
            remedy="Give an array for each of them, by name: .npz, or a JSON object.",
        )
    return names[0]


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".npz":
            # Never pickles: a file with inputs must not be a program.
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", remedy="Check the path.") from error
    except (ValueError, EOFError, TypeError, RecursionError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} holds no calibration data: {error}.", remedy=FORMS) from error


def _numbers(path: Path, name: Any, data: Any) -> Array:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise InputError(f"{path} has rows of different lengths for {name!r}.", remedy=FORMS) from error
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise InputError(f"{path} holds no array of numbers for {name!r}.", remedy=FORMS)
    return array
