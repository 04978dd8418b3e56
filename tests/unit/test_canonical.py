"""One byte string per value, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.canonical import decode_canonical, encode_canonical
from tallystick.errors import ArtifactCorruptError, InputError

TEXTS = st.text(alphabet=st.characters(blacklist_categories=("Cs",)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)


def test_encode_canonical_sorts_keys_and_leaves_out_space():
    assert encode_canonical({"b": [1, 2], "a": {"d": None, "c": True}}) == b'{"a":{"c":true,"d":null},"b":[1,2]}'


def test_encode_canonical_writes_text_as_utf_8():
    assert encode_canonical("é☃") == '"é☃"'.encode()


@given(JSON)
def test_decode_canonical_undoes_encode_canonical(value):
    assert decode_canonical(encode_canonical(value)) == value


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (1.0, "The value"),
        ({"a": [1, {"b": 2.5}]}, r"\.a\[1\]\.b"),
        ((0, float("nan")), r"\[1\]"),
        ({"x": 1e300}, r"\.x"),
    ],
)
def test_encode_canonical_given_a_float_names_its_place(value, place):
    with pytest.raises(InputError, match=f"{place} is the float"):
        encode_canonical(value)


def test_encode_canonical_given_half_a_surrogate_pair_is_refused():
    with pytest.raises(InputError, match="surrogate"):
        encode_canonical({"a": "\ud800"})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'"\\u00e9"',
        b'"\\ud800"',
        b"1.5",
        b"NaN",
        b"1e3",
        b"-0",
        b" 1",
        b"1\n",
        b"[" * 100_000,
        b"9" * 5_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_decode_canonical_given_any_other_spelling_is_refused(data):
    with pytest.raises(ArtifactCorruptError):
        decode_canonical(data)
