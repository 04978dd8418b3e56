"""Arrays as a program takes them: the very integers that the compiler's own quantisation gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from client_sdk._program_inputs import ProgramInputs, program_milestones
from client_sdk._quantisation import quantisation_of, reals_of
from tallystick.dispute.artifacts import encode_inputs
from tallystick.engine.commitments import array_root
from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.opcodes import DType
from tallystick.engine.order import order_image
from tallystick.engine.program import float_bits
from tallystick.engine.trace import list_root
from tallystick.errors import ArtifactCorruptError, TensorError
from tallystick.market.manifests import ProgramTensor

SCALE = np.float32(0.1)


def tensor(**changes: Any) -> ProgramTensor:
    """u8 [1, 4], a tenth a step, 3 for zero."""
    bits = f"0x{int(float_bits([float(SCALE)])[0]):08x}"
    usual: dict[str, Any] = {"name": "x", "dtype": "u8", "dims": (1, 4), "held": "quantised"}
    fields = {**usual, "scale_bits": bits, "zero": 3, **changes}
    if fields["held"] != "quantised":
        fields |= {"scale_bits": None, "zero": None}
    return ProgramTensor(**fields)


WHOLE = tensor(name="ids", dtype="i32", dims=(2,), held="integers")
ORDERED = tensor(name="row", dtype="i32", dims=(3,), held="order")


def only(inputs: Any, *tensors: ProgramTensor) -> ProgramInputs:
    [one] = program_milestones(inputs, tensors or (tensor(),))
    return one


def integers(inputs: Any, one: ProgramTensor, kind: Any) -> list[int]:
    content = only(inputs, one).content
    return [int(value) for value in np.frombuffer(content, kind)]


def test_program_milestones_given_reals_quantises_as_the_compiler_does() -> None:
    reals = np.random.default_rng(1).normal(5, 9, (200, 1, 4)).astype(np.float32)

    made = program_milestones(reals, (tensor(),), 200)

    wanted = Quantisation(SCALE, 3, DType.U8).quantise(reals).astype(np.uint8)
    assert b"".join(one.content for one in made) == wanted.tobytes()


def test_program_milestones_given_halves_takes_the_even_neighbour() -> None:
    one = tensor(scale_bits=f"0x{int(float_bits([1.0])[0]):08x}", zero=0)

    assert integers([[0.5, 1.5, 2.5, 3.5]], one, np.uint8) == [0, 2, 2, 4]


def test_program_milestones_divides_in_single_precision() -> None:
    # In double precision 0.35 / 0.1f is 3.4999999; in single it is 3.5, whose even neighbour is 4.
    assert integers([[0.35, 0, 0, 0]], tensor(zero=0), np.uint8)[0] == 4


@pytest.mark.parametrize("kind", [np.float64, np.float32, list])
def test_program_milestones_given_the_same_numbers_in_another_form_makes_the_same_content(kind: Any) -> None:
    numbers = [[0.1, 0.35, 7.77, 12.3]]
    array = numbers if kind is list else np.array(numbers, kind)

    assert only(array) == only(np.array(numbers, np.float32))


def test_program_milestones_given_bytes_takes_them_as_they_are() -> None:
    assert integers(np.array([[0, 1, 128, 255]], np.uint8), tensor(), np.uint8) == [0, 1, 128, 255]


def test_program_milestones_given_whole_numbers_that_are_no_bytes_quantises_them() -> None:
    assert integers([[0, 1, 2, 3]], tensor(), np.uint8) == [3, 13, 23, 33]


def test_program_milestones_given_integers_for_an_input_of_integers_takes_them() -> None:
    assert integers([-70_000, 5], WHOLE, ">i4") == [-70_000, 5]


def test_program_milestones_given_floats_by_order_takes_their_images() -> None:
    row = np.array([-1.5, 0.0, 3e38], np.float32)

    assert integers(row, ORDERED, ">i4") == order_image(row).tolist()


def test_program_milestones_names_them_as_a_run_does() -> None:
    a, b = np.array([[1, 2, 3, 4]], np.uint8), np.array([7, 8], np.int32)

    made = only({"ids": b, "x": a}, tensor(), WHOLE)

    assert made.root == list_root([array_root(a), array_root(b)])
    assert made.content == encode_inputs([a, b])


def test_program_milestones_given_numbers_beyond_the_range_counts_them() -> None:
    made = only([[-1.0, 0.0, 25.2, 25.3]])

    # What rounds to an end is no loss: -0.3 to 25.2, half a step further on either side.
    assert (made.saturated, list(made.content)) == ({"x": 2}, [0, 3, 255, 255])


@pytest.mark.parametrize(
    ("inputs", "one", "sentence"),
    [
        ([[1, 2, 3]], tensor(), r"shape \[1, 3\]; the model takes \[1, 4\]"),
        ([[1, 2, 3, float("nan")]], tensor(), r"Input 'x' is nan at \(0, 3\)"),
        ([[1, float("inf"), 3, 4]], tensor(), r"is inf at \(0, 1\)"),
        ([[1, 1e300, 3, 4]], tensor(), r"is inf at \(0, 1\)"),
        ([[1, 2, 3], [4]], tensor(), "ragged"),
        ([], tensor(), "is empty"),
        ([["1", "2", "3", "4"]], tensor(), "holds <U1 values"),
        (np.array([[True, False, True, True]]), tensor(), "holds bool values"),
        (np.zeros((1, 4), np.int8), tensor(), "is int8; the program takes uint8"),
        ([0.5, 1.5], WHOLE, "holds float64 values; the program takes integers"),
        ([2**31, 0], WHOLE, r"is 2147483648 at \(0,\), outside -2147483648 to 2147483647"),
        ([2**70, 0], WHOLE, "holds object values"),
        ([float("nan"), 0, 0], ORDERED, "Input 'row': The input has a NaN"),
        ({"y": [0, 0]}, WHOLE, "no input 'y'"),
    ],
)
def test_program_milestones_given_a_wrong_input_says_what_is_wrong(
    inputs: Any, one: ProgramTensor, sentence: str
) -> None:
    with pytest.raises(TensorError, match=sentence):
        program_milestones(inputs, (one,))


def test_program_milestones_given_a_fault_in_one_of_many_names_the_milestone() -> None:
    with pytest.raises(TensorError, match=r"^Milestone 1: Input 'x' is nan"):
        program_milestones([[[1, 2, 3, 4]], [[1, 2, 3, float("nan")]]], (tensor(),))


@pytest.mark.parametrize(
    ("one", "array"),
    [
        (tensor(), np.array([[0, 3, 4, 255]], np.uint8)),
        (WHOLE, np.array([-5, 2**31 - 1], np.int32)),
        (ORDERED, order_image(np.array([-1.5, 0, 2.25], np.float32))),
    ],
)
def test_reals_of_given_what_was_quantised_gives_what_quantises_to_it(one: ProgramTensor, array: Any) -> None:
    reals = reals_of(array, one)
    again = reals.astype(np.int64) if one.held == "integers" else reals

    assert only(again, one).content == encode_inputs([array])


def test_reals_of_a_quantised_tensor_are_its_integers_less_zero_by_scale() -> None:
    assert reals_of(np.array([3, 13], np.uint8), tensor(dims=(2,))).tolist() == [0.0, 10 * float(SCALE)]


def test_quantisation_of_a_scale_that_no_package_has_says_so() -> None:
    with pytest.raises(ArtifactCorruptError, match="says of 'x' what cannot be"):
        quantisation_of(tensor(scale_bits="0x00000000"))
