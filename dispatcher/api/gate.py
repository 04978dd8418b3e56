"""The outermost layer of the API: bounds that need no knowledge of the route, and no trace of a failure outside."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.api.limits import Buckets, Limits
from dispatcher.api.problems import problem_response, shown
from tallystick.errors import DispatcherRefusedError
from tallystick.logs import get_logger

log = get_logger(__name__)


class Gate:
    """Wraps every route: bytes, seconds, requests a second; and the one place where errors become answers."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._addresses = Buckets(limits.address_rate, limits.address_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            self._addresses.take(_address(scope))
            _check_declared_length(scope, self._limits.body_bytes)
            body = _BoundedBody(receive, self._limits.body_bytes)
            async with asyncio.timeout(self._limits.request_seconds):
                await self._app(scope, body.receive, answer.send)
        except Exception as error:
            await answer.fail(scope, receive, error)


class _Answer:
    """Knows whether the answer has begun: after that, only cutting the connection is left."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def send(self, message: Message) -> None:
        self._begun = True
        await self._send(message)

    async def fail(self, scope: Scope, receive: Receive, error: Exception) -> None:
        status, problem = shown(error)
        if status == 500:
            log.error("request_failed", path=scope["path"], error=type(error).__name__, exc_info=error)
        if self._begun:
            raise error
        await problem_response(status, problem)(scope, receive, self._send)


class _BoundedBody:
    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit
        self._limit = limit

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _too_large(self._limit)
        return message


def _address(scope: Scope) -> str:
    # The socket's peer, never a forwarded header: anyone can write one.
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _check_declared_length(scope: Scope, limit: int) -> None:
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > limit):
            raise _too_large(limit)


def _too_large(limit: int) -> DispatcherRefusedError:
    return DispatcherRefusedError(
        f"The request's body is larger than {limit} bytes.",
        code="body_too_large",
        status=413,
        values={"limit_bytes": limit},
        remedy="Send less: large data belongs into the store, by its CID.",
    )
