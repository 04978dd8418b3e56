"""How far the chain has been read, for everyone who shows or weighs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallystick.ids import Bytes32
from tallystick.wire.api import Finality


@dataclass
class Progress:
    """Written by the indexer alone.

    Attributes:
        confirmations_wanted: Blocks, its own included, after which a fact is called final.
        last_read_at: When the chain last answered, by this machine's clock.
    """

    confirmations_wanted: int
    indexed_block: int | None = None
    head_block: int | None = None
    head_hash: Bytes32 | None = None
    last_read_at: int | None = None
    trouble: str | None = None

    @property
    def lag_blocks(self) -> int | None:
        if self.head_block is None or self.indexed_block is None:
            return None
        return max(0, self.head_block - self.indexed_block)

    @property
    def status(self) -> Literal["ok", "behind", "chain_unavailable"]:
        if self.trouble is not None or self.last_read_at is None:
            return "chain_unavailable"
        return "behind" if self.lag_blocks else "ok"

    @property
    def explanation(self) -> str | None:
        """What keeps `status` from being `ok`, in a sentence."""
        if self.trouble is not None:
            return self.trouble
        if self.last_read_at is None:
            return "The chain has not answered yet."
        return f"{self.lag_blocks} blocks are still to be read." if self.lag_blocks else None

    def confirmations_of(self, block_number: int) -> int:
        """Blocks on top of a fact, its own included; 0 where the head is not known."""
        return 0 if self.head_block is None else max(0, self.head_block - block_number + 1)

    def finality_of(self, block_number: int) -> Finality:
        return "final" if self.confirmations_of(block_number) >= self.confirmations_wanted else "pending"
