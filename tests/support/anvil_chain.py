"""A real local chain for a test: started on a free port, asked over JSON-RPC, killed by its process id."""

from __future__ import annotations

import contextlib
import gzip
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from scripts.toolchain import foundry_executable

MNEMONIC = "test test test test test test test test test test test junk"
"""Anvil's own default: known to everyone, worth nothing anywhere."""

START_SECONDS = 60.0
RECEIPT_SECONDS = 60.0

Account.enable_unaudited_hdwallet_features()


class AnvilError(Exception):
    """The chain did not start, or answered a test's request with an error, which is then `answer`."""

    def __init__(self, what: str, answer: dict[str, Any] | None = None) -> None:
        super().__init__(what)
        self.answer = answer or {}


def dev_account(index: int) -> LocalAccount:
    """One of the ten accounts that anvil gives 10,000 coins each."""
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AnvilChain:
    """A running anvil. Use it as a context, or `stop` it."""

    def __init__(self, *options: str, state: Path | None = None) -> None:
        self.port = free_port()
        self.rpc_url = f"http://127.0.0.1:{self.port}"
        loaded = ["--load-state", str(state)] if state else []
        command = [str(foundry_executable("anvil")), "--port", str(self.port), "--silent", *loaded, *options]
        # One client for all requests: each that is made prepares TLS, which takes longer than the request.
        self._http = httpx.Client(timeout=60, trust_env=False, verify=False)  # noqa: S501  (plain HTTP, this machine)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AnvilError(f"anvil ended with code {self._process.returncode}")
            with contextlib.suppress(httpx.TransportError):
                self.request("eth_chainId")
                return
            time.sleep(0.02)
        self.stop()
        raise AnvilError(f"anvil did not answer within {START_SECONDS:.0f} s")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def request(self, method: str, *params: Any) -> Any:
        answer = self._http.post(
            self.rpc_url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        ).json()
        if "error" in answer:
            raise AnvilError(f"{method}: {answer['error']}", answer["error"])
        return answer["result"]

    def transact(self, message: dict[str, Any]) -> dict[str, Any]:
        """Sends from an account that anvil holds the key of. Returns the receipt, once it is there: anvil answers a send
        before it has included it.
        """
        sent, ends = self.request("eth_sendTransaction", message), time.monotonic() + RECEIPT_SECONDS
        while time.monotonic() < ends:
            receipt: dict[str, Any] | None = self.request("eth_getTransactionReceipt", sent)
            if receipt is not None:
                return receipt
            time.sleep(0.005)
        raise AnvilError(f"{sent} is in no block after {RECEIPT_SECONDS:.0f} s")

    # ---- what tests do to a chain -------------------------------------------------------------------------------------

    def head(self) -> int:
        return int(self.request("eth_blockNumber"), 16)

    def mine(self, blocks: int = 1) -> None:
        self.request("anvil_mine", hex(blocks))

    def set_automine(self, on: bool) -> None:
        self.request("evm_setAutomine", on)

    def pass_time(self, seconds: int) -> None:
        """Moves the chain's clock and mines one block there."""
        self.request("evm_increaseTime", hex(seconds))
        self.mine()

    def reorganise(self, depth: int, transactions: Sequence[tuple[str, int]] = ()) -> None:
        """Replaces the last `depth` blocks by others with only the given (raw transaction, block offset)s in them."""
        self.request("anvil_reorg", depth, [[raw, offset] for raw, offset in transactions])

    def transaction_count(self, address: str) -> int:
        return int(self.request("eth_getTransactionCount", address, "latest"), 16)

    def set_coins(self, address: str, wei: int) -> None:
        self.request("anvil_setBalance", address, hex(wei))

    def dump(self, path: Path) -> Path:
        """Writes everything the chain holds, blocks included, for `AnvilChain(state=...)`."""
        path.write_bytes(gzip.decompress(bytes.fromhex(self.request("anvil_dumpState", True)[2:])))
        return path
