"""Outputs: fetched, checked against what was proven, recovered from the chain where the store lost them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from client_builders import DEPLOYMENT, OUTPUT, World
from client_job_facts import JOB_ID, TERMS, assigned, claimed, created, paid, refunded

from client_sdk._outputs import stack, to_arrays, to_floats
from client_sdk._results import read_output
from tallystick.chain.calls import MarketCalls
from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactMissingError,
    InputError,
    JobPendingError,
    JobRefundedError,
)
from tallystick.ids import ZERO_BYTES32, Bytes32, bytes32
from tallystick.market.book import Job, fold
from tallystick.market.claims import Claim, encode_ezkl_proof
from tallystick.market.events import JobFact
from tallystick.market.manifests import ArtifactRef, ResultManifest
from tallystick.storage.manifests import put_manifest
from tallystick.tensors import QuantisedTensors

OUTPUTS = QuantisedTensors(shapes=((1, 3),), values=((16, -8, 0),))
OTHERS = QuantisedTensors(shapes=((1, 3),), values=((16, -8, 1),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def publish(world: World, tensors: QuantisedTensors, *, milestone: int = 0) -> Bytes32:
    data = tensors.encode()
    output = ArtifactRef(cid=world.store.put(data), size_bytes=len(data))
    return put_manifest(world.store, ResultManifest(job_id=JOB_ID, milestone=milestone, output=output))


def job_with(manifest: Bytes32, tensors: QuantisedTensors = OUTPUTS) -> Job:
    """Its first milestone is paid."""
    facts: list[JobFact] = [created(), assigned(), claimed(4, 0, bytes32(tensors.root()), manifest), paid(4, 0)]
    return fold(facts)[JOB_ID]


def publish_calldata(world: World, job: Job, *, instances: tuple[int, ...]) -> None:
    """The claim's transaction, as the chain keeps it."""
    claim = Claim(
        milestone=0,
        input_root=ZERO_BYTES32,
        input_proof=(),
        output_root=job.payments[0].output_root,
        manifest=job.payments[0].result_manifest,
        proof=encode_ezkl_proof(input_count=1, instances=instances, vka=(bytes(32),), proof=b"proof"),
    )
    call = MarketCalls(DEPLOYMENT).claim(TERMS, claim)
    world.chain.calldata[job.payments[0].transaction_hash] = "0x" + call.data.hex()


async def read(world: World, job: Job, milestone: int = 0) -> QuantisedTensors:
    return await read_output(world.connection, job, milestone, (OUTPUT,))


async def test_read_output_given_a_paid_milestone_fetches_it(world: World) -> None:
    assert await read(world, job_with(publish(world, OUTPUTS))) == OUTPUTS


async def test_read_output_given_other_content_than_was_proven_refuses_it(world: World) -> None:
    with pytest.raises(ArtifactCorruptError, match="published something else than it proved"):
        await read(world, job_with(publish(world, OTHERS)))


async def test_read_output_given_other_content_and_the_claim_takes_what_was_proven(world: World) -> None:
    job = job_with(publish(world, OTHERS))
    publish_calldata(world, job, instances=(1, *OUTPUTS.field_elements()))

    assert await read(world, job) == OUTPUTS


async def test_read_output_given_a_lost_artifact_recovers_it_from_the_claim(world: World) -> None:
    job = job_with(Bytes32("0x" + "33" * 32))
    publish_calldata(world, job, instances=(1, *OUTPUTS.field_elements()))

    assert await read(world, job) == OUTPUTS


async def test_read_output_given_a_claim_whose_instances_hash_otherwise_refuses_them(world: World) -> None:
    job = job_with(Bytes32("0x" + "33" * 32))
    publish_calldata(world, job, instances=(1, *OTHERS.field_elements()))

    with pytest.raises(ArtifactCorruptError, match="hashes to"):
        await read(world, job)


@pytest.mark.parametrize("calldata", ["0x", "0xdeadbeef" + "00" * 64])
async def test_read_output_given_a_lost_artifact_and_no_claim_says_what_the_store_said(
    world: World, calldata: str
) -> None:
    job = job_with(Bytes32("0x" + "33" * 32))
    world.chain.calldata[job.payments[0].transaction_hash] = calldata

    with pytest.raises(ArtifactMissingError):
        await read(world, job)


async def test_read_output_given_a_manifest_of_another_milestone_refuses_it(world: World) -> None:
    with pytest.raises(ArtifactCorruptError, match="about milestone 1"):
        await read(world, job_with(publish(world, OUTPUTS, milestone=1)))


async def test_read_output_given_outputs_of_another_shape_refuses_them(world: World) -> None:
    flat = QuantisedTensors(shapes=((3,),), values=((16, -8, 0),))

    with pytest.raises(ArtifactCorruptError, match="has shapes"):
        await read(world, job_with(publish(world, flat), flat))


async def test_read_output_given_an_unpaid_milestone_says_how_far_the_job_is(world: World) -> None:
    with pytest.raises(JobPendingError, match=r"Milestone 1 .* 1 of 2 milestones are paid"):
        await read(world, job_with(publish(world, OUTPUTS)), milestone=1)


async def test_read_output_given_a_refunded_job_says_that_it_never_will_be(world: World) -> None:
    job = fold([created(), refunded()])[JOB_ID]

    with pytest.raises(JobRefundedError, match="milestone 0 never will be"):
        await read(world, job)


@pytest.mark.parametrize("milestone", [-1, 2])
async def test_read_output_given_a_milestone_that_is_not_there_says_which_are(world: World, milestone: int) -> None:
    with pytest.raises(InputError, match="milestones 0 to 1"):
        await read(world, job_with(publish(world, OUTPUTS)), milestone)


def test_to_floats_given_integers_scales_and_shapes_them() -> None:
    assert to_floats(OUTPUTS, (OUTPUT,)) == [[[1.0, -0.5, 0.0]]]


def test_to_arrays_given_floats_equals_them() -> None:
    floats = to_floats(OUTPUTS, (OUTPUT,))

    [array] = to_arrays(floats)
    assert (array.shape, array.tolist()) == ((1, 3), floats[0])
    assert array.dtype == numpy.float64


def test_stack_given_two_milestones_of_two_outputs_groups_by_output() -> None:
    milestones: list[list[Any]] = [[[1.0], [2.0]], [[3.0], [4.0]]]

    assert stack(milestones) == [[[1.0], [3.0]], [[2.0], [4.0]]]
