"""One socket, one HTTP server, until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from tallystick.errors import InputError

CONNECTIONS = 2000
BACKLOG = 256
GRACE_SECONDS = 2


def bind(host: str, port: int) -> socket.socket:
    """The socket to serve on; port 0 takes a free one. Raises InputError where it cannot be had."""
    try:
        # Resolved by hand, so that names and IPv6 addresses work as well.
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # At once, so that who connects right after the address was printed waits instead of being turned away.
        bound.listen(BACKLOG)
    except OSError as error:
        raise InputError(
            f"The dispatcher cannot listen on {host} port {port}: {error.strerror or error}.",
            remedy="Choose another --host or --port; port 0 takes any free one.",
        ) from error
    return bound


class HttpServer(uvicorn.Server):
    """Serves on bound sockets until `stop()`, which lets held requests end for a moment and then cuts them.

    Args:
        on_stop: Called first, to answer those that only wait.
    """

    def __init__(self, app: ASGIApp, *, on_stop: Callable[[], None]) -> None:
        self._on_stop = on_stop
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                limit_concurrency=CONNECTIONS,
                backlog=BACKLOG,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=GRACE_SECONDS,
                server_header=False,
                # Anyone can write a forwarded-for header, and rates are counted by address.
                proxy_headers=False,
            )
        )

    def stop(self) -> None:
        self._on_stop()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: uvicorn would end the process by the same signal again, before anything else is closed."""
        yield
