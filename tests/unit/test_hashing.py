"""Hashes with a domain each, and the field that circuits count in."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import TensorError
from tallystick.hashing import FIELD, from_field, instance_root, sha256, to_field

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "claims.json").read_text())


def test_sha256_given_parts_hashes_them_joined():
    assert sha256(b"ab", b"", b"c") == hashlib.sha256(b"abc").digest()


def test_instance_root_is_domain_count_and_words():
    expected = hashlib.sha256(b"\x06" + (2).to_bytes(8, "big") + (5).to_bytes(32, "big") + (7).to_bytes(32, "big"))
    assert instance_root([5, 7]) == expected.digest()


@pytest.mark.parametrize("case", VECTORS["instances"], ids=lambda case: f"{len(case['words'])} words")
def test_instance_root_agrees_with_the_vectors(case):
    assert "0x" + instance_root([int(word, 16) for word in case["words"]]).hex() == case["root"]


def test_instance_root_given_a_zero_more_is_another():
    assert instance_root([1]) != instance_root([1, 0])


@pytest.mark.parametrize("element", [-1, FIELD, FIELD + 5, 2**256])
def test_instance_root_given_no_field_element_names_its_place(element):
    with pytest.raises(TensorError, match="Instance 1 is"):
        instance_root([0, element])


@given(st.integers(min_value=-(FIELD // 2), max_value=FIELD // 2))
def test_from_field_undoes_to_field(value):
    assert from_field(to_field(value)) == value


@pytest.mark.parametrize(("value", "element"), [(0, 0), (1, 1), (-1, FIELD - 1), (FIELD // 2, FIELD // 2)])
def test_to_field_counts_negatives_down_from_the_order(value, element):
    assert to_field(value) == element
