"""Which tokens take permits, however they say so, and which do not."""

import pytest
from chain_samples import OPERATOR, address
from eth_utils import keccak

from tallystick.chain.permits import PermitReader
from tallystick.errors import ChainUnavailableError, RevertError
from tallystick.ids import ZERO_BYTES32
from tallystick.market.permits import TokenDomain, domain_separator

TOKEN = address(0xA1)
CHAIN = 31337
NO_SALT = "0x" + "00" * 32
TYPEHASH = (
    "0x" + keccak(text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)").hex()
)
DAI_TYPEHASH = (
    "0x" + keccak(text="Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)").hex()
)


def domain_of(**changed) -> TokenDomain:
    return TokenDomain.model_validate(
        {"name": "Test dollar", "version": "1", "chain_id": CHAIN, "token": TOKEN, **changed}
    )


def described(fields, domain):
    """EIP-5267's answer."""
    return [fields, domain.name or "", domain.version or "", CHAIN, TOKEN, NO_SALT, []]


class Token:
    """Answers what it has; anything else is refused, as by a contract without that function."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    async def __call__(self, to, function, *arguments):
        assert to == TOKEN
        self.asked.append(function.name)
        answer = self.answers.get(function.name)
        if answer is None:
            raise RevertError("The contract refused.", name="", arguments={})
        return list(answer) if isinstance(answer, list) else [answer]


def permit_token(domain, **answers) -> Token:
    return Token(**{"nonces": 4, "DOMAIN_SEPARATOR": domain_separator(domain), **answers})


USUAL = domain_of()
OLD = domain_of(version="2")
PLAIN = domain_of(version=None)


@pytest.mark.parametrize(
    ("token", "domain"),
    [
        (permit_token(USUAL, eip712Domain=described("0x0f", USUAL)), USUAL),
        (permit_token(PLAIN, eip712Domain=described("0x0d", PLAIN)), PLAIN),
        (permit_token(OLD, name="Test dollar", version="2"), OLD),
        (permit_token(USUAL, name="Test dollar"), USUAL),
        (permit_token(PLAIN, name="Test dollar"), PLAIN),
        (permit_token(USUAL, name="Test dollar", PERMIT_TYPEHASH=TYPEHASH), USUAL),
        (permit_token(USUAL, name="Test dollar", version="9"), USUAL),
    ],
    ids=[
        "describes itself",
        "describes itself without a version",
        "says its version",
        "says no version and has 1",
        "says no version and has none",
        "says its type",
        "says a version that it does not sign with",
    ],
)
async def test_support_of_a_token_with_permits_is_its_domain_and_the_owners_nonce(token, domain):
    support = await PermitReader(token, CHAIN).support(TOKEN, OPERATOR)
    assert support is not None
    assert (support.domain, support.nonce) == (domain, 4)


@pytest.mark.parametrize(
    "token",
    [
        Token(),
        Token(name="Test dollar", nonces=4),
        permit_token(USUAL, nonces=None, name="Test dollar"),
        permit_token(USUAL, name="Test dollar", PERMIT_TYPEHASH=DAI_TYPEHASH),
        permit_token(USUAL, name="Another name"),
        permit_token(USUAL),
        permit_token(USUAL, DOMAIN_SEPARATOR=ZERO_BYTES32, name="Test dollar"),
        permit_token(USUAL, eip712Domain=described("0x1f", USUAL)),
    ],
    ids=[
        "no permits",
        "no separator",
        "no nonces",
        "another kind of permit",
        "another name",
        "no name",
        "another separator",
        "a salt",
    ],
)
async def test_support_of_a_token_without_usable_permits_is_none(token):
    assert await PermitReader(token, CHAIN).support(TOKEN, OPERATOR) is None


async def test_support_asked_again_asks_only_for_the_nonce():
    token = permit_token(USUAL, name="Test dollar")
    reader = PermitReader(token, CHAIN)
    await reader.support(TOKEN, OPERATOR)
    token.asked.clear()
    await reader.support(TOKEN, OPERATOR)
    assert token.asked == ["nonces"]


async def test_support_given_no_answer_says_so_and_remembers_nothing():
    """An endpoint that is away says nothing about the token."""
    token = permit_token(USUAL, name="Test dollar")

    async def away(*_):
        raise ChainUnavailableError("Away.")

    reader = PermitReader(away, CHAIN)
    with pytest.raises(ChainUnavailableError):
        await reader.support(TOKEN, OPERATOR)
    reader._call = token
    assert await reader.support(TOKEN, OPERATOR) is not None
