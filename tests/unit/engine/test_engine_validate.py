"""A program that is not total and provable is refused, with the step and what is wrong: one broken thing in each test."""

import dataclasses

import numpy as np
import pytest
from broken_programs import I8, I32, U8, every_opcode, params, place_of_opcode, with_constant, with_step
from engine_programs import random_program

from tallystick.engine import constant_facts
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, ConcatAttributes, Opcode, ReshapeAttributes
from tallystick.engine.program import MAX_STEPS, Program, Ref, RefKind, Step, float_bits
from tallystick.engine.validate import validate
from tallystick.errors import ModelError

PROGRAM = every_opcode()


def at(opcode):
    return place_of_opcode(PROGRAM, opcode)


def refusal(program):
    """What validation says, and what it advises."""
    with pytest.raises(ModelError) as caught:
        validate(program)
    assert caught.value.remedy
    return caught.value.what


def changed(opcode, **changes):
    return with_step(PROGRAM, at(opcode), **changes)


def operands_of(opcode, place, ref):
    operands = list(PROGRAM.steps[at(opcode)].operands)
    operands[place] = ref
    return changed(opcode, operands=tuple(operands))


def test_validate_given_every_opcode_accepts_it():
    validate(PROGRAM)
    assert {step.opcode for step in PROGRAM.steps} == set(Opcode)


@pytest.mark.parametrize("seed", range(30))
def test_validate_given_a_random_program_of_the_builder_accepts_it(seed):
    validate(random_program(seed)[0])


def test_validate_given_a_broken_step_names_it_and_its_node():
    assert refusal(changed(Opcode.CONV, stride_h=0)) == "Step 0 (CONV of 'conv1'): its stride_h is 0, outside 1..65536."


# ---- the whole --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"steps": ()}, "no steps"),
        ({"output": len(PROGRAM.steps)}, "output is step"),
        ({"output": -1}, "output is step -1"),
        ({"input_names": ("a", "b")}, "2 names"),
        ({"inputs": PROGRAM.inputs * 65}, "65 inputs"),
        ({"steps": PROGRAM.steps * (MAX_STEPS // len(PROGRAM.steps) + 1)}, "steps, over"),
        (
            {"steps": (Step(ConcatAttributes(0, (0,) * 64), (Ref(RefKind.INPUT, 0),) * 64, PROGRAM.inputs[0]),) * 9000},
            "operands, over",
        ),
    ],
)
def test_validate_given_a_program_out_of_bounds_refuses(changes, says):
    assert says in refusal(dataclasses.replace(PROGRAM, **changes))


def test_validate_given_a_trace_over_the_bound_refuses():
    x = TensorHeader(U8, (1 << 30,))
    step = Step(ReshapeAttributes(), (Ref(RefKind.INPUT, 0),), x)
    assert "the trace up to here has 9,663,676,416 bytes" in refusal(Program((x,), (), (step,) * 9, 8))


def test_validate_given_more_work_than_can_be_checked_refuses():
    b = ProgramBuilder()
    x = b.input(TensorHeader(U8, (1 << 13, 1 << 16)), "x")
    out = b.matmul(
        x, b.input(TensorHeader(U8, (1 << 14, 1 << 16)), "w"), b.constant(params(1)), zeros=(128, 128, 0), dtype=U8
    )
    assert "terms, over" in refusal(b.build(out))


# ---- operands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ref",
    [
        Ref(RefKind.STEP, 0),  # itself
        Ref(RefKind.STEP, 1),  # a later one
        Ref(RefKind.INPUT, 1),
        Ref(RefKind.INPUT, -1),
    ],
)
def test_validate_given_an_operand_that_is_not_there_refuses(ref):
    assert "its operand 0 is" in refusal(operands_of(Opcode.CONV, 0, ref))


@pytest.mark.parametrize(
    ("opcode", "place"),
    [
        (Opcode.CONV, 2),
        (Opcode.MATMUL, 2),
        (Opcode.POOL_SUM, 1),
        (Opcode.LOOKUP, 1),
        (Opcode.LOOKUP2, 2),
    ],
)
def test_validate_given_params_or_a_table_that_is_no_constant_refuses(opcode, place):
    assert "must be a constant" in refusal(operands_of(opcode, place, Ref(RefKind.INPUT, 0)))


def test_validate_given_a_requantize_with_multipliers_from_an_input_refuses():
    index = next(i for i, s in enumerate(PROGRAM.steps) if getattr(s.attributes, "kind", None) == ArithKind.REQUANTIZE)
    first = PROGRAM.steps[index].operands[0]
    assert "must be a constant" in refusal(with_step(PROGRAM, index, operands=(first, first)))


@pytest.mark.parametrize("opcode", [opcode for opcode in Opcode if opcode is not Opcode.ARITH])
def test_validate_given_no_operands_refuses(opcode):
    assert "operands" in refusal(changed(opcode, operands=()))


@pytest.mark.parametrize("opcode", list(Opcode))
def test_validate_given_another_header_than_the_rule_gives_refuses(opcode):
    header = PROGRAM.steps[at(opcode)].header
    wrong = TensorHeader(header.dtype, (*header.dims[:-1], header.dims[-1] + 1))
    assert refusal(changed(opcode, header=wrong))


@pytest.mark.parametrize("opcode", [Opcode.CONV, Opcode.MATMUL, Opcode.POOL_SUM])
def test_validate_given_requantised_sums_of_32_bits_refuses(opcode):
    header = TensorHeader(I32, PROGRAM.steps[at(opcode)].header.dims)
    assert "its requantised output is i32" in refusal(changed(opcode, header=header))


@pytest.mark.parametrize("opcode", [Opcode.CONV, Opcode.MATMUL])
def test_validate_given_exact_sums_of_8_bits_refuses(opcode):
    assert "exact sums are i32" in refusal(changed(opcode, requantize=0))


@pytest.mark.parametrize("opcode", [Opcode.CONV, Opcode.MATMUL, Opcode.LOOKUP])
def test_validate_given_a_32_bit_operand_where_bytes_belong_refuses(opcode):
    index = at(opcode)
    dims = PROGRAM.header(PROGRAM.steps[index].operands[0]).dims
    program = dataclasses.replace(PROGRAM, inputs=(*PROGRAM.inputs, TensorHeader(I32, dims)), input_names=())
    operands = (Ref(RefKind.INPUT, 1), *PROGRAM.steps[index].operands[1:])
    assert "must be u8 or i8" in refusal(with_step(program, index, operands=operands))


# ---- attributes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opcode", "changes", "says"),
    [
        (Opcode.CONV, {"kernel_h": 0}, "kernel_h is 0"),
        (Opcode.CONV, {"kernel_h": 2}, "the attributes say dims"),
        (Opcode.CONV, {"stride_w": 0}, "stride_w is 0"),
        (Opcode.CONV, {"dilation_h": 0}, "dilation_h is 0"),
        (Opcode.CONV, {"dilation_w": -1}, "dilation_w is -1"),
        (Opcode.CONV, {"pad_top": -1}, "pad_top is -1"),
        (Opcode.CONV, {"pad_left": (1 << 16) + 1}, "pad_left is 65537"),
        (Opcode.CONV, {"stride_h": 20_000}, "reach"),
        (Opcode.CONV, {"groups": 0}, "groups is 0"),
        (Opcode.CONV, {"groups": 3}, "3 groups do not divide 4 channels into 8"),
        (Opcode.CONV, {"groups": 1}, "the attributes say dims"),
        (Opcode.CONV, {"zero_x": 256}, "zero_x is 256, outside 0..255"),
        (Opcode.CONV, {"zero_w": 128}, "zero_w is 128, outside -128..127"),
        (Opcode.CONV, {"zero_y": -1}, "zero_y is -1"),
        (Opcode.CONV, {"requantize": 2}, "requantize is 2"),
        (Opcode.CONV, {"zero_x": 2**31}, "attribute is 2147483648"),
        (Opcode.MATMUL, {"zero_a": -1}, "zero_a is -1"),
        (Opcode.MATMUL, {"zero_b": 200}, "zero_b is 200"),
        (Opcode.POOL_SUM, {"zero_x": 128}, "zero_x is 128"),
        (Opcode.POOL_SUM, {"kernel_h": 2}, "table of multipliers"),
        (Opcode.POOL_SUM, {"requantize": 0}, "exact sums are i32"),
        (Opcode.MAX_POOL, {"kernel_w": -3}, "kernel_w is -3"),
        (Opcode.ARG_MAX, {"kernel_h": 1 << 20}, "reach"),
        (Opcode.VIEW, {"axes": (0, 2, 2, 1, *[0] * 4, *[1] * 4)}, "is no permutation"),
        (Opcode.VIEW, {"axes": (0, 1, 2, 0, 0, 0, 1, 1, 1)}, "it has 3 axes"),
        (Opcode.VIEW, {"fill": 256}, "fill is 256"),
        (Opcode.CONCAT, {"axis": 2}, "axis is 2"),
        (Opcode.CONCAT, {"axis": -1}, "axis is -1"),
        (Opcode.CONCAT, {"offsets": (0, 4)}, "begins at 4, and the ones before it end at 5"),
        (Opcode.CONCAT, {"offsets": (0,)}, "2 operands and 1 offsets"),
        (Opcode.CONCAT, {"axis": 0, "offsets": (0, 3)}, "does not continue"),
        (Opcode.GATHER, {"axis": 2}, "axis is 2"),
        (Opcode.ARITH, {"kind": 14}, "no Arith kind 14"),
        (Opcode.ARITH, {"kind": ArithKind.SELECT}, "2 operands, and ARITH has 3 to 3"),
        (Opcode.ARITH, {"zero_y": 256}, "zero_y is 256"),
        (Opcode.ARITH, {"shift": 1}, "shift is 1, outside 0..0"),
    ],
)
def test_validate_given_an_attribute_out_of_range_refuses(opcode, changes, says):
    assert says in refusal(changed(opcode, **changes))


@pytest.mark.parametrize("shift", [-1, 32])
def test_validate_given_a_shift_outside_31_refuses(shift):
    assert f"shift is {shift}, outside 0..31" in refusal(with_step(PROGRAM, len(PROGRAM.steps) - 1, shift=shift))


def test_validate_given_operands_that_do_not_broadcast_refuses():
    b = ProgramBuilder()
    x, y = b.input(TensorHeader(U8, (3,)), "x"), b.input(TensorHeader(U8, (4,)), "y")
    program = b.build(b.arith(ArithKind.ADD, x, x))
    program = dataclasses.replace(program, inputs=(b.header(x), b.header(y)), input_names=())
    assert "do not broadcast" in refusal(with_step(program, 0, operands=(x, y)))


# ---- constants --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bits",
    [
        0,  # +0
        1,  # the smallest subnormal
        0x007F_FFFF,  # the largest
        0x7F80_0000,  # infinity
        0x7FC0_0000,  # NaN
        -(2**31),  # -0
        int(float_bits([-0.5])[0]),
    ],
)
@pytest.mark.parametrize(("opcode", "place"), [(Opcode.CONV, 2), (Opcode.POOL_SUM, 1), (Opcode.ARITH, 1)])
def test_validate_given_a_multiplier_that_is_not_normal_and_positive_refuses(opcode, place, bits):
    index = PROGRAM.steps[at(opcode)].operands[place].index
    array = PROGRAM.constants[index].copy()
    array[(0,) * (array.ndim - 1) + (slice(-1, None),) if array.ndim else ()] = bits
    assert "which is no finite normal number above zero" in refusal(with_constant(PROGRAM, index, array))


def test_validate_given_exact_sums_ignores_multipliers():
    b = ProgramBuilder()
    x = b.input(TensorHeader(U8, (2, 4)), "x")
    validate(b.build(b.matmul(x, b.constant(np.ones((3, 4), np.int8)), b.constant(np.zeros((1, 2), np.int32)))))


@pytest.mark.parametrize(("opcode", "place"), [(Opcode.LOOKUP, 1), (Opcode.LOOKUP2, 2)])
def test_validate_given_a_table_of_another_size_refuses(opcode, place):
    index = PROGRAM.steps[at(opcode)].operands[place].index
    assert "its table is" in refusal(with_constant(PROGRAM, index, PROGRAM.constants[index][:-1]))


def test_validate_given_constants_of_another_dtype_refuses():
    assert "no tensors of dtype float32" in refusal(with_constant(PROGRAM, 0, np.zeros(3, np.float32)))


# ---- sums -------------------------------------------------------------------------------------------------------------


def summed(weights, bias, dtype=np.int8):
    """A product u8[1, K] x constant, exact."""
    b = ProgramBuilder()
    x = b.input(TensorHeader(U8, (1, len(weights))), "x")
    row = b.constant(np.array([[bias, 0]], np.int32))
    return b.build(b.matmul(x, b.constant(np.array([weights], dtype)), row))


def test_validate_given_sums_that_just_fit_accepts_and_one_more_refuses():
    weights = [127] * 1000
    room = 2**31 - 1 - 127 * 255 * 1000
    validate(summed(weights, room))
    validate(summed(weights, -room))
    assert "its sums can reach 2,147,483,648" in refusal(summed(weights, room + 1))
    assert "its sums can reach 2,147,483,648" in refusal(summed(weights, -room - 1))


def test_validate_given_weights_of_either_sign_counts_their_size():
    assert "can reach" in refusal(summed([127, -128] * 40_000, 0))
    validate(summed([0, -1] * 40_000, 0))


def test_validate_given_weights_without_a_scan_falls_back_to_the_coarse_bound(monkeypatch):
    sparse = [127] + [0] * 70_000
    validate(summed(sparse, 0))
    monkeypatch.setattr(constant_facts.ConstantFacts.__init__, "__defaults__", (1000,))
    assert "its sums can reach 2,266," in refusal(summed(sparse, 0))


def test_validate_given_weights_that_an_input_brings_bounds_them_by_their_dtype():
    b = ProgramBuilder()
    x, w = (b.input(TensorHeader(U8, (1, k)), name) for k, name in ((33_026, "x"), (33_026, "w")))
    fits = b.build(b.matmul(x, w, b.constant(np.zeros((1, 2), np.int32))))
    assert "its sums can reach 2,147,515,650" in refusal(fits)
    validate(dataclasses.replace(fits, inputs=(TensorHeader(U8, (1, 33_025)),) * 2))


def test_validate_given_a_sum_of_32_bits_takes_the_range_of_what_made_it():
    def total(most):
        b = ProgramBuilder()
        x = b.input(TensorHeader(U8, (1, 4096)), "x")
        return b.build(b.sum_last(b.lookup(x, np.full(256, most, np.int32))))

    validate(total(2**19 - 1))
    assert "its sums can reach 2,147,483,648" in refusal(total(2**19))


def test_validate_given_a_sum_of_an_input_of_32_bits_refuses():
    b = ProgramBuilder()
    x = b.input(TensorHeader(I32, (1, 4)), "x")
    assert "its sums can reach" in refusal(b.build(b.sum_last(x)))
    validate(b.build(b.sum_last(b.arith(ArithKind.MIN, b.arith(ArithKind.MAX, x, -(2**28)), 2**28))))


# ---- gas, and time ----------------------------------------------------------------------------------------------------


def test_validate_given_a_reduction_that_no_transaction_checks_refuses_with_advice():
    b = ProgramBuilder()
    x = b.input(TensorHeader(I8, (1, 400_000)), "x")
    weights = b.constant(np.zeros((1, 400_000), np.int8))
    b.scope = "head"
    with pytest.raises(ModelError, match=r"Step 0 \(MATMUL of 'head'\).*gas") as caught:
        validate(b.build(b.matmul(x, weights, b.constant(params(1)))))
    assert "Stage the reduction" in caught.value.remedy


@pytest.mark.parametrize(("budget", "reads"), [(1 << 20, 256), (5 * (144 + 8), 5)])
def test_validate_given_a_constant_named_in_many_steps_reads_it_a_bounded_number_of_times(monkeypatch, budget, reads):
    first, scan, seen = PROGRAM.steps[0], constant_facts._row_weights, []
    monkeypatch.setattr(constant_facts, "_row_weights", lambda rows, zero: seen.append(rows.size) or scan(rows, zero))
    monkeypatch.setattr(constant_facts.ConstantFacts.__init__, "__defaults__", (budget,))
    attributes = [dataclasses.replace(first.attributes, zero_w=k % 256 - 128) for k in range(1024)]
    steps = tuple(dataclasses.replace(first, attributes=each) for each in attributes)
    validate(dataclasses.replace(PROGRAM, steps=steps, output=0))
    assert seen == [144] * reads
