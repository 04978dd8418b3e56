"""Valid things of the market; each test breaks one of them."""

from tallystick.ids import Address, Bytes32, JobId, ModelId, parse_address
from tallystick.market.claims import ModelSpec
from tallystick.market.events import LogPosition
from tallystick.market.terms import JobMode, JobTerms, ProofKind, SigningDomain

CREATOR = parse_address("0x" + "11" * 20)
OPERATOR = parse_address("0x" + "22" * 20)
AGENT = parse_address("0x" + "33" * 20)
DISPATCHER = parse_address("0x" + "44" * 20)
FINDER = parse_address("0x" + "55" * 20)
TOKEN = parse_address("0x" + "66" * 20)
DOMAIN = SigningDomain(chain_id=31337, escrow=parse_address("0x" + "77" * 20))


def word(byte: int) -> Bytes32:
    return Bytes32("0x" + bytes([byte] * 32).hex())


JOB = JobId(word(0xAA))


def make_terms(**changed) -> JobTerms:
    usual = {
        "creator": CREATOR,
        "salt": 1,
        "model_id": ModelId(word(1)),
        "proof_kind": ProofKind.ZK,
        "mode": JobMode.PARALLEL,
        "input_root": word(2),
        "manifest": word(3),
        "payment_token": TOKEN,
        "min_price": 100,
        "max_price": 200,
        "ramp_seconds": 50,
        "stake_lock": 1000,
        "accept_seconds": 600,
        "exclusive_seconds": 60,
        "challenge_seconds": 0,
        "dispatcher": DISPATCHER,
        "dispatcher_fee_bps": 100,
        "share_bps": (4000, 6000),
        "duration_seconds": (300, 400),
    }
    return JobTerms.model_validate({**usual, **changed})


def make_spec(**changed) -> ModelSpec:
    usual = {
        "proof_kind": ProofKind.ZK,
        "semantics_version": 1,
        "adapter": Address(TOKEN),
        "program_id": word(4),
        "weights_root": word(0),
        "manifest": word(5),
    }
    return ModelSpec.model_validate({**usual, **changed})


def at(block: int, index: int = 0) -> LogPosition:
    """A place on a chain with a block every 12 seconds."""
    return LogPosition(
        block_number=block,
        block_hash=word(block % 256),
        block_time=1_700_000_000 + 12 * block,
        transaction_hash=word((block * 7 + index) % 256),
        log_index=index,
    )
