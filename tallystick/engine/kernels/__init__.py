"""Kernels: every opcode of docs/determinism.md over batches, exact for every operand that a valid program gives it.

`prepare_step` does once what depends on the program alone (weights as BLAS takes them, tables, slices) and gives a function
of the operands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tallystick.engine.kernels.arith import prepare_arith
from tallystick.engine.kernels.conv import prepare_conv
from tallystick.engine.kernels.lookup import prepare_lookup, prepare_lookup2
from tallystick.engine.kernels.maps import prepare_concat, prepare_gather, prepare_reshape, prepare_view
from tallystick.engine.kernels.matmul import prepare_matmul
from tallystick.engine.kernels.site import Accumulation, How, Kernel, Site
from tallystick.engine.kernels.window import prepare_arg_max, prepare_max_pool, prepare_pool_sum
from tallystick.engine.opcodes import Opcode
from tallystick.engine.program import Array, Program, RefKind, Step

_PREPARE: dict[Opcode, Callable[[Site], Kernel]] = {
    Opcode.CONV: prepare_conv,
    Opcode.MATMUL: prepare_matmul,
    Opcode.POOL_SUM: prepare_pool_sum,
    Opcode.LOOKUP: prepare_lookup,
    Opcode.LOOKUP2: prepare_lookup2,
    Opcode.MAX_POOL: prepare_max_pool,
    Opcode.ARG_MAX: prepare_arg_max,
    Opcode.RESHAPE: prepare_reshape,
    Opcode.VIEW: prepare_view,
    Opcode.CONCAT: prepare_concat,
    Opcode.GATHER: prepare_gather,
    Opcode.ARITH: prepare_arith,
}


def prepare_step(program: Program, step: Step, how: How) -> Kernel:
    """The kernel of one step. What it takes and gives: `Kernel`."""
    constants = tuple(program.constants[ref.index] if ref.kind is RefKind.CONSTANT else None for ref in step.operands)
    site = Site(step, program.operand_headers(step), constants, how)
    if step.opcode is Opcode.CONV and constants[1] is None:
        return _one_by_one(site)
    return _PREPARE[step.opcode](site)


def _one_by_one(site: Site) -> Kernel:
    """A convolution whose weights are computed: every item of the batch has its own, so each is prepared by itself."""

    def kernel(operands: Sequence[Array]) -> Array:
        outputs = []
        for item, weights in enumerate(operands[1]):
            held = (site.constants[0], weights, site.constants[2])
            own = prepare_conv(dataclasses.replace(site, constants=held))
            outputs.append(own([operand[item : item + 1] for operand in operands]))
        return np.concatenate(outputs)

    return kernel


__all__ = ["Accumulation", "How", "Kernel", "prepare_step"]
