"""Logs over any range of blocks, in as many requests as the endpoint makes necessary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.chain.facts import RawLog, hex_bytes
from tallystick.chain.rpc import Rpc
from tallystick.errors import ChainUnavailableError, RpcRefusedError
from tallystick.ids import Bytes32, bytes32

MAX_SPAN = 10_000
"""Blocks in one request at most; also what many providers allow at most."""


class LogFetcher:
    """Learns how large a range the endpoint answers: halves it on a refusal, doubles it again after an answer."""

    def __init__(self, rpc: Rpc, what: Mapping[str, Any]) -> None:
        self._rpc = rpc
        self._filter = dict(what)
        self._span = MAX_SPAN

    async def fetch(self, first: int, last: int, also: Sequence[int] = ()) -> tuple[list[RawLog], dict[int, Bytes32]]:
        """All logs of blocks `first` to `last`, both included, in order; and the hashes of `last` and of the blocks
        `also` named, as the node has them that answered for the end of the range.

        Raises:
            ChainUnavailableError: no answer, or from a node that has not seen one of those blocks yet.
            RpcRefusedError: refused even for a single block.
        """
        logs: list[RawLog] = []
        hashes: dict[int, Bytes32] = {}
        while first <= last:
            end = min(last, first + self._span - 1)
            try:
                found, hashes = await self._ask(first, end, also if end == last else ())
            except RpcRefusedError:
                # Providers word "too many blocks" and "too many results" in a dozen ways; a smaller range is the
                # answer to all of them, and one block that is refused as well is another trouble.
                if first == end:
                    raise
                self._span = max(1, (end - first + 1) // 2)
                continue
            logs += found
            first = end + 1
            self._span = min(MAX_SPAN, self._span * 2)
        return logs, hashes

    async def _ask(self, first: int, last: int, also: Sequence[int]) -> tuple[list[RawLog], dict[int, Bytes32]]:
        """One batch, so that one node answers all of it. Behind a load balancer another node may lag, and would answer
        a range beyond its head with what it has, which looks just like a range without logs; or be on another fork."""
        numbers = [last, *also]
        logs, *blocks = await self._rpc.batch(
            [
                ("eth_getLogs", [{**self._filter, "fromBlock": hex(first), "toBlock": hex(last)}]),
                *(("eth_getBlockByNumber", [hex(number), False]) for number in numbers),
            ]
        )
        if any(block is None for block in blocks):
            raise ChainUnavailableError(
                f"The RPC endpoint {self._rpc.host} has not seen block {last} yet.", remedy="Ask again in a moment."
            )
        return list(logs), {
            number: bytes32(hex_bytes(block["hash"])) for number, block in zip(numbers, blocks, strict=True)
        }
