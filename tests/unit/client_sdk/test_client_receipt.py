"""A receipt, kept and checked against the chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from client_builders import CREATOR, DEPLOYMENT, OPERATOR, START, World, at, hash_of
from client_job_facts import JOB_ID, TERMS, assigned, claimed, created, expired, paid, released, whole_job

from client_sdk._receipt import JobReceipt, make_receipt
from tallystick.chain.calls import MarketCalls
from tallystick.errors import InputError, JobUnknownError, ReceiptMismatchError
from tallystick.ids import ZERO_BYTES32
from tallystick.market.disputes import DemandPoint
from tallystick.market.events import ClaimExtended, DemandUnanswered, JobFaulted, TraceDemanded
from tallystick.market.permits import TokenPermit
from tallystick.market.terms import ProofKind


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def receipt_of(world: World, facts: Any = None) -> JobReceipt:
    facts = whole_job() if facts is None else facts
    world.happen(*facts)
    return await make_receipt(world.chain, JOB_ID, facts)  # type: ignore[arg-type]


async def verify(world: World, receipt: JobReceipt) -> None:
    await receipt.verify(world.chain)  # type: ignore[arg-type]


async def test_make_receipt_given_a_whole_job_says_who_got_what(world: World) -> None:
    receipt = await receipt_of(world)

    assert receipt.status == "completed"
    assert [(line.operator, line.to_operator) for line in receipt.payments] == [(OPERATOR, 4_000_000)] * 2
    assert receipt.total_paid == 8_000_000


async def test_make_receipt_given_a_whole_job_times_its_stages_by_block(world: World) -> None:
    receipt = await receipt_of(world)

    assert [(stage.name, stage.seconds) for stage in receipt.stages] == [
        ("funded", 0),
        ("assigned", 10),
        ("milestone 0 paid", 10),
        ("milestone 1 paid", 10),
        ("completed", 0),
    ]


async def test_make_receipt_given_a_whole_job_lists_each_transaction_once_with_its_gas(world: World) -> None:
    receipt = await receipt_of(world)

    assert [line.purpose for line in receipt.transactions] == ["create", "accept", "claim 0", "claim 1"]
    assert receipt.gas_used == 4 * 21_000


async def test_make_receipt_given_a_slash_says_who_got_it(world: World) -> None:
    receipt = await receipt_of(world, [created(), assigned(), *expired()])

    [slash] = receipt.slashes
    assert (receipt.status, slash.to_finder, slash.to_creator, slash.to_bounty, slash.burned) == ("open", 1, 4, 3, 2)


async def test_make_receipt_given_a_whole_job_says_what_went_back_to_the_creator(world: World) -> None:
    assert (await receipt_of(world)).surplus == 2_000_000


async def test_make_receipt_given_a_release_says_by_whom_and_for_what_fee(world: World) -> None:
    receipt = await receipt_of(world, [created(), assigned(), *released()])

    assert [(release.operator, release.fee) for release in receipt.releases] == [(OPERATOR, 5)]
    assert [stage.name for stage in receipt.stages] == ["funded", "assigned", "given back", "reopened"]
    assert [line.purpose for line in receipt.transactions] == ["create", "accept", "release"]


async def test_make_receipt_given_a_creation_says_how_its_deposit_came_in(world: World) -> None:
    permit = TokenPermit(deadline=1, v=27, r=ZERO_BYTES32, s=ZERO_BYTES32)
    call = MarketCalls(DEPLOYMENT).create_job_with_permit(TERMS, permit)
    world.chain.calldata[created().at.transaction_hash] = "0x" + call.data.hex()

    assert (await receipt_of(world)).funded_by == "permit"


async def test_make_receipt_given_an_order_that_was_posted_and_accepted_at_once_is_one_transaction(
    world: World,
) -> None:
    at_once = assigned().model_copy(update={"at": created().at.model_copy(update={"log_index": 1})})

    receipt = await receipt_of(world, [created(), at_once])

    assert [line.purpose for line in receipt.transactions] == ["create and accept"]


async def test_make_receipt_given_a_claim_that_had_to_wait_tells_claim_and_payment_apart(world: World) -> None:
    terms = TERMS.model_copy(update={"proof_kind": ProofKind.OPTIMISTIC, "challenge_seconds": 60})
    begun = created().model_copy(update={"terms": terms})
    claim, payment = whole_job()[2], paid(9, 0)

    receipt = await receipt_of(world, [begun, assigned(), claim, payment])

    assert [stage.name for stage in receipt.stages] == ["funded", "assigned", "milestone 0 claimed", "milestone 0 paid"]
    assert [line.purpose for line in receipt.transactions] == ["create", "accept", "claim 0", "finalize 0"]


async def test_make_receipt_given_facts_without_the_creation_is_refused(world: World) -> None:
    with pytest.raises(JobUnknownError):
        await receipt_of(world, [assigned()])


async def test_load_given_a_saved_receipt_is_equal_to_it(world: World, tmp_path: Path) -> None:
    receipt = await receipt_of(world)
    receipt.save(tmp_path / "receipt.json")

    assert JobReceipt.load(tmp_path / "receipt.json") == receipt


async def test_verify_given_a_loaded_receipt_agrees_with_the_chain(world: World, tmp_path: Path) -> None:
    (await receipt_of(world)).save(tmp_path / "receipt.json")

    await verify(world, JobReceipt.load(tmp_path / "receipt.json"))


async def test_verify_given_an_early_receipt_agrees_although_the_job_went_on(world: World) -> None:
    early = await receipt_of(world, whole_job()[:2])
    world.happen(*whole_job()[2:])

    await verify(world, early)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": "refunded"}, "refunded as status; the chain has completed"),
        ({"payments": ()}, "0 entries as payments; the chain has 2 entries"),
        ({"surplus": 1}, "1 as surplus; the chain has 2000000"),
        ({"funded_by": "permit"}, "permit as funded_by; the chain has contract"),
        ({"stages": ()}, "0 entries as stages; the chain has 5 entries"),
        ({"chain_id": 5}, "on chain 5"),
        ({"first_block": 40, "last_block": 50}, "no facts about job"),
    ],
)
async def test_verify_given_a_receipt_that_says_otherwise_names_the_difference(
    world: World, changes: dict[str, Any], sentence: str
) -> None:
    receipt = (await receipt_of(world)).model_copy(update=changes)

    with pytest.raises(ReceiptMismatchError, match=sentence):
        await verify(world, receipt)


async def test_verify_given_other_terms_finds_that_they_are_not_the_jobs(world: World) -> None:
    receipt = await receipt_of(world)
    terms = receipt.terms.model_copy(update={"max_price": 1})

    with pytest.raises(ReceiptMismatchError, match=f"not those of job {JOB_ID}"):
        await verify(world, receipt.model_copy(update={"terms": terms}))


async def test_verify_given_gas_that_was_never_used_names_the_difference(world: World) -> None:
    receipt = await receipt_of(world)
    lines = (receipt.transactions[0].model_copy(update={"gas_used": 1}), *receipt.transactions[1:])

    with pytest.raises(ReceiptMismatchError, match=r"has 1 as transactions\[0\]\.gas_used; the chain has 21000"):
        await verify(world, receipt.model_copy(update={"transactions": lines}))


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"schema_version": 1}'])
def test_load_given_no_receipt_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "receipt.json").write_text(content)

    with pytest.raises(InputError, match="is not a receipt"):
        JobReceipt.load(tmp_path / "receipt.json")


def test_load_given_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        JobReceipt.load(tmp_path / "none.json")


async def test_make_receipt_given_a_dispute_says_who_was_wrong_and_what_the_creator_got(world: World) -> None:
    demand = TraceDemanded(
        at=at(5),
        job_id=JOB_ID,
        demand_id=hash_of("demand"),
        payer=CREATOR,
        milestone=0,
        level=0,
        answer_by=START + 200,
        final_at=START + 900,
        demand=DemandPoint(list=2, of_list=True, tensor=0, count=9, height=4, index=0, node=hash_of("node")),
    )
    unanswered = DemandUnanswered(at=at(8), job_id=JOB_ID, demand_id=demand.demand_id, payer=CREATOR, milestone=0)
    fault = JobFaulted(at=at(8), job_id=JOB_ID, operator=OPERATOR, challenger=CREATOR, milestone=0, slashed=10)
    facts = [
        created(),
        assigned(),
        claimed(4, 0, hash_of("output"), hash_of("result")),
        demand,
        ClaimExtended(at=at(5, 1), job_id=JOB_ID, milestone=0, final_at=START + 900),
        unanswered,
        fault,
        *expired(8)[1:],
    ]
    world.happen(*facts)
    for fact in facts:
        world.chain.calldata.setdefault(fact.at.transaction_hash, "0x")

    receipt = await make_receipt(world.chain, JOB_ID, facts)  # type: ignore[arg-type]

    assert [(one.kind, one.milestone) for one in receipt.faults] == [("withheld", 0)]
    assert [one.state for one in receipt.demands] == ["unanswered"]
    assert receipt.compensation == 4
    assert [line.purpose for line in receipt.transactions] == ["create", "accept", "claim 0", "demand of 0", "fault"]
    await receipt.verify(world.chain)  # type: ignore[arg-type]
