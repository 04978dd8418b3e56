import dataclasses
import hashlib
import struct

import numpy as np
from engine_network import image, network

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.commitments import array_root, program_commitment
from tallystick.engine.executor import run
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType
from tallystick.engine.tree import LEAF_BYTES

CODES = {"uint8": 1, "int8": 2, "int32": 3}


def h(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def tree(level):
    """Written from docs/determinism.md: padded with 32 zero bytes to a power of two; an empty list has that as its root."""
    level = list(level) or [bytes(32)]
    while len(level) & (len(level) - 1):
        level.append(bytes(32))
    while len(level) > 1:
        level = [h(b"\x01", level[k], level[k + 1]) for k in range(0, len(level), 2)]
    return level[0]


def header(dtype, dims):
    return struct.pack(f">BB{len(dims)}IQ", dtype, len(dims), *dims, int(np.prod(dims, dtype=np.int64)))


def tensor_root(array):
    data = array.astype(array.dtype.newbyteorder(">")).tobytes()
    leaves = [data[at : at + LEAF_BYTES].ljust(LEAF_BYTES, b"\0") for at in range(0, len(data), LEAF_BYTES)]
    return h(b"\x02", header(CODES[array.dtype.name], array.shape), tree([h(b"\x00", leaf) for leaf in leaves]))


def step_hash(step):
    operands = b"".join(struct.pack(">BI", ref.kind, ref.index) for ref in step.operands)
    ints = [
        value
        for field in dataclasses.astuple(step.attributes)
        for value in (field if isinstance(field, tuple) else (field,))
    ]
    attributes = struct.pack(f">H{len(ints)}i", len(ints), *ints)
    head = bytes([step.opcode, len(step.operands)])
    return h(b"\x03", head, operands, header(step.header.dtype, step.header.dims), attributes)


def test_commit_given_a_trace_gives_the_roots_of_the_document():
    trace = run(network(), [image(2)])
    roots = [tensor_root(tensor) for tensor in trace.tensors]
    commitment = trace.commit()
    assert commitment.tensor_roots == tuple(roots)
    assert commitment.trace_root == tree(roots)
    assert commitment.output_root == roots[trace.program.output]
    assert commitment.input_root == tensor_root(image(2))
    assert trace.commit(threads=2) == commitment


def test_commit_given_reshapes_in_a_row_gives_each_its_own_header():
    builder = ProgramBuilder()
    x = builder.input(TensorHeader(DType.I32, (4, 6)), "x")
    held = builder.constant(np.arange(24, dtype=np.int32).reshape(2, 12))
    total = builder.arith(
        ArithKind.ADD, builder.reshape(builder.reshape(x, (3, 8)), (24,)), builder.reshape(held, (24,))
    )
    trace = run(builder.build(builder.reshape(total, (2, 12))), [np.arange(24, dtype=np.int32).reshape(4, 6)])
    roots = trace.commit().tensor_roots
    assert roots == tuple(tensor_root(tensor) for tensor in trace.tensors)
    assert len(set(roots)) == len(roots) == 4


def test_commit_given_several_inputs_has_the_root_over_their_roots():
    builder = ProgramBuilder()
    a, b, c = (builder.input(TensorHeader(DType.U8, (n,)), name) for n, name in ((1, "a"), (3, "b"), (1, "c")))
    program = builder.build(builder.arith(ArithKind.SELECT, a, b, c))
    arrays = [np.full(n, n, np.uint8) for n in (1, 3, 1)]
    assert run(program, arrays).commit().input_root == tree([tensor_root(array) for array in arrays])


def test_commit_given_no_inputs_has_the_root_of_an_empty_list():
    builder = ProgramBuilder()
    held = builder.constant(np.array([1, 2], np.int32))
    program = builder.build(builder.arith(ArithKind.ADD, held, held))
    assert run(program, []).commit().input_root == bytes(32)


def test_program_commitment_given_a_program_gives_the_hashes_of_the_document():
    program = network()
    found = program_commitment(program)
    steps, constants = [step_hash(step) for step in program.steps], [tensor_root(array) for array in program.constants]
    assert found.step_hashes == tuple(steps)
    assert found.constant_roots == tuple(constants)
    assert (found.steps_root, found.constants_root) == (tree(steps), tree(constants))
    preimage = (
        b"\x04" + struct.pack(">II", 1, len(steps)) + tree(steps) + struct.pack(">I", len(constants)) + tree(constants)
    )
    inputs = bytes([len(program.inputs)]) + b"".join(header(one.dtype, one.dims) for one in program.inputs)
    assert found.program_hash == h(preimage, inputs, struct.pack(">I", program.output))


def test_program_commitment_given_another_attribute_or_constant_differs():
    one, other = program_commitment(network(7)), program_commitment(network(8))
    assert one.steps_root == other.steps_root
    assert one.constants_root != other.constants_root
    assert one.program_hash != other.program_hash


def test_program_commitment_given_no_constants_has_the_root_of_an_empty_list():
    builder = ProgramBuilder()
    x = builder.input(TensorHeader(DType.U8, (2,)), "x")
    assert program_commitment(builder.build(builder.arith(ArithKind.MAX, x, x))).constants_root == bytes(32)


def test_array_root_given_a_scalar_equals_the_document():
    assert array_root(np.array(-5, np.int32)) == tensor_root(np.array(-5, np.int32))
