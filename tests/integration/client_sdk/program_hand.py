"""What an executor of programs does, one step at a time, honest or not; and a challenger who has found a fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anvil_chain import dev_account
from broken_programs import every_opcode
from client_market import Market, address_of
from eth_account.signers.local import LocalAccount
from published_claims import honest, publish_claim
from sample_packages import sample_report

from client_sdk import AsyncJob
from tallystick.chain.calls import MarketCalls
from tallystick.chain.inclusion import Timing
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.sender import Sender
from tallystick.dispute.artifacts import decode_inputs
from tallystick.dispute.faults import AnyFault, FalseClaim, corrupt
from tallystick.dispute.findings import Fault
from tallystick.dispute.search import examine
from tallystick.engine.compiler.package import write_package
from tallystick.engine.executor import run
from tallystick.engine.trace import Trace
from tallystick.ids import bytes32
from tallystick.market.claims import Claim
from tallystick.market.disputes import ClaimRef
from tallystick.market.manifests import JobManifest
from tallystick.merkle import milestone_path
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import get_manifest

OPERATOR = dev_account(3)
CHALLENGER = dev_account(4)
PROGRAM = every_opcode()


def package_in(folder: Path) -> Path:
    """A compiled program's folder."""
    write_package(PROGRAM, folder / "opcodes", report=sample_report())
    return folder / "opcodes"


class ProgramHand:
    """One account's transactions."""

    def __init__(self, market: Market, sender: Sender) -> None:
        self._market = market
        self._sender = sender
        self._store = FolderStore(market.folder / "store")
        self._calls = MarketCalls(market.deployment)

    async def stake(self) -> None:
        token, manager = self._market.deployment.tokens.stake, self._market.deployment.contracts.stake_manager
        operator = address_of(OPERATOR)
        for key, call in (
            ("mint", self._calls.mint_test_token(token, operator, 10**20)),
            ("approve", self._calls.approve(token, manager, 10**20)),
            ("deposit", self._calls.deposit_stake(operator, 10**20)),
        ):
            await self._sender.send(key, call)

    async def accept(self, job: AsyncJob) -> None:
        await self._sender.send("accept", self._calls.accept(job.terms, address_of(OPERATOR)))

    def traces(self, job: AsyncJob) -> list[Trace]:
        """What the program really gives for each milestone."""
        manifest = get_manifest(self._store, job.terms.manifest, JobManifest)
        return [run(PROGRAM, decode_inputs(self._store.get(one.cid), PROGRAM)) for one in manifest.inputs]

    async def claim(self, job: AsyncJob, milestone: int, fault: AnyFault | None = None) -> FalseClaim:
        """Claims a milestone and publishes its trace."""
        traces = self.traces(job)
        made = honest(traces[milestone]) if fault is None else corrupt(traces[milestone], fault)
        roots = [trace.commit().input_root for trace in traces]
        claim = Claim(
            milestone=milestone,
            input_root=bytes32(roots[milestone]),
            input_proof=tuple(bytes32(node) for node in milestone_path(roots, milestone)),
            output_root=bytes32(made.claim.output_root),
            manifest=publish_claim(self._store, job.job_id, milestone, PROGRAM, made),
            proof=made.claim.trace_root,
        )
        await self._sender.send(f"claim:{milestone}", self._calls.claim(job.terms, claim))
        return made

    async def prove_fault(self, job: AsyncJob, milestone: int, made: FalseClaim) -> Receipt:
        """Shows that a claim is wrong."""
        trace = self.traces(job)[milestone]
        found = examine(PROGRAM, trace.inputs, made.claim, made.published)
        assert isinstance(found, Fault)
        claimed = ClaimRef(
            milestone=milestone,
            input_root=bytes32(made.claim.input_root),
            output_root=bytes32(made.claim.output_root),
            trace_root=bytes32(made.claim.trace_root),
        )
        return await self._sender.send("prove", self._calls.prove_fault(job.terms, claimed, found.packed))


@asynccontextmanager
async def program_hand(market: Market, account: LocalAccount = OPERATOR) -> AsyncIterator[ProgramHand]:
    async with await ChainReader.connect(market.chain.rpc_url, market.deployment) as reader:
        journal = market.folder / f"{account.address}.sqlite"
        sender = Sender(reader, account, journal, timing=Timing(poll_seconds=0.02))
        try:
            yield ProgramHand(market, sender)
        finally:
            sender.close()
