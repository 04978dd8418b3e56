"""Valid things for the executor's tests; each test breaks one of them."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from tallystick.chain.deployment import Contracts, Deployment, Tokens
from tallystick.hashing import sha256
from tallystick.ids import ZERO_BYTES32, Address, Bytes32, JobId, bytes32, parse_address
from tallystick.market.book import Job, opened
from tallystick.market.claims import ModelSpec, model_id_of, program_id_of
from tallystick.market.events import JobCreated, LogPosition
from tallystick.market.manifests import ArtifactRef, JobManifest, ModelManifest, SrsRef
from tallystick.market.orders import Funding, JobOrder, SignedOrder, message_to_sign
from tallystick.market.permits import Permit, TokenDomain, permit_message, signed_permit
from tallystick.market.terms import Assignment, JobMode, JobTerms, ProofKind, assignment_message, job_id_of
from tallystick.merkle import milestones_root
from tallystick.storage.store import Store
from tallystick.tensors import QuantisedTensors, TensorSpec
from tallystick.wire.api import Offer

NOW = 1_700_000_000
FREE_STAKE = 1_000
LOCK = 100

ONNX = b"a model"
SETTINGS = b"its settings"
SRS = (1).to_bytes(4, "little") + bytes(124)
VKA = (b"\x01" * 32, b"\x02" * 32)
INPUT = TensorSpec(name="x", shape=(1, 4), scale=7, low="-1", high="1")
OUTPUT = TensorSpec(name="y", shape=(1, 2), scale=7, low="-9", high="9")


def hash_of(name: str) -> Bytes32:
    return bytes32(sha256(name.encode()))


def account(name: str) -> LocalAccount:
    made: LocalAccount = Account.from_key(sha256(b"test account", name.encode()))
    return made


def address(name: str) -> Address:
    return parse_address(account(name).address)


OPERATOR = address("operator")
AGENT = address("agent")
TOKEN = address("token")

DEPLOYMENT = Deployment(
    chain_id=31337,
    block=0,
    contracts=Contracts(**{name: address(name) for name in Contracts.model_fields}),
    tokens=Tokens(payment=TOKEN, stake=address("stake token")),
)
DOMAIN = DEPLOYMENT.domain()
TOKEN_DOMAIN = TokenDomain(name="Test Dollar", version="1", chain_id=31337, token=TOKEN)


def tensors(milestone: int) -> QuantisedTensors:
    return QuantisedTensors(shapes=(INPUT.shape,), values=((milestone, 2, 3, -4),))


def put(store: Store, data: bytes) -> ArtifactRef:
    return ArtifactRef(cid=store.put(data), size_bytes=len(data))


def model_manifest(store: Store, **changes: Any) -> ModelManifest:
    srs = SrsRef(logrows=1, sha256=bytes32(sha256(SRS)), origin="development", artifact=put(store, SRS))
    plain = ModelManifest(
        name="model",
        prover_version="1",
        onnx=put(store, ONNX),
        settings=put(store, SETTINGS),
        srs=srs,
        inputs=(INPUT,),
        outputs=(OUTPUT,),
        program_id=program_id_of(VKA),
    )
    return plain.model_copy(update=changes)


def model_spec(manifest: ModelManifest, **changes: Any) -> ModelSpec:
    plain = ModelSpec(
        proof_kind=ProofKind.ZK,
        semantics_version=1,
        adapter=DEPLOYMENT.contracts.ezkl_verifier_adapter,
        program_id=manifest.program_id,
        weights_root=ZERO_BYTES32,
        manifest=manifest.digest(),
    )
    return plain.model_copy(update=changes)


def job_manifest(store: Store, spec: ModelSpec, inputs: list[QuantisedTensors], **changes: Any) -> JobManifest:
    plain = JobManifest(model_id=model_id_of(spec), inputs=tuple(put(store, t.encode()) for t in inputs))
    return plain.model_copy(update=changes)


def terms(**changes: Any) -> JobTerms:
    """Two equal milestones of 500 each with 300 s each, locking 100; anyone may accept."""
    plain = JobTerms(
        creator=address("creator"),
        salt=1,
        model_id=hash_of("model"),
        proof_kind=ProofKind.ZK,
        mode=JobMode.PARALLEL,
        input_root=bytes32(milestones_root([tensors(m).root() for m in range(2)])),
        manifest=hash_of("manifest"),
        payment_token=TOKEN,
        min_price=1_000,
        max_price=1_000,
        ramp_seconds=0,
        stake_lock=LOCK,
        accept_seconds=600,
        exclusive_seconds=0,
        challenge_seconds=0,
        dispatcher=address("dispatcher"),
        dispatcher_fee_bps=0,
        share_bps=(5_000, 5_000),
        duration_seconds=(300, 300),
    )
    return plain.model_copy(update=changes)


def position(block: int, index: int = 0, time: int | None = None) -> LogPosition:
    return LogPosition(
        block_number=block,
        block_hash=hash_of(f"block {block}"),
        block_time=NOW + block if time is None else time,
        transaction_hash=hash_of(f"transaction {block}"),
        log_index=index,
    )


def created(held: JobTerms, block: int = 0, time: int | None = None) -> JobCreated:
    at = position(block, time=time)
    return JobCreated(
        at=at,
        job_id=job_id_of(held, DOMAIN),
        creator=held.creator,
        opened_at=at.block_time,
        economy_version=1,
        terms=held,
    )


def open_job(**changes: Any) -> Job:
    """Opened at NOW; `changes` are of its terms."""
    return opened(created(terms(**changes), time=NOW))


def offer(held: JobTerms, *, round_: int = 1, expires_at: int = NOW + 30, operator: Address = OPERATOR) -> Offer:
    job_id = job_id_of(held, DOMAIN)
    assignment = Assignment(job_id=job_id, operator=operator, round=round_, expires_at=expires_at)
    signature = account("dispatcher").sign_message(assignment_message(assignment, DOMAIN)).signature
    return Offer(
        job_id=job_id, terms=held, assignment=assignment, signature="0x" + bytes(signature).hex(), round=round_
    )


def signed_order(
    held: JobTerms | None = None,
    *,
    signer: str = "creator",
    funding: Funding = Funding.ALLOWANCE,
    permit_nonce: int = 0,
    permit_deadline: int = NOW + 600,
    **changes: Any,
) -> SignedOrder:
    """An order of `terms()` from NOW on; `changes` are of the order. Its permit is as sound as its nonce and deadline."""
    plain = JobOrder(terms=held or terms(), nonce=7, starts_at=NOW, expires_at=NOW + 600)
    order = plain.model_copy(update=changes)
    message = message_to_sign(order, funding, DOMAIN)
    permit = None
    if funding is Funding.PERMIT:
        told = Permit(
            owner=order.terms.creator,
            spender=DOMAIN.escrow,
            value=order.terms.max_price,
            nonce=permit_nonce,
            deadline=permit_deadline,
        )
        permit = signed_permit(told, _signature(signer, permit_message(told, TOKEN_DOMAIN)))
    return SignedOrder(order=order, funding=funding, signature=_signature(signer, message), permit=permit)


def _signature(signer: str, message: SignableMessage) -> bytes:
    return bytes(account(signer).sign_message(message).signature)


JOB_ID = JobId(hash_of("job"))
