"""Valid things for the dispatcher's tests; each test breaks one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from dispatcher.indexer.brief import Brief
from dispatcher.matching.market import Executor, Market, Opening, Standing
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead
from tallystick.hashing import sha256
from tallystick.ids import Address, Bytes32, JobId, bytes32, parse_address
from tallystick.market.book import Job, opened
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.events import (
    ChainFact,
    JobAssigned,
    JobCompleted,
    JobCreated,
    JobExpired,
    JobFaulted,
    JobRefunded,
    JobReleased,
    JobReopened,
    LogPosition,
    MilestoneClaimed,
    MilestonePaid,
    ModelRegistered,
)
from tallystick.market.manifests import ArtifactRef, JobManifest, ModelManifest, SrsRef
from tallystick.market.terms import JobMode, JobTerms, ProofKind, SigningDomain, job_id_of
from tallystick.wire.api import Announcement
from tallystick.wire.capability import Backend, Capability, Gpu

NOW = 1_700_000_000
TOKEN = Address("0x" + "70" * 20)


def hash_of(name: str) -> Bytes32:
    return bytes32(sha256(name.encode()))


def account(name: str) -> LocalAccount:
    made: LocalAccount = Account.from_key(sha256(b"test account", name.encode()))
    return made


def address(name: str) -> Address:
    return parse_address(account(name).address)


SERVICE = account("service")
DISPATCHER = address("service")
DOMAIN = SigningDomain(chain_id=31337, escrow=address("escrow"))

MODEL_MANIFEST = ModelManifest(
    name="digits",
    prover_version="23.0.5",
    onnx=ArtifactRef(cid="b" + "a" * 58, size_bytes=10),
    settings=ArtifactRef(cid="b" + "a" * 58, size_bytes=10),
    srs=SrsRef(logrows=10, sha256=hash_of("srs"), origin="development"),
    inputs=(),
    outputs=(),
    program_id=hash_of("program"),
)
SPEC = ModelSpec(
    proof_kind=ProofKind.ZK,
    semantics_version=1,
    adapter=address("adapter"),
    program_id=MODEL_MANIFEST.program_id,
    weights_root=Bytes32("0x" + "00" * 32),
    manifest=MODEL_MANIFEST.digest(),
)
MODEL_ID = model_id_of(SPEC)


def job_manifest(requirements: str = "", milestones: int = 2) -> JobManifest:
    reference = ArtifactRef(cid="b" + "a" * 58, size_bytes=10)
    return JobManifest(model_id=MODEL_ID, requirements=requirements, inputs=(reference,) * milestones)


def terms(**changes: Any) -> JobTerms:
    """Two equal milestones of up to 500 each, locking 100, ours to assign for a minute."""
    milestones = len(changes.get("share_bps", (5_000, 5_000)))
    plain = JobTerms(
        creator=address("creator"),
        salt=1,
        model_id=MODEL_ID,
        proof_kind=ProofKind.ZK,
        mode=JobMode.PARALLEL,
        input_root=hash_of("inputs"),
        manifest=job_manifest(milestones=milestones).digest(),
        payment_token=TOKEN,
        min_price=1_000,
        max_price=1_000,
        ramp_seconds=0,
        stake_lock=100,
        accept_seconds=600,
        exclusive_seconds=60,
        challenge_seconds=0,
        dispatcher=DISPATCHER,
        dispatcher_fee_bps=0,
        share_bps=(5_000, 5_000),
        duration_seconds=(300,) * milestones,
    )
    return plain.model_copy(update=changes)


class Chain:
    """A chain of named blocks that makes facts; `fork` gives later blocks other hashes."""

    def __init__(self, fork: str = "") -> None:
        self.fork = fork

    def block_hash(self, number: int) -> Bytes32:
        return hash_of(f"block {number} {self.fork}")

    def at(self, block: int, index: int = 0) -> LogPosition:
        return LogPosition(
            block_number=block,
            block_hash=self.block_hash(block),
            block_time=NOW + block,
            transaction_hash=hash_of(f"transaction {block} {index} {self.fork}"),
            log_index=index,
        )

    def created(self, block: int, job_terms: JobTerms | None = None) -> JobCreated:
        held = job_terms or terms()
        return JobCreated(
            at=self.at(block),
            job_id=job_id_of(held, DOMAIN),
            creator=held.creator,
            opened_at=NOW + block,
            economy_version=1,
            terms=held,
        )

    def registered(self, block: int) -> ModelRegistered:
        return ModelRegistered(at=self.at(block), model_id=MODEL_ID, spec=SPEC)

    def assigned(self, block: int, job_id: JobId, operator: str = "operator", round_: int = 1) -> JobAssigned:
        return JobAssigned(
            at=self.at(block),
            job_id=job_id,
            operator=address(operator),
            agent=address(f"{operator}'s agent"),
            round=round_,
            price=1_000,
            deadline=NOW + block + 300,
        )

    def claimed(self, block: int, job_id: JobId, milestone: int = 0, operator: str = "operator") -> MilestoneClaimed:
        """Of a job of two milestones."""
        return MilestoneClaimed(
            at=self.at(block, 0),
            job_id=job_id,
            milestone=milestone,
            operator=address(operator),
            output_root=hash_of("output"),
            manifest=hash_of("result"),
            next_deadline=0 if milestone else NOW + block + 600,
        )

    def paid(self, block: int, job_id: JobId, milestone: int = 0, operator: str = "operator") -> list[ChainFact]:
        """A claim and its payment."""
        return [
            self.claimed(block, job_id, milestone, operator),
            MilestonePaid(
                at=self.at(block, 1),
                job_id=job_id,
                milestone=milestone,
                operator=address(operator),
                to_operator=500,
                to_dispatcher=0,
            ),
        ]

    def completed(self, block: int, job_id: JobId, operator: str = "operator") -> JobCompleted:
        return JobCompleted(at=self.at(block, 2), job_id=job_id, operator=address(operator), surplus=7)

    def expired(self, block: int, job_id: JobId, operator: str = "operator") -> list[ChainFact]:
        return [
            JobExpired(
                at=self.at(block, 0), job_id=job_id, operator=address(operator), finder=address("finder"), slashed=10
            ),
            JobReopened(at=self.at(block, 1), job_id=job_id, round=2, next_milestone=0, bounty=4),
        ]

    def released(self, block: int, job_id: JobId, operator: str = "operator") -> list[ChainFact]:
        return [
            JobReleased(at=self.at(block, 0), job_id=job_id, operator=address(operator), fee=3),
            JobReopened(at=self.at(block, 1), job_id=job_id, round=2, next_milestone=0, bounty=3),
        ]

    def faulted(self, block: int, job_id: JobId, operator: str = "operator") -> list[ChainFact]:
        return [
            JobFaulted(
                at=self.at(block, 0),
                job_id=job_id,
                operator=address(operator),
                challenger=address("challenger"),
                milestone=0,
                slashed=100,
            ),
            JobReopened(at=self.at(block, 1), job_id=job_id, round=2, next_milestone=0, bounty=20),
        ]

    def refunded(self, block: int, job_id: JobId) -> JobRefunded:
        return JobRefunded(at=self.at(block), job_id=job_id, creator=address("creator"), amount=1_000)

    def step(
        self,
        facts: Iterable[ChainFact] = (),
        *,
        head: int,
        rolled_back_to: int | None = None,
        scanned: int | None = None,
    ) -> ScanStep:
        """A scan that has read up to `scanned`, the head unless given."""
        last = head if scanned is None else scanned
        return ScanStep(
            rolled_back_to=rolled_back_to,
            facts=tuple(facts),
            head=BlockHead(number=head, hash=self.block_hash(head), time=NOW + head),
            cursor=Cursor(((last, self.block_hash(last)),)),
        )


def open_job(block: int = 0, **changes: Any) -> Job:
    """An open job; `changes` are of its terms."""
    return opened(Chain().created(block, terms(**changes)))


def with_changes(job: Job, **changes: Any) -> Job:
    return replace(job, **changes)


# ---- executors and markets -------------------------------------------------------------------------------------------

GIB = 2**30


def capability(**changes: Any) -> Capability:
    """A machine with one 24 GiB GPU and ezkl 23 that asks 400 for a milestone."""
    plain = Capability(
        gpus=(Gpu(model="NVIDIA L4", vram_bytes=24 * GIB, compute_capability="8.9"),),
        driver="550.54",
        cpu_cores=8,
        memory_bytes=32 * GIB,
        disk_bytes=100 * GIB,
        region="eu-west",
        os="linux",
        provers=(Backend(name="ezkl", version="23.0.5"),),
        min_milestone_price=400,
        payment_tokens=(TOKEN,),
        max_jobs=1,
    )
    return plain.model_copy(update=changes)


def announcement(name: str = "alice", **changes: Any) -> Announcement:
    plain = Announcement(
        operator=address(f"operator {name}"),
        agent=address(name),
        capability=capability(),
        issued_at=NOW,
        expires_at=NOW + 300,
        nonce=1,
    )
    return plain.model_copy(update=changes)


def executor(name: str = "alice", *, free_stake: int = 1_000, **changes: Any) -> Executor:
    """An executor against which nothing stands. `changes` are of its capability or of the executor itself."""
    own = {key: changes.pop(key) for key in ("busy", "reserved_stake", "standing") if key in changes}
    said = announcement(name, capability=capability(**changes))
    plain = Executor(said, Standing(is_agent=True, free_stake=free_stake, locked_stake=0))
    return replace(plain, **own)


def brief(requirements: str = "", milestones: int = 2) -> Brief:
    return Brief(manifest=job_manifest(requirements, milestones), model=MODEL_MANIFEST)


def opening(requirements: str = "", **changes: Any) -> Opening:
    """An opening whose documents are all there; `changes` are of its terms."""
    return Opening(job=open_job(**changes), brief=brief(requirements))


def market(*executors: Executor, openings: Iterable[Opening] = (), now: int = NOW + 1, wall_now: int = NOW) -> Market:
    return Market(tuple(openings), tuple(executors), DISPATCHER, now, wall_now)
