"""A chain with a job on it whose claims may be lies, a store, and challengers in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from anvil_chain import AnvilChain, dev_account
from eth_account.signers.local import LocalAccount

from challenger.app import ChallengerParts
from challenger.lifetime import assembled_challenger
from challenger.settings import Settings, load_settings
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import Deployment
from tallystick.chain.inclusion import Timing
from tallystick.chain.keys import create_keystore
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.sender import Sender
from tallystick.dispute.artifacts import encode_inputs, encode_output, encode_roots, encode_tensor
from tallystick.dispute.demand_packing import pack_answer, read_demand
from tallystick.dispute.faults import AnyFault, FalseClaim, corrupt
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.published import Item, read_published
from tallystick.engine.commitments import program_commitment
from tallystick.engine.encoding import encode_program
from tallystick.engine.program import SEMANTICS_VERSION, Program, RefKind
from tallystick.engine.trace import Trace
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, Address, JobId, bytes32, parse_address
from tallystick.market.book import Job, fold
from tallystick.market.claims import Claim, ModelSpec, model_id_of
from tallystick.market.events import JobFact, TraceDemanded
from tallystick.market.manifests import (
    ArtifactRef,
    JobManifest,
    ProgramManifest,
    ProgramTensor,
    ResultManifest,
    TraceManifest,
)
from tallystick.market.terms import JobMode, JobTerms, ProofKind, job_id_of
from tallystick.merkle import milestone_path, milestones_root
from tallystick.storage.folder import FolderStore

CREATOR, OPERATOR, CHALLENGER = dev_account(1), dev_account(2), dev_account(6)
PASSWORD = "for tests only"
UNIT = 10**18
WINDOW = 240
FAST = Timing(poll_seconds=0.02)

Answer = TypeVar("Answer")


def address_of(account: LocalAccount) -> Address:
    return parse_address(account.address)


def described(header: Any, name: str) -> ProgramTensor:
    return ProgramTensor(name=name, dtype=header.dtype.name.lower(), dims=header.dims, held="integers")


def items_of(trace: Trace) -> list[Item]:
    return [tensor for tensor in trace.tensors if tensor is not None]


@dataclass
class World:
    """Everything that stands outside the challenger.

    Attributes:
        trace: The honest run of every milestone.
    """

    chain: AnvilChain
    deployment: Deployment
    record: Path
    folder: Path
    trace: Trace
    store: FolderStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = FolderStore(self.folder / "store")
        self.calls = MarketCalls(self.deployment)
        self.commitment = program_commitment(self.trace.program)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        create_keystore(self.folder / "challenger.json", PASSWORD, bytes(CHALLENGER.key), light=True)

    @property
    def program(self) -> Program:
        return self.trace.program

    # ---- on the chain -------------------------------------------------------------------------------------------------

    def ask(self, question: Callable[[ChainReader], Coroutine[Any, Any, Answer]]) -> Answer:
        async def go() -> Answer:
            async with await ChainReader.connect(self.chain.rpc_url, self.deployment) as reader:
                return await question(reader)

        return asyncio.run(go())

    async def send(self, account: LocalAccount, *calls: Call) -> list[Receipt]:
        async with await ChainReader.connect(self.chain.rpc_url, self.deployment) as reader:
            file = self.folder / f"sender-{account.address}.sqlite3"
            sender = Sender(reader, account, file, timing=FAST)
            try:
                return [await sender.send(f"{time.time_ns()}", call) for call in calls]
            finally:
                sender.close()

    async def facts(self) -> list[Any]:
        async with await ChainReader.connect(self.chain.rpc_url, self.deployment) as reader:
            head = await reader.head()
            return await reader.facts(self.deployment.block, head.number)

    async def job(self, job_id: JobId) -> Job:
        return fold(fact for fact in await self.facts() if isinstance(fact, get_args(JobFact)))[job_id]

    def balance(self, account: LocalAccount) -> int:
        """In the stake token."""
        return self.ask(lambda reader: reader.balance_of(self.deployment.tokens.stake, address_of(account)))

    # ---- creator and executor -----------------------------------------------------------------------------------------

    def put(self, data: bytes) -> ArtifactRef:
        return ArtifactRef(cid=self.store.put(data), size_bytes=len(data))

    def spec(self) -> ModelSpec:
        manifest = ProgramManifest(
            name="sample",
            semantics_version=SEMANTICS_VERSION,
            program=self.put(encode_program(self.program)),
            package=self.put(b"{}"),
            inputs=tuple(described(header, f"x{index}") for index, header in enumerate(self.program.inputs)),
            output=described(self.program.output_header, "y"),
            program_id=bytes32(self.commitment.program_hash),
        )
        self.store.put(manifest.encode())
        return ModelSpec(
            proof_kind=ProofKind.OPTIMISTIC,
            semantics_version=SEMANTICS_VERSION,
            adapter=self.deployment.contracts.trace_dispute,
            program_id=manifest.program_id,
            weights_root=ZERO_BYTES32,
            manifest=manifest.digest(),
        )

    def terms(self, milestones: int = 1) -> JobTerms:
        spec = self.spec()
        data = encode_inputs(self.trace.inputs)
        job = JobManifest(model_id=model_id_of(spec), inputs=(self.put(data),) * milestones)
        self.store.put(job.encode())
        payment = self.deployment.tokens.payment
        assert payment is not None
        share = 10_000 // milestones
        return JobTerms(
            creator=address_of(CREATOR),
            salt=time.time_ns(),
            model_id=model_id_of(spec),
            proof_kind=ProofKind.OPTIMISTIC,
            mode=JobMode.PARALLEL,
            input_root=bytes32(milestones_root(self.input_roots(milestones))),
            manifest=job.digest(),
            payment_token=payment,
            min_price=1_000,
            max_price=1_000,
            ramp_seconds=0,
            stake_lock=10 * UNIT,
            accept_seconds=600,
            exclusive_seconds=0,
            challenge_seconds=WINDOW,
            dispatcher=ZERO_ADDRESS,
            dispatcher_fee_bps=0,
            share_bps=(*[share] * (milestones - 1), 10_000 - share * (milestones - 1)),
            duration_seconds=(100_000,) * milestones,
        )

    def input_roots(self, milestones: int) -> list[bytes]:
        return [self.trace.commit().input_root] * milestones

    async def accepted_job(self, milestones: int = 1) -> JobTerms:
        """A job that the operator holds, with its stake locked."""
        terms, contracts, stake = self.terms(milestones), self.deployment.contracts, self.deployment.tokens.stake
        await self.send(
            CREATOR,
            self.calls.mint_test_token(terms.payment_token, address_of(CREATOR), 1_000),
            self.calls.approve(terms.payment_token, contracts.job_escrow, 1_000),
            self.calls.register_model(self.spec()),
            self.calls.create_job(terms),
        )
        await self.send(
            OPERATOR,
            self.calls.mint_test_token(stake, address_of(OPERATOR), 10 * UNIT),
            self.calls.approve(stake, contracts.stake_manager, 10 * UNIT),
            self.calls.deposit_stake(address_of(OPERATOR), 10 * UNIT),
            self.calls.accept(terms, address_of(OPERATOR)),
        )
        return terms

    def job_id(self, terms: JobTerms) -> JobId:
        return job_id_of(terms, self.deployment.domain())

    def publish(self, items: Sequence[Item]) -> ArtifactRef:
        """A trace as its claimer puts it into the store."""
        shown = read_published(self.program, items)
        manifest = TraceManifest(
            trace_root=bytes32(shown.root),
            roots=self.put(encode_roots(shown.roots)),
            tensors=tuple(
                self.put(encode_tensor(item, step.header)) for item, step in zip(items, self.program.steps, strict=True)
            ),
        )
        return self.put(manifest.encode())

    async def claim(
        self, terms: JobTerms, fault: AnyFault | None = None, *, milestone: int = 0, withheld: bool = False
    ) -> FalseClaim | None:
        """The operator's claim of a milestone: honest, or wrong in that way."""
        false = None if fault is None else corrupt(self.trace, fault)
        items = items_of(self.trace) if false is None else false.published
        shown = read_published(self.program, items)
        output_root = shown.roots[self.program.output] if false is None else false.claim.output_root
        result = ResultManifest(
            job_id=self.job_id(terms),
            milestone=milestone,
            output=self.put(encode_output(self.trace.output)),
            trace=None if withheld else self.publish(items),
        )
        self.store.put(result.encode())
        roots = self.input_roots(terms.milestone_count)
        claim = Claim(
            milestone=milestone,
            input_root=bytes32(roots[milestone]),
            input_proof=tuple(bytes32(node) for node in milestone_path(roots, milestone)),
            output_root=bytes32(output_root),
            manifest=result.digest(),
            proof=shown.root,
        )
        await self.send(OPERATOR, self.calls.claim(terms, claim))
        return false

    async def answer_demands(self, terms: JobTerms, trace: Trace) -> int:
        """What an executor shows of its trace when it is asked; how many were answered."""
        held, told = HeldTrace(trace, self.commitment), await self.facts()
        shown = {fact.demand_id for fact in told if fact.event == "TraceShown"}
        open_ = [fact for fact in told if isinstance(fact, TraceDemanded) and fact.demand_id not in shown]
        counts = {RefKind.STEP: len(self.program.steps), RefKind.INPUT: len(self.program.inputs)}
        for fact in open_:
            point = fact.demand
            words = (point.list, point.of_list, point.tensor, point.count, point.height, point.index)
            demand = read_demand((*words, bytes.fromhex(point.node[2:])), counts[RefKind(point.list)])
            data = pack_answer(answer(held, demand))
            await self.send(OPERATOR, self.calls.show(terms, fact.milestone, point, data))
        return len(open_)

    # ---- challengers --------------------------------------------------------------------------------------------------

    def settings(self, **changed: Any) -> Settings:
        usual: dict[str, Any] = {
            "rpc": self.chain.rpc_url,
            "deployment": self.record,
            "store": f"dir:{self.folder / 'store'}",
            "home": self.folder / "home",
            "keystore": self.folder / "challenger.json",
            "password_file": self.folder / "password",
            "poll_seconds": 0.1,
        }
        return load_settings(Settings, {**usual, **changed}, {})

    @property
    def surroundings(self) -> dict[str, str]:
        names = ("rpc", "deployment", "store", "home", "keystore", "password_file", "poll_seconds")
        settings = self.settings()
        return {f"TALLYSTICK_CHALLENGER_{name.upper()}": str(getattr(settings, name)) for name in names}

    @asynccontextmanager
    async def challenger(self, *, sends: bool = True, **changed: Any) -> AsyncIterator[ChallengerParts]:
        """One in this process; `told` of its watcher is what it told."""
        async with assembled_challenger(
            self.settings(**changed), sends=sends, progress=lambda *_: None, tell=lambda *_: None
        ) as parts:
            yield parts

    async def watch_until_idle(self, **changed: Any) -> None:
        """A challenger sees to what stands, and ends."""
        async with self.challenger(**changed) as parts:
            await parts.watcher.run_once(0.1)
