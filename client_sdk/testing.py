"""For tests of programs that use the SDK: a dispatcher without a network, and a clock that moves when told.

dispatcher = FakeDispatcher(deployment, capable=0)
async with AsyncClient.connect(..., dispatcher=dispatcher.url, dispatcher_transport=dispatcher.transport):
    ...
"""

from __future__ import annotations

import httpx

from tallystick.chain.deployment import Deployment
from tallystick.clock import ManualClock
from tallystick.ids import Address, parse_job_id
from tallystick.wire.api import HealthView, ProblemView, QuoteRequest, QuoteView, RefusalReason, WhyView

__all__ = ["FakeDispatcher", "ManualClock"]

SIGNER = Address("0x976EA74026E726554dB657fA54763abd0C3a0aa9")


class FakeDispatcher:
    """Answers health, quotes and why. Change its attributes to change what it says.

    Attributes:
        total: Announced executors; `capable` of them meet whatever is asked.
        price: What each asks for a milestone, in the payment token's smallest unit.
        seconds: What a milestone takes.
        down: Refuse every connection, as a dispatcher does that is not running.
        questions: Every quote that was asked for.
    """

    url = "http://dispatcher.test"

    def __init__(
        self, deployment: Deployment, *, total: int = 1, capable: int = 1, price: int = 1, signer: Address = SIGNER
    ) -> None:
        self.deployment = deployment
        self.total = total
        self.capable = capable
        self.price = price
        self.signer = signer
        self.seconds: float | None = None
        self.reasons: tuple[RefusalReason, ...] = ()
        self.down = False
        self.questions: list[QuoteRequest] = []
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("connection refused", request=request)
        path = request.url.path
        if path == "/v1/health":
            return _json(self._health())
        if path == "/v1/quotes":
            self.questions.append(QuoteRequest.model_validate_json(request.content))
            return _json(self._quote(self.questions[-1]))
        if path.endswith("/why"):
            return _json(self._why(path.split("/")[-2]))
        return _json(ProblemView(error="not_found", message=f"Nothing is at {path}."), status=404)

    def _health(self) -> HealthView:
        return HealthView(
            status="ok",
            version="0",
            dispatcher=self.signer,
            chain_id=self.deployment.chain_id,
            escrow=self.deployment.contracts.job_escrow,
            confirmations=1,
            indexed_block=1,
            head_block=1,
            lag_blocks=0,
            last_read_at=0,
            executors=self.total,
            open_jobs=0,
            trouble=None,
        )

    def _quote(self, question: QuoteRequest) -> QuoteView:
        price = self.price if self.capable else None
        return QuoteView(
            capable=self.capable,
            total=self.total,
            milestones=question.milestones,
            lowest_price=price,
            median_price=price,
            seconds_estimate=self.seconds,
            reasons=self.reasons,
            kinds=(),
        )

    def _why(self, job_id: str) -> WhyView:
        return WhyView(job_id=parse_job_id(job_id), status="open", reasons=self.reasons, summary="It is open.")


def _json(view: HealthView | QuoteView | WhyView | ProblemView, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=view.model_dump_json(), headers={"content-type": "application/json"})
