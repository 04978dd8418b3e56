"""EIP-2612 permits: signed and encoded as tokens and contracts read them."""

import json
from pathlib import Path

import pytest
from eth_abi import decode
from eth_account import Account
from eth_utils import keccak
from market_samples import DISPATCHER, FINDER, TOKEN, word

from tallystick.errors import InputError
from tallystick.ids import raw
from tallystick.market.permits import (
    Permit,
    TokenDomain,
    TokenPermit,
    domain_separator,
    encode_token_permit,
    permit_message,
    signed_permit,
    token_permit_tuple,
)
from tallystick.market.typed_data import digest_of

CASES = [
    case["permit"] for case in json.loads((Path(__file__).parents[2] / "vectors" / "orders.json").read_text())["cases"]
]
KEY = Account.from_key(b"\x07" * 32)
DOMAIN = TokenDomain(name="Test dollar", version="1", chain_id=31337, token=TOKEN)


def make_permit(**changed) -> Permit:
    usual = {"owner": KEY.address, "spender": FINDER, "value": 10, "nonce": 0, "deadline": 5_000}
    return Permit.model_validate({**usual, **changed})


@pytest.mark.parametrize("case", CASES, ids=["usual", "largest"])
def test_permit_message_agrees_with_the_vectors(case):
    domain = TokenDomain.model_validate({name: held for name, held in case["domain"].items() if name != "separator"})
    message = permit_message(Permit.model_validate(case["permit"]), domain)
    assert (digest_of(message), domain_separator(domain)) == (case["digest"], case["domain"]["separator"])


@pytest.mark.parametrize(
    "changed",
    [{"owner": DISPATCHER}, {"spender": DISPATCHER}, {"value": 11}, {"nonce": 1}, {"deadline": 5_001}],
    ids=lambda changed: next(iter(changed)),
)
def test_permit_message_given_another_value_in_any_field_is_another(changed):
    assert permit_message(make_permit(**changed), DOMAIN).body != permit_message(make_permit(), DOMAIN).body


@pytest.mark.parametrize(
    ("changed", "spelled"),
    [
        ({}, "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        ({"version": None}, "EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
        ({"name": None, "version": None}, "EIP712Domain(uint256 chainId,address verifyingContract)"),
    ],
    ids=["whole", "no version", "bare"],
)
def test_domain_separator_leaves_out_what_the_token_does(changed, spelled):
    domain = DOMAIN.model_copy(update=changed)
    texts = [keccak(text=held) for held in (domain.name, domain.version) if held is not None]
    words = [keccak(text=spelled), *texts, (31337).to_bytes(32, "big"), raw(TOKEN).rjust(32, b"\0")]
    assert raw(domain_separator(domain)) == keccak(b"".join(words))


def test_signed_permit_splits_the_signature():
    permit = make_permit()
    signature = KEY.sign_message(permit_message(permit, DOMAIN))
    held = signed_permit(permit, bytes(signature.signature))
    assert (held.v, int(held.r, 16), int(held.s, 16), held.deadline) == (signature.v, signature.r, signature.s, 5_000)


@pytest.mark.parametrize(("last", "v"), [(0, 27), (1, 28), (27, 27), (28, 28)])
def test_signed_permit_given_either_spelling_of_v_has_the_tokens(last, v):
    assert signed_permit(make_permit(), b"\x01" * 64 + bytes([last])).v == v


@pytest.mark.parametrize("length", [0, 64, 66])
def test_signed_permit_given_another_length_is_refused(length):
    with pytest.raises(InputError, match=f"65 bytes, not {length}"):
        signed_permit(make_permit(), bytes(length))


def test_encode_token_permit_is_four_words_in_abi_order():
    held = TokenPermit(deadline=9, v=28, r=word(1), s=word(2))
    assert decode(["uint256", "uint8", "bytes32", "bytes32"], encode_token_permit(held)) == token_permit_tuple(held)
