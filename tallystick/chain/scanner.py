"""Following the chain's facts, also when the chain changes its mind. Keeps nothing that its caller cannot persist."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.chain.views import BlockHead
from tallystick.errors import ChainUnavailableError, InputError
from tallystick.ids import Bytes32, parse_bytes32
from tallystick.logs import get_logger
from tallystick.market.events import ChainFact

_log = get_logger(__name__)

REMEMBERED = 64
"""Blocks that a cursor remembers. A reorganisation that goes back behind all of them costs a scan from the start."""

_RUNGS = (1, 2, 4, 8, 16, 32)
"""How far below the head blocks are remembered after a leap, so that a small reorganisation costs a small step back."""


@dataclass(frozen=True)
class Cursor:
    """Blocks whose facts were delivered, oldest first, as (number, hash). Not every block: enough to find back."""

    blocks: tuple[tuple[int, Bytes32], ...] = ()

    @property
    def number(self) -> int | None:
        """The last block that was delivered; None before the first."""
        return self.blocks[-1][0] if self.blocks else None

    def encode(self) -> str:
        """As JSON, for whatever the caller persists it in."""
        return json.dumps(self.blocks, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Raises InputError."""
        try:
            blocks = tuple((int(number), parse_bytes32(block_hash)) for number, block_hash in json.loads(text))
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{text[:80]!r} is not a scanner's cursor.", remedy="Scan from the start.") from error
        return cls(blocks)

    def until(self, number: int) -> Cursor:
        """Without the blocks after `number`."""
        return Cursor(tuple(block for block in self.blocks if block[0] <= number))

    def joined(self, blocks: dict[int, Bytes32]) -> Cursor:
        """With more blocks, the newest REMEMBERED of them all."""
        return Cursor(tuple(sorted((dict(self.blocks) | blocks).items())[-REMEMBERED:]))


@dataclass(frozen=True)
class ScanStep:
    """What one poll found.

    Attributes:
        rolled_back_to: Where not None: forget every fact of later blocks before applying `facts`; the chain undid them.
        facts: New facts, in order. Empty does not mean that the scan has caught up; see `is_caught_up`.
        head: The endpoint's newest block.
        cursor: Persist it together with what the facts led to, in one transaction.
    """

    rolled_back_to: int | None
    facts: tuple[ChainFact, ...]
    head: BlockHead
    cursor: Cursor

    @property
    def is_caught_up(self) -> bool:
        return self.cursor.number is not None and self.cursor.number >= self.head.number


class FactSource(Protocol):
    """What a scanner asks; `ChainReader` answers."""

    async def head(self) -> BlockHead: ...

    async def block(self, number: int) -> BlockHead | None: ...

    async def facts_and_blocks(
        self, first: int, last: int, also: Sequence[int] = ()
    ) -> tuple[list[ChainFact], dict[int, Bytes32]]: ...


class FactScanner:
    """Delivers every fact once, in order, from `start_block` on, or from where `cursor` left off.

    Args:
        max_blocks: The most that one poll covers.
    """

    def __init__(
        self, reader: FactSource, start_block: int, cursor: Cursor | None = None, max_blocks: int = 2000
    ) -> None:
        if max_blocks < 1:
            raise InputError(f"A poll must cover at least one block, not {max_blocks}.")
        self._source = reader
        self._start = start_block
        self._cursor = cursor or Cursor()
        self._max_blocks = max_blocks

    @property
    def cursor(self) -> Cursor:
        return self._cursor

    async def poll(self) -> ScanStep:
        """The next step. Where it raises, nothing has moved: poll again.

        Raises:
            ChainUnavailableError: no answer, or the chain was changing while it was read.
        """
        head = await self._source.head()
        base = await self._common_ancestor(head)
        rolled_back_to = None
        if base != self._cursor:
            rolled_back_to = self._start - 1 if base.number is None else base.number
            _log.warning("chain_reorganised", from_block=self._cursor.number, back_to=rolled_back_to)
        first = self._start if base.number is None else base.number + 1
        last = min(head.number, first + self._max_blocks - 1)
        facts: list[ChainFact] = []
        cursor = base
        if first <= last:
            facts, cursor = await self._scan(base, first, last, head)
        self._cursor = cursor
        return ScanStep(rolled_back_to=rolled_back_to, facts=tuple(facts), head=head, cursor=cursor)

    async def _common_ancestor(self, head: BlockHead) -> Cursor:
        """The cursor as far as it is still on the chain.

        Blocks beyond the endpoint's head say nothing: nodes behind one address do not all know the newest block, and
        only another hash at the same height shows that the chain has changed.
        """
        visible = self._cursor.until(head.number)
        candidates = list(visible.blocks)
        while candidates:
            number, known = candidates[-1]
            block = head if number == head.number else await self._source.block(number)
            if block is None:
                raise ChainUnavailableError(
                    f"The RPC endpoint has block {head.number} and not block {number}.", remedy="Ask again in a moment."
                )
            if block.hash == known:
                break
            candidates.pop()
        if len(candidates) == len(visible.blocks):
            return self._cursor
        return Cursor(tuple(candidates))

    async def _scan(self, base: Cursor, first: int, last: int, head: BlockHead) -> tuple[list[ChainFact], Cursor]:
        wanted = head if last == head.number else await self._source.block(last)
        rungs = [last - step for step in _RUNGS if last - step >= first] if last == head.number else []
        anchor = dict(base.blocks[-1:])
        facts, blocks = await self._source.facts_and_blocks(first, last, [*rungs, *anchor])
        # Asked from different nodes, or while the chain was changing, the answers may be of two chains: the one that
        # gave the facts must have the block before them as it is remembered, and the one after as it was seen.
        expected = anchor if wanted is None else {**anchor, last: wanted.hash}
        if any(blocks[number] != expected.get(number) for number in (last, *anchor)):
            raise ChainUnavailableError(
                f"The chain was reorganised at block {last} while it was read.", remedy="Ask again."
            )
        seen = {fact.at.block_number: fact.at.block_hash for fact in facts}
        return facts, base.joined(seen | blocks)
