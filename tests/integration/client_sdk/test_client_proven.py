"""The creator's whole way with a real circuit and real proofs; the executor's steps are taken by hand."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import numpy.typing
import pytest
from anvil_chain import AnvilChain, dev_account
from client_market import WEIGHTS, Market, address_of, product

from client_sdk import AsyncJob, JobReceipt, JobRequest, ModelHandle
from tallystick.chain.calls import MarketCalls
from tallystick.chain.reader import ChainReader
from tallystick.chain.sender import Sender
from tallystick.errors import ArtifactMissingError
from tallystick.ids import bytes32
from tallystick.market.claims import Claim, encode_ezkl_proof
from tallystick.market.manifests import ArtifactRef, JobManifest, ResultManifest
from tallystick.market.terms import JobStatus
from tallystick.merkle import milestone_path
from tallystick.proving import EzklProver
from tallystick.proving.prover import CircuitFiles, Limits, Proved
from tallystick.storage.folder import FolderStore
from tallystick.storage.manifests import get_manifest, put_manifest
from tallystick.tensors import QuantisedTensors

pytestmark = [pytest.mark.chain, pytest.mark.proofs]

OPERATOR = dev_account(3)
LIMITS = Limits(seconds=120, memory_bytes=4 * 2**30)
CALIBRATION = [[[[1.0, -1.0]], [[-1.0, 1.0]]]]
INPUTS = numpy.array([[0.5, -0.25], [1.0, 1.0]])
TOLERANCE = 0.05


class Hand:
    """What an executor does, one step at a time."""

    def __init__(self, market: Market, sender: Sender, prover: EzklProver) -> None:
        self._store = FolderStore(market.folder / "store")
        self._calls = MarketCalls(market.deployment)
        self._market = market
        self._sender = sender
        self._prover = prover

    async def stake(self) -> None:
        token, manager = self._market.deployment.tokens.stake, self._market.deployment.contracts.stake_manager
        operator = address_of(OPERATOR)
        for key, call in (
            ("mint", self._calls.mint_test_token(token, operator, 10**20)),
            ("approve", self._calls.approve(token, manager, 10**20)),
            ("deposit", self._calls.deposit_stake(operator, 10**20)),
        ):
            await self._sender.send(key, call)

    async def finish(self, job: AsyncJob, model: ModelHandle) -> None:
        await self._sender.send("accept", self._calls.accept(job.terms, address_of(OPERATOR)))
        manifest = get_manifest(self._store, job.terms.manifest, JobManifest)
        inputs = [QuantisedTensors.decode(self._store.get(one.cid)) for one in manifest.inputs]
        files = self._circuit(model)
        await asyncio.to_thread(self._prover.ensure_keys, files, limits=LIMITS)
        for milestone, tensors in enumerate(inputs):
            proved = await asyncio.to_thread(self._prover.prove, files, tensors, limits=LIMITS)
            claim = self._claim(job, [one.root() for one in inputs], milestone, proved)
            await self._sender.send(f"claim:{milestone}", self._calls.claim(job.terms, claim))

    def _circuit(self, model: ModelHandle) -> CircuitFiles:
        artifacts = model.manifest
        assert artifacts.srs.artifact is not None
        srs = self._market.folder / "fetched.srs"
        srs.write_bytes(self._store.get(artifacts.srs.artifact.cid))
        return CircuitFiles(
            artifacts, self._store.get(artifacts.onnx.cid), self._store.get(artifacts.settings.cid), srs
        )

    def _claim(self, job: AsyncJob, roots: list[bytes], milestone: int, proved: Proved) -> Claim:
        data = proved.outputs.encode()
        output = ArtifactRef(cid=self._store.put(data), size_bytes=len(data))
        result = ResultManifest(job_id=job.job_id, milestone=milestone, output=output)
        return Claim(
            milestone=milestone,
            input_root=bytes32(roots[milestone]),
            input_proof=tuple(bytes32(node) for node in milestone_path(roots, milestone)),
            output_root=bytes32(proved.outputs.root()),
            manifest=put_manifest(self._store, result),
            proof=encode_ezkl_proof(
                input_count=proved.input_count, instances=proved.instances, vka=proved.vka, proof=proved.proof
            ),
        )


@asynccontextmanager
async def hand_of(market: Market, prover: EzklProver) -> AsyncIterator[Hand]:
    async with await ChainReader.connect(market.chain.rpc_url, market.deployment) as reader:
        sender = Sender(reader, OPERATOR, market.folder / "operator.sqlite")
        try:
            yield Hand(market, sender, prover)
        finally:
            sender.close()


@dataclass(frozen=True)
class Outcome:
    """What the creator held in the end, and the market to look further."""

    market: Market
    job_id: str
    steps: list[str]
    result: numpy.typing.NDArray[numpy.float64]
    recovered: numpy.typing.NDArray[numpy.float64]
    receipt: JobReceipt
    held: int


async def play(market: Market) -> Outcome:
    """A job of two milestones, waited for by the creator while the executor works; then the store loses everything."""
    prover = EzklProver(market.folder / "prover")
    steps: list[str] = []
    async with market.client(prover=prover) as client:
        await client.mint_test_tokens("100")
        model = await client.register_model(
            product(), CALIBRATION, name="product", limits=LIMITS, progress=lambda step: steps.append(step.name)
        )
        job = await client.fund(JobRequest(model=model, inputs=INPUTS, max_price="10"))
        async with hand_of(market, prover) as hand:
            await hand.stake()
            finished, _ = await asyncio.gather(job.wait(timeout=120), hand.finish(job, model))
        assert finished.status is JobStatus.COMPLETED
        [result] = await job.result()
        forget_artifacts(market.folder)
        [recovered] = await job.result()
        held = (await client.balances()).tokens[0].held
        return Outcome(market, job.job_id, steps, result, recovered, await job.receipt(), held)


def forget_artifacts(folder: Path) -> None:
    """As when the only machine that had them is gone."""
    shutil.rmtree(folder / "store" / "blocks")
    (folder / "store" / "blocks").mkdir()


@pytest.fixture(scope="module")
def outcome(deployed_state: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    with AnvilChain(state=deployed_state.state) as chain:
        market = Market(chain, deployed_state.deployment, tmp_path_factory.mktemp("proven"))
        yield asyncio.run(play(market))


def test_result_given_a_proven_job_is_what_the_model_computes(outcome: Outcome) -> None:
    assert outcome.result.shape == (2, 1, 3)
    numpy.testing.assert_allclose(outcome.result.reshape(2, 3), INPUTS @ WEIGHTS, atol=TOLERANCE)


def test_result_given_a_store_that_lost_everything_is_recovered_from_the_claims(outcome: Outcome) -> None:
    assert outcome.recovered.tolist() == outcome.result.tolist()


def test_register_model_announces_its_steps(outcome: Outcome) -> None:
    assert {"calibrate", "setup"} <= set(outcome.steps)


def test_receipt_given_a_flat_price_and_equal_shares_pays_half_for_each_milestone(outcome: Outcome) -> None:
    assert [(line.operator, line.to_operator) for line in outcome.receipt.payments] == [
        (address_of(OPERATOR), 5 * 10**6)
    ] * 2
    assert [line.purpose for line in outcome.receipt.transactions] == ["create", "accept", "claim 0", "claim 1"]


def test_balance_given_a_finished_job_is_less_by_its_price(outcome: Outcome) -> None:
    assert outcome.held == 90 * 10**6


async def test_verify_given_the_saved_receipt_agrees_from_a_client_that_has_nothing_else(
    outcome: Outcome, tmp_path: Path
) -> None:
    outcome.receipt.save(tmp_path / "receipt.json")

    async with outcome.market.client(None, home=tmp_path, store=tmp_path / "store") as anyone:
        await anyone.verify(JobReceipt.load(tmp_path / "receipt.json"))


async def test_result_given_neither_the_models_manifest_nor_its_memory_says_what_is_missing(
    outcome: Outcome, tmp_path: Path
) -> None:
    async with outcome.market.client(None, home=tmp_path, store=tmp_path / "store") as anyone:
        with pytest.raises(ArtifactMissingError):
            await (await anyone.job(outcome.job_id)).result()
