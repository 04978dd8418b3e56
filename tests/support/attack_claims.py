"""Claims as attackers make them, with the witness that somebody brings, and what must come of it: for the judge in Python, and the one on chain.

An attack by a claimer must end in a fault. One by a challenger, on an honest claim, must be refused for a reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from small_networks import perceptron

from scripts.engine_vectors import sample_trace
from tallystick.dispute.claims import Claim, honest_claim
from tallystick.dispute.faults import ElementFault, HeaderFault, OutputFault, PaddingFault, WeightsFault, corrupt
from tallystick.dispute.findings import AnyWitness, Fault, WholeWitness
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.published import PublishedTensor, read_published
from tallystick.dispute.search import examine, examine_by_roots
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.commitments import program_commitment
from tallystick.engine.compiler.compile import compile_model
from tallystick.engine.executor import run
from tallystick.engine.fold import leaf_hash
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType
from tallystick.engine.opener import Opener
from tallystick.engine.program import Program, Ref, RefKind, float_bits
from tallystick.engine.trace import Trace
from tallystick.engine.witness import Witness
from tallystick.errors import ArtifactMissingError


@dataclasses.dataclass(frozen=True)
class Attack:
    """One claim, one witness.

    Attributes:
        name: What is tried.
        program_hash: Of the program that the model is registered with.
        claim: That the witness is brought against.
        witness: What is brought.
        kind: Of the fault that must be shown; None where nothing may be shown.
        reason: Why not, as `WitnessError.reason` has it; `Agrees` is the contract's `NoFault`.
        computed: What the step gives, where an element is judged.
    """

    name: str
    program_hash: bytes
    claim: Claim
    witness: AnyWitness
    kind: FaultKind | None
    reason: str = ""
    computed: int | None = None


def fault_attack(name: str, trace: Trace, claim: Claim, published: object) -> Attack:
    """Of a claimer; the witness is what a challenger finds."""
    fault = examine(trace.program, trace.inputs, claim, published)  # type: ignore[arg-type]
    assert isinstance(fault, Fault), f"{name}: {fault}"
    program_hash = program_commitment(trace.program).program_hash
    return Attack(name, program_hash, claim, fault.witness, fault.kind, computed=fault.computed)


def refused_attack(name: str, trace: Trace, witness: Witness, reason: str, computed: int | None = None) -> Attack:
    """Of a challenger on the honest claim of a trace."""
    program_hash = program_commitment(trace.program).program_hash
    return Attack(name, program_hash, honest_claim(trace), witness, None, reason, computed)


# ---- by claimers ------------------------------------------------------------------------------------------------------


def simple_lies() -> Iterator[Attack]:
    """Wrong output only, other weights, shapes, padding: of a program with steps of every family."""
    trace = sample_trace()
    lies = {
        "wrong output only": OutputFault(),
        "other dims, the same bytes": HeaderFault(0),
        "a one behind the last element": PaddingFault(0),
        "a one in the slot behind the last leaf": PaddingFault(2, in_slot=True),
        **{f"constant {k} with one number changed": WeightsFault(k, 0) for k in range(len(trace.program.constants))},
        "all weights of another model": WeightsFault(1),
    }
    for name, lie in lies.items():
        false = corrupt(trace, lie)
        if false.claim == honest_claim(trace):  # that number is not read for this input
            continue
        yield fault_attack(name, trace, false.claim, false.published)


def deep_elements() -> Iterator[Attack]:
    """One wrong element of each step, not carried on: everything behind it is right."""
    trace = sample_trace()
    for step, operation in enumerate(trace.program.steps):
        false = corrupt(trace, ElementFault(step, operation.header.size * 3 // 5, carried=False))
        yield fault_attack(f"one element of step {step}, {operation.opcode.name}", trace, false.claim, false.published)


def hidden_tensors() -> Iterator[Attack]:
    """The roots are published, the wrong tensor is not: it is shown by its root, and so is every honest one that nothing is wrong with."""
    trace = sample_trace()
    program_hash = program_commitment(trace.program).program_hash
    for step in (2, 5, 6):
        false = corrupt(trace, ElementFault(step, 7))
        roots = read_published(trace.program, false.published).roots
        fault = examine_by_roots(trace.program, trace.inputs, false.claim, roots, _nowhere)
        assert isinstance(fault, Fault)
        yield Attack(f"the tensor of step {step} is hidden", program_hash, false.claim, fault.witness, fault.kind)
        honest = read_published(trace.program, trace.tensors).roots
        witness = WholeWitness(Opener(trace, None, honest).whole(step), honest[step])
        name = f"the honest tensor of step {step}, computed whole"
        yield Attack(name, program_hash, honest_claim(trace), witness, None, "Agrees")


def _nowhere(step: int) -> PublishedTensor:
    raise ArtifactMissingError(f"No store has the tensor of step {step}.")


TIES = [-7, -5, -3, -1, 1, 3, 5, 7]


def ties_trace() -> Trace:
    """Halves of odd numbers: requantised alone, and as negative sums of products behind a bias."""
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.I8, (1, len(TIES))), "x")
    # One product each: x times one, so that the sums are the odd numbers and half of them is a tie.
    weights = b.constant(np.eye(len(TIES), dtype=np.int8))
    half = np.stack([np.zeros(len(TIES), np.int32), float_bits([0.5] * len(TIES))], axis=1)
    sums = b.matmul(x, weights, b.constant(half), zeros=(0, 0, 0), dtype=DType.I8)
    wide = b.arith(ArithKind.MUL, x, 3)
    program = b.build(b.concat((sums, b.requantize(wide, 0.5, 0, DType.I8)), 1))
    return run(program, [np.array([TIES], np.int8)])


def off_by_one() -> Iterator[Attack]:
    """Each tie one up and one down: who rounds halves away from zero, up or down is wrong somewhere."""
    trace = ties_trace()
    steps = [k for k, step in enumerate(trace.program.steps) if step.header.dtype is DType.I8][:2]
    for step in steps:
        for element, accumulator in enumerate(TIES):
            for by in (-1, 1):
                false = corrupt(trace, ElementFault(step, element, by, carried=False))
                name = f"half of {accumulator}, off by {by:+}, at step {step}"
                yield fault_attack(name, trace, false.claim, false.published)


def total_trace() -> Trace:
    """What other machines trap on: division by zero, an index outside on either side."""
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.I32, (4,)), "x")
    quotients = b.arith(ArithKind.DIV, x, b.constant(np.array([0, 3, 0, -2], np.int32)))
    rows = b.gather(b.constant(np.arange(5, dtype=np.int32)), x)
    program = b.build(b.concat((quotients, rows), 0))
    return run(program, [np.array([7, -(2**31), 0, 2**31 - 1], np.int32)])


def unprovable_program() -> Iterator[Attack]:
    """A claimer who hopes that nothing shows what one divided by zero is."""
    trace = total_trace()
    for step in range(2):
        for element in range(4):
            false = corrupt(trace, ElementFault(step, element, carried=False))
            name = f"{trace.program.steps[step].opcode.name} that is nowhere defined, element {element}"
            yield fault_attack(name, trace, false.claim, false.published)


def other_input() -> Attack:
    """The right program on another input, claimed for the job's."""
    trace = sample_trace()
    other = run(trace.program, [array ^ 1 for array in trace.inputs])
    claim = dataclasses.replace(honest_claim(other), input_root=honest_claim(trace).input_root)
    return fault_attack("the run of another input", trace, claim, other.tensors)


def garbage() -> Attack:
    """Noise in every tensor, claimed in the first second to be ahead of everybody."""
    trace, rng = sample_trace(), np.random.default_rng(3)
    noise = [rng.integers(-(2**31), 2**31, t.shape).astype(t.dtype) for t in trace.tensors if t is not None]
    shown = read_published(trace.program, noise)
    claim = Claim(shown.root, shown.roots[trace.program.output], honest_claim(trace).input_root)
    return fault_attack("noise", trace, claim, noise)


# ---- by challengers ---------------------------------------------------------------------------------------------------


def honest_elements() -> Iterator[Attack]:
    """Right witnesses of honest claims, ties and undefined values among them."""
    for trace in (ties_trace(), total_trace()):
        opener = Opener(trace)
        for step, operation in enumerate(trace.program.steps):
            for element in range(operation.header.size):
                right = int(trace.tensor(Ref(RefKind.STEP, step)).reshape(-1)[element])
                name = f"the right element {element} of step {step}, {operation.opcode.name}"
                yield refused_attack(name, trace, opener.witness(step, element), "Agrees", right)


def rounded_model(moved: bool) -> Trace:
    """A float model compiled; `moved`: its first weights moved by less than half a thousandth, where three decimals stay."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(perceptron("Relu"))
    first = model.graph.initializer[0]
    weights = np.round(numpy_helper.to_array(first), 3)
    shift = np.random.default_rng(9).uniform(-0.00049, 0.00049, weights.shape) if moved else 0
    first.CopyFrom(numpy_helper.from_array((weights + shift).astype(np.float32), first.name))
    samples = np.random.default_rng(1).normal(size=(16, 20)).astype(np.float32)
    program = compile_model(model.SerializeToString(), {"x": samples}).program
    return run(program, [np.arange(header.size, dtype=np.uint8).reshape(header.dims) for header in program.inputs])


def rounding_cell() -> Iterator[Attack]:
    """zk-OPML hashes weights by three decimals, so that weights moved inside a cell showed a false fault of an honest claim.

    Here the moved model is another program; brought as itself it is refused, and its weights are refused as the program's.
    """
    honest, moved = rounded_model(moved=False), rounded_model(moved=True)
    step = next(k for k, each in enumerate(honest.program.steps) if each.opcode.name == "MATMUL")
    wrong = next(k for k in range(honest.program.steps[step].header.size) if _differs(honest, moved, step, k))
    own, foreign = Opener(honest).witness(step, wrong), Opener(moved).witness(step, wrong)
    yield refused_attack("weights moved inside a cell, as the program", honest, foreign, "Program")
    operands = tuple(
        theirs if ref.kind is RefKind.CONSTANT else ours
        for ref, ours, theirs in zip(honest.program.steps[step].operands, own.operands, foreign.operands, strict=True)
    )
    forged = dataclasses.replace(own, operands=operands)
    yield refused_attack("weights moved inside a cell, as operands", honest, forged, "Operand")


def _differs(honest: Trace, moved: Trace, step: int, element: int) -> bool:
    ours, theirs = (trace.tensor(Ref(RefKind.STEP, step)).reshape(-1)[element] for trace in (honest, moved))
    return bool(ours != theirs)


def forward_program() -> Program:
    """A registered program whose first step reads itself: whatever stands there contradicts nothing."""
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.I8, (8,)), "x")
    program = b.build(b.arith(ArithKind.ADD, x, x, dtype=DType.I8))
    itself = dataclasses.replace(program.steps[0], operands=(Ref(RefKind.INPUT, 0), Ref(RefKind.STEP, 0)))
    return dataclasses.replace(program, steps=(itself,))


def reads_forward() -> Attack:
    """No fault can be shown of it: the operator that accepts it checks programs first, and so does who pays for it."""
    program = forward_program()
    x = np.arange(8, dtype=np.int8)
    trace = Trace(program, (x,), (x,))
    return refused_attack("a step that reads itself", trace, Opener(trace).witness(0, 1), "Invalid")


def inner_nodes() -> Iterator[Attack]:
    """Two hashes in the place of a leaf: leaves and nodes are hashed under different bytes, and no leaf is that short."""
    trace = sample_trace()
    step, element = 0, 0
    honest = Opener(trace).witness(step, element)
    (opening,) = honest.output.openings
    children = leaf_hash(opening.data) + opening.proof[0]
    for name, data in (("padded to a leaf", children.ljust(256, b"\0")), ("repeated to a leaf", children * 4)):
        held = dataclasses.replace(opening, data=data)
        output = dataclasses.replace(honest.output, openings=(held,))
        yield refused_attack(f"inner nodes {name}", trace, dataclasses.replace(honest, output=output), "Opening")


def attacks() -> list[Attack]:
    """All of them."""
    by_claimers = [*simple_lies(), *deep_elements(), *off_by_one(), *unprovable_program(), other_input(), garbage()]
    return [*by_claimers, *hidden_tensors(), *honest_elements(), *rounding_cell(), reads_forward(), *inner_nodes()]


# ---- any element of any program ---------------------------------------------------------------------------------------


def any_element(trace: Trace, seed: int) -> Attack:
    """One element of a random step, moved by a random amount and carried on to the result or not."""
    rng = np.random.default_rng(seed)
    step = int(rng.integers(len(trace.program.steps)))
    element = int(rng.integers(trace.program.steps[step].header.size))
    fault = ElementFault(step, element, int(rng.integers(1, 256)), bool(rng.integers(2)))
    false = corrupt(trace, fault)
    return fault_attack(f"seed {seed}: {fault}", trace, false.claim, false.published)
