"""A program's file gives back exactly the program, and no file of a stranger's does anything else than be refused."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from broken_programs import every_opcode, with_step
from engine_programs import random_program
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.commitments import program_commitment
from tallystick.engine.encoding import MAGIC, decode_program, encode_program
from tallystick.engine.program import Program
from tallystick.errors import ModelError

PROGRAM = every_opcode()
ENCODED = encode_program(PROGRAM)
PREFIX = len(MAGIC) + 2 + 4
LENGTHS = range(PREFIX, PREFIX + 40, 8)
INPUTS = PREFIX + 40


def same(left, right):
    """Equal in everything; arrays by dtype, dims and content."""
    arrays = zip(left.constants, right.constants, strict=True)
    return dataclasses.replace(left, constants=()) == dataclasses.replace(right, constants=()) and all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in arrays
    )


def patched(place, *octets):
    return ENCODED[:place] + bytes(octets) + ENCODED[place + len(octets) :]


def refusal(data):
    with pytest.raises(ModelError) as caught:
        decode_program(data)
    assert caught.value.remedy
    return caught.value.what


def test_decode_program_given_an_encoded_one_gives_it_back():
    decoded = decode_program(ENCODED)
    assert same(decoded, PROGRAM)
    assert decoded.input_names == ("image",)
    assert decoded.output_name == "answer"
    assert program_commitment(decoded) == program_commitment(PROGRAM)


@pytest.mark.parametrize("seed", range(20))
def test_decode_program_given_random_programs_gives_them_back(seed):
    program, _ = random_program(seed)
    encoded = encode_program(program)
    assert same(decode_program(encoded), program)
    assert encode_program(decode_program(encoded)) == encoded


def test_decode_program_given_a_program_without_constants_and_names_gives_it_back():
    first = dataclasses.replace(next(s for s in PROGRAM.steps if s.opcode.name == "MAX_POOL"), name="")
    header = PROGRAM.steps[1].header
    program = Program((header,), (), (dataclasses.replace(first, operands=(type(first.operands[0])(0, 0),)),), 0)
    assert same(decode_program(encode_program(program)), program)


def test_encode_program_given_names_in_any_script_keeps_them():
    program = with_step(PROGRAM, 0, name="свёртка/第1層\n")
    assert decode_program(encode_program(program)).steps[0].name == "свёртка/第1層\n"


@pytest.mark.parametrize(("name", "says"), [("x" * 65_536, "65536 bytes"), ("\ud800", "surrogate")])
def test_encode_program_given_a_name_that_no_file_holds_refuses(name, says):
    with pytest.raises(ModelError, match=says):
        encode_program(with_step(PROGRAM, 0, name=name))


@pytest.mark.parametrize("length", [0, 1, len(MAGIC), PREFIX, INPUTS - 1])
def test_decode_program_given_less_than_the_prefix_refuses(length):
    assert "not a program's file" in refusal(ENCODED[:length])


def test_decode_program_given_other_first_bytes_refuses():
    assert "not a program's file" in refusal(b"\x08" + ENCODED[1:])


@pytest.mark.parametrize("cut", [1, 2, 100, len(ENCODED) - INPUTS])
def test_decode_program_given_a_truncated_file_refuses(cut):
    assert "its parts make" in refusal(ENCODED[:-cut])


def test_decode_program_given_trailing_bytes_refuses():
    assert "its parts make" in refusal(ENCODED + b"\0")


@pytest.mark.parametrize("place", [len(MAGIC) + 1, len(MAGIC) + 5])
def test_decode_program_given_another_version_refuses(place):
    assert "this release reads version 1 with semantics 1" in refusal(patched(place, 2))


def test_decode_program_given_a_part_longer_and_another_shorter_refuses():
    shifted = bytearray(ENCODED)
    for place, change in ((LENGTHS[0], -1), (LENGTHS[1], 1)):
        length = int.from_bytes(shifted[place : place + 8], "big") + change
        shifted[place : place + 8] = length.to_bytes(8, "big")
    assert "inputs cannot be read" in refusal(bytes(shifted))


def test_decode_program_given_a_count_that_the_file_does_not_pay_for_refuses():
    assert "4,294,967,295 of them" in refusal(patched(INPUTS, 255, 255, 255, 255))


def test_decode_program_given_a_tensor_larger_than_the_file_refuses_before_it_takes_memory():
    constants = INPUTS + sum(int.from_bytes(ENCODED[p : p + 8], "big") for p in LENGTHS[:3])
    # the first constant: count u32, dtype, rank, its first dim; and its number of elements
    header = PROGRAM.constant_headers[0]
    huge = (1 << 20).to_bytes(4, "big")
    elements = (header.size // header.dims[0] << 20).to_bytes(8, "big")
    data = patched(constants + 6, *huge)
    data = data[: constants + 6 + 4 * len(header.dims)] + elements + data[constants + 14 + 4 * len(header.dims) :]
    tracemalloc.start()
    try:
        assert "their headers make" in refusal(data)
        assert tracemalloc.get_traced_memory()[1] < 20 * len(ENCODED)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("place", "octet"),
    [
        (INPUTS + 4, 9),  # the input's dtype
        (INPUTS + 5, 9),  # its rank
        (INPUTS + 9, 2),  # its first dim, but not the number of its elements
        (INPUTS + 30, 0xFF),  # the length of its name
    ],
)
def test_decode_program_given_a_header_that_cannot_be_refuses(place, octet):
    assert "inputs cannot be read" in refusal(patched(place, octet))


def test_decode_program_given_a_name_that_is_not_text_refuses():
    place = ENCODED.index(b"image")
    assert "not UTF-8" in refusal(patched(place, 0xFF))


def test_decode_program_given_a_program_that_is_not_valid_refuses():
    assert "Step 0 (CONV of 'conv1'): its stride_h is 0" in refusal(encode_program(with_step(PROGRAM, 0, stride_h=0)))


@settings(max_examples=300)
@given(st.data())
def test_decode_program_given_any_damage_refuses_or_reads_a_program_with_that_spelling(data):
    damaged = bytearray(ENCODED)
    # Mostly where the structure is; most of the file is constants.
    end = INPUTS + sum(int.from_bytes(ENCODED[p : p + 8], "big") for p in LENGTHS[:4])
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    try:
        program = decode_program(bytes(damaged))
    except ModelError:
        return
    assert encode_program(program) == bytes(damaged)


@given(st.binary(max_size=300))
def test_decode_program_given_noise_behind_the_prefix_refuses(noise):
    with pytest.raises(ModelError):
        decode_program(ENCODED[:PREFIX] + noise)
