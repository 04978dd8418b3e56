"""A witness shows what is true of a claim, and nothing can be shown that is not."""

import copy
import dataclasses
import json

import numpy as np
import pytest
from engine_programs import random_array, random_program
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.audit import ClaimRoots, audit, draws
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.commitments import program_commitment
from tallystick.engine.costs import step_cost
from tallystick.engine.element import element_of
from tallystick.engine.executor import run
from tallystick.engine.fold import LEAF_BYTES
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.opener import Opener, witness
from tallystick.engine.preimages import ProgramPreimage, decode_header, decode_step
from tallystick.engine.program import RefKind, float_bits
from tallystick.engine.readings import Reading
from tallystick.engine.trace import Trace
from tallystick.engine.tree import byte_tree, roots_root, roots_tree, tensor_root
from tallystick.engine.witness import Outcome, Witness, verify
from tallystick.engine.witness_json import from_json, to_json
from tallystick.errors import InputError, ModelError, WitnessError

RNG = np.random.default_rng(7)


def roots_of(opener):
    return {"program_hash": opener.program_hash, "trace_root": opener.trace_root, "input_root": opener.input_root}


def verdict_of(opener, step, index):
    return verify(opener.witness(step, index), **roots_of(opener))


def small_network():
    """Two inputs; a step of every family; tensors of several leaves, the last one of each not full."""
    b, rng = ProgramBuilder(), np.random.default_rng(3)
    x = b.input(TensorHeader(DType.U8, (1, 9, 9, 6)), "x")
    offset = b.input(TensorHeader(DType.I8, (6,)), "offset")
    w = b.constant(rng.integers(-128, 128, (6, 3, 3, 6)).astype(np.int8))
    params = b.constant(np.stack([rng.integers(-999, 999, 6).astype(np.int32), float_bits([0.002] * 6)], axis=1))
    same = Window(3, 3, 1, 1, 1, 1)
    conv = b.conv(x, w, params, same, (9, 9), zeros=(100, 1, 10), dtype=DType.U8)
    curve = b.lookup(conv, random_array(rng, TensorHeader(DType.I8, (6, 256))))
    pooled = b.max_pool(curve, Window(2, 2, 2, 2), (5, 5))
    moved = b.arith(ArithKind.ADD, pooled, offset)
    best = b.arg_max_last(moved)
    # an index that data decides, kept in range by GATHER itself
    picked = b.gather(b.constant(rng.integers(-9, 9, (9, 40)).astype(np.int32)), best)
    out = b.concat((b.reshape(picked, (1, 5, 5, 40)), moved), 3)
    program = b.build(out)
    return run(program, [random_array(rng, header) for header in program.inputs])


TRACE = small_network()
HONEST = Opener(TRACE)


def step_at(name):
    return next(index for index, step in enumerate(TRACE.program.steps) if step.opcode.name == name)


def claim(step, tensor):
    """The honest trace but for one tensor."""
    return Opener(dataclasses.replace(TRACE, tensors=(*TRACE.tensors[:step], tensor, *TRACE.tensors[step + 1 :])))


def off_by_one(step, index):
    tensor = TRACE.tensors[step].copy()
    tensor.reshape(-1)[index] ^= 1
    return claim(step, tensor)


# ---- what is true -----------------------------------------------------------------------------------------------------


def test_opener_has_the_roots_that_the_trace_commits_to():
    commitment = TRACE.commit()
    assert (HONEST.trace_root, HONEST.input_root) == (commitment.trace_root, commitment.input_root)


@pytest.mark.parametrize("step", range(len(TRACE.program.steps)))
def test_verify_given_an_honest_trace_agrees_at_every_step(step):
    size = TRACE.program.steps[step].header.size
    for index in {0, size - 1, *RNG.integers(0, size, 12).tolist()}:
        verdict = verdict_of(HONEST, step, index)
        assert verdict.agrees
        assert verdict.computed == verdict.claimed == TRACE.tensors[step].reshape(-1)[index]


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_verify_given_a_random_program_agrees_and_finds_every_changed_element(seed):
    program, x = random_program(seed)
    trace, rng = run(program, [x]), np.random.default_rng(seed)
    step = int(rng.integers(len(program.steps)))
    index = int(rng.integers(program.steps[step].header.size))
    assert verdict_of(Opener(trace), step, index).agrees
    wrong = trace.tensors[step].copy()
    wrong.reshape(-1)[index] ^= 1 << int(rng.integers(8 * wrong.itemsize - 1))
    cheat = Opener(dataclasses.replace(trace, tensors=(*trace.tensors[:step], wrong, *trace.tensors[step + 1 :])))
    verdict = verdict_of(cheat, step, index)
    assert verdict.outcome is Outcome.DIFFERS
    assert (verdict.computed, verdict.claimed) == (trace.tensors[step].reshape(-1)[index], wrong.reshape(-1)[index])


@pytest.mark.parametrize("step", range(len(TRACE.program.steps)))
def test_verify_given_one_wrong_element_differs_there_and_nowhere_else_in_the_step(step):
    index = TRACE.program.steps[step].header.size - 1
    cheat = off_by_one(step, index)
    assert verdict_of(cheat, step, index).outcome is Outcome.DIFFERS
    assert element_of(cheat.trace, step, index) == TRACE.tensors[step].reshape(-1)[index]
    assert all(verdict_of(cheat, step, other).agrees for other in range(0, index, 97))


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_witness_is_never_larger_than_the_steps_cost_says(seed):
    program, x = random_program(seed)
    opener, rng = Opener(run(program, [x])), np.random.default_rng(seed)
    for index, step in enumerate(program.steps):
        shown, cost = opener.witness(index, int(rng.integers(step.header.size))), step_cost(program, index)
        tensors = [tensor for tensor in (shown.output, *shown.operands) if tensor]
        openings = [opening for tensor in tensors for opening in tensor.openings]
        assert len(openings) <= cost.openings
        assert sum(len(opening.data) for opening in openings) <= cost.leaves * LEAF_BYTES
        paths = len(shown.step_path) + sum(len(tensor.path) for tensor in tensors)
        assert paths + sum(len(opening.proof) for opening in openings) <= cost.hashes


def test_witness_given_a_concatenation_leaves_out_what_is_not_read():
    step = step_at("CONCAT")
    shown = [[tensor is not None for tensor in witness(TRACE, step, index).operands] for index in (0, 40)]
    assert shown == [[True, False], [False, True]]


# ---- what is not ------------------------------------------------------------------------------------------------------


def hex_places(value, place=()):
    """The place of every string of bytes in a witness's JSON."""
    if isinstance(value, str):
        return [place] if value != "0x" else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, held in items for found in hex_places(held, (*place, key))]


def with_bit_flipped(made, place, bit):
    held = copy.deepcopy(made)
    inner = held
    for key in place[:-1]:
        inner = inner[key]
    data = bytearray.fromhex(inner[place[-1]][2:])
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    inner[place[-1]] = "0x" + data.hex()
    return held


@pytest.mark.parametrize("step", range(len(TRACE.program.steps)))
def test_verify_given_any_flipped_bit_refuses(step):
    made = to_json(HONEST.witness(step, TRACE.program.steps[step].header.size // 2))
    places = hex_places(made)
    assert len(places) > 10
    for place in places:
        for bit in RNG.integers(0, 1 << 16, 3).tolist():
            with pytest.raises(WitnessError):
                verify(from_json(with_bit_flipped(made, place, bit)), **roots_of(HONEST))


@pytest.mark.parametrize("root", ["program_hash", "trace_root", "input_root"])
def test_verify_given_a_flipped_bit_in_a_root_refuses(root):
    roots = roots_of(HONEST)
    for bit in range(0, 256, 37):
        flipped = bytearray(roots[root])
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WitnessError):
            verify(HONEST.witness(0, 5), **{**roots, root: bytes(flipped)})


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("Step", lambda shown: {"step_index": shown.step_index + 1}),
        ("Step", lambda shown: {"step": TRACE.program.steps[1].encode()}),
        ("Step", lambda shown: {"step_path": shown.step_path[:-1]}),
        ("Step", lambda shown: {"step_path": (*shown.step_path, bytes(32))}),
        ("Program", lambda shown: {"program": shown.program + b"\0"}),
        ("Program", lambda shown: {"program": shown.program[:-1]}),
        ("Output", lambda shown: {"output": HONEST.witness(1, 5).output}),
        ("Operand", lambda shown: {"operands": shown.operands[::-1]}),
        ("Operand", lambda shown: {"operands": shown.operands[:-1]}),
        ("Operand", lambda shown: {"operands": (*shown.operands, shown.operands[0])}),
        ("Operand", lambda shown: {"operands": (HONEST.witness(1, 5).operands[0], *shown.operands[1:])}),
        ("Missing", lambda shown: {"operands": (None, *shown.operands[1:])}),
        ("Missing", lambda shown: {"output": dataclasses.replace(shown.output, openings=())}),
        ("Missing", lambda shown: {"element": TRACE.program.steps[0].header.size - 1}),
        ("Element", lambda shown: {"element": TRACE.program.steps[0].header.size}),
        ("Element", lambda shown: {"element": -1}),
    ],
)
def test_verify_given_something_else_than_the_roots_stand_for_says_what(reason, change):
    shown = HONEST.witness(0, 5)
    with pytest.raises(WitnessError) as caught:
        verify(dataclasses.replace(shown, **change(shown)), **roots_of(HONEST))
    assert caught.value.reason == reason


def moved(opening, by):
    return dataclasses.replace(opening, first=opening.first + by)


@pytest.mark.parametrize(
    "change",
    [
        lambda opening: moved(opening, 1),
        lambda opening: moved(opening, -1),
        lambda opening: moved(opening, 1 << 40),
        lambda opening: dataclasses.replace(opening, data=opening.data[:-1]),
        lambda opening: dataclasses.replace(opening, data=opening.data + bytes(LEAF_BYTES)),
        lambda opening: dataclasses.replace(opening, data=b""),
        lambda opening: dataclasses.replace(opening, proof=opening.proof[:-1]),
        lambda opening: dataclasses.replace(opening, proof=(*opening.proof, bytes(32))),
        lambda opening: dataclasses.replace(opening, proof=tuple(hash_[:31] for hash_ in opening.proof)),
    ],
)
def test_verify_given_leaves_that_are_not_proven_refuses(change):
    shown = HONEST.witness(0, 5)
    x = shown.operands[0]
    changed = dataclasses.replace(x, openings=(change(x.openings[0]), *x.openings[1:]))
    with pytest.raises(WitnessError) as caught:
        verify(dataclasses.replace(shown, operands=(changed, *shown.operands[1:])), **roots_of(HONEST))
    assert caught.value.reason == "Opening"


def test_verify_given_a_header_whose_end_is_in_the_root_refuses():
    """The hash is the same, and the header would seem to be wrong."""
    shown = HONEST.witness(0, 5)
    output = shown.output
    moved_over = dataclasses.replace(output, header=output.header[:-4], tree_root=output.header[-4:] + output.tree_root)
    with pytest.raises(WitnessError) as caught:
        verify(dataclasses.replace(shown, output=moved_over), **roots_of(HONEST))
    assert caught.value.reason == "Output"


def test_verify_given_an_operand_of_another_claim_refuses():
    """The liar's own operand would make its element right."""
    conv, curve = step_at("CONV"), step_at("LOOKUP")
    cheat = off_by_one(conv, 7)
    foreign = HONEST.witness(curve, 7).operands[0]
    shown = cheat.witness(curve, 7)
    with pytest.raises(WitnessError) as caught:
        verify(dataclasses.replace(shown, operands=(foreign, *shown.operands[1:])), **roots_of(cheat))
    assert caught.value.reason == "Operand"


def test_verify_given_a_trace_whose_tensor_has_other_dims_shows_the_header():
    conv, curve = step_at("CONV"), step_at("LOOKUP")
    cheat = claim(conv, TRACE.tensors[conv].reshape(1, 6, 9, 9))
    assert verdict_of(cheat, conv, 5).outcome is Outcome.HEADER
    # A reader of that tensor is not at fault, and proves nothing against it.
    with pytest.raises(WitnessError) as caught:
        verify(cheat.witness(curve, 5), **roots_of(cheat))
    assert caught.value.reason == "Invalid"


def test_verify_given_padding_that_is_not_zero_shows_it():
    step = step_at("CONV")
    honest = HONEST.witness(step, TRACE.program.steps[step].header.size - 1)
    data = TRACE.tensors[step].tobytes()
    padded = data + bytes(-len(data) % LEAF_BYTES - 1) + b"\1"
    tree, last = byte_tree(padded), len(padded) // LEAF_BYTES - 1
    opening = dataclasses.replace(honest.output.openings[0], data=padded[-LEAF_BYTES:], proof=tuple(tree.prove(last)))
    output = dataclasses.replace(honest.output, tree_root=tree.root, openings=(opening,))
    roots = list(TRACE.commit().tensor_roots)
    roots[step] = tensor_root(output.header, output.tree_root)
    output = dataclasses.replace(output, path=tuple(roots_tree(roots).prove(step)))
    roots = {**roots_of(HONEST), "trace_root": roots_root(roots)}
    verdict = verify(dataclasses.replace(honest, output=output), **roots)
    assert verdict.outcome is Outcome.PADDING


def test_verify_given_an_input_of_other_dims_than_the_program_takes_refuses():
    x, offset = TRACE.inputs
    cheat = Opener(dataclasses.replace(TRACE, inputs=(x.reshape(1, 9, 6, 9), offset)))
    with pytest.raises(WitnessError) as caught:
        verify(cheat.witness(0, 5), **roots_of(cheat))
    assert caught.value.reason == "Operand"


def test_verify_given_a_multiplier_that_no_valid_program_has_refuses():
    b = ProgramBuilder()
    x = b.input(TensorHeader(DType.I32, (3,)), "x")
    program = b.build(b.requantize(x, -1.0, 0, DType.I8))
    tensors = (np.zeros(3, np.int8),)
    opener = Opener(Trace(program, (np.ones(3, np.int32),), tensors), program_commitment(program))
    shown = opener._lists[RefKind.STEP].open(0, [Reading(0, 0)])
    operands = [opener._lists[ref.kind].open(ref.index, [Reading(0, 0)]) for ref in program.steps[0].operands]
    made = Witness(opener._preimage.encode(), 0, program.steps[0].encode(), (), 0, shown, tuple(operands))
    with pytest.raises(WitnessError) as caught:
        verify(made, **roots_of(opener))
    assert caught.value.reason == "Invalid"


# ---- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(len(TRACE.program.steps)))
def test_from_json_given_what_to_json_wrote_is_the_same(step):
    made = HONEST.witness(step, 0)
    assert from_json(json.loads(json.dumps(to_json(made)))) == made


@pytest.mark.parametrize(
    "change",
    [
        {"step": "00"},
        {"step": "0xzz"},
        {"step": None},
        {"stepIndex": -1},
        {"stepIndex": True},
        {"element": "5"},
        {"output": None},
        {"operands": {}},
        {"stepPath": "0x"},
        {"more": 1},
    ],
)
def test_from_json_given_anything_else_refuses(change):
    with pytest.raises(WitnessError) as caught:
        from_json({**to_json(HONEST.witness(0, 0)), **change})
    assert caught.value.reason == "Form"


@pytest.mark.parametrize("step", TRACE.program.steps, ids=lambda step: step.opcode.name)
def test_decode_step_given_what_encode_wrote_is_the_same(step):
    data = step.encode()
    assert decode_step(data) == dataclasses.replace(step, name="")
    for wrong in (data[:-1], data + b"\0", b"\xff" + data[1:], b""):
        with pytest.raises(ModelError):
            decode_step(wrong)


def test_decode_header_given_a_wrong_number_of_elements_refuses():
    data = TensorHeader(DType.I8, (2, 3)).encode()
    assert decode_header(data) == TensorHeader(DType.I8, (2, 3))
    with pytest.raises(ModelError, match="6 elements, not 7"):
        decode_header(data[:-1] + b"\7")


def test_program_preimage_given_other_semantics_refuses():
    data = bytearray(HONEST.witness(0, 0).program)
    assert ProgramPreimage.decode(bytes(data)).encode() == data
    data[3] += 1
    with pytest.raises(ModelError, match="semantics 2"):
        ProgramPreimage.decode(bytes(data))


def test_witness_given_no_such_step_or_element_refuses():
    for step, index in ((-1, 0), (len(TRACE.tensors), 0), (0, -1), (0, 10**6)):
        with pytest.raises(ModelError, match=r"no step|no element"):
            HONEST.witness(step, index)


# ---- audits -----------------------------------------------------------------------------------------------------------


def claim_roots(opener):
    return ClaimRoots(**roots_of(opener))


def test_audit_given_an_honest_trace_finds_nothing():
    report = audit(TRACE.program, claim_roots(HONEST), HONEST.witness, count=40, seed=b"a")
    assert report.clean
    assert report.population == sum(step.header.size for step in TRACE.program.steps)
    assert report.confidence(0.1) == pytest.approx(1 - 0.9**40)


def test_audit_given_a_sloppy_trace_finds_elements_of_the_wrong_step():
    step = step_at("CONCAT")
    cheat = claim(step, TRACE.tensors[step] + np.int32(1))
    report = audit(TRACE.program, claim_roots(cheat), cheat.witness, count=40, seed=b"a")
    assert {finding.step for finding in report.findings} == {step}
    assert all(finding.verdict.outcome is Outcome.DIFFERS for finding in report.findings)


def test_audit_given_an_opener_that_shows_other_elements_finds_that():
    report = audit(TRACE.program, claim_roots(HONEST), lambda step, index: HONEST.witness(0, 0), count=10, seed=b"b")
    assert len(report.findings) >= 9
    assert {finding.refusal for finding in report.findings} == {"Another element was shown."}


def test_audit_given_an_opener_without_a_witness_finds_that():
    def withhold(step, index):
        raise WitnessError("Missing", "It is gone.")

    report = audit(TRACE.program, claim_roots(HONEST), withhold, count=3, seed=b"c")
    assert [finding.refusal for finding in report.findings] == ["It is gone."] * 3


def test_draws_are_spread_over_the_whole_population():
    drawn = draws(b"seed", 4000, 10)
    assert set(drawn) == set(range(10))
    assert max(drawn.count(number) for number in range(10)) < 500


def test_audit_given_no_draws_refuses():
    with pytest.raises(InputError):
        audit(TRACE.program, claim_roots(HONEST), HONEST.witness, count=0, seed=b"")
