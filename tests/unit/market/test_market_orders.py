"""Job orders: hashed, signed and encoded as the escrow and Permit2 read them."""

import json
from pathlib import Path

import pytest
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak
from market_samples import CREATOR, DOMAIN, OPERATOR, TOKEN, make_terms, word
from pydantic import ValidationError

from tallystick.errors import TermsError
from tallystick.ids import raw
from tallystick.market.orders import (
    PERMIT2,
    Funding,
    JobOrder,
    SignedOrder,
    message_to_sign,
    nonce_place,
    order_message,
    order_signer,
    order_tuple,
    permit2_message,
    signed_order_tuple,
)
from tallystick.market.permits import TokenPermit, encode_token_permit
from tallystick.market.terms import SigningDomain, terms_from_tuple
from tallystick.market.typed_data import digest_of

FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS = json.loads((FOLDER / "orders.json").read_text())
DOMAINS = {
    name: SigningDomain(chain_id=held["chainId"], escrow=held["escrow"])
    for name, held in json.loads((FOLDER / "terms.json").read_text())["domains"].items()
}
EVERY_CASE = pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])

KEY = Account.from_key(b"\x07" * 32)
PERMIT = TokenPermit(deadline=9, v=27, r=word(1), s=word(2))


def make_order(**changed) -> JobOrder:
    usual = {"terms": make_terms(creator=KEY.address), "nonce": 5, "starts_at": 1_000, "expires_at": 2_000}
    return JobOrder.model_validate({**usual, **changed})


def from_vector(case) -> JobOrder:
    terms, nonce, starts_at, expires_at = case["order"]
    plain = [raw(held) if place in (2, 5, 6) else held for place, held in enumerate(terms)]
    return JobOrder(terms=terms_from_tuple(plain), nonce=nonce, starts_at=starts_at, expires_at=expires_at)


def sign(order: JobOrder, funding=Funding.ALLOWANCE, domain=DOMAIN, key=KEY) -> SignedOrder:
    signature = bytes(key.sign_message(message_to_sign(order, funding, domain)).signature)
    return SignedOrder(
        order=order, funding=funding, signature=signature, permit=PERMIT if funding is Funding.PERMIT else None
    )


# ---- hashes -----------------------------------------------------------------------------------------------------------


@EVERY_CASE
def test_order_message_agrees_with_the_vectors_in_every_domain(case):
    order = from_vector(case)
    assert {name: digest_of(order_message(order, domain)) for name, domain in DOMAINS.items()} == case["digests"]


@EVERY_CASE
def test_permit2_message_agrees_with_the_vectors_in_every_domain(case):
    order = from_vector(case)
    found = {name: digest_of(permit2_message(order, domain)) for name, domain in DOMAINS.items()}
    assert found == case["permit2Digests"]


@EVERY_CASE
def test_permit2_message_is_what_permit2_hashes_itself(case):
    """PermitHash.hashWithWitness, written out: Permit2 knows the order only as a hash and a string."""
    order, domain = from_vector(case), DOMAINS["local"]
    stub = "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"
    permissions = encode(
        ["bytes32", "address", "uint256"],
        [
            keccak(text="TokenPermissions(address token,uint256 amount)"),
            order.terms.payment_token,
            order.terms.max_price,
        ],
    )
    transfer = encode(
        ["bytes32", "bytes32", "address", "uint256", "uint256", "bytes32"],
        [
            keccak(text=stub + VECTORS["witnessType"]),
            keccak(permissions),
            domain.escrow,
            order.nonce,
            order.expires_at,
            raw(case["structHash"]),
        ],
    )
    assert permit2_message(order, domain).body == keccak(transfer)


def test_permit2_message_is_under_permit2s_domain():
    typehash = keccak(text="EIP712Domain(string name,uint256 chainId,address verifyingContract)")
    separator = encode(
        ["bytes32", "bytes32", "uint256", "address"], [typehash, keccak(text="Permit2"), DOMAIN.chain_id, PERMIT2]
    )
    assert permit2_message(make_order(), DOMAIN).header == keccak(separator)


@pytest.mark.parametrize(
    "changed",
    [{"nonce": 6}, {"starts_at": 1_001}, {"expires_at": 2_001}, {"terms": make_terms(creator=KEY.address, salt=2)}],
    ids=lambda changed: next(iter(changed)),
)
@pytest.mark.parametrize("message", [order_message, permit2_message], ids=lambda message: message.__name__)
def test_message_given_another_value_in_any_field_is_another(changed, message):
    usual, other = make_order(), make_order(**changed)
    assert digest_of(message(other, DOMAIN)) != digest_of(message(usual, DOMAIN))


@pytest.mark.parametrize("message", [order_message, permit2_message], ids=lambda message: message.__name__)
@pytest.mark.parametrize(
    "elsewhere",
    [SigningDomain(chain_id=1, escrow=DOMAIN.escrow), SigningDomain(chain_id=31337, escrow=OPERATOR)],
    ids=["chain", "escrow"],
)
def test_message_for_another_deployment_is_another(message, elsewhere):
    assert digest_of(message(make_order(), elsewhere)) != digest_of(message(make_order(), DOMAIN))


@pytest.mark.parametrize(
    ("funding", "message"),
    [
        (Funding.ALLOWANCE, order_message),
        (Funding.PERMIT, order_message),
        (Funding.PERMIT2, permit2_message),
    ],
    ids=lambda value: value.name if isinstance(value, Funding) else "",
)
def test_message_to_sign_is_the_escrows_unless_permit2_checks_it(funding, message):
    assert message_to_sign(make_order(), funding, DOMAIN) == message(make_order(), DOMAIN)


# ---- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("funding", list(Funding), ids=lambda funding: funding.name)
def test_order_signer_given_the_creators_signature_is_the_creator(funding):
    assert order_signer(sign(make_order(), funding), DOMAIN) == KEY.address


def test_order_signer_given_a_signature_of_the_other_message_is_somebody_else():
    signed = sign(make_order(), Funding.ALLOWANCE).model_copy(update={"funding": Funding.PERMIT2})
    assert order_signer(signed, DOMAIN) != KEY.address


@pytest.mark.parametrize("signature", [b"", b"\x01" * 64, b"\xff" * 65, b"\x01" * 200], ids=len)
def test_order_signer_given_what_no_key_signs_is_none(signature):
    signed = SignedOrder(order=make_order(), funding=Funding.ALLOWANCE, signature=signature)
    assert order_signer(signed, DOMAIN) is None


@EVERY_CASE
def test_signed_order_tuple_agrees_with_the_vectors(case):
    """Deterministic signatures: another machine signs the same bytes."""
    for funding in (Funding.ALLOWANCE, Funding.PERMIT2):
        order, number, signature, permit = case["signedLocally"][funding.name.lower()]
        signed = SignedOrder(order=from_vector(case), funding=funding, signature=signature)
        assert (order_signer(signed, DOMAINS["local"]), order, number, permit) == (
            VECTORS["signer"],
            case["order"],
            funding,
            "0x",
        )


# ---- ABI order --------------------------------------------------------------------------------------------------------


def test_order_tuple_is_in_abi_order():
    _terms, *rest = order_tuple(make_order())
    assert rest == [5, 1_000, 2_000]


def test_signed_order_tuple_given_a_permit_carries_it_encoded():
    signed = sign(make_order(), Funding.PERMIT)
    assert signed_order_tuple(signed)[1:] == (1, signed.signature, encode_token_permit(PERMIT))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_nonce_place_agrees_with_the_vectors(case):
    word_, bits = nonce_place(from_vector(case).nonce)
    assert [word_, hex(bits)] == case["noncePlace"]


# ---- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("funding", list(Funding), ids=lambda funding: funding.name)
def test_signed_order_travels_as_json(funding):
    signed = sign(make_order(), funding)
    assert SignedOrder.model_validate_json(signed.model_dump_json()) == signed


def test_signed_order_spells_its_signature_in_hex():
    signed = sign(make_order())
    assert json.loads(signed.model_dump_json())["signature"] == "0x" + signed.signature.hex()


@pytest.mark.parametrize(
    "changed",
    [
        {"permit": PERMIT},
        {"funding": Funding.PERMIT},
        {"funding": Funding.PERMIT2, "permit": PERMIT},
        {"funding": 3},
        {"signature": b"\x00" * (16 * 1024 + 1)},
        {"signature": "0xnothex"},
    ],
    ids=["permit not needed", "permit missing", "permit beside Permit2", "funding", "long", "no hex"],
)
def test_signed_order_given_what_does_not_fit_is_refused(changed):
    usual = {"order": make_order(), "funding": Funding.ALLOWANCE, "signature": b"\x01" * 65}
    with pytest.raises(ValidationError):
        SignedOrder.model_validate({**usual, **changed})


# ---- checks -----------------------------------------------------------------------------------------------------------


def test_order_check_given_a_valid_order_passes():
    make_order().check()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"expires_at": 999}, "ends at 999, before it starts at 1000"),
        ({"terms": make_terms(creator=CREATOR, payment_token=TOKEN, max_price=0, min_price=0)}, "maximum price is 0"),
    ],
    ids=["window", "terms"],
)
def test_order_check_given_what_is_never_taken_says_why(changed, said):
    with pytest.raises(TermsError, match=said):
        make_order(**changed).check()


@pytest.mark.parametrize(("expires_at", "closes_at"), [(1_500, 1_500), (9_999, 1_600)])
def test_order_closes_with_its_end_or_its_accept_window(expires_at, closes_at):
    assert make_order(expires_at=expires_at).closes_at == closes_at
