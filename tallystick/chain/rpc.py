"""One JSON-RPC endpoint: bounded in time, silent about its URL, and its troubles told apart.

An RPC URL often holds an API key, in its path, its query or its user part. So no message, log line or chained
exception of this module carries more of it than host and port.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

import aiohttp
from web3 import AsyncHTTPProvider
from web3.types import RPCEndpoint

from tallystick.errors import ChainUnavailableError, InputError, RpcRefusedError

Request = tuple[str, Sequence[Any]]
"""A method and its parameters."""

MAX_ERROR_TEXT = 300
_TRY_LATER = 429
_SERVER_TROUBLE = 500

# web3's provider writes the whole URL into its debug and info lines.
for _name in ("web3.providers.AsyncHTTPProvider", "web3._utils.http_session_manager.HTTPSessionManager"):
    logging.getLogger(_name).addFilter(lambda record: record.levelno >= logging.WARNING)


class _HttpRefusedError(Exception):
    """The endpoint answered with an HTTP error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


async def _keep_text(response: aiohttp.ClientResponse) -> None:
    """Some providers explain a refusal in the body of an HTTP 400, which aiohttp would throw away."""
    if response.status >= 400:
        raise _HttpRefusedError(response.status, (await response.text())[:4096])


def shown_host(rpc_url: str) -> str:
    """Host and port of an RPC URL: all of it that may be shown. Raises InputError for another kind of URL."""
    try:
        parts = urlsplit(rpc_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise InputError("The RPC URL is not an http or https URL.", remedy="Give one such as http://127.0.0.1:8545.")
    return f"{host}:{port}" if port else host


class Rpc:
    """A connection to one endpoint. Make it inside the event loop that uses it, and `close` it."""

    def __init__(self, rpc_url: str, *, timeout_seconds: float) -> None:
        self.host = shown_host(rpc_url)
        self._timeout_seconds = timeout_seconds
        # web3's own retries would multiply the time limit.
        self._provider = AsyncHTTPProvider(
            rpc_url,
            request_kwargs={"timeout": aiohttp.ClientTimeout(total=timeout_seconds)},
            exception_retry_configuration=None,
        )
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        await self._provider.disconnect()
        if self._session is not None:
            await self._session.close()

    async def _ready(self) -> None:
        if self._session is None:
            # web3's default session opens a connection for every request.
            self._session = aiohttp.ClientSession(raise_for_status=_keep_text)
            await self._provider.cache_async_session(self._session)

    async def request(self, method: str, *params: Any) -> Any:
        """The result.

        Raises:
            ChainUnavailableError: no answer in time, a server's trouble, or an answer that is not JSON-RPC.
            RpcRefusedError: the endpoint answered with an error.
        """
        await self._ready()
        try:
            try:
                answer = await self._provider.make_request(RPCEndpoint(method), params)
            except aiohttp.ServerDisconnectedError:
                # The endpoint had closed an idle connection; it has not seen the request.
                answer = await self._provider.make_request(RPCEndpoint(method), params)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, _HttpRefusedError) as error:
            self._explain(method, error)
        return self._result(method, answer)

    async def batch(self, requests: Sequence[Request]) -> list[Any]:
        """Results in order, answered by one backend of the endpoint wherever it takes batches.

        Raises: as `request`; the first refusal of any.
        """
        await self._ready()
        calls = [(RPCEndpoint(method), list(params)) for method, params in requests]
        try:
            answers = await self._provider.make_batch_request(calls)
        except aiohttp.ServerDisconnectedError:
            answers = {}
        except _HttpRefusedError as error:
            if error.status == _TRY_LATER or error.status >= _SERVER_TROUBLE:
                self._explain("batch", error)
            answers = {}
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, TypeError, KeyError) as error:
            self._explain("batch", error)
        if not isinstance(answers, list) or len(answers) != len(requests):
            return [await self.request(method, *params) for method, params in requests]
        return [self._result(method, answer) for (method, _), answer in zip(requests, answers, strict=True)]

    def _result(self, method: str, answer: Any) -> Any:
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise ChainUnavailableError(
                f"The RPC endpoint {self.host} answered {method} with something that is not JSON-RPC.",
                remedy="Check that the URL is a chain's RPC endpoint.",
            )
        if "error" in answer and answer["error"] is not None:
            self._refuse(method, answer["error"])
        return answer.get("result")

    def _refuse(self, method: str, error: Any) -> NoReturn:
        held = error if isinstance(error, dict) else {"message": str(error)}
        message = str(held.get("message", ""))[:MAX_ERROR_TEXT]
        code = held.get("code")
        raise RpcRefusedError(
            f"The RPC endpoint {self.host} refused {method}: {message or 'no reason given'}.",
            code=code if isinstance(code, int) else 0,
            message=message,
            data=held.get("data"),
        )

    def _explain(self, method: str, error: Exception) -> NoReturn:
        """Chained to nothing: aiohttp's errors hold the whole URL."""
        if isinstance(error, _HttpRefusedError):
            self._explain_http(method, error)
        if isinstance(error, TimeoutError):
            raise ChainUnavailableError(
                f"The RPC endpoint {self.host} did not answer {method} within {self._timeout_seconds:g} s.",
                remedy="Try again, or use another endpoint.",
            ) from None
        if isinstance(error, aiohttp.ClientError | OSError):
            raise ChainUnavailableError(
                f"The RPC endpoint {self.host} cannot be reached ({type(error).__name__}).",
                remedy="Check that it runs and that the URL is right.",
            ) from None
        raise ChainUnavailableError(
            f"The RPC endpoint {self.host} answered {method} with something that is not JSON.",
            remedy="Check that the URL is a chain's RPC endpoint.",
        ) from None

    def _explain_http(self, method: str, error: _HttpRefusedError) -> NoReturn:
        try:
            body = json.loads(error.text)
        except ValueError:
            body = None
        if isinstance(body, dict) and isinstance(body.get("error"), dict) and error.status != _TRY_LATER:
            self._refuse(method, body["error"])
        remedy = {
            401: "Check the API key in the URL.",
            403: "Check the API key in the URL.",
            404: "Check the path of the URL.",
            _TRY_LATER: "Slow down, or use an endpoint with a higher limit.",
        }.get(error.status, "Try again, or use another endpoint.")
        if error.status in (400, 413):
            raise RpcRefusedError(
                f"The RPC endpoint {self.host} refused {method} with HTTP {error.status}.",
                code=error.status,
                message=f"HTTP {error.status}",
                remedy=remedy,
            ) from None
        raise ChainUnavailableError(
            f"The RPC endpoint {self.host} answered {method} with HTTP {error.status}.", remedy=remedy
        ) from None
