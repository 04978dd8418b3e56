"""Logs over any range of blocks, in as many requests as the endpoint makes necessary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.chain.facts import RawLog
from tallystick.chain.rpc import Rpc
from tallystick.errors import ChainUnavailableError, RpcRefusedError

MAX_SPAN = 10_000
"""Blocks in one request at most; also what many providers allow at most."""


class LogFetcher:
    """Learns how large a range the endpoint answers: halves it on a refusal, doubles it again after an answer."""

    def __init__(self, rpc: Rpc, what: Mapping[str, Any]) -> None:
        self._rpc = rpc
        self._filter = dict(what)
        self._span = MAX_SPAN

    async def fetch(self, first: int, last: int) -> list[RawLog]:
        """All logs of blocks `first` to `last`, both included, in order.

        Raises:
            ChainUnavailableError: no answer, or from a node that has not seen block `last` yet.
            RpcRefusedError: refused even for a single block.
        """
        logs: list[RawLog] = []
        while first <= last:
            end = min(last, first + self._span - 1)
            try:
                logs += await self._ask(first, end)
            except RpcRefusedError:
                # Providers word "too many blocks" and "too many results" in a dozen ways; a smaller range is the
                # answer to all of them, and one block that is refused as well is another trouble.
                if first == end:
                    raise
                self._span = max(1, (end - first + 1) // 2)
                continue
            first = end + 1
            self._span = min(MAX_SPAN, self._span * 2)
        return logs

    async def _ask(self, first: int, last: int) -> list[RawLog]:
        """One request. The block itself is asked for in the same batch: a node behind a load balancer that lags
        answers a range beyond its head with what it has, which looks just like a range without logs."""
        logs, block = await self._rpc.batch(
            [
                ("eth_getLogs", [{**self._filter, "fromBlock": hex(first), "toBlock": hex(last)}]),
                ("eth_getBlockByNumber", [hex(last), False]),
            ]
        )
        if block is None:
            raise ChainUnavailableError(
                f"The RPC endpoint {self._rpc.host} has not seen block {last} yet.", remedy="Ask again in a moment."
            )
        return list(logs)
