"""Brownie's chain for this suite: how anvil is started, asked, and turned back.

Brownie is made for chains far away. Here it is asked thousands of times a minute, and most of the time went into what
it does around a question: a connection for every thread, a snapshot after every transaction in case somebody calls
`chain.undo`, the code of every contract again at every revert.

Not in conftest.py: Brownie hashes conftest and test files with whatever they import from inside the checkout, and stops
at an import that is not Python source, which its own `_config` is.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from brownie import history, project, web3
from brownie._config import CONFIG
from brownie.network import account
from web3 import HTTPProvider
from web3._utils.encoding import Web3JsonEncoder

BLOCK_GAS = 30_000_000
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.001
SENDS = ("eth_sendTransaction", "eth_sendRawTransaction")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configure() -> None:
    # Brownie's fixed port may be another chain's, to which it would attach without a word.
    CONFIG.networks["development"]["cmd_settings"].update(port=_free_port(), gas_limit=BLOCK_GAS)
    CONFIG.argv["silent"] = True


class KeptConnection(HTTPProvider):
    """One connection for every thread, where web3's own provider opens one for each, and Brownie starts two threads for
    each transaction.

    A send is answered when its receipt is there, for the reasons that scripts/brownie_inclusion.py tells.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        where = urlsplit(endpoint)
        assert where.hostname is not None
        self._connection = HTTPConnection(where.hostname, where.port, timeout=PATIENCE_SECONDS)
        self._turn = Lock()

    def make_request(self, method: Any, params: Any) -> Any:
        answer = self._ask(method, params)
        if method in SENDS and answer.get("result"):
            self._await_receipt(answer["result"])
        return answer

    def make_batch_request(self, batch_requests: Any) -> Any:
        answers = self._post([_question(number, *one) for number, one in enumerate(batch_requests)])
        return sorted(answers, key=lambda answer: answer["id"])

    def _ask(self, method: str, params: Any) -> Any:
        return self._post(_question(0, method, params))

    def _post(self, content: Any) -> Any:
        body = json.dumps(content, default=_ENCODER.default).encode()
        with self._turn:
            try:
                self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
                return json.loads(self._connection.getresponse().read())
            except BaseException:
                self._connection.close()  # the next question must not read this one's answer
                raise

    def _await_receipt(self, transaction: str) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not self._ask("eth_getTransactionReceipt", [transaction]).get("result"):
            assert time.monotonic() < ends, f"{transaction} is in no block after {PATIENCE_SECONDS:.0f} s"
            time.sleep(POLL_SECONDS)


def _question(number: int, method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params or []}


_ENCODER = Web3JsonEncoder()


class _NoUndo:
    """Brownie's view of the chain's process, for accounts: they ask it only whether to prepare for `chain.undo`, which
    nobody calls here, and which costs a thread, a block read and a snapshot for every transaction.
    """

    def __init__(self, process: Any) -> None:
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)

    def is_active(self) -> bool:
        return False


def hasten() -> None:
    """Once, after Brownie has connected."""
    web3.provider = KeptConnection(web3.provider.endpoint_uri)
    for needless in ("gas_price_strategy", "ens_name_to_address", "validation"):
        # Each sends questions of its own with every transaction, or walks through all that is sent. Gas costs nothing
        # here, there are no names, and anvil says itself what it does not take.
        web3.middleware_onion.remove(needless)
    account.rpc = _NoUndo(account.rpc)


@contextmanager
def turned_back() -> Iterator[None]:
    """Afterwards the chain is what it was, and Brownie knows of nothing that the block did.

    Not `chain.snapshot` and `chain.revert`: to warn of wrong use these read the whole call stack's source, and then ask
    for the code of every contract that was ever deployed. `evm_revert` alone would not do either: Brownie would wait
    for ever for transactions that are undone.
    """
    before = web3.provider.make_request("evm_snapshot", [])["result"]
    known = {container: len(container) for container in project.get_loaded_projects()[0]}
    try:
        yield
    finally:
        assert web3.provider.make_request("evm_revert", [before])["result"]
        history.clear()
        for container, count in known.items():
            for contract in list(container)[count:]:
                container.remove(contract)
