"""Why a node would not take a transaction. Nodes say it in words only, each in its own."""

from __future__ import annotations

from enum import Enum

from tallystick.errors import RpcRefusedError


class Refusal(Enum):
    """What a refusal means for the transaction that was offered."""

    KNOWN = "the node has it already"
    NONCE_USED = "another transaction with its nonce is mined"
    FEE_TOO_LOW = "its fee is below what the node takes now"
    NO_FUNDS = "the account cannot pay for it"
    OTHER = "something else"


_WORDS = (
    (Refusal.KNOWN, ("already known", "already imported", "known transaction", "alreadyknown", "already exists")),
    (Refusal.NONCE_USED, ("nonce too low", "nonce is too low", "oldnonce", "invalid nonce; expected")),
    (Refusal.FEE_TOO_LOW, ("underpriced", "less than block base fee", "feetoolow", "fee too low", "gas price too low")),
    (Refusal.NO_FUNDS, ("insufficient funds", "insufficient balance", "insufficientfunds", "balance too low")),
)


def meaning_of(refused: RpcRefusedError) -> Refusal:
    """The kind of refusal by the words that geth, Nethermind, Besu, Erigon, Reth and anvil use."""
    said = refused.message.lower()
    for refusal, words in _WORDS:
        if any(word in said for word in words):
            return refusal
    return Refusal.OTHER
