"""Artifacts of jobs and claims: what is written is read again, and of what strangers write nothing is believed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from dispute_claims import random_trace, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dispute.artifacts import (
    MAX_HEADER_BYTES,
    decode_inputs,
    decode_output,
    decode_roots,
    decode_tensor,
    encode_inputs,
    encode_output,
    encode_roots,
    encode_tensor,
    inputs_size,
    most_tensor_bytes,
    roots_size,
)
from tallystick.dispute.faults import HeaderFault, PaddingFault, corrupt
from tallystick.dispute.published import PublishedTensor
from tallystick.engine.fold import LEAF_BYTES, leaf_count
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import DType
from tallystick.engine.program import to_bytes
from tallystick.engine.trace import inputs_root, list_root
from tallystick.engine.tree import byte_root, tensor_root
from tallystick.errors import ArtifactCorruptError, InputError, TensorError
from tallystick.merkle import depth_of

TRACE = small_network()
PROGRAM = TRACE.program
ROOTS = TRACE.commit().tensor_roots


def same(left, right):
    return left.dtype == right.dtype and np.array_equal(left, right)


# ---- what is written is read ------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_decode_given_what_was_encoded_of_any_run_returns_it(seed):
    trace = random_trace(seed)
    program = trace.program
    inputs = encode_inputs(trace.inputs)
    assert len(inputs) == inputs_size(program)
    assert all(map(same, decode_inputs(inputs, program), trace.inputs))
    assert same(decode_output(encode_output(trace.output), program.output_header), trace.output)
    for tensor, step in zip(trace.tensors, program.steps, strict=True):
        artifact = encode_tensor(tensor)
        assert decode_tensor(artifact) == (step.header.encode(), to_bytes(tensor).tobytes())
        assert len(artifact) <= most_tensor_bytes(step.header)


def test_decode_inputs_given_the_artifact_returns_what_hashes_to_the_input_root():
    arrays = decode_inputs(encode_inputs(TRACE.inputs), PROGRAM)
    roots = [
        tensor_root(header.encode(), byte_root(to_bytes(array)))
        for header, array in zip(PROGRAM.inputs, arrays, strict=True)
    ]
    assert inputs_root(roots) == TRACE.commit().input_root


def test_decode_roots_given_the_artifact_returns_what_hashes_to_the_trace_root():
    artifact = encode_roots(ROOTS)
    assert len(artifact) == roots_size(PROGRAM)
    assert decode_roots(artifact, PROGRAM) == ROOTS
    assert list_root(decode_roots(artifact, PROGRAM)) == TRACE.commit().trace_root


@pytest.mark.parametrize("step", range(len(PROGRAM.steps)))
def test_encode_tensor_given_another_header_than_the_programs_keeps_what_was_hashed(step):
    false = corrupt(TRACE, HeaderFault(step))
    header, data = decode_tensor(encode_tensor(false.published[step]))
    assert header != PROGRAM.steps[step].header.encode()
    read = PublishedTensor(header, np.frombuffer(data, np.uint8), is_raw=True)
    assert read.tree.root == byte_root(to_bytes(false.published[step]))


def test_encode_tensor_given_bytes_with_wrong_padding_keeps_them():
    step = next(index for index, each in enumerate(PROGRAM.steps) if each.header.byte_size % LEAF_BYTES)
    header = PROGRAM.steps[step].header
    item = corrupt(TRACE, PaddingFault(step)).published[step]
    artifact = encode_tensor(item, header)
    assert decode_tensor(artifact) == (header.encode(), item)
    assert len(item) > header.byte_size
    assert len(artifact) <= most_tensor_bytes(header)


# ---- bounds -----------------------------------------------------------------------------------------------------------


def test_most_tensor_bytes_given_a_tensor_with_every_slot_used_is_reached():
    header = TensorHeader(DType.U8, (5 * LEAF_BYTES,))
    slots = 1 << depth_of(leaf_count(header.byte_size))
    used = bytes(slots * LEAF_BYTES)
    assert len(encode_tensor(used, header)) == most_tensor_bytes(header) - MAX_HEADER_BYTES + len(header.encode())


@pytest.mark.parametrize("change", [-1, 1])
def test_decode_inputs_given_a_byte_too_few_or_too_many_is_refused(change):
    with pytest.raises(ArtifactCorruptError, match=f"{inputs_size(PROGRAM):,} bytes and has"):
        decode_inputs(bytes(inputs_size(PROGRAM) + change), PROGRAM)


@pytest.mark.parametrize("change", [-1, 1])
def test_decode_output_given_a_byte_too_few_or_too_many_is_refused(change):
    header = PROGRAM.output_header
    with pytest.raises(ArtifactCorruptError, match="An output"):
        decode_output(bytes(header.byte_size + change), header)


@pytest.mark.parametrize("change", [-32, -1, 1, 32])
def test_decode_roots_given_another_number_of_bytes_is_refused(change):
    with pytest.raises(ArtifactCorruptError, match=f"roots of {len(PROGRAM.steps)} steps"):
        decode_roots(bytes(roots_size(PROGRAM) + change), PROGRAM)


@pytest.mark.parametrize("data", [b"", b"\0", b"\x05abcd", b"\xff" + bytes(254), bytes(5000)])
def test_decode_tensor_given_no_whole_header_is_refused(data):
    with pytest.raises(ArtifactCorruptError, match="no whole header"):
        decode_tensor(data)


@given(st.binary(max_size=600))
def test_decode_tensor_given_any_bytes_returns_all_of_them_or_refuses(data):
    try:
        header, held = decode_tensor(data)
    except ArtifactCorruptError:
        return
    assert bytes([len(header)]) + header + held == data


def test_decode_tensor_given_a_header_of_a_huge_tensor_allocates_no_more_than_its_bytes():
    huge = TensorHeader(DType.I32, (1 << 15, 1 << 15)).encode()
    artifact = bytes([len(huge)]) + huge + b"some"
    tracemalloc.start()
    try:
        header, held = decode_tensor(artifact)
        tensor = PublishedTensor(header, np.frombuffer(held, np.uint8), is_raw=True)
        assert tensor.equals(TRACE.tensors[0], PROGRAM.steps[0].header) is False
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


# ---- refusals when writing --------------------------------------------------------------------------------------------


def test_encode_roots_given_something_that_is_no_hash_is_refused():
    with pytest.raises(InputError, match="root of step 1 has 31 bytes"):
        encode_roots([bytes(32), bytes(31)])


def test_encode_tensor_given_bytes_without_a_header_is_refused():
    with pytest.raises(TensorError, match="without a header"):
        encode_tensor(b"123")


def test_encode_tensor_given_an_array_of_a_dtype_that_programs_lack_is_refused():
    with pytest.raises(InputError):
        encode_tensor(np.zeros(3, np.float64))
