"""Valid things that nobody chose, for tests/vectors: their numbers are hashes of what they stand for."""

import hashlib
from typing import Any

from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, Address, Bytes32, bytes32, parse_address
from tallystick.market.claims import ModelSpec
from tallystick.market.terms import JobMode, JobTerms, ProofKind, SigningDomain


def word(text: str) -> Bytes32:
    """A 32-byte value that nobody chose: the SHA-256 of what it stands for."""
    return bytes32(hashlib.sha256(text.encode()).digest())


def address(text: str) -> Address:
    return parse_address("0x" + hashlib.sha256(text.encode()).hexdigest()[:40])


def plain(value: Any) -> Any:
    """ABI values as JSON has them: bytes as 0x-hex, everything else as it is."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


DOMAINS = {
    "local": SigningDomain(chain_id=31337, escrow=address("escrow on a local chain")),
    "main": SigningDomain(chain_id=1, escrow=address("escrow on the main chain")),
}


def sample_terms(name: str, **changed: Any) -> JobTerms:
    usual: dict[str, Any] = {
        "creator": address(f"creator of {name}"),
        "salt": 7,
        "model_id": word(f"model of {name}"),
        "proof_kind": ProofKind.ZK,
        "mode": JobMode.PARALLEL,
        "input_root": word(f"inputs of {name}"),
        "manifest": word(f"manifest of {name}"),
        "payment_token": address("payment token"),
        "min_price": 50 * 10**18,
        "max_price": 80 * 10**18,
        "ramp_seconds": 600,
        "stake_lock": 100 * 10**18,
        "accept_seconds": 3600,
        "exclusive_seconds": 60,
        "challenge_seconds": 0,
        "dispatcher": address("dispatcher"),
        "dispatcher_fee_bps": 100,
        "share_bps": (5000, 5000),
        "duration_seconds": (900, 900),
    }
    return JobTerms.model_validate({**usual, **changed})


def all_terms() -> dict[str, JobTerms]:
    """Names and terms: the usual, both ends of every number, each count of milestones at an edge."""
    uneven = (*[39] * 255, 10_000 - 39 * 255)
    return {
        "two milestones": sample_terms("two milestones"),
        "one milestone, no dispatcher": sample_terms(
            "one milestone, no dispatcher",
            dispatcher=ZERO_ADDRESS,
            dispatcher_fee_bps=0,
            exclusive_seconds=0,
            share_bps=(10_000,),
            duration_seconds=(1,),
        ),
        "256 milestones": sample_terms(
            "256 milestones", share_bps=uneven, duration_seconds=tuple(60 + index for index in range(256))
        ),
        "chained": sample_terms(
            "chained", mode=JobMode.CHAINED, share_bps=(1, 9_998, 1), duration_seconds=(1, 2**32 - 1, 3)
        ),
        "optimistic": sample_terms("optimistic", proof_kind=ProofKind.OPTIMISTIC, challenge_seconds=7_200),
        "largest numbers": sample_terms(
            "largest numbers",
            salt=2**64 - 1,
            min_price=2**96 - 1,
            max_price=2**96 - 1,
            ramp_seconds=2**32 - 1,
            stake_lock=2**96 - 1,
            accept_seconds=2**32 - 1,
            exclusive_seconds=2**32 - 1,
            challenge_seconds=2**32 - 1,
            dispatcher_fee_bps=1_000,
        ),
        "smallest numbers": sample_terms(
            "smallest numbers", salt=0, min_price=0, max_price=1, ramp_seconds=0, stake_lock=0, accept_seconds=1
        ),
    }


def spec(name: str, **changed: Any) -> ModelSpec:
    usual: dict[str, Any] = {
        "proof_kind": ProofKind.ZK,
        "semantics_version": 1,
        "adapter": address("adapter"),
        "program_id": word(f"program of {name}"),
        "weights_root": ZERO_BYTES32,
        "manifest": word(f"model manifest of {name}"),
    }
    return ModelSpec.model_validate({**usual, **changed})
