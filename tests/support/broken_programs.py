"""A small valid program with a step of every opcode, and ways to break one thing of it."""

import dataclasses

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Opcode, Window
from tallystick.engine.program import float_bits

U8, I8, I32 = DType


def params(rows, multiplier=0.01):
    return np.stack([np.arange(rows, dtype=np.int32), float_bits(np.full(rows, multiplier))], axis=1)


def every_opcode():
    """Input u8[1, 6, 6, 4]; CONV is step 0."""
    rng = np.random.default_rng(5)
    b = ProgramBuilder()
    x = b.input(TensorHeader(U8, (1, 6, 6, 4)), "image")
    b.scope = "conv1"
    w = b.constant(rng.integers(-128, 128, (8, 3, 3, 2)).astype(np.int8))
    conv = b.conv(x, w, b.constant(params(8)), Window(3, 3, 1, 1, 1, 1), (6, 6), groups=2, zeros=(3, -1, 10), dtype=U8)
    b.scope = "rest"
    curve = b.lookup(conv, rng.integers(-128, 128, 256).astype(np.int8))
    pooled = b.max_pool(curve, Window(2, 2, 2, 2), (3, 3))
    average = b.pool_sum(pooled, Window(3, 1), (1, 3), b.constant(float_bits([1.0, 0.5, 0.33])), zeros=(1, 2), dtype=I8)
    both = b.lookup2(average, average, rng.integers(0, 256, 65536).astype(np.uint8))
    moved = b.view(both, (1, 3, 8, 1), perm=(0, 2, 3, 1), start=(0, 0, 0, 0))
    rows = b.reshape(moved, (3, 8))
    product = b.matmul(rows, b.constant(np.ones((5, 8), np.int8)), b.constant(params(5)), zeros=(1, 0, 0), dtype=U8)
    joined = b.concat((product, rows), 1)
    best = b.arg_max_last(joined)
    picked = b.gather(b.constant(np.arange(26, dtype=np.int32).reshape(13, 2)), b.reshape(best, (3,)))
    scaled = b.requantize(picked, 0.5, 3, U8)
    return b.build(b.arith(ArithKind.MUL_SHIFT, scaled, 5, shift=2), "answer")


def place_of_opcode(program, opcode):
    """The index of the first step with an opcode."""
    return next(index for index, step in enumerate(program.steps) if step.opcode is Opcode(opcode))


def with_step(program, index, **changes):
    """The program with fields of one step replaced; those of its attributes go by their own names."""
    step = program.steps[index]
    own = {name: changes.pop(name) for name in list(changes) if hasattr(step.attributes, name)}
    changed = dataclasses.replace(step, attributes=dataclasses.replace(step.attributes, **own), **changes)
    return dataclasses.replace(program, steps=(*program.steps[:index], changed, *program.steps[index + 1 :]))


def with_constant(program, index, array):
    """The program with one constant replaced."""
    constants = (*program.constants[:index], array, *program.constants[index + 1 :])
    return dataclasses.replace(program, constants=constants)
