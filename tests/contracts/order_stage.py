"""Job orders and what pays for them, as a creator signs them that never sends a transaction.

Builders make valid things; a test changes one thing and says what happens. The types are written out here once more, so
that a contract which hashes other fields, or the same in another order, agrees with no signature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from brownie import accounts, chain
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from permit2_stage import Witness, permit2_message
from stage import GAS_CAP, ZK, Stage, Terms

KEY = "0x" + "c7" * 32
OTHER_KEY = "0x" + "bad0" * 16
BY_ALLOWANCE, BY_PERMIT, BY_PERMIT2 = 0, 1, 2
NO_PERMIT = (0, 0, bytes(32), bytes(32))
OPEN_SECONDS = 1_000
"""How long an order can be submitted, unless a test says otherwise."""

TERMS_FIELDS = (
    ("creator", "address"),
    ("salt", "uint64"),
    ("modelId", "bytes32"),
    ("proofKind", "uint8"),
    ("mode", "uint8"),
    ("inputRoot", "bytes32"),
    ("manifest", "bytes32"),
    ("paymentToken", "address"),
    ("minPrice", "uint96"),
    ("maxPrice", "uint96"),
    ("rampSeconds", "uint32"),
    ("stakeLock", "uint96"),
    ("acceptSeconds", "uint32"),
    ("exclusiveSeconds", "uint32"),
    ("challengeSeconds", "uint32"),
    ("dispatcher", "address"),
    ("dispatcherFeeBps", "uint16"),
    ("shareBps", "uint16[]"),
    ("durationSeconds", "uint32[]"),
)
ORDER_FIELDS = (("terms", "JobTerms"), ("nonce", "uint256"), ("startsAt", "uint64"), ("expiresAt", "uint64"))
ORDER_TYPES = {"JobOrder": ORDER_FIELDS, "JobTerms": TERMS_FIELDS}
PERMIT_FIELDS = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)


@dataclass(frozen=True)
class Order:
    """A job order. Times are unix seconds."""

    terms: Terms
    nonce: int
    starts_at: int
    expires_at: int

    def abi(self) -> tuple[Any, ...]:
        return self.terms.abi(), self.nonce, self.starts_at, self.expires_at

    def value(self) -> dict[str, Any]:
        return {
            "terms": dict(self.terms),
            "nonce": self.nonce,
            "startsAt": self.starts_at,
            "expiresAt": self.expires_at,
        }

    def with_terms(self, **changed: Any) -> Order:
        terms = Terms({**self.terms, **changed})
        terms.roots = self.terms.roots
        return replace(self, terms=terms)


class OrderStage:
    """What the owner of one key signs on a stage. `creator` is that key's address, which never has any ether."""

    def __init__(self, stage: Stage, key: str = KEY) -> None:
        self.stage = stage
        self.signer = Account.from_key(key)
        self.creator = self.signer.address

    # ---- orders ---------------------------------------------------------------------------------------------------

    def order(
        self,
        *,
        nonce: int = 0,
        starts_at: int | None = None,
        expires_at: int | None = None,
        **changed: Any,
    ) -> Order:
        """An order of the stage's usual terms, but for what is changed in them, from now on."""
        terms = self.stage.terms(**{"creator": self.creator, **changed})
        starts_at = self.stage.now() if starts_at is None else starts_at
        return Order(terms, nonce, starts_at, starts_at + OPEN_SECONDS if expires_at is None else expires_at)

    def dispatched_order(self, **changed: Any) -> Order:
        """An order whose dispatcher has the first 200 seconds."""
        return self.order(**{"dispatcher": self.stage.dispatcher.address, "exclusiveSeconds": 200, **changed})

    def message(self, order: Order, *, escrow: Any = None, chain_id: int | None = None) -> SignableMessage:
        domain = {
            "name": "Tallystick",
            "version": "1",
            "chainId": chain_id or chain.id,
            "verifyingContract": str(escrow or self.stage.escrow),
        }
        return encode_typed_data(domain, typed(ORDER_TYPES), order.value())

    def sign(self, order: Order, *, key: str | None = None, **domain: Any) -> bytes:
        """The order's signature: by another key, for another `escrow` or `chain_id`, if a test says so."""
        signer = Account.from_key(key) if key else self.signer
        return bytes(signer.sign_message(self.message(order, **domain)).signature)

    def signed(
        self, order: Order, funding: int = BY_ALLOWANCE, signature: bytes | None = None, permit: bytes = b""
    ) -> tuple[Any, ...]:
        """What is submitted. The signature is over the order, unless it is given."""
        return order.abi(), funding, self.sign(order) if signature is None else signature, permit

    def funded(self, **changed: Any) -> Order:
        """An order whose deposit is there, with an allowance of it."""
        order = self.order(**changed)
        self.fund(order)
        return order

    def post(self, order: Order, sender: Any = None) -> Any:
        return self.stage.escrow.postOrder(self.signed(order), {"from": sender or self.stage.stranger})

    # ---- money ----------------------------------------------------------------------------------------------------

    def mint(self, order: Order, token: Any = None) -> Any:
        """Gives the order's creator the deposit, and returns the token: the usual one, unless it is given."""
        token = token or self.stage.payment
        token.mint(order.terms["creator"], order.terms["maxPrice"], {"from": self.stage.stranger})
        return token

    def fund(self, order: Order, token: Any = None, *, spender: Any = None) -> None:
        """Gives the creator the deposit, and the escrow or another spender an allowance of it.

        The allowance is a transaction of the creator's, the only one there is; anvil takes it without the key.
        """
        token = self.mint(order, token)
        creator = accounts.at(order.terms["creator"], force=True)
        token.approve(spender or self.stage.escrow, order.terms["maxPrice"], {"from": creator})

    def permit(self, token: Any, value: int, *, key: str | None = None, **changed: Any) -> tuple[Any, ...]:
        """The creator's signature over an allowance of the escrow's, as a TokenPermit.

        `changed` are keyword arguments of `sign_permit`; by another key, if a test says so.
        """
        signer = Account.from_key(key) if key else self.signer
        usual = {"spender": self.stage.escrow, "deadline": self.stage.now() + OPEN_SECONDS}
        return sign_permit(token, self.creator, signer, value, **{**usual, **changed})

    def permit2(self, order: Order, *, key: str | None = None, **changed: Any) -> bytes:
        """The creator's signature of Permit2's message with the order as its witness.

        `changed` are arguments of `permit2_message`; the witness is always `order`.
        """
        usual = {
            "token": order.terms["paymentToken"],
            "amount": order.terms["maxPrice"],
            "spender": self.stage.escrow.address,
            "nonce": order.nonce,
            "deadline": order.expires_at,
        }
        witness = Witness("JobOrder", ORDER_TYPES, order.value())
        message = permit2_message(chain.id, **{**usual, **changed}, witness=witness)
        signer = Account.from_key(key) if key else self.signer
        return bytes(signer.sign_message(message).signature)


def elsewhere(stage: Stage) -> Stage:
    """A second deployment on the same chain, by the same people, that knows the same model by the same id."""
    second = object.__new__(Stage)
    second.__dict__.update(stage.__dict__)
    second._deploy_contracts()
    second.router.addAdapter(ZK, stage.adapter, GAS_CAP, {"from": stage.governor})
    second.adapter = stage.adapter
    assert second.register_model("digits") == stage.model
    return second


def sign_permit(
    token: Any, owner: str, signer: Any, value: int, *, spender: Any, deadline: int
) -> tuple[int, int, bytes, bytes]:
    """An EIP-2612 signature over the owner's next nonce at the token, as a TokenPermit. Right if the signer is the owner."""
    domain = {"name": token.name(), "version": "1", "chainId": chain.id, "verifyingContract": token.address}
    message = {
        "owner": owner,
        "spender": str(spender),
        "value": value,
        "nonce": int(token.nonces(owner)),
        "deadline": deadline,
    }
    made = signer.sign_message(encode_typed_data(domain, typed({"Permit": PERMIT_FIELDS}), message))
    return deadline, made.v, made.r.to_bytes(32, "big"), made.s.to_bytes(32, "big")


def encoded(permit: tuple[Any, ...]) -> bytes:
    """A TokenPermit as an order carries it."""
    return encode(["(uint256,uint8,bytes32,bytes32)"], [permit])


def typed(types: dict[str, tuple[tuple[str, str], ...]]) -> dict[str, list[dict[str, str]]]:
    """Types as `encode_typed_data` takes them."""
    return {name: [{"name": field, "type": kind} for field, kind in fields] for name, fields in types.items()}
