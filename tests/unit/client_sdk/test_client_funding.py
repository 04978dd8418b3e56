"""From a request to a paid job: what is checked, in which order, and what a crash leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from client_builders import (
    CREATOR,
    DEPLOYMENT,
    PAYMENT,
    START,
    TOKEN_DOMAIN,
    World,
    model_in,
    permit_in,
    terms_in,
)

from client_sdk._drafting import Drafting
from client_sdk._funding import Funded, Funding
from client_sdk._models import Models
from client_sdk._request import JobRequest
from client_sdk.testing import FakeDispatcher
from tallystick.chain.allowances import PERMIT_SECONDS
from tallystick.errors import (
    InputError,
    InsufficientFundsError,
    KeystoreError,
    MarketPausedError,
    ModelError,
    RequirementError,
    RevertError,
    TensorError,
    TermsError,
)
from tallystick.market.manifests import JobManifest
from tallystick.market.permits import Permit, permit_message, signed_permit
from tallystick.storage.manifests import get_manifest
from tallystick.tensors import QuantisedTensors
from tallystick.wire.api import RefusalReason
from tallystick.wire.dispatcher_client import DispatcherClient

INPUTS = [[0.5, 0.0], [0.0, 0.5]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def request_of(world: World, **changes: Any) -> JobRequest:
    return JobRequest(**{"model": world.model, "inputs": INPUTS, "max_price": "10", **changes})


async def fund(world: World, dispatcher: FakeDispatcher | None = None, **changes: Any) -> Funded:
    client = DispatcherClient(dispatcher.url, transport=dispatcher.transport) if dispatcher else None
    connection = world.reconnected(dispatcher=client)
    drafting = Drafting(connection, Models(connection, _no_prover))
    return await Funding(connection, drafting).fund(request_of(world, **changes))


def _no_prover() -> Any:
    raise AssertionError("funding needs no prover")


def sent(world: World) -> list[str]:
    return [key.partition(":")[0] for key, _ in world.signing.sent]


async def test_fund_given_a_valid_request_approves_exactly_the_deposit_and_creates_the_job(world: World) -> None:
    await fund(world)

    approval, creation = (call for _, call in world.signing.sent)
    assert approval.data[-32:] == (10_000_000).to_bytes(32, "big")
    assert terms_in(creation.data).max_price == 10_000_000


async def test_fund_given_a_token_that_takes_permits_allows_and_deposits_in_one_transaction(world: World) -> None:
    world.chain.takes_permits = True

    funded = await fund(world)

    assert (sent(world), funded.funded_by) == (["create"], "permit")


async def test_fund_given_a_token_that_takes_permits_signs_exactly_the_deposit_for_the_escrow(world: World) -> None:
    world.chain.takes_permits = True
    world.chain.permit_nonce = 3
    world.clock.advance(1_000)

    await fund(world)

    permit = permit_in(world.signing.sent[0][1].data)
    assert permit is not None
    told = Permit(
        owner=CREATOR,
        spender=DEPLOYMENT.contracts.job_escrow,
        value=10_000_000,
        nonce=3,
        deadline=START + 1_000 + PERMIT_SECONDS,
    )
    expected = signed_permit(told, world.signing.sign(permit_message(told, TOKEN_DOMAIN)))
    assert permit == expected


@pytest.mark.parametrize("takes_permits", [True, False])
async def test_fund_given_any_token_leaves_no_allowance_behind(world: World, takes_permits: bool) -> None:
    world.chain.takes_permits = takes_permits
    world.chain.allowed = 9_999_999

    await fund(world)

    assert world.chain.allowed == 0


async def test_fund_given_an_allowance_already_uses_it_although_the_token_takes_permits(world: World) -> None:
    world.chain.takes_permits = True
    world.chain.allowed = 10_000_000

    funded = await fund(world)

    assert (funded.funded_by, permit_in(world.signing.sent[0][1].data)) == ("allowance", None)


async def test_fund_given_a_token_without_permits_says_that_it_approved(world: World) -> None:
    assert (await fund(world)).funded_by == "approval"


async def test_fund_given_no_approval_wanted_signs_no_permit_either(world: World) -> None:
    world.chain.takes_permits = True

    with pytest.raises(InsufficientFundsError, match="tallystick wallet approve 10"):
        await fund(world, approve=False)
    assert sent(world) == []


async def test_fund_after_a_crash_with_a_permit_sends_the_very_same_transaction(world: World) -> None:
    world.chain.takes_permits = True
    world.signing.die_after_sending = True
    with pytest.raises(KeyboardInterrupt):
        await fund(world)
    world.signing.die_after_sending = False
    world.signing.done.clear()
    world.clock.advance(60)
    world.chain.happened.clear()

    funded = await fund(world)

    first, second = (call for _, call in world.signing.sent)
    assert (first, funded.funded_by) == (second, "permit")


async def test_fund_while_new_jobs_are_paused_says_so_and_sends_and_publishes_nothing(world: World) -> None:
    world.chain.paused = True
    kept = {path for path in world.store_folder.rglob("*") if path.is_file()}

    with pytest.raises(MarketPausedError, match="New jobs are paused"):
        await fund(world)
    assert (sent(world), list(world.journal.entries())) == ([], [])
    assert {path for path in world.store_folder.rglob("*") if path.is_file()} == kept


async def test_fund_while_new_jobs_are_paused_still_finds_a_job_that_was_funded_before(world: World) -> None:
    first = await fund(world, salt=7)
    world.chain.paused = True

    assert (await fund(world, salt=7)).entry == first.entry


async def test_fund_publishes_a_manifest_and_inputs_that_hash_to_the_terms(world: World) -> None:
    funded = await fund(world, requirements="cpu>=2", note="two rows")

    manifest = get_manifest(world.store, funded.entry.terms.manifest, JobManifest)
    assert (manifest.requirements, manifest.note) == ("cpu>=2", "two rows")
    assert [QuantisedTensors.decode(world.store.get(one.cid)).values for one in manifest.inputs] == [
        ((8, 0),),
        ((0, 8),),
    ]


async def test_fund_given_an_allowance_already_sends_one_transaction(world: World) -> None:
    world.chain.allowed = 10_000_000

    await fund(world)

    assert sent(world) == ["create"]


async def test_fund_given_a_model_id_reads_the_model(world: World) -> None:
    funded = await fund(world, model=world.model.model_id)

    assert funded.entry.terms.model_id == world.model.model_id


async def test_fund_twice_makes_two_jobs(world: World) -> None:
    first, second = await fund(world), await fund(world)

    assert first.entry.job_id != second.entry.job_id


async def test_fund_twice_with_one_salt_makes_one_job_and_pays_once(world: World) -> None:
    first, second = await fund(world, salt=7), await fund(world, salt=7)

    assert first.entry == second.entry
    assert sent(world) == ["approve", "create"]


async def test_fund_given_a_salt_of_another_request_is_refused_and_nothing_is_sent(world: World) -> None:
    await fund(world, salt=7)

    with pytest.raises(InputError, match="Salt 7 already stands for job"):
        await fund(world, salt=7, max_price="11")
    assert sent(world) == ["approve", "create"]


async def test_fund_given_a_salt_whose_job_was_funded_from_another_machine_pays_nothing(world: World) -> None:
    first = await fund(world, salt=7)
    world.journal.forget(first.entry)
    world.signing.done.clear()

    second = await fund(world, salt=7)

    assert second.entry.job_id == first.entry.job_id
    assert sent(world) == ["approve", "create"]


async def test_fund_after_a_crash_between_sending_and_hearing_goes_on_with_the_same_job(world: World) -> None:
    world.chain.allowed = 10_000_000
    world.signing.die_after_sending = True
    with pytest.raises(KeyboardInterrupt):
        await fund(world)
    world.signing.die_after_sending = False

    funded = await fund(world)

    assert sent(world) == ["create"]
    assert funded.entry.created_block == 2


async def test_fund_after_a_crash_before_sending_goes_on_with_the_same_job(world: World) -> None:
    world.chain.allowed = 10_000_000
    begun = await fund(world)
    world.journal.write(begun.entry.model_copy(update={"created_block": None, "created_in": None}))
    world.signing.done.clear()
    world.chain.happened.clear()
    world.chain.allowed = 10_000_000

    funded = await fund(world)

    assert funded.entry.job_id == begun.entry.job_id


async def test_fund_given_a_refusal_by_the_contract_forgets_the_job_so_that_a_retry_is_free(world: World) -> None:
    world.chain.allowed = 10_000_000
    world.signing.refuse = RevertError("no", name="JobEscrow_BadTerms", arguments={})

    with pytest.raises(RevertError):
        await fund(world)
    assert list(world.journal.entries()) == []


async def test_fund_given_a_begun_job_that_the_contract_has_come_to_refuse_begins_anew(world: World) -> None:
    world.chain.allowed = 10_000_000
    begun = await fund(world)
    world.journal.write(begun.entry.model_copy(update={"created_block": None}))
    world.signing.done.clear()
    world.chain.happened.clear()
    refusals = [RevertError("no", name="JobEscrow_BadTerms", arguments={})]
    plain = world.signing.send

    async def send(key: str, call: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return await plain(key, call)

    world.signing.send = send  # type: ignore[method-assign]

    funded = await fund(world)

    assert funded.entry.job_id != begun.entry.job_id


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"requirements": "gpu>=>1"}, RequirementError, r"\^"),
        ({"inputs": [[0.5]]}, TensorError, "the model takes"),
        ({"inputs": []}, TensorError, "empty"),
        ({"model": "digits"}, InputError, "not a model id"),
        ({"model": "0x" + "11" * 32}, ModelError, "No model 0x1111"),
        ({"payment_token": "0x12"}, InputError, "not an address"),
        ({"payment_token": "0x" + "12" * 20}, InputError, "There is no token at"),
        ({"max_price": "0"}, TermsError, "maximum price is 0"),
        ({"stake_lock": "0.1"}, TermsError, "below the protocol's minimum of 1"),
        (
            {"max_price": "100.5"},
            InsufficientFundsError,
            r"deposits 100.5 tUSD; 0x.* holds 100 tUSD. Get 0.5 tUSD more",
        ),
        ({"approve": False}, InsufficientFundsError, r"tallystick wallet approve 10 --token 0x"),
    ],
)
async def test_fund_given_a_wrong_request_sends_and_journals_nothing(
    world: World, changes: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        await fund(world, **changes)
    assert (sent(world), list(world.journal.entries())) == ([], [])


async def test_fund_given_no_gas_money_says_so_before_anything_is_sent(world: World) -> None:
    world.chain.native = 0

    with pytest.raises(InsufficientFundsError, match="no native coin to pay gas"):
        await fund(world)
    assert sent(world) == []


async def test_fund_given_a_client_without_a_key_is_refused(world: World) -> None:
    world.connection = world.reconnected(signing=None)

    with pytest.raises(KeystoreError, match="can only read"):
        await fund(world)


async def test_fund_given_a_manifest_of_another_program_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    other = model_in(world.store, program_id="0x" + "77" * 32)
    world.chain.specs[other.model_id] = other.spec

    with pytest.raises(ModelError, match="names program"):
        await fund(world, model=other.model_id)


async def test_fund_given_a_dispatcher_gives_it_the_first_choice_and_asks_with_the_jobs_own_needs(world: World) -> None:
    dispatcher = FakeDispatcher(world.chain.deployment)

    funded = await fund(world, dispatcher, requirements="cpu>=2")

    assert (funded.entry.terms.dispatcher, funded.entry.terms.exclusive_seconds) == (dispatcher.signer, 60)
    [question] = dispatcher.questions
    assert (question.requirements, question.milestones, question.payment_token) == ("cpu>=2", 2, PAYMENT.address)
    assert funded.warnings == ()


async def test_fund_given_a_dispatcher_that_is_down_says_so_and_goes_on_without_it(world: World) -> None:
    dispatcher = FakeDispatcher(world.chain.deployment)
    dispatcher.down = True

    funded = await fund(world, dispatcher)

    assert [warning.code for warning in funded.warnings] == ["dispatcher_unreachable"]
    assert funded.entry.terms.exclusive_seconds == 0


async def test_fund_given_a_dispatcher_of_another_market_leaves_it_out(world: World) -> None:
    dispatcher = FakeDispatcher(world.chain.deployment.model_copy(update={"chain_id": 5}))

    funded = await fund(world, dispatcher)

    assert [warning.code for warning in funded.warnings] == ["dispatcher_of_another_market"]
    assert funded.entry.terms.exclusive_seconds == 0


async def test_fund_given_requirements_that_nobody_meets_warns_with_the_nearest_change(world: World) -> None:
    dispatcher = FakeDispatcher(world.chain.deployment, total=3, capable=0)
    dispatcher.reasons = (
        RefusalReason(
            code="requirement_unmet",
            text="3 have less than 64 GiB.",
            count=3,
            executors=(),
            nearest_change="mem>=32GiB",
        ),
    )

    funded = await fund(world, dispatcher)

    [warning] = funded.warnings
    assert warning.code == "nobody_capable"
    assert "None of 3 announced executors" in warning.text and "mem>=32GiB" in warning.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total": 0, "capable": 0}, "nobody_announced"),
        ({"price": 5_000_001}, "price_too_low"),
        ({"seconds": 601.0}, "deadline_short"),
    ],
)
async def test_fund_given_what_a_quote_says_against_the_terms_warns(
    world: World, changes: dict[str, Any], code: str
) -> None:
    dispatcher = FakeDispatcher(world.chain.deployment)
    for name, value in changes.items():
        setattr(dispatcher, name, value)

    funded = await fund(world, dispatcher)

    assert [warning.code for warning in funded.warnings] == [code]


async def test_fund_given_a_salt_whose_job_a_reorganisation_took_back_sends_it_again(world: World) -> None:
    first = await fund(world, salt=7)
    world.chain.happened.clear()
    world.signing.done.clear()
    world.chain.allowed = 10_000_000

    second = await fund(world, salt=7)

    assert second.entry.job_id == first.entry.job_id
    assert sent(world) == ["approve", "create", "create"]


@pytest.mark.parametrize("field", ["note", "requirements"])
async def test_fund_given_a_text_too_long_to_publish_is_refused(world: World, field: str) -> None:
    text = "cpu>=1 " * 200

    with pytest.raises(InputError):
        await fund(world, None, **{field: text})
    assert sent(world) == []
