"""Proof kinds as people write them."""

from __future__ import annotations

import enum


class ProofKindWord(enum.StrEnum):
    """A value of `--proof-kind`."""

    ZK = "zk"
    OPTIMISTIC = "optimistic"
