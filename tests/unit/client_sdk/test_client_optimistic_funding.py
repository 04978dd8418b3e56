"""From a request for an Optimistic model to its terms, its artifacts and what is said beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from client_builders import RULES, terms_in
from optimistic_world import PROGRAM, OptimisticWorld

from client_sdk._drafting import Drafting
from client_sdk._funding import Funded, Funding
from client_sdk._models import Models
from client_sdk._request import JobRequest
from tallystick.dispute.artifacts import decode_inputs
from tallystick.errors import ArtifactMissingError, TensorError, TermsError
from tallystick.ids import ModelId, bytes32
from tallystick.market.manifests import JobManifest
from tallystick.market.terms import JobTerms, ProofKind
from tallystick.merkle import milestones_root
from tallystick.storage.manifests import get_manifest


@pytest.fixture
def world(tmp_path: Path) -> OptimisticWorld:
    return OptimisticWorld(tmp_path)


def images(world: OptimisticWorld) -> Any:
    """The bytes of both milestones."""
    return np.stack([trace.inputs[0] for trace in world.traces])


async def fund(world: OptimisticWorld, **changes: Any) -> Funded:
    models = Models(world.connection, lambda: pytest.fail("funding needs no prover"))
    fields = {"model": world.program_model, "inputs": images(world), "max_price": "10", **changes}
    return await Funding(world.connection, Drafting(world.connection, models)).fund(JobRequest(**fields))


async def funded_terms(world: OptimisticWorld, **changes: Any) -> JobTerms:
    await fund(world, **changes)
    return terms_in(world.signing.sent[-1][1].data)


async def test_fund_given_an_optimistic_model_commits_to_what_a_run_starts_from(world: OptimisticWorld) -> None:
    terms = await funded_terms(world)

    roots = [trace.commit().input_root for trace in world.traces]
    assert (terms.proof_kind, terms.milestone_count) == (ProofKind.OPTIMISTIC, 2)
    assert terms.input_root == bytes32(milestones_root(roots))


async def test_fund_given_an_optimistic_model_publishes_inputs_that_its_program_takes(world: OptimisticWorld) -> None:
    terms = await funded_terms(world)

    manifest = get_manifest(world.store, terms.manifest, JobManifest)
    fetched = [decode_inputs(world.store.get(one.cid), PROGRAM)[0] for one in manifest.inputs]
    assert [one.size_bytes for one in manifest.inputs] == [PROGRAM.inputs[0].byte_size] * 2
    assert np.array_equal(np.stack(fetched), images(world))


@pytest.mark.parametrize(("window", "seconds"), [(None, RULES.min_challenge_seconds), ("5m", 300), (90, 90)])
async def test_fund_given_a_challenge_window_asks_for_it_and_else_for_the_least(
    world: OptimisticWorld, window: Any, seconds: int
) -> None:
    assert (await funded_terms(world, challenge_window=window)).challenge_seconds == seconds


async def test_fund_given_a_least_below_what_the_contracts_ever_take_asks_for_that(world: OptimisticWorld) -> None:
    world.chain.rules = RULES.model_copy(update={"min_challenge_seconds": 0})

    assert (await funded_terms(world)).challenge_seconds == 10


async def test_fund_given_a_window_below_the_least_says_how_much_it_must_be(world: OptimisticWorld) -> None:
    with pytest.raises(TermsError, match="of 59s is below the protocol's least of 60 s") as raised:
        await fund(world, challenge_window="59s")
    assert "60s" in raised.value.remedy
    assert world.signing.sent == []


async def test_fund_given_a_window_for_a_model_whose_claims_are_proven_refuses_it(world: OptimisticWorld) -> None:
    with pytest.raises(TermsError, match="claims are proven"):
        await fund(world, model=world.model, inputs=[[0.5, 0.0]], challenge_window="5m")
    assert world.signing.sent == []


async def test_fund_given_numbers_beyond_the_range_says_how_many_and_funds_all_the_same(world: OptimisticWorld) -> None:
    far = np.full((2, 1, 6, 6, 4), 1.0, np.float32)
    far[:, 0, 0, 0, :] = 1_000

    funded = await fund(world, inputs=far)

    [warning] = funded.warnings
    assert (warning.code, warning.text.partition(" of input")[0]) == ("inputs_saturated", "8 numbers")


async def test_fund_given_a_wrong_input_pays_nothing(world: OptimisticWorld) -> None:
    with pytest.raises(TensorError, match="Milestone 1: Input 'image' is nan"):
        await fund(world, inputs=np.stack([np.zeros((1, 6, 6, 4)), np.full((1, 6, 6, 4), np.nan)]))
    assert world.signing.sent == []


async def test_fund_given_a_program_that_nobody_could_fetch_pays_nothing(world: OptimisticWorld) -> None:
    for block in world.store_folder.glob(f"blocks/*/{world.program_model.manifest.program.cid}"):  # type: ignore[union-attr]
        block.unlink()

    with pytest.raises(ArtifactMissingError):
        await fund(world)
    assert world.signing.sent == []


def test_fingerprint_without_a_window_is_that_of_requests_before_there_were_windows() -> None:
    request = JobRequest(model="0x", inputs=[], max_price="10")

    asked = request.fingerprint(ModelId("0x" + "11" * 32), bytes32(bytes(32)))
    other = JobRequest(model="0x", inputs=[], max_price="10", challenge_window="5m")

    assert asked == "eabf2786802e34a2709f57ff104cad61919b7597779eef6c67a36ce7160e3b23"
    assert other.fingerprint(ModelId("0x" + "11" * 32), bytes32(bytes(32))) != asked
