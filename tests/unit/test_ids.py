"""Ids have one spelling, whatever they were typed like."""

import pytest
from pydantic import BaseModel, ValidationError

from tallystick.errors import InputError
from tallystick.ids import (
    AddressField,
    JobIdField,
    bytes32,
    parse_address,
    parse_bytes32,
    parse_job_id,
    parse_model_id,
    raw,
)

CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # an example of EIP-55
HASH = "0x" + "ab" * 32


@pytest.mark.parametrize(
    "typed", [CHECKSUMMED, CHECKSUMMED.lower(), "0x" + CHECKSUMMED[2:].upper(), f"  {CHECKSUMMED}\n"]
)
def test_parse_address_given_any_right_spelling_returns_the_checksummed_one(typed):
    assert parse_address(typed) == CHECKSUMMED


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "0x",
        CHECKSUMMED[2:],
        CHECKSUMMED[:-1],
        CHECKSUMMED + "0",
        "0x" + "g" * 40,
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        HASH,
        "vitalik.eth",
    ],
    ids=["empty", "prefix", "bare", "short", "long", "no hex", "wrong checksum", "hash", "name"],
)
def test_parse_address_given_anything_else_says_what_an_address_is(typed):
    with pytest.raises(InputError, match="40 hex digits"):
        parse_address(typed)


@pytest.mark.parametrize("parse", [parse_job_id, parse_model_id, parse_bytes32])
def test_parse_hash_given_upper_case_and_space_returns_the_one_spelling(parse):
    assert parse(f" {HASH.upper().replace('X', 'x')} ") == HASH


@pytest.mark.parametrize("typed", ["", HASH[2:], HASH[:-1], HASH + "0", "0x" + "zz" * 32, CHECKSUMMED])
@pytest.mark.parametrize(
    ("parse", "noun"), [(parse_job_id, "job id"), (parse_model_id, "model id"), (parse_bytes32, "32-byte hash")]
)
def test_parse_hash_given_anything_else_names_the_kind_of_id(parse, noun, typed):
    with pytest.raises(InputError, match=f"A {noun} is 0x and 64 hex digits"):
        parse(typed)


def test_raw_undoes_bytes32():
    assert raw(bytes32(bytes(range(32)))) == bytes(range(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_bytes32_given_another_length_is_refused(length):
    with pytest.raises(InputError):
        bytes32(bytes(length))


class _Holder(BaseModel):
    address: AddressField
    job_id: JobIdField


def test_field_given_another_spelling_holds_the_canonical_one():
    held = _Holder(address=CHECKSUMMED.lower(), job_id=HASH.upper().replace("X", "x"))
    assert (held.address, held.job_id) == (CHECKSUMMED, HASH)


def test_field_given_nonsense_becomes_a_located_message():
    with pytest.raises(ValidationError) as caught:
        _Holder(address="0x12", job_id=HASH)
    assert caught.value.errors()[0]["loc"] == ("address",)
