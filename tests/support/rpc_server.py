"""An HTTP server inside the test that answers JSON-RPC as it is told to, also wrongly, late or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class RefusedRequestError(Exception):
    """Answered as a JSON-RPC error."""

    def __init__(self, message: str, code: int = -32000, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})


class RpcServer:
    """Use it as a context. `answer(method, params)` gives results or raises RefusedRequestError; `requests` is what was asked."""

    def __init__(self, answer: Callable[[str, list[Any]], Any]) -> None:
        self.answer = answer
        self.requests: list[tuple[str, list[Any]]] = []
        self.status = 200
        self.body: bytes | None = None
        self.delay_seconds = 0.0
        self.drop_next = 0
        self.takes_batches = True
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(owner.delay_seconds)
                if owner.drop_next:
                    owner.drop_next -= 1
                    self.close_connection = True
                    return
                body = owner.body if owner.body is not None else json.dumps(owner._reply(asked)).encode()
                self.send_response(owner.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        class QuietServer(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that hung up is part of some tests."""

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _reply(self, asked: Any) -> Any:
        if not isinstance(asked, list):
            return self._reply_one(asked)
        if not self.takes_batches:
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}}
        return [self._reply_one(one) for one in asked]

    def _reply_one(self, asked: Any) -> Any:
        self.requests.append((asked["method"], asked["params"]))
        head = {"jsonrpc": "2.0", "id": asked["id"]}
        try:
            return {**head, "result": self.answer(asked["method"], asked["params"])}
        except RefusedRequestError as refusal:
            return {**head, "error": refusal.error}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
