"""Lets Brownie look for a transaction only once it is in a block.

Brownie takes a transaction for dropped when its sender's nonce has grown and no receipt is to be had. Anvil publishes the
nonce a moment before the receipt, and a costly call makes the moment long; then Brownie is wrong. When it is right about
the order it sleeps a second, which is a long time on a chain of one machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from web3.middleware import Web3Middleware

NAME = "inclusion"
SENDS = ("eth_sendTransaction", "eth_sendRawTransaction")
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.005
SLOWEST_POLL_SECONDS = 1.0

MakeRequest = Callable[[Any, Any], Any]


class InclusionMiddleware(Web3Middleware):
    """Answers a send when the receipt is there. After `PATIENCE_SECONDS` Brownie goes on as it likes."""

    def wrap_make_request(self, make_request: MakeRequest) -> MakeRequest:
        def send_and_wait(method: Any, params: Any) -> Any:
            answer = make_request(method, params)
            if method in SENDS and answer.get("result"):
                _await_receipt(make_request, answer["result"])
            return answer

        return send_and_wait


def _await_receipt(make_request: MakeRequest, transaction: Any) -> None:
    pause, deadline = POLL_SECONDS, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if make_request("eth_getTransactionReceipt", [transaction]).get("result"):
            return
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_SECONDS)


def install(web3: Any) -> None:
    """Once for every connection; Brownie forgets middlewares when it connects."""
    if NAME not in web3.middleware_onion:
        web3.middleware_onion.inject(InclusionMiddleware, NAME, layer=0)
