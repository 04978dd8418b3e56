"""How a program's inputs and output hold real numbers, as their manifest says it. Needs the engine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.opcodes import DType
from tallystick.engine.order import from_order_image
from tallystick.engine.program import Array
from tallystick.errors import ArtifactCorruptError, InputError, ModelError
from tallystick.market.manifests import ProgramTensor


def quantisation_of(tensor: ProgramTensor) -> Quantisation:
    """Of a tensor that is held quantised.

    Raises:
        InputError: it is held otherwise.
        ArtifactCorruptError: a scale or a zero that no package has.
    """
    if tensor.scale_bits is None or tensor.zero is None:
        raise InputError(f"The tensor {tensor.name!r} is held as {tensor.held}, without a scale.")
    scale = np.frombuffer(bytes.fromhex(tensor.scale_bits[2:]), ">f4")[0]
    try:
        return Quantisation(np.float32(scale), tensor.zero, DType[tensor.dtype.upper()])
    except ModelError as error:
        raise ArtifactCorruptError(
            f"The manifest says of {tensor.name!r} what cannot be: {error.what}",
            remedy="Whoever registered the model made a mistake; register it anew.",
        ) from error


def reals_of(array: Array, tensor: ProgramTensor) -> npt.NDArray[np.float64]:
    """What integers [*dims] of a program's tensor stand for, exactly: every one of them fits double precision."""
    if tensor.held == "quantised":
        return quantisation_of(tensor).dequantise(array)
    if tensor.held == "order":
        return from_order_image(array.astype(np.int32)).astype(np.float64)
    return array.astype(np.float64)
