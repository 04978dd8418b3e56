"""A market on a real chain: a creator who funds, operators with stake and agents, and a dispatcher to match them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from anvil_chain import AnvilChain, dev_account
from eth_account import Account
from eth_account.signers.local import LocalAccount

from dispatcher.lifetime import Running, running_dispatcher
from dispatcher.settings import Settings
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.keys import create_keystore
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.sender import Sender
from tallystick.hashing import sha256
from tallystick.ids import Address, Bytes32, JobId, bytes32, parse_address
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.manifests import ArtifactRef, JobManifest, ModelManifest, SrsRef
from tallystick.market.terms import JobMode, JobTerms, ProofKind
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import put_manifest
from tallystick.wire.announcement import sign_announcement
from tallystick.wire.api import Announcement
from tallystick.wire.capability import Backend, Capability
from tallystick.wire.dispatcher_client import DispatcherClient

CREATOR, SERVICE = dev_account(1), dev_account(2)
OPERATORS = {"alice": dev_account(3), "bob": dev_account(4)}
STAKE = 10**19
LOCK = 10**18
PRICE = 1_000

T = TypeVar("T")


def address_of(account: LocalAccount) -> Address:
    return parse_address(account.address)


def agent_of(name: str) -> LocalAccount:
    made: LocalAccount = Account.from_key(sha256(b"agent", name.encode()))
    return made


async def until(look: Callable[[], Awaitable[T | None]], *, seconds: float = 60.0) -> T:
    """What `look` finds, as soon as it finds something."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = await look()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{look} found nothing within {seconds:.0f} s")


@dataclass
class DispatcherMarket:
    chain: AnvilChain
    reader: ChainReader
    record: Path
    folder: Path

    @property
    def calls(self) -> MarketCalls:
        return MarketCalls(self.reader.deployment)

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.folder / "store")

    # ---- the dispatcher -----------------------------------------------------------------------------------------------

    def keystore(self) -> tuple[Path, Path]:
        """The service key's files, made once."""
        keystore, password = self.folder / "service.json", self.folder / "password"
        if not keystore.exists():
            password.write_text("a password\n")
            password.chmod(0o600)
            create_keystore(keystore, "a password", bytes(SERVICE.key), light=True)
        return keystore, password

    def settings(self, **changes: Any) -> Settings:
        keystore, password = self.keystore()
        plain = Settings(
            rpc=self.chain.rpc_url,
            deployment=self.record,
            store=str(self.folder / "store"),
            database=str(self.folder / "dispatcher.db"),
            keystore=keystore,
            password_file=password,
            port=0,
            poll_seconds=0.05,
        )
        return plain.model_copy(update=changes)

    def dispatcher(self, **changes: Any) -> AbstractAsyncContextManager[Running]:
        return running_dispatcher(self.settings(**changes))

    # ---- transactions -------------------------------------------------------------------------------------------------

    async def send(self, account: LocalAccount, *calls: Call) -> list[Receipt]:
        """Sends calls one after another, each once."""
        sender = Sender(self.reader, account, self.folder / f"{account.address}.journal")
        try:
            return [await sender.send(f"{call.description} {time.monotonic_ns()}", call) for call in calls]
        finally:
            sender.close()

    async def equip(self, name: str) -> None:
        """Gives an operator stake and an agent with gas money."""
        operator, agent = OPERATORS[name], agent_of(name)
        stake_token, owner = self.reader.deployment.tokens.stake, address_of(operator)
        self.chain.set_coins(agent.address, 10**19)
        await self.send(
            operator,
            self.calls.mint_test_token(stake_token, owner, STAKE),
            self.calls.approve(stake_token, self.reader.deployment.contracts.stake_manager, STAKE),
            self.calls.deposit_stake(owner, STAKE),
            self.calls.appoint_agent(address_of(agent)),
        )

    async def fund(self, **changes: Any) -> tuple[JobId, JobTerms]:
        """Publishes and registers a model, and funds a job of two milestones for it."""
        spec, terms = self._spec_and_terms(changes)
        deployment = self.reader.deployment
        assert deployment.tokens.payment is not None
        await self.send(
            CREATOR,
            self.calls.register_model(spec),
            self.calls.mint_test_token(deployment.tokens.payment, address_of(CREATOR), PRICE),
            self.calls.approve(deployment.tokens.payment, deployment.contracts.job_escrow, PRICE),
            self.calls.create_job(terms),
        )
        return await self.reader.job_id_of(terms), terms

    def _spec_and_terms(self, changes: dict[str, Any]) -> tuple[ModelSpec, JobTerms]:
        deployment = self.reader.deployment
        artifact = ArtifactRef(cid=self.store.put(b"artifact"), size_bytes=8)
        model = ModelManifest(
            name="anything",
            prover_version="23.0.5",
            onnx=artifact,
            settings=artifact,
            srs=SrsRef(logrows=10, sha256=bytes32(sha256(b"srs")), origin="development"),
            inputs=(),
            outputs=(),
            program_id=bytes32(sha256(b"program")),
        )
        spec = ModelSpec(
            proof_kind=ProofKind.ZK,
            semantics_version=1,
            adapter=deployment.contracts.ezkl_verifier_adapter,
            program_id=model.program_id,
            weights_root=Bytes32("0x" + "00" * 32),
            manifest=put_manifest(self.store, model),
        )
        requirements = changes.pop("requirements", "")
        manifest = JobManifest(model_id=model_id_of(spec), requirements=requirements, inputs=(artifact, artifact))
        plain = JobTerms(
            creator=address_of(CREATOR),
            salt=time.monotonic_ns(),
            model_id=model_id_of(spec),
            proof_kind=ProofKind.ZK,
            mode=JobMode.PARALLEL,
            input_root=bytes32(sha256(b"inputs")),
            manifest=put_manifest(self.store, manifest),
            payment_token=deployment.tokens.payment or address_of(CREATOR),
            min_price=PRICE,
            max_price=PRICE,
            ramp_seconds=0,
            stake_lock=LOCK,
            accept_seconds=3_600,
            exclusive_seconds=3_600,
            challenge_seconds=0,
            dispatcher=address_of(SERVICE),
            dispatcher_fee_bps=0,
            share_bps=(5_000, 5_000),
            duration_seconds=(300, 300),
        )
        return spec, plain.model_copy(update=changes)

    # ---- executors ----------------------------------------------------------------------------------------------------

    def announcement(self, name: str, ask: int = 100) -> Announcement:
        now = int(time.time())
        return Announcement(
            operator=address_of(OPERATORS[name]),
            agent=address_of(agent_of(name)),
            capability=Capability(
                cpu_cores=2,
                memory_bytes=2**33,
                disk_bytes=2**36,
                provers=(Backend(name="ezkl", version="23.0.5"),),
                min_milestone_price=ask,
            ),
            issued_at=now,
            expires_at=now + 300,
            nonce=time.time_ns(),
        )

    async def announce(self, client: DispatcherClient, name: str, ask: int = 100) -> None:
        domain = self.reader.deployment.domain()
        await client.announce(sign_announcement(self.announcement(name, ask), agent_of(name), domain))
