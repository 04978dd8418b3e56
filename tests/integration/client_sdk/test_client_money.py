"""Money in and out of a real escrow: funded once, back in full, refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from client_market import CREATOR, INPUTS, STRANGER, Market, address_of
from governance import send

from client_sdk import AsyncClient, Client, JobRequest
from tallystick.chain.abi import contract_abi
from tallystick.chain.calls import MarketCalls
from tallystick.errors import (
    ChainUnavailableError,
    InsufficientFundsError,
    JobPendingError,
    MarketPausedError,
    RevertError,
    WrongChainError,
)
from tallystick.market.orders import Funding
from tallystick.market.terms import JobStatus, job_id_of

pytestmark = pytest.mark.chain
TOKEN = 10**6


async def held(client: AsyncClient) -> tuple[int, int]:
    """Payment tokens in the account, and owed to it."""
    payment = (await client.balances()).tokens[0]
    return payment.held, payment.owed


def transactions(market: Market) -> int:
    return market.chain.transaction_count(CREATOR.address)


async def test_fund_given_a_valid_request_deposits_the_maximum_price(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client))

        assert job.snapshot.status is JobStatus.OPEN
        assert await held(client) == (90 * TOKEN, 0)


async def test_fund_given_a_token_that_takes_permits_is_one_transaction(market: Market) -> None:
    async with market.client() as client:
        request = await market.request(client)
        before = transactions(market)

        job = await client.fund(request)

        assert (transactions(market) - before, job.funded_by) == (1, "permit")
        assert (await job.receipt()).funded_by == "permit"


async def test_fund_given_a_token_without_permits_approves_and_creates(market: Market) -> None:
    token = market.deploy("MockVoidToken")
    async with market.client() as client:
        request = await market.request(client, payment_token=token, max_price="10")
        await client._connection.signer().send("mint", market.mint(token, 10))
        before = transactions(market)

        job = await client.fund(request)

        assert (transactions(market) - before, job.funded_by) == (2, "approval")
        assert (await job.receipt()).funded_by == "allowance"


@pytest.mark.parametrize("has_permits", [True, False])
async def test_fund_leaves_no_allowance_behind(market: Market, has_permits: bool) -> None:
    token = market.payment if has_permits else market.deploy("MockVoidToken")
    async with market.client() as client:
        await client._connection.signer().send("mint", market.mint(token, 10**7))
        await client.fund(await market.request(client, payment_token=token))
        reader = client._connection.reader

        escrow = market.deployment.contracts.job_escrow
        assert await reader.allowance(token, address_of(CREATOR), escrow) == 0


async def test_fund_while_new_jobs_are_paused_says_so_and_sends_nothing(market: Market) -> None:
    async with market.client() as client:
        request = await market.request(client)
        pause = contract_abi("ProtocolParameters").functions["pauseNewJobs"].encode()
        send(market.chain, market.deployment.contracts.protocol_parameters, pause)
        before = transactions(market)

        with pytest.raises(MarketPausedError):
            await client.fund(request)
    assert transactions(market) == before


async def test_sign_order_costs_the_creator_nothing_and_whoever_posts_it_makes_the_job(market: Market) -> None:
    async with market.client() as client:
        request = await market.request(client)
        before = transactions(market)
        signed = await client.sign_order(request)
        assert (transactions(market), signed.funding) == (before, Funding.PERMIT)

        async with market.client(STRANGER) as stranger:
            await stranger._connection.signer().send("post", MarketCalls(market.deployment).post_order(signed))
        job = await client.job(job_id_of(signed.order.terms, market.deployment.domain()))

        assert (job.snapshot.status, job.snapshot.opened_at) == (JobStatus.OPEN, signed.order.starts_at)
        assert (await job.receipt()).funded_by == "order"
        assert await held(client) == (90 * TOKEN, 0)


async def test_cancel_order_given_ones_own_makes_it_void(market: Market) -> None:
    async with market.client() as client:
        signed = await client.sign_order(await market.request(client))
        await client.cancel_order(signed)

        async with market.client(STRANGER) as stranger:
            with pytest.raises(RevertError) as raised:
                await stranger._connection.signer().send("post", MarketCalls(market.deployment).post_order(signed))

    assert raised.value.name == "JobEscrow_OrderNonceUsed"


async def test_fund_given_the_same_salt_by_a_later_process_pays_once(market: Market) -> None:
    async with market.client() as client:
        first = await client.fund(await market.request(client, salt=7))
        before = transactions(market)
    async with market.client() as client:
        second = await client.fund(await market.request(client, salt=7))

        assert second.job_id == first.job_id
        assert await held(client) == (90 * TOKEN, 0)
    assert transactions(market) == before


async def test_fund_given_the_same_salt_on_another_machine_pays_once(market: Market) -> None:
    async with market.client() as client:
        request = await market.request(client, salt=7)
        first = await client.fund(request)
    async with market.client(home=market.folder / "other home") as client:
        second = await client.fund(JobRequest(**{**vars(request), "model": request.model}))

        assert second.job_id == first.job_id
        assert await held(client) == (90 * TOKEN, 0)


async def test_fund_given_an_allowance_that_falls_short_and_no_leave_to_approve_names_the_command(
    market: Market,
) -> None:
    async with market.client() as client:
        await client.approve("9.5")
        request = await market.request(client, approve=False)
        before = transactions(market)

        with pytest.raises(InsufficientFundsError, match=r"may take 9\.5 .*`tallystick wallet approve 10 --token"):
            await client.fund(request)
    assert transactions(market) == before


async def test_fund_given_more_than_the_balance_says_how_much_is_missing(market: Market) -> None:
    async with market.client() as client:
        request = await market.request(client, max_price="100.25")
        before = transactions(market)

        with pytest.raises(InsufficientFundsError, match=r"Get 0\.25 .* more"):
            await client.fund(request)
    assert transactions(market) == before


async def test_cancel_given_an_open_job_credits_the_deposit_and_withdraw_takes_it_home(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client))

        assert (await job.cancel()).status is JobStatus.REFUNDED
        assert await held(client) == (90 * TOKEN, 10 * TOKEN)

        [withdrawal] = await client.withdraw()
        assert withdrawal.amount == 10 * TOKEN
        assert await held(client) == (100 * TOKEN, 0)


async def test_cancel_given_another_account_is_refused_by_name(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client))
    async with market.client(STRANGER) as stranger:
        with pytest.raises(RevertError, match="creator") as raised:
            await (await stranger.job(job.job_id)).cancel()

    assert raised.value.name == "JobEscrow_NotCreator"


async def test_refund_given_an_open_accept_window_is_refused_and_afterwards_anyone_can(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client, accept_within="60s"))
        async with market.client(STRANGER) as stranger:
            seen = await stranger.job(job.job_id)
            with pytest.raises(RevertError) as raised:
                await seen.refund()
            assert raised.value.name == "JobEscrow_AcceptWindowOpen"

            market.chain.pass_time(61)
            assert (await seen.refund()).status is JobStatus.REFUNDED

        assert (await job.wait(timeout=60)).status is JobStatus.REFUNDED
        assert await held(client) == (90 * TOKEN, 10 * TOKEN)


async def test_expire_given_a_job_that_nobody_took_is_refused_by_name(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client))

        with pytest.raises(RevertError) as raised:
            await job.expire()

    assert raised.value.name == "JobEscrow_WrongStatus"


async def test_wait_given_a_job_that_nobody_takes_says_what_to_do(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client))

        with pytest.raises(JobPendingError, match=r"open after 0\.2 s"):
            await job.wait(timeout=0.2)


async def test_jobs_given_a_creator_lists_its_own(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client))

        assert [one.job_id for one in await client.jobs(CREATOR.address)] == [job.job_id]
        assert await client.jobs(STRANGER.address) == []


async def test_receipt_given_a_refunded_job_agrees_with_the_chain_from_another_client(market: Market) -> None:
    async with market.client() as client:
        job = await client.fund(await market.request(client))
        await job.cancel()
        receipt = await job.receipt()
    async with market.client(None) as reader:
        await reader.verify(receipt)

    assert [line.purpose for line in receipt.transactions] == ["create", "refund"]
    assert all(line.gas_used > 21_000 for line in receipt.transactions)


async def test_model_given_its_id_is_read_back_from_chain_and_store(market: Market) -> None:
    async with market.client() as client:
        made = await market.model(client)
    async with market.client(None) as reader:
        assert await reader.model(made.model_id) == made
        assert [model.name for model in await reader.models()] == ["doubler"]


async def test_register_model_given_one_that_somebody_else_registered_has_the_same_id(market: Market) -> None:
    async with market.client() as client, market.client(STRANGER) as stranger:
        assert (await market.model(stranger)).model_id == (await market.model(client)).model_id


async def test_connect_given_an_endpoint_of_another_chain_names_both(market: Market, new_chain: Any) -> None:
    other = new_chain("--chain-id", "5", state=None)

    with pytest.raises(WrongChainError, match="answers for chain 5; the deployment is on chain 31337"):
        async with market.client(rpc=other.rpc_url):
            pass


async def test_connect_given_an_endpoint_that_is_down_says_so(market: Market) -> None:
    with pytest.raises(ChainUnavailableError, match="cannot be reached"):
        async with market.client(rpc="http://127.0.0.1:1"):
            pass


def test_client_without_a_loop_funds_and_cancels(market: Market) -> None:
    with Client.connect(**market.settings(CREATOR)) as client:
        model = client.register_model(b"onnx", [[0.0, 0.0]], name="doubler")
        job = client.fund(JobRequest(model=model, inputs=INPUTS, max_price="10"))
        job.cancel()

        assert [event.name for event in job.events()] == ["JobCreated", "JobRefunded"]
        assert client.balances().tokens[0].owed == 10 * TOKEN
