"""A chain, a store, a registered model of handwritten digits, and executors as real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from anvil_chain import AnvilChain, dev_account
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from tallystick.chain.calls import MarketCalls
from tallystick.chain.deployment import Deployment
from tallystick.chain.keys import create_keystore
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, Address, JobId, bytes32, parse_address
from tallystick.market.book import Job, fold
from tallystick.market.claims import ModelSpec, model_id_of, program_id_of
from tallystick.market.events import JobFact
from tallystick.market.manifests import ArtifactRef, JobManifest, ModelManifest
from tallystick.market.orders import Funding, JobOrder, SignedOrder, message_to_sign
from tallystick.market.permits import Permit, permit_message, signed_permit
from tallystick.market.terms import JobMode, JobTerms, ProofKind, job_id_of
from tallystick.merkle import milestones_root
from tallystick.proving.prover import Circuit
from tallystick.storage.folder import FolderStore
from tallystick.tensors import QuantisedTensors, quantise

ROOT = Path(__file__).parents[3]
DIGITS = ROOT / "examples" / "digits"
CREATOR, OPERATOR, AGENT = dev_account(1), dev_account(2), dev_account(3)
PASSWORD = "for tests only"
UNIT = 10**18

Answer = TypeVar("Answer")


def address_of(account: LocalAccount) -> Address:
    return parse_address(account.address)


def _signed(message: SignableMessage) -> bytes:
    return bytes(CREATOR.sign_message(message).signature)


def samples() -> dict[str, Any]:
    held: dict[str, Any] = json.loads((DIGITS / "samples.json").read_text())
    return held


@dataclass
class World:
    """Everything that stands outside the executor.

    Attributes:
        circuit: Of the model that jobs are about.
        values: Its inputs as floats, one for each milestone; None: the committed images of digits.
    """

    chain: AnvilChain
    deployment: Deployment
    record: Path
    folder: Path
    circuit: Circuit
    values: Sequence[Any] | None = None
    store: FolderStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = FolderStore(self.folder / "store")
        self.calls = MarketCalls(self.deployment)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        create_keystore(self.folder / "agent.json", PASSWORD, bytes(AGENT.key), light=True)
        create_keystore(self.folder / "operator.json", PASSWORD, bytes(OPERATOR.key), light=True)

    @property
    def payment(self) -> Address:
        assert self.deployment.tokens.payment is not None
        return self.deployment.tokens.payment

    # ---- on the chain -------------------------------------------------------------------------------------------------

    def ask(self, question: Callable[[ChainReader], Coroutine[Any, Any, Answer]]) -> Answer:
        async def go() -> Answer:
            async with await ChainReader.connect(self.chain.rpc_url, self.deployment) as reader:
                return await question(reader)

        return asyncio.run(go())

    def job(self, job_id: JobId) -> Job:
        async def read(reader: ChainReader) -> Job:
            head = await reader.head()
            facts = await reader.facts(self.deployment.block, head.number)
            return fold(fact for fact in facts if isinstance(fact, get_args(JobFact)))[job_id]

        return self.ask(read)

    def balance(self, token: Address, account: LocalAccount) -> int:
        return self.ask(lambda reader: reader.balance_of(token, address_of(account)))

    def send(self, account: LocalAccount, *calls: Any) -> None:
        async def go(reader: ChainReader) -> None:
            sender = Sender(reader, account, self.folder / f"sender-{account.address}.sqlite3")
            try:
                for call in calls:
                    await sender.send(f"{time.time_ns()}", call)
            finally:
                sender.close()

        self.ask(go)

    def transactions_of(self, account: LocalAccount) -> int:
        return self.chain.transaction_count(account.address)

    # ---- what a creator does ------------------------------------------------------------------------------------------

    def _put(self, data: bytes) -> ArtifactRef:
        return ArtifactRef(cid=self.store.put(data), size_bytes=len(data))

    def model(self) -> tuple[ModelManifest, ModelSpec]:
        circuit = self.circuit
        srs = circuit.srs.model_copy(update={"artifact": self._put(circuit.srs_path.read_bytes())})
        manifest = ModelManifest(
            name="digits",
            prover_version=circuit.prover_version,
            onnx=self._put(circuit.onnx),
            settings=self._put(circuit.settings),
            srs=srs,
            inputs=circuit.inputs,
            outputs=circuit.outputs,
            program_id=program_id_of(circuit.vka),
        )
        self.store.put(manifest.encode())
        spec = ModelSpec(
            proof_kind=ProofKind.ZK,
            semantics_version=1,
            adapter=self.deployment.contracts.ezkl_verifier_adapter,
            program_id=manifest.program_id,
            weights_root=ZERO_BYTES32,
            manifest=manifest.digest(),
        )
        return manifest, spec

    def inputs(self, milestones: int) -> list[QuantisedTensors]:
        [spec] = self.circuit.inputs
        values = (self.values or samples()["calibration"])[:milestones]
        return [QuantisedTensors(shapes=(spec.shape,), values=(quantise(value, spec),)) for value in values]

    def fund_job(self, milestones: int = 2, *, seconds: int = 300, shows_program: bool = True) -> JobId:
        """`shows_program`: whether the creator shows the verifier the program, as the client does."""
        terms = self._publish(milestones, seconds, shows_program=shows_program)
        escrow = self.deployment.contracts.job_escrow
        self.send(
            CREATOR,
            self.calls.approve(self.payment, escrow, terms.max_price),
            self.calls.create_job(terms),
        )
        return self._id_of(terms)

    def sign_order(self, path: Path, milestones: int = 1) -> JobId:
        """Writes a job of a creator's as a signed order, paid by permit: nothing of it is on the chain but the model."""
        terms, domain = self._publish(milestones, 300, shows_program=True), self.deployment.domain()
        support = self.ask(lambda reader: reader.permit_support(self.payment, terms.creator))
        now = self.ask(lambda reader: reader.head()).time
        assert support is not None
        order = JobOrder(terms=terms, nonce=terms.salt, starts_at=now, expires_at=now + 600)
        permit = Permit(
            owner=terms.creator,
            spender=domain.escrow,
            value=terms.max_price,
            nonce=support.nonce,
            deadline=order.expires_at,
        )
        signed = SignedOrder(
            order=order,
            funding=Funding.PERMIT,
            signature=_signed(message_to_sign(order, Funding.PERMIT, domain)),
            permit=signed_permit(permit, _signed(permit_message(permit, support.domain))),
        )
        path.write_text(signed.model_dump_json())
        return self._id_of(terms)

    def terms_of(self, job_id: JobId) -> JobTerms:
        return self.job(job_id).terms

    def _id_of(self, terms: JobTerms) -> JobId:
        return job_id_of(terms, self.deployment.domain())

    def _publish(self, milestones: int, seconds: int, *, shows_program: bool) -> JobTerms:
        """Everything of a job but its creation."""
        manifest, spec = self.model()
        inputs = self.inputs(milestones)
        job = JobManifest(
            model_id=model_id_of(spec),
            requirements=f"ezkl>={manifest.prover_version}",
            inputs=tuple(self._put(tensors.encode()) for tensors in inputs),
        )
        self.store.put(job.encode())
        terms = JobTerms(
            creator=address_of(CREATOR),
            salt=time.time_ns(),
            model_id=model_id_of(spec),
            proof_kind=ProofKind.ZK,
            mode=JobMode.PARALLEL,
            input_root=bytes32(milestones_root([tensors.root() for tensors in inputs])),
            manifest=job.digest(),
            payment_token=self.payment,
            min_price=1_000,
            max_price=1_000,
            ramp_seconds=0,
            stake_lock=10 * UNIT,
            accept_seconds=600,
            exclusive_seconds=0,
            challenge_seconds=0,
            dispatcher=ZERO_ADDRESS,
            dispatcher_fee_bps=0,
            share_bps=tuple(
                [10_000 // milestones] * (milestones - 1) + [10_000 - 10_000 // milestones * (milestones - 1)]
            ),
            duration_seconds=(seconds,) * milestones,
        )
        self.send(
            CREATOR,
            self.calls.mint_test_token(self.payment, address_of(CREATOR), 1_000),
            self.calls.register_model(spec),
            *([self.calls.register_program(self.circuit.vka)] if shows_program else []),
        )
        return terms

    # ---- executors ----------------------------------------------------------------------------------------------------

    def command(self, *arguments: str) -> dict[str, Any]:
        """A command of the executor that succeeds, with the operator's key at hand. Returns what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*EXECUTOR, *arguments, "--json"],
            env={
                **os.environ,
                "TALLYSTICK_EXECUTOR_OPERATOR_KEYSTORE": str(self.folder / "operator.json"),
                "TALLYSTICK_EXECUTOR_OPERATOR_PASSWORD_FILE": str(self.folder / "password"),
                **self.surroundings,
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def surroundings(self) -> dict[str, str]:
        values = {
            "RPC": self.chain.rpc_url,
            "DEPLOYMENT": str(self.record),
            "STORE": f"dir:{self.folder / 'store'}",
            "DISPATCHER": "http://127.0.0.1:9",
            "HOME": str(self.folder / "home"),
            "OPERATOR": address_of(OPERATOR),
            "KEYSTORE": str(self.folder / "agent.json"),
            "PASSWORD_FILE": str(self.folder / "password"),
            "MIN_MILESTONE_PRICE": "100",
            "POLL_SECONDS": "0.2",
        }
        return {f"TALLYSTICK_EXECUTOR_{name}": value for name, value in values.items()}

    def equip(self) -> None:
        """The operator gets stake tokens, and puts them down with the real command."""
        self.send(CREATOR, self.calls.mint_test_token(self.deployment.tokens.stake, address_of(OPERATOR), 50 * UNIT))
        self.command("stake", "--amount", "50", "--agent", address_of(AGENT))


EXECUTOR = [sys.executable, "-c", "from executor.cli import app; app()"]


class ExecutorProcess:
    """`executor run` as a process. Use it as a context: it is killed at the end."""

    def __init__(self, world: World, **environment: str) -> None:
        self.log = world.folder / "executor.log"
        self._from = len(self.log.read_bytes()) if self.log.exists() else 0
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [*EXECUTOR, "run", "--json"],
                env={**os.environ, **world.surroundings, **environment},
                cwd=ROOT,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> ExecutorProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def events(self) -> list[dict[str, Any]]:
        """Every line that it has said."""
        lines = self.log.read_bytes()[self._from :].decode().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, event: str, *, seconds: float = 60, **fields: Any) -> dict[str, Any]:
        """The first line of this event with these fields."""

        def found() -> dict[str, Any] | None:
            for said in self.events():
                if said.get("event") == event and fields.items() <= said.items():
                    return said
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log.read_text()}"
            return None

        return wait_until(found, seconds=seconds, what=f"{event} {fields} in\n{self.log}")


@contextlib.contextmanager
def hanging(chain: AnvilChain) -> Iterator[None]:
    """The endpoint takes connections and says nothing."""
    chain._process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        chain._process.send_signal(signal.SIGCONT)


def wait_until(found: Callable[[], Answer | None], *, seconds: float, what: str) -> Answer:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")
