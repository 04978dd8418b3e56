"""A market in memory for the SDK's tests: valid to begin with; each test breaks one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from client_sdk._connection import Connection
from client_sdk._following import Follower
from client_sdk._journal import JobJournal
from client_sdk._models import ModelHandle
from tallystick.chain.abi import contract_abi
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import Contracts, Deployment, Tokens
from tallystick.chain.permits import PermitSupport
from tallystick.chain.receipts import Receipt
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead, JobState, TokenInfo
from tallystick.clock import ManualClock
from tallystick.errors import InputError, RevertError
from tallystick.hashing import sha256
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, Address, Bytes32, JobId, ModelId, bytes32, parse_address
from tallystick.market.book import fold
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.events import ChainFact, JobCreated, JobFact, LogPosition
from tallystick.market.manifests import ArtifactRef, ModelManifest, SrsRef
from tallystick.market.parameters import EntryRules
from tallystick.market.permits import TokenDomain, TokenPermit
from tallystick.market.terms import JobStatus, JobTerms, ProofKind, job_id_of
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import put_manifest
from tallystick.storage.store import Store
from tallystick.tensors import TensorSpec

START = 1_700_000_000


def hash_of(name: str) -> Bytes32:
    return bytes32(sha256(name.encode()))


def account(name: str) -> LocalAccount:
    made: LocalAccount = Account.from_key(sha256(b"client test", name.encode()))
    return made


def address(name: str) -> Address:
    return parse_address(account(name).address)


CREATOR = address("creator")
OPERATOR = address("operator")
PAYMENT = TokenInfo(address("payment token"), "tUSD", 6)
STAKE = TokenInfo(address("stake token"), "TALLY", 18)
DEPLOYMENT = Deployment(
    chain_id=31337,
    block=1,
    contracts=Contracts(
        job_escrow=address("escrow"),
        milestone_settlement=address("settlement"),
        stake_manager=address("stake manager"),
        model_registry=address("registry"),
        verifier_router=address("router"),
        protocol_parameters=address("parameters"),
        authority=address("authority"),
        timelock=address("timelock"),
        ezkl_verifier_adapter=address("adapter"),
        ezkl_verifier=address("verifier"),
        trace_dispute=address("trace dispute"),
        trace_demands=address("trace demands"),
    ),
    tokens=Tokens(payment=PAYMENT.address, stake=STAKE.address),
)
TOKEN_DOMAIN = TokenDomain(name="Test Dollar", version="1", chain_id=31337, token=PAYMENT.address)
RULES = EntryRules(min_lock=10**18, min_lock_ratio_bps=5_000, min_challenge_seconds=60, unbond_seconds=600)
INPUT = TensorSpec(name="x", shape=(1, 2), scale=4, low="-1", high="1")
OUTPUT = TensorSpec(name="y", shape=(1, 3), scale=4, low="-8", high="8")


def block_hash(number: int, fork: str = "") -> Bytes32:
    return hash_of(f"block {number} {fork}")


def at(block: int, index: int = 0, *, fork: str = "", transaction: str | None = None) -> LogPosition:
    return LogPosition(
        block_number=block,
        block_hash=block_hash(block, fork),
        block_time=START + 10 * block,
        transaction_hash=hash_of(transaction or f"transaction of block {block}"),
        log_index=index,
    )


def model_in(store: Store, **changes: Any) -> ModelHandle:
    """A registered model whose manifest is in the store."""
    reference = ArtifactRef(cid=store.put(b"onnx"), size_bytes=4)
    manifest = ModelManifest(
        name="doubler",
        prover_version="23.0.5",
        onnx=reference,
        settings=reference,
        srs=SrsRef(logrows=10, sha256=hash_of("srs"), origin="development"),
        inputs=changes.pop("inputs", (INPUT,)),
        outputs=changes.pop("outputs", (OUTPUT,)),
        program_id=hash_of("program"),
    )
    spec = ModelSpec(
        proof_kind=ProofKind.ZK,
        semantics_version=1,
        adapter=DEPLOYMENT.contracts.ezkl_verifier_adapter,
        program_id=changes.pop("program_id", manifest.program_id),
        weights_root=ZERO_BYTES32,
        manifest=put_manifest(store, manifest),
    )
    return ModelHandle(model_id_of(spec), spec, manifest)


class FakeChain:
    """As much of `ChainReader` as the SDK asks, over a list of facts and some numbers."""

    deployment = DEPLOYMENT

    def __init__(self) -> None:
        self.specs: dict[ModelId, ModelSpec] = {}
        self.tokens = {PAYMENT.address: PAYMENT, STAKE.address: STAKE}
        self.balances = {PAYMENT.address: 100_000_000, STAKE.address: 0}
        self.credits: dict[Address, int] = {}
        self.allowances: dict[Address, int] = {}
        self.takes_permits = False
        self.permit_nonce = 0
        self.rules = RULES
        self.paused = False
        self.order_nonces: set[int] = set()
        self.native = 10**18
        self.happened: list[ChainFact] = []
        self.head_number = 1
        self.calldata: dict[str, str] = {}
        self.called = DEPLOYMENT.contracts.job_escrow

    async def model_spec(self, model_id: ModelId) -> ModelSpec:
        if model_id not in self.specs:
            raise RevertError("unknown", name="ModelRegistry_UnknownModel", arguments={})
        return self.specs[model_id]

    async def token(self, token: Address) -> TokenInfo:
        if token not in self.tokens:
            raise InputError(f"There is no token at {token}.", remedy="Check the address.")
        return self.tokens[token]

    async def balance_of(self, token: Address, account: Address) -> int:
        return self.balances[token] if account == CREATOR else 0

    @property
    def allowed(self) -> int:
        """To the escrow."""
        return self.allowances.get(DEPLOYMENT.contracts.job_escrow, 0)

    @allowed.setter
    def allowed(self, amount: int) -> None:
        self.allowances[DEPLOYMENT.contracts.job_escrow] = amount

    async def allowance(self, token: Address, owner: Address, spender: Address) -> int:
        return self.allowances.get(spender, 0)

    async def permit_support(self, token: Address, owner: Address) -> PermitSupport | None:
        return PermitSupport(TOKEN_DOMAIN, self.permit_nonce) if self.takes_permits else None

    async def new_jobs_paused(self) -> bool:
        return self.paused

    async def is_order_nonce_used(self, creator: Address, nonce: int) -> bool:
        return nonce in self.order_nonces

    async def credit_of(self, token: Address, account: Address) -> int:
        return self.credits.get(token, 0)

    async def reward_of(self, account: Address) -> int:
        return 0

    async def native_balance(self, account: Address) -> int:
        return self.native

    async def entry_rules(self) -> EntryRules:
        return self.rules

    async def job_state(self, job_id: JobId) -> JobState:
        job = fold(fact for fact in self.happened if isinstance(fact, JobFact)).get(job_id)
        status = JobStatus.NONE if job is None else job.status
        return JobState(
            operator=ZERO_ADDRESS,
            timer=START,
            round=1,
            next_milestone=0,
            status=status,
            remaining=0,
            bounty=0,
            accepted_after=0,
            paid_milestones=0,
            economy_version=1,
        )

    async def head(self) -> BlockHead:
        return BlockHead(self.head_number, block_hash(self.head_number), START + 10 * self.head_number)

    async def facts(self, first: int, last: int) -> list[ChainFact]:
        return [fact for fact in self.happened if first <= fact.at.block_number <= last]

    async def transaction_receipt(self, transaction_hash: Bytes32) -> Receipt | None:
        facts = [fact for fact in self.happened if fact.at.transaction_hash == transaction_hash]
        if not facts:
            return None
        place = facts[0].at
        return Receipt("", transaction_hash, place.block_number, place.block_hash, 21_000, 7, True, tuple(facts))

    @property
    def rpc(self) -> FakeChain:
        return self

    async def request(self, method: str, transaction_hash: str) -> dict[str, str] | None:
        assert method == "eth_getTransactionByHash"
        known = any(fact.at.transaction_hash == transaction_hash for fact in self.happened)
        found = self.calldata.get(transaction_hash, "0x" if known else None)
        return None if found is None else {"to": self.called, "input": found}


class FakeScanner:
    """As `FactScanner`, over a FakeChain; `rollback` makes the next poll take facts back."""

    def __init__(self, chain: FakeChain, start: int) -> None:
        self._chain = chain
        self.start = start
        self._next = start
        self.rollback: int | None = None
        self.polls = 0

    async def poll(self) -> ScanStep:
        self.polls += 1
        rolled_back_to, self.rollback = self.rollback, None
        if rolled_back_to is not None:
            self._next = rolled_back_to + 1
        head = await self._chain.head()
        facts = await self._chain.facts(self._next, head.number)
        self._next = head.number + 1
        return ScanStep(rolled_back_to, tuple(facts), head, Cursor(((head.number, head.hash),)))


class FakeSigning:
    """As `Signing`: every call takes effect at once, in a block of its own, and only once for a key."""

    address = CREATOR

    def __init__(self, chain: FakeChain, journal: JobJournal) -> None:
        self.chain = chain
        self.journal = journal
        self.sent: list[tuple[str, Call]] = []
        self.done: dict[str, Receipt] = {}
        self.refuse: RevertError | None = None
        self.die_after_sending = False
        self.on_release: Callable[[], None] = lambda: None

    async def send(self, key: str, call: Call) -> Receipt:
        if key in self.done:
            return self.done[key]
        if self.refuse is not None:
            raise self.refuse
        self.sent.append((key, call))
        self.chain.head_number += 1
        block = self.chain.head_number
        facts = self._apply(call, block)
        self.chain.happened.extend(facts)
        place = at(block)
        self.done[key] = Receipt(key, place.transaction_hash, block, place.block_hash, 21_000, 7, True, facts)
        if self.die_after_sending:
            raise KeyboardInterrupt
        return self.done[key]

    def forget(self, key: str) -> None:
        self.done.pop(key, None)

    def sign(self, message: SignableMessage) -> bytes:
        return bytes(account("creator").sign_message(message).signature)

    def release(self) -> None:
        self.on_release()

    def _apply(self, call: Call, block: int) -> tuple[ChainFact, ...]:
        approve = contract_abi("MockToken").functions["approve"]
        self.chain.calldata[at(block).transaction_hash] = "0x" + call.data.hex()
        if call.data[:4] == approve.selector:
            self.chain.allowed = approve.decode_arguments(call.data)[1]
        if not any(call.data[:4] == create.selector for create in _CREATIONS):
            return ()
        terms = terms_in(call.data)
        if permit_in(call.data) is not None:
            # As EIP-2612 has it: an allowance is set, not added to.
            self.chain.allowed, self.chain.permit_nonce = terms.max_price, self.chain.permit_nonce + 1
        self.chain.allowed -= terms.max_price
        self.chain.balances[terms.payment_token] -= terms.max_price
        job_id = job_id_of(terms, DEPLOYMENT.domain())
        opened_at = START + 10 * block
        return (
            JobCreated(
                at=at(block),
                job_id=job_id,
                creator=terms.creator,
                opened_at=opened_at,
                economy_version=1,
                terms=terms,
            ),
        )


_CREATIONS = [contract_abi("JobEscrow").functions[name] for name in ("createJob", "createJobWithPermit")]


def terms_in(calldata: bytes) -> JobTerms:
    """The terms of a call that creates a job."""
    [create] = [function for function in _CREATIONS if function.selector == calldata[:4]]
    return JobTerms.model_validate(create.decode_arguments(calldata)[0])


def permit_in(calldata: bytes) -> TokenPermit | None:
    """The permit of a call that creates a job; None where it goes without."""
    if calldata[:4] != _CREATIONS[1].selector:
        return None
    return TokenPermit.model_validate(_CREATIONS[1].decode_arguments(calldata)[1])


class World:
    """A connection over fakes, and everything that a test may want to look at or to break."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.chain = FakeChain()
        self.store_folder = folder / "store"
        self.store = FolderStore(self.store_folder)
        self.model = model_in(self.store)
        self.chain.specs[self.model.model_id] = self.model.spec
        self.journal = JobJournal(folder / "jobs")
        self.signing = FakeSigning(self.chain, self.journal)
        self.clock = ManualClock(START)
        self.scanners: list[FakeScanner] = []
        self.follower = Follower(
            self.chain, self._make_scanner, first_block=DEPLOYMENT.block, poll_seconds=0, patience_seconds=0
        )
        fields: dict[str, Any] = {
            "reader": self.chain,
            "calls": MarketCalls(DEPLOYMENT),
            "store": self.store,
            "dispatcher": None,
            "signing": self.signing,
            "follower": self.follower,
            "home": folder,
            "clock": self.clock,
            "confirmations": 1,
        }
        self.connection = Connection(**(fields | changes))

    def reconnected(self, **changes: Any) -> Connection:
        return replace(self.connection, **changes)

    def happen(self, *facts: ChainFact) -> None:
        """Facts that the chain has from now on, its head moved to the last one's block."""
        self.chain.happened.extend(facts)
        self.chain.head_number = max(self.chain.head_number, *(fact.at.block_number for fact in facts))

    def _make_scanner(self, start: int) -> FakeScanner:
        self.scanners.append(FakeScanner(self.chain, start))
        return self.scanners[-1]
