"""tests/vectors/engine.json: what a second implementation of docs/determinism.md must agree with, in any language."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from scripts.engine_cases import element_cases, image, noise, params
from scripts.vector_samples import plain, word
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run
from tallystick.engine.fold import LEAF_BYTES, leaf_hash, node_hash, unused_hashes
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.opener import Opener
from tallystick.engine.openings import OpenedTensor
from tallystick.engine.preimages import ProgramPreimage, step_hash
from tallystick.engine.program import Ref, RefKind, Step, float_bits
from tallystick.engine.requantisation import LARGEST_MULTIPLIER, requantize
from tallystick.engine.trace import Trace
from tallystick.engine.tree import byte_tree, roots_root, roots_tree, tensor_root
from tallystick.engine.witness import Verdict, Witness, verify
from tallystick.engine.witness_json import to_json
from tallystick.errors import WitnessError
from tallystick.ids import raw

# ---- trees ------------------------------------------------------------------------------------------------------------

LENGTHS = (1, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 5 * LEAF_BYTES - 9, 8 * LEAF_BYTES)
RANGES = ((0, 0), (0, 4), (1, 3), (2, 2), (3, 7), (4, 4), (0, 7))


def _bytes(label: str, count: int) -> bytes:
    return noise(label, DType.U8, count).tobytes()


def byte_tree_case(length: int) -> dict[str, Any]:
    data = _bytes(f"{length} bytes", length)
    tree = byte_tree(data)
    ranges = [(first, last) for first, last in RANGES if last < tree.n_leaves]
    return {
        "data": plain(data),
        "leaves": tree.n_leaves,
        "root": plain(tree.root),
        "ranges": [{"first": first, "last": last, "proof": plain(tree.prove(first, last))} for first, last in ranges],
    }


def roots_tree_case(count: int) -> dict[str, Any]:
    roots = [raw(word(f"root {index}")) for index in range(count)]
    tree = roots_tree(roots)
    paths = [{"index": index, "path": plain(tree.prove(index))} for index in range(count)]
    return {"roots": plain(roots), "root": plain(tree.root), "paths": paths}


def header_case(dtype: DType, dims: tuple[int, ...]) -> dict[str, Any]:
    header, tree_root = TensorHeader(dtype, dims), raw(word("a tree"))
    return {
        "dtype": int(dtype),
        "dims": list(dims),
        "header": plain(header.encode()),
        "treeRoot": plain(tree_root),
        "root": plain(tensor_root(header.encode(), tree_root)),
    }


def trees() -> dict[str, Any]:
    data, left, right = _bytes("a leaf", 100), raw(word("left")), raw(word("right"))
    headers = [(DType.U8, (1,)), (DType.I8, (1, 224, 224, 3)), (DType.I32, ()), (DType.I32, (2,) * 8)]
    return {
        "leafBytes": LEAF_BYTES,
        "leaf": {"data": plain(data), "hash": plain(leaf_hash(data))},
        "node": {"left": plain(left), "right": plain(right), "hash": plain(node_hash(left, right))},
        "unused": plain(unused_hashes()[:5]),
        "byteTrees": [byte_tree_case(length) for length in LENGTHS],
        "rootTrees": [roots_tree_case(count) for count in (1, 2, 3, 5)],
        "tensors": [header_case(dtype, dims) for dtype, dims in headers],
    }


# ---- requantise -------------------------------------------------------------------------------------------------------


def _requantize_inputs() -> Iterator[tuple[int, int, int, DType]]:
    ends = (0, 1, -1, 2**24 + 1, 2**24 + 3, -(2**25) - 3, 2**31 - 1, -(2**31))
    bits = [1, 0x7FFFFF, 0x800000, LARGEST_MULTIPLIER, *float_bits([0.5, 1.0, 2.0**-25, 2.0**-31, 0.1, 255.5]).tolist()]
    yield from ((acc, each, 0, DType.I32) for acc, each in itertools.product(ends, bits))
    half = float_bits([0.5]).tolist()[0]
    yield from ((acc, half, zero, DType.I8) for acc in (-5, -3, -1, 3, 5, 255, 257, -255) for zero in (0, -127))
    # 4097 * 4097 has 25 bits, of which the last is 1: the product's own tie.
    yield from (
        (acc, each - (20 << 23), 0, DType.I32) for acc in (4097, -4097) for each in float_bits([4097, 4099]).tolist()
    )
    accs, multipliers = noise("accs", DType.I32, 60), noise("multipliers", DType.I32, 60).astype(np.int64) & 0x7FFFFF
    for place, (acc, fraction) in enumerate(zip(accs.tolist(), multipliers.tolist(), strict=True)):
        dtype = list(DType)[place % 3]
        yield acc, ((104 + place % 24) << 23) | fraction, dtype.high // 3, dtype


def requantized() -> dict[str, Any]:
    cases = [
        [acc, bits, zero, int(dtype), requantize(acc, bits, zero, dtype)]
        for acc, bits, zero, dtype in _requantize_inputs()
    ]
    return {"columns": ["acc", "multiplierBits", "zero", "dtype", "expected"], "cases": cases}


# ---- a program and its witnesses --------------------------------------------------------------------------------------


def sample_trace() -> Trace:
    """Two inputs; convolution, table, sum, choice and concatenation; tensors of up to three leaves, the last one not full."""
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.U8, (1, 7, 9, 6)), "x")
    offset = b.input(TensorHeader(DType.I32, (8,)), "offset")
    p = b.constant(params([-900, 0, 77, 5000] * 2, [0.003, 0.01] * 4))
    w = b.constant(noise("filter", DType.I8, 8, 3, 3, 6))
    conv = b.conv(x, w, p, Window(3, 3, 1, 1, 1, 1), (7, 9), zeros=(120, 0, 3), dtype=DType.U8)
    curve = b.lookup(conv, noise("curve", DType.I8, 256))
    pooled = b.pool_sum(curve, Window(2, 2, 2, 2, 1, 0), (4, 5))
    added = b.arith(ArithKind.ADD, pooled, offset)
    best = b.arg_max_last(added)
    picked = b.gather(b.constant(noise("rows", DType.I32, 8, 8)), best)
    program = b.build(b.concat((added, b.reshape(picked, (1, 4, 5, 8))), 3))
    return run(program, [image("x", DType.U8, 7, 9, 6), noise("offset", DType.I32, 8)])


def _changed(trace: Trace, step: int, tensor: Any) -> Opener:
    return Opener(dataclasses.replace(trace, tensors=(*trace.tensors[:step], tensor, *trace.tensors[step + 1 :])))


def _wrong_element(trace: Trace, step: int, index: int) -> Opener:
    tensor = np.array(trace.tensors[step])
    tensor.reshape(-1)[index] ^= 1
    return _changed(trace, step, tensor)


@dataclasses.dataclass(frozen=True)
class Shown:
    """A witness and the roots that it is checked against."""

    name: str
    witness: Witness
    program_hash: bytes
    trace_root: bytes
    input_root: bytes

    @classmethod
    def of(cls, name: str, opener: Opener, step: int, index: int) -> Shown:
        witness = opener.witness(step, index)
        return cls(name, witness, opener.program_hash, opener.trace_root, opener.input_root)

    def to_json(self) -> dict[str, Any]:
        roots = {"program_hash": self.program_hash, "trace_root": self.trace_root, "input_root": self.input_root}
        try:
            verdict: Verdict | None = verify(self.witness, **roots)
            reason = ""
        except WitnessError as error:
            verdict, reason = None, error.reason
        return {
            "name": self.name,
            "programHash": plain(self.program_hash),
            "traceRoot": plain(self.trace_root),
            "inputRoot": plain(self.input_root),
            "witness": to_json(self.witness),
            "outcome": str(verdict.outcome) if verdict else "unproven",
            "reason": reason,
            "computed": verdict and verdict.computed,
            "claimed": verdict and verdict.claimed,
        }


def _padded(trace: Trace, step: int) -> Shown:
    """A claim whose tensor has a one in the last byte of its last leaf."""
    honest = Opener(trace)
    shown = Shown.of("padding that is not zero", honest, step, trace.program.steps[step].header.size - 1)
    output, (opening,) = shown.witness.output, shown.witness.output.openings
    data = np.array(trace.tensors[step]).tobytes()
    tree = byte_tree(data.ljust(-(-len(data) // LEAF_BYTES) * LEAF_BYTES - 1, b"\0") + b"\1")
    held = dataclasses.replace(opening, data=opening.data[:-1] + b"\1", proof=tuple(tree.prove(opening.first)))
    roots = list(trace.commit().tensor_roots)
    roots[step] = tensor_root(output.header, tree.root)
    changed = OpenedTensor(output.header, tree.root, tuple(roots_tree(roots).prove(step)), (held,))
    witness = dataclasses.replace(shown.witness, output=changed)
    return dataclasses.replace(shown, witness=witness, trace_root=roots_root(roots))


def witnesses() -> Iterator[Shown]:
    trace = sample_trace()
    honest, steps = Opener(trace), trace.program.steps
    for index, step in enumerate(steps):
        yield Shown.of(f"{step.opcode.name}, honest", honest, index, step.header.size // 2)
    conv, concat = 0, len(steps) - 1
    last = steps[conv].header.size - 1
    yield Shown.of("the last element, wrong", _wrong_element(trace, conv, last), conv, last)
    cheat = _wrong_element(trace, concat, 16 * 7 + 3)
    yield Shown.of("a wrong 32-bit element", cheat, concat, 16 * 7 + 3)
    yield Shown.of("right beside a wrong one", cheat, concat, 16 * 7 + 4)
    yield Shown.of(
        "other dims than the step's",
        _changed(trace, conv, np.reshape(trace.tensor(Ref(RefKind.STEP, conv)), (1, 9, 7, 8))),
        conv,
        0,
    )
    yield _padded(trace, conv)
    shown = Shown.of("the operand of another claim", _wrong_element(trace, conv, 5), 1, 5)
    foreign = honest.witness(1, 5).operands
    yield dataclasses.replace(shown, witness=dataclasses.replace(shown.witness, operands=foreign))


def _step_case(step: Step) -> dict[str, Any]:
    return {
        "name": step.opcode.name,
        "opcode": int(step.opcode),
        "operands": [[int(ref.kind), ref.index] for ref in step.operands],
        "attributes": list(step.attributes.to_ints()),
        "header": plain(step.header.encode()),
        "encoded": plain(step.encode()),
        "hash": plain(step_hash(step.encode())),
    }


def sample_program() -> dict[str, Any]:
    trace = sample_trace()
    opener = Opener(trace)
    preimage = ProgramPreimage.decode(opener.witness(0, 0).program)
    return {
        "steps": [_step_case(step) for step in trace.program.steps],
        "stepsRoot": plain(preimage.steps_root),
        "constantRoots": plain(opener.commitment.constant_roots),
        "constantsRoot": plain(preimage.constants_root),
        "inputs": [plain(header.encode()) for header in preimage.inputs],
        "output": preimage.output,
        "preimage": plain(preimage.encode()),
        "hash": plain(preimage.hash),
        "tensorRoots": plain(trace.commit().tensor_roots),
        "traceRoot": plain(opener.trace_root),
        "inputRoot": plain(opener.input_root),
    }


def engine() -> dict[str, Any]:
    return {
        "about": "docs/determinism.md; an operand with `repeats` has that over and over until its header's bytes are full",
        "trees": trees(),
        "requantize": requantized(),
        "elements": element_cases(),
        "program": sample_program(),
        "witnesses": [shown.to_json() for shown in witnesses()],
    }
