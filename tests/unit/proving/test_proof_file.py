"""EZKL's spelling of elements and proofs."""

import json

import pytest

from tallystick.errors import ProverFailedError
from tallystick.hashing import FIELD
from tallystick.proving.proof_file import decode_proof, encode_input, encode_proof, read_element, spell_element


@pytest.mark.parametrize("element", [0, 1, 0x28, FIELD - 1])
def test_read_element_undoes_spell_element(element):
    assert read_element(spell_element(element)) == element


def test_spell_element_is_little_endian():
    assert spell_element(0x0128) == "2801" + "00" * 30


@pytest.mark.parametrize("text", ["zz", spell_element(FIELD)])
def test_read_element_given_no_canonical_element_is_refused(text):
    with pytest.raises(ProverFailedError):
        read_element(text)


def test_encode_input_spells_negatives_from_the_fields_end():
    assert json.loads(encode_input([(1, -1)])) == {"input_data": [[spell_element(1), spell_element(FIELD - 1)]]}


def test_decode_proof_undoes_encode_proof():
    assert decode_proof(encode_proof(b"\x00\x17\xff", (3, FIELD - 1))) == (b"\x00\x17\xff", (3, FIELD - 1))


@pytest.mark.parametrize(
    "data", ["", "[]", "{}", '{"instances": [[]], "proof": "0x"}', '{"instances": 3, "proof": []}']
)
def test_decode_proof_given_another_form_is_refused(data):
    with pytest.raises(ProverFailedError, match="unreadable proof"):
        decode_proof(data)
