"""Batch hashing against hashlib: every way that this processor can run gives the digests of the plain definition."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.sha256 import hash_levels, hash_tree, level_spans
from tallystick.engine.sha256_lanes import (
    INITIAL_STATE,
    ROUND_CONSTANTS,
    Lanes,
    available_lanes,
    code_address,
    last_blocks,
)
from tallystick.errors import InputError

EVERY_LANES = pytest.mark.parametrize("lanes", available_lanes(), ids=lambda lanes: lanes.value)
NOISE = np.random.default_rng(18).integers(0, 256, 300_000, dtype=np.uint8)


def digest(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def padded_levels(bottom):
    """All levels of the definition: slots up to the next power of two are zero."""
    levels = [bottom + [bytes(32)] * (2 ** (len(bottom) - 1).bit_length() - len(bottom))]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([digest(b"\x01", below[i], below[i + 1]) for i in range(0, len(below), 2)])
    return levels


def defined_levels(data, leaf_bytes):
    leaves = [data[at : at + leaf_bytes].ljust(leaf_bytes, b"\0") for at in range(0, max(1, len(data)), leaf_bytes)]
    return padded_levels([digest(b"\x00", leaf) for leaf in leaves])


def octets(data):
    return np.frombuffer(memoryview(data), np.uint8)


def test_round_constants_given_the_standards_are_its_own():
    assert [len(ROUND_CONSTANTS), ROUND_CONSTANTS[0], ROUND_CONSTANTS[63]] == [64, 0x428A2F98, 0xC67178F2]
    assert [INITIAL_STATE[0], INITIAL_STATE[7]] == [0x6A09E667, 0x5BE0CD19]


def test_available_lanes_given_any_processor_end_with_the_portable_one():
    assert available_lanes()[-1] is Lanes.VECTOR


def test_code_address_given_each_way_is_code_of_its_own():
    addresses = {code_address(lanes) for lanes in available_lanes()}
    assert len(addresses) == len(available_lanes()) and 0 not in addresses


@EVERY_LANES
@pytest.mark.parametrize("leaf_bytes", [64, 256])
def test_hash_tree_given_every_length_up_to_2000_agrees_with_hashlib(lanes, leaf_bytes):
    for length in range(2001):
        # another start each time, so that no alignment is always the same
        data = NOISE[length : 2 * length]
        rows = hash_tree(data, leaf_bytes, keep=False, lanes=lanes)
        assert bytes(rows[0]) == defined_levels(data.tobytes(), leaf_bytes)[-1][0], length


@EVERY_LANES
@settings(max_examples=30)
@given(
    start=st.integers(min_value=0, max_value=100_000),
    length=st.integers(min_value=0, max_value=200_000),
    leaf_bytes=st.sampled_from([128, 256, 512, 1024]),
)
def test_hash_tree_given_random_data_agrees_with_hashlib(lanes, start, length, leaf_bytes):
    data = NOISE[start : start + length]
    rows = hash_tree(data, leaf_bytes, keep=True, lanes=lanes)
    assert bytes(rows[-1]) == defined_levels(data.tobytes(), leaf_bytes)[-1][0]


@EVERY_LANES
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 33, 130])
def test_hash_tree_given_keep_holds_every_used_node_and_an_odd_ends_neighbour(lanes, count):
    data = NOISE[: count * 256 - 100]
    rows = hash_tree(data, 256, keep=True, lanes=lanes)
    defined = defined_levels(data.tobytes(), 256)
    for (first, used), level in zip(level_spans(count), defined, strict=True):
        stored = used + (used & 1 if used > 1 else 0)
        assert [bytes(row) for row in rows[first : first + stored]] == level[:stored]
    assert len(rows) == level_spans(count)[-1][0] + 1


@EVERY_LANES
@pytest.mark.parametrize("fill", [0x00, 0x01, 0x7F, 0x80, 0xFF])
def test_hash_tree_given_constant_bytes_agrees_with_hashlib(lanes, fill):
    data = bytes([fill]) * 1537
    rows = hash_tree(octets(data), 256, keep=False, lanes=lanes)
    assert bytes(rows[0]) == defined_levels(data, 256)[-1][0]


@EVERY_LANES
def test_hash_tree_given_bytes_behind_the_data_does_not_look_at_them(lanes):
    roots = set()
    for other in (0x00, 0xFF):
        room = np.full(1100, other, np.uint8)
        room[50:1050] = NOISE[:1000]
        roots.add(bytes(hash_tree(room[50:1050], 256, keep=False, lanes=lanes)[0]))
    assert roots == {defined_levels(NOISE[:1000].tobytes(), 256)[-1][0]}


def test_hash_tree_given_data_that_can_be_written_gives_the_root_of_read_only_data():
    data = bytearray(NOISE[:5000])
    writable = hash_tree(octets(data), 256, keep=False)
    assert bytes(writable[0]) == bytes(hash_tree(octets(bytes(data)), 256, keep=False)[0])


@pytest.mark.parametrize("leaf_bytes", [0, -64, 32, 100])
def test_hash_tree_given_leaves_that_are_no_blocks_is_refused(leaf_bytes):
    with pytest.raises(InputError, match=f"not {leaf_bytes}"):
        hash_tree(NOISE[:10], leaf_bytes, keep=False)


@EVERY_LANES
def test_hash_levels_given_up_to_70_roots_agrees_with_hashlib(lanes):
    for count in range(1, 71):
        items = NOISE[: 32 * count]
        bottom = [items[at : at + 32].tobytes() for at in range(0, 32 * count, 32)]
        assert bytes(hash_levels(items, lanes=lanes)[-1]) == padded_levels(bottom)[-1][0], count


@pytest.mark.parametrize("size", [64, 256])
def test_last_blocks_given_a_byte_hold_the_schedule_of_the_block_it_begins(size):
    row = [int(word) for word in last_blocks(size)[0xA5]]
    words = [(word - constant) % 2**32 for word, constant in zip(row, ROUND_CONSTANTS, strict=True)]
    assert words[:16] == [0xA5800000, *[0] * 14, 8 * (size + 1)]
    # W_16 = s1(W_14) + W_9 + s0(W_1) + W_0, of which only the last is not zero here
    assert words[16] == 0xA5800000
