"""How a transaction ended, as JSON that a later process reads back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from tallystick.chain.receipts import Receipt
from tallystick.errors import ChainError, RevertError, TransactionLostError
from tallystick.market.events import ChainFact

_FACTS: TypeAdapter[tuple[ChainFact, ...]] = TypeAdapter(tuple[ChainFact, ...])


def encode_receipt(receipt: Receipt) -> dict[str, Any]:
    held = {field.name: getattr(receipt, field.name) for field in fields(receipt) if field.name != "facts"}
    return {**held, "facts": _FACTS.dump_python(receipt.facts, mode="json")}


def decode_receipt(held: dict[str, Any]) -> Receipt:
    return Receipt(**{**held, "facts": _FACTS.validate_python(held["facts"])})


def encode_outcome(receipt: Receipt | None, error: ChainError | None = None) -> str:
    """A receipt, and the error where it ended in one. Error arguments are kept as far as JSON holds them."""
    outcome: dict[str, Any] = {"receipt": encode_receipt(receipt) if receipt else None, "error": None}
    if error is not None:
        outcome["error"] = {"kind": type(error).__name__, "what": error.what, "remedy": error.remedy}
    if isinstance(error, RevertError):
        outcome["error"] |= {"name": error.name, "arguments": error.arguments}
    return json.dumps(outcome, default=str)


def decode_outcome(text: str) -> tuple[Receipt | None, ChainError | None]:
    """What `encode_outcome` was given."""
    outcome = json.loads(text)
    receipt = decode_receipt(outcome["receipt"]) if outcome["receipt"] else None
    held = outcome["error"]
    if held is None:
        return receipt, None
    if held["kind"] == RevertError.__name__:
        return receipt, RevertError(held["what"], name=held["name"], arguments=held["arguments"], remedy=held["remedy"])
    return receipt, TransactionLostError(held["what"], remedy=held["remedy"])
