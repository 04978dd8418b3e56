"""The dispatcher as its users see it: one method per endpoint, models in and out.

No retries here: executor and client each know better what to do meanwhile, namely go on without it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from tallystick.errors import DispatcherRefusedError, DispatcherUnavailableError
from tallystick.ids import Address, JobId
from tallystick.wire.api import (
    AnnouncementAccepted,
    EventPage,
    ExecutorsView,
    ExecutorView,
    HealthView,
    JobPage,
    JobStatusName,
    JobView,
    Offer,
    OffersView,
    ProblemView,
    QuoteRequest,
    QuoteView,
    SignedAnnouncement,
    SignedRefusal,
    WhyView,
)

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
_UNAVAILABLE = frozenset({502, 503, 504})

Model = TypeVar("Model", bound=BaseModel)


class DispatcherClient:
    """Every method raises DispatcherUnavailableError (no answer, or none that makes sense) or
    DispatcherRefusedError (it said no, and why).

    Args:
        base_url: For example `http://127.0.0.1:8600`.
        timeout: Seconds for one answer; a long poll gets its own wait on top.
        transport: Another httpx transport, for tests.
    """

    def __init__(self, base_url: str, timeout: float = 10.0, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._http = httpx.AsyncClient(base_url=self._base_url, timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def health(self) -> HealthView:
        return await self._get(HealthView, "/v1/health")

    async def announce(self, signed: SignedAnnouncement) -> AnnouncementAccepted:
        return await self._post(AnnouncementAccepted, "/v1/executors/announcements", signed)

    async def offers(self, agent: Address, wait_seconds: int = 0) -> list[Offer]:
        """What is on offer to `agent` now; with `wait_seconds`, held until there is something."""
        path = f"/v1/executors/{agent}/offers"
        return list((await self._get(OffersView, path, wait_seconds=wait_seconds)).offers)

    async def refuse(self, signed: SignedRefusal) -> None:
        await self._request("POST", f"/v1/executors/{signed.refusal.agent}/refusals", body=signed)

    async def executors(self) -> list[ExecutorView]:
        """All of them, page after page."""
        page = await self._get(ExecutorsView, "/v1/executors")
        found = list(page.executors)
        while page.next_after is not None:
            page = await self._get(ExecutorsView, "/v1/executors", after=page.next_after)
            found += page.executors
        return found

    async def jobs(
        self,
        *,
        status: JobStatusName | None = None,
        creator: Address | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> JobPage:
        return await self._get(JobPage, "/v1/jobs", status=status, creator=creator, limit=limit, after=after)

    async def job(self, job_id: JobId) -> JobView:
        return await self._get(JobView, f"/v1/jobs/{job_id}")

    async def why(self, job_id: JobId) -> WhyView:
        return await self._get(WhyView, f"/v1/jobs/{job_id}/why")

    async def job_events(self, job_id: JobId, after: str | None = None) -> EventPage:
        return await self._get(EventPage, f"/v1/jobs/{job_id}/events", after=after)

    async def events(self, after: str | None = None, wait_seconds: int = 0) -> EventPage:
        """The feed behind the cursor `after`; with `wait_seconds`, held until there is something."""
        return await self._get(EventPage, "/v1/events", after=after, wait_seconds=wait_seconds)

    async def quote(self, request: QuoteRequest) -> QuoteView:
        return await self._post(QuoteView, "/v1/quotes", request)

    async def _get(self, model: type[Model], path: str, **query: str | int | None) -> Model:
        given = {name: value for name, value in query.items() if value is not None}
        return self._decode(model, await self._request("GET", path, query=given))

    async def _post(self, model: type[Model], path: str, body: BaseModel) -> Model:
        return self._decode(model, await self._request("POST", path, body=body))

    async def _request(
        self, method: str, path: str, *, query: dict[str, str | int] | None = None, body: BaseModel | None = None
    ) -> bytes:
        timeout = self._timeout + int((query or {}).get("wait_seconds", 0))
        headers = {"content-type": "application/json"} if body else {}
        content = body.model_dump_json().encode() if body else None
        try:
            async with self._http.stream(
                method, path, params=query, content=content, headers=headers, timeout=timeout
            ) as response:
                data = await self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unavailable(f"{type(error).__name__} {error}".strip()) from error
        if response.status_code in _UNAVAILABLE:
            raise self._unavailable(f"HTTP {response.status_code}")
        if not response.is_success:
            raise self._refused(response.status_code, data)
        return data

    async def _read(self, response: httpx.Response) -> bytes:
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > MAX_RESPONSE_BYTES:
                raise self._unavailable(f"an answer of more than {MAX_RESPONSE_BYTES} bytes")
        return bytes(data)

    def _decode(self, model: type[Model], data: bytes) -> Model:
        try:
            return model.model_validate_json(data)
        except ValidationError as error:
            raise self._unavailable(f"an answer that is no {model.__name__} ({error.error_count()} faults)") from error

    def _unavailable(self, what: str) -> DispatcherUnavailableError:
        return DispatcherUnavailableError(
            f"The dispatcher at {self._base_url} does not answer as one: {what}.",
            remedy="Check its address and that it runs; jobs and claims go on without it, directly on the chain.",
        )

    def _refused(self, status: int, data: bytes) -> DispatcherRefusedError:
        try:
            problem = ProblemView.model_validate_json(data)
        except ValidationError:
            problem = ProblemView(error="unknown", message=f"The dispatcher at {self._base_url} said HTTP {status}.")
        return DispatcherRefusedError(
            problem.message, remedy=problem.remedy, code=problem.error, status=status, values=problem.values
        )
