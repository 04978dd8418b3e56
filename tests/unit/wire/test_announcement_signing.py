"""What agents sign: one digest for one content under one deployment."""

from __future__ import annotations

import pytest
from eth_account import Account

from tallystick.errors import InputError
from tallystick.ids import Address, JobId, parse_address
from tallystick.market.terms import SigningDomain
from tallystick.wire.announcement import announcer_of, capability_hash, refuser_of, sign_announcement, sign_refusal
from tallystick.wire.api import Announcement, Refusal, SignedAnnouncement, SignedRefusal
from tallystick.wire.capability import Capability

AGENT = Account.from_key("0x" + "11" * 32)
AGENT_ADDRESS = parse_address(AGENT.address)
DOMAIN = SigningDomain(chain_id=31337, escrow=Address("0x" + "22" * 20))
CAPABILITY = Capability(cpu_cores=2, memory_bytes=2**30, disk_bytes=2**30)
SAID = Announcement(
    operator=Address("0x" + "33" * 20),
    agent=AGENT_ADDRESS,
    capability=CAPABILITY,
    issued_at=1_700_000_000,
    expires_at=1_700_000_300,
    nonce=5,
)
REFUSAL = Refusal(
    job_id=JobId("0x" + "44" * 32), round=1, agent=AGENT_ADDRESS, reason="no room", issued_at=1_700_000_000
)


def test_announcer_of_given_a_signed_announcement_is_its_signer() -> None:
    assert announcer_of(sign_announcement(SAID, AGENT, DOMAIN), DOMAIN) == AGENT_ADDRESS


def test_announcer_of_after_a_journey_as_json_is_the_same() -> None:
    sent = sign_announcement(SAID, AGENT, DOMAIN).model_dump_json()

    assert announcer_of(SignedAnnouncement.model_validate_json(sent), DOMAIN) == AGENT_ADDRESS


def test_announcer_of_given_another_capability_is_someone_else() -> None:
    signed = sign_announcement(SAID, AGENT, DOMAIN)
    richer = SAID.model_copy(update={"capability": CAPABILITY.model_copy(update={"cpu_cores": 64})})

    assert announcer_of(SignedAnnouncement(announcement=richer, signature=signed.signature), DOMAIN) != AGENT_ADDRESS


def test_sign_announcement_given_the_same_content_is_the_same_signature() -> None:
    assert sign_announcement(SAID, AGENT, DOMAIN) == sign_announcement(SAID, AGENT, DOMAIN)


def test_capability_hash_given_an_equal_capability_is_equal() -> None:
    again = Capability.model_validate_json(CAPABILITY.model_dump_json())

    assert capability_hash(again) == capability_hash(CAPABILITY)


@pytest.mark.parametrize("signature", ["0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 64 + "63"])
def test_announcer_of_given_what_is_no_signature_says_so(signature: str) -> None:
    with pytest.raises(InputError, match="signature"):
        announcer_of(SignedAnnouncement(announcement=SAID, signature=signature), DOMAIN)


def test_refuser_of_given_a_signed_refusal_is_its_signer() -> None:
    assert refuser_of(sign_refusal(REFUSAL, AGENT, DOMAIN), DOMAIN) == AGENT_ADDRESS


def test_refuser_of_given_another_round_is_someone_else() -> None:
    signed = sign_refusal(REFUSAL, AGENT, DOMAIN)
    other = SignedRefusal(refusal=REFUSAL.model_copy(update={"round": 2}), signature=signed.signature)

    assert refuser_of(other, DOMAIN) != AGENT_ADDRESS
