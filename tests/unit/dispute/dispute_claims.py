"""Honest traces of random programs, and what is found in claims about them."""

from __future__ import annotations

import numpy as np
from engine_programs import random_array, random_program

from tallystick.dispute.claims import Claim
from tallystick.dispute.findings import Fault, Finding, kind_shown
from tallystick.dispute.search import examine
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.commitments import program_commitment
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import Ref, RefKind, float_bits
from tallystick.engine.trace import Trace
from tallystick.engine.validate import validate


def random_trace(seed: int) -> Trace:
    program, x = random_program(seed)
    return run(program, [x])


def small_network() -> Trace:
    """Two inputs; steps of every family; tensors of several leaves, some with room behind the last one."""
    b, rng = ProgramBuilder(), np.random.default_rng(5)
    x = b.input(TensorHeader(DType.U8, (1, 12, 12, 8)), "x")
    offset = b.input(TensorHeader(DType.I8, (10,)), "offset")
    w = b.constant(rng.integers(-128, 128, (10, 3, 3, 8)).astype(np.int8))
    params = b.constant(np.stack([rng.integers(-999, 999, 10).astype(np.int32), float_bits([0.002] * 10)], axis=1))
    conv = b.conv(x, w, params, Window(3, 3, 1, 1, 1, 1), (12, 12), zeros=(100, 1, 10), dtype=DType.U8)
    curve = b.lookup(conv, random_array(rng, TensorHeader(DType.I8, (256,))))
    pooled = b.max_pool(curve, Window(2, 2, 2, 2), (6, 6))
    moved = b.arith(ArithKind.ADD, pooled, offset, dtype=DType.I8)
    flat = b.reshape(moved, (1, 1, 1, 360))
    program = b.build(b.concat((flat, b.reshape(pooled, (1, 1, 1, 360))), 3))
    validate(program)
    return run(program, [random_array(rng, header) for header in program.inputs])


def long_program(tensor_bytes: int, steps: int = 2) -> Trace:
    """Tables one after the other over a tensor of that size."""
    b, rng = ProgramBuilder(), np.random.default_rng(1)
    at = b.input(TensorHeader(DType.U8, (tensor_bytes,)), "x")
    for _ in range(steps):
        at = b.lookup(at, rng.permutation(256).astype(np.uint8))
    program = b.build(at)
    return run(program, [random_array(rng, program.inputs[0])])


def found(trace: Trace, claim: Claim, published: object) -> Finding:
    """Of a claim about the trace's inputs."""
    return examine(trace.program, trace.inputs, claim, published)  # type: ignore[arg-type]  # anything may be published


def proves(fault: Fault, trace: Trace, claim: Claim) -> bool:
    """Whether the witness shows what the fault says, of the claim's roots alone."""
    program_hash = program_commitment(trace.program).program_hash
    shown, _ = kind_shown(fault.witness, claim, program_hash)
    return shown is fault.kind and fault.packed[0] == fault.kind


def step_ref(step: int) -> Ref:
    return Ref(RefKind.STEP, step)
