"""The same client for programs without an event loop: every method hands over to `AsyncClient` and waits.

No logic lives here. A test holds the two surfaces equal; their documentation is with the asynchronous ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
from eth_account.signers.local import LocalAccount

from client_sdk._audit import DEFAULT_ELEMENTS, ClaimAudit
from client_sdk._callbacks import Wanted
from client_sdk._client import DEFAULT_HOME, AsyncClient
from client_sdk._events import JobEvent
from client_sdk._following import POLL_SECONDS
from client_sdk._job import AsyncJob
from client_sdk._journal import FundedBy
from client_sdk._loop import LoopThread
from client_sdk._models import ModelHandle, ModelListing
from client_sdk._outputs import NestedFloats
from client_sdk._receipt import JobReceipt
from client_sdk._request import Duration, JobRequest, Tokens
from client_sdk._results import ClaimedResult
from client_sdk._wallet import Balances, TokenBalance, Withdrawal
from client_sdk._warnings import JobWarning
from client_sdk.settings import ClientSettings
from tallystick.chain.deployment import Deployment
from tallystick.chain.keys import Ask
from tallystick.chain.views import TokenInfo
from tallystick.clock import Clock
from tallystick.ids import Address, JobId
from tallystick.market.book import Job as JobSnapshot
from tallystick.market.orders import SignedOrder
from tallystick.market.terms import JobTerms
from tallystick.proving.prover import Limits, Progress, Prover, no_progress
from tallystick.storage.store import Store
from tallystick.wire.api import ProofKindName, QuoteView, WhyView
from tallystick.wire.disputes import Disputes

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from tallystick.engine.compiler.package import Package


class Client:
    """See `AsyncClient`. Made by `connect` or `open`, as a context manager; usable from any thread."""

    def __init__(self, loop: LoopThread, client: AsyncClient) -> None:
        self._loop = loop
        self._client = client

    @classmethod
    @contextmanager
    def connect(
        cls,
        *,
        rpc: str,
        deployment: Deployment | Path | str,
        store: Store | Path | str,
        dispatcher: str | None = None,
        account: LocalAccount | None = None,
        home: Path | str = DEFAULT_HOME,
        prover: Prover | None = None,
        confirmations: int = 1,
        poll_seconds: float = POLL_SECONDS,
        dispatcher_transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> Iterator[Self]:
        connecting = AsyncClient.connect(
            rpc=rpc,
            deployment=deployment,
            store=store,
            dispatcher=dispatcher,
            account=account,
            home=home,
            prover=prover,
            confirmations=confirmations,
            poll_seconds=poll_seconds,
            dispatcher_transport=dispatcher_transport,
            clock=clock,
        )
        with LoopThread() as loop, _entered(loop, connecting) as client:
            yield cls(loop, client)

    @classmethod
    @contextmanager
    def open(
        cls, settings: ClientSettings | None = None, *, ask: Ask | None = None, prover: Prover | None = None
    ) -> Iterator[Self]:
        with LoopThread() as loop, _entered(loop, AsyncClient.open(settings, ask=ask, prover=prover)) as client:
            yield cls(loop, client)

    @property
    def address(self) -> Address:
        return self._client.address

    @property
    def deployment(self) -> Deployment:
        return self._client.deployment

    def register_model(
        self,
        onnx: bytes | Path | str,
        calibration: Sequence[Any],
        *,
        name: str,
        limits: Limits | None = None,
        progress: Progress = no_progress,
    ) -> ModelHandle:
        return self._loop.run(
            self._client.register_model(onnx, calibration, name=name, limits=limits, progress=progress)
        )

    def register_program(self, package: Package | Path | str, *, name: str) -> ModelHandle:
        return self._loop.run(self._client.register_program(package, name=name))

    def model(self, model_id: str) -> ModelHandle:
        return self._loop.run(self._client.model(model_id))

    def models(self) -> list[ModelListing]:
        return self._loop.run(self._client.models())

    def quote(
        self,
        model: ModelHandle | str | None = None,
        *,
        milestones: int = 1,
        requirements: str = "",
        payment_token: str | None = None,
        proof_kind: ProofKindName | None = None,
    ) -> QuoteView:
        return self._loop.run(
            self._client.quote(
                model,
                milestones=milestones,
                requirements=requirements,
                payment_token=payment_token,
                proof_kind=proof_kind,
            )
        )

    def fund(self, request: JobRequest) -> Job:
        return Job(self._loop, self._loop.run(self._client.fund(request)))

    def sign_order(self, request: JobRequest, *, valid_for: Duration | None = None) -> SignedOrder:
        return self._loop.run(self._client.sign_order(request, valid_for=valid_for))

    def cancel_order(self, order: SignedOrder) -> None:
        self._loop.run(self._client.cancel_order(order))

    def job(self, job_id: str) -> Job:
        return Job(self._loop, self._loop.run(self._client.job(job_id)))

    def jobs(self, creator: str | None = None) -> list[JobSnapshot]:
        return self._loop.run(self._client.jobs(creator))

    def verify(self, receipt: JobReceipt) -> None:
        self._loop.run(self._client.verify(receipt))

    def token(self, address: str) -> TokenInfo:
        return self._loop.run(self._client.token(address))

    def balances(self, account: str | None = None, *, token: str | None = None) -> Balances:
        return self._loop.run(self._client.balances(account, token=token))

    def withdraw(self, token: str | None = None) -> list[Withdrawal]:
        return self._loop.run(self._client.withdraw(token))

    def approve(self, amount: Tokens, token: str | None = None) -> TokenBalance:
        return self._loop.run(self._client.approve(amount, token))

    def mint_test_tokens(self, amount: Tokens, to: str | None = None) -> Balances:
        return self._loop.run(self._client.mint_test_tokens(amount, to))

    def release_key(self) -> None:
        async def release() -> None:
            self._client.release_key()

        self._loop.run(release())


class Job:
    """See `AsyncJob`. Callbacks run in threads of their own, so they may use the client."""

    def __init__(self, loop: LoopThread, job: AsyncJob) -> None:
        self._loop = loop
        self._job = job

    @property
    def job_id(self) -> JobId:
        return self._job.job_id

    @property
    def terms(self) -> JobTerms:
        return self._job.terms

    @property
    def warnings(self) -> tuple[JobWarning, ...]:
        return self._job.warnings

    @property
    def funded_by(self) -> FundedBy | None:
        return self._job.funded_by

    @property
    def snapshot(self) -> JobSnapshot:
        return self._job.snapshot

    @property
    def history(self) -> tuple[JobEvent, ...]:
        return self._job.history

    @property
    def disputes(self) -> Disputes:
        return self._job.disputes

    @property
    def is_final(self) -> bool:
        return self._job.is_final

    def refresh(self) -> JobSnapshot:
        return self._loop.run(self._job.refresh())

    def wait(
        self,
        timeout: float | None = None,
        on_progress: Callable[[JobEvent], None] | None = None,
        *,
        finalize: bool = True,
    ) -> JobSnapshot:
        return self._loop.run(self._job.wait(timeout, on_progress, finalize=finalize))

    def events(self) -> Iterator[JobEvent]:
        events = self._job.events()
        try:
            while (event := self._loop.run(_next(events))) is not None:
                yield event
        finally:
            self._loop.run(_close(events))

    def on(self, event: Wanted, callback: Callable[[JobEvent], None]) -> Callable[[], None]:
        async def call(news: JobEvent) -> None:
            await asyncio.to_thread(callback, news)

        async def add() -> Callable[[], None]:
            return self._job.on(event, call)

        stop = self._loop.run(add())
        return lambda: self._loop.call(stop)

    def result(self, milestone: int | None = None) -> list[NDArray[float64]]:
        return self._loop.run(self._job.result(milestone))

    def result_floats(self, milestone: int | None = None) -> list[NestedFloats]:
        return self._loop.run(self._job.result_floats(milestone))

    def claimed_results(self, milestone: int | None = None) -> list[ClaimedResult]:
        return self._loop.run(self._job.claimed_results(milestone))

    def audit(
        self,
        n: int = DEFAULT_ELEMENTS,
        seed: bytes | None = None,
        *,
        milestone: int | None = None,
        full: bool = False,
    ) -> list[ClaimAudit]:
        return self._loop.run(self._job.audit(n, seed, milestone=milestone, full=full))

    def receipt(self) -> JobReceipt:
        return self._loop.run(self._job.receipt())

    def why(self) -> WhyView:
        return self._loop.run(self._job.why())

    def advice(self) -> str:
        return self._job.advice()

    def cancel(self) -> JobSnapshot:
        return self._loop.run(self._job.cancel())

    def refund(self) -> JobSnapshot:
        return self._loop.run(self._job.refund())

    def expire(self) -> JobSnapshot:
        return self._loop.run(self._job.expire())

    def finalize(self) -> JobSnapshot:
        return self._loop.run(self._job.finalize())


@contextmanager
def _entered(loop: LoopThread, connecting: AbstractAsyncContextManager[AsyncClient]) -> Iterator[AsyncClient]:
    async def enter() -> AsyncClient:
        return await connecting.__aenter__()

    async def leave() -> None:
        await connecting.__aexit__(None, None, None)

    client = loop.run(enter())
    try:
        yield client
    finally:
        loop.run(leave())


async def _next(events: AsyncIterator[JobEvent]) -> JobEvent | None:
    return await anext(events, None)


async def _close(events: AsyncIterator[JobEvent]) -> None:
    aclose = getattr(events, "aclose", None)
    if aclose is not None:
        await aclose()
