"""What agents sign for the dispatcher (EIP-712): announcements and refusals, under the deployment's domain.

A capability is large and grows by version, so its canonical spelling is hashed and the hash is what is signed.
"""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from tallystick.canonical import encode_canonical
from tallystick.errors import InputError
from tallystick.hashing import sha256
from tallystick.ids import Address, parse_address, raw
from tallystick.market.terms import SigningDomain
from tallystick.wire.api import Announcement, Refusal, SignedAnnouncement, SignedRefusal
from tallystick.wire.capability import Capability

_ANNOUNCEMENT_FIELDS = [
    {"name": "operator", "type": "address"},
    {"name": "agent", "type": "address"},
    {"name": "capabilityHash", "type": "bytes32"},
    {"name": "issuedAt", "type": "uint64"},
    {"name": "expiresAt", "type": "uint64"},
    {"name": "nonce", "type": "uint64"},
]
_REFUSAL_FIELDS = [
    {"name": "jobId", "type": "bytes32"},
    {"name": "round", "type": "uint32"},
    {"name": "agent", "type": "address"},
    {"name": "reason", "type": "string"},
    {"name": "issuedAt", "type": "uint64"},
]


def capability_hash(capability: Capability) -> bytes:
    """SHA-256 of the canonical spelling, 32 bytes. Raises InputError for a capability that holds a float."""
    return sha256(encode_canonical(capability.model_dump(mode="json")))


def announcement_message(announcement: Announcement, domain: SigningDomain) -> SignableMessage:
    """What an agent signs to announce."""
    message: dict[str, Any] = {
        "operator": announcement.operator,
        "agent": announcement.agent,
        "capabilityHash": capability_hash(announcement.capability),
        "issuedAt": announcement.issued_at,
        "expiresAt": announcement.expires_at,
        "nonce": announcement.nonce,
    }
    return encode_typed_data(domain.as_typed_data(), {"Announcement": _ANNOUNCEMENT_FIELDS}, message)


def refusal_message(refusal: Refusal, domain: SigningDomain) -> SignableMessage:
    """What an agent signs to refuse an offer."""
    message: dict[str, Any] = {
        "jobId": raw(refusal.job_id),
        "round": refusal.round,
        "agent": refusal.agent,
        "reason": refusal.reason,
        "issuedAt": refusal.issued_at,
    }
    return encode_typed_data(domain.as_typed_data(), {"Refusal": _REFUSAL_FIELDS}, message)


def sign_announcement(announcement: Announcement, agent: LocalAccount, domain: SigningDomain) -> SignedAnnouncement:
    """The announcement with the agent's signature."""
    signature = _sign(announcement_message(announcement, domain), agent)
    return SignedAnnouncement(announcement=announcement, signature=signature)


def sign_refusal(refusal: Refusal, agent: LocalAccount, domain: SigningDomain) -> SignedRefusal:
    """The refusal with the agent's signature."""
    return SignedRefusal(refusal=refusal, signature=_sign(refusal_message(refusal, domain), agent))


def announcer_of(signed: SignedAnnouncement, domain: SigningDomain) -> Address:
    """Whose signature it is: not necessarily the agent it names. Raises InputError for no signature at all."""
    return _signer(announcement_message(signed.announcement, domain), signed.signature)


def refuser_of(signed: SignedRefusal, domain: SigningDomain) -> Address:
    """Whose signature it is: not necessarily the agent it names. Raises InputError for no signature at all."""
    return _signer(refusal_message(signed.refusal, domain), signed.signature)


def _sign(message: SignableMessage, account: LocalAccount) -> str:
    return "0x" + bytes(account.sign_message(message).signature).hex()


def _signer(message: SignableMessage, signature: str) -> Address:
    try:
        return parse_address(Account.recover_message(message, signature=signature))
    except (BadSignature, ValidationError, ValueError) as error:
        raise InputError(
            f"The signature is none: {error}", remedy="Sign with the agent's key under this deployment's domain."
        ) from error
