"""How the kernels are compiled: on first use, kept on disk, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

Function = Callable[..., Any]


def jitted(function: Function) -> Function:
    """`function` as machine code. No fast-math: a product is rounded before it is rounded again, as the contract says.

    Each combination of argument types is compiled once, a fraction of a second each. So kernels take few: 8-bit tensors come as
    their bytes (`tensor_bytes`), window numbers as plain integers.
    """
    try:
        kept: Function = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # neither the package's folder nor the user's can be written: compile in every process
        fresh: Function = numba.njit(nogil=True, error_model="numpy")(function)
        return fresh
    return kept
