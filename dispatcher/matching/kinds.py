"""Proof kinds by the names that the API gives them. Pure."""

from __future__ import annotations

from typing import cast, get_args

from tallystick.market.terms import ProofKind
from tallystick.wire.api import ProofKindName


def kind_name(kind: ProofKind) -> ProofKindName:
    name = kind.name.lower()
    assert name in get_args(ProofKindName)  # noqa: S101 - the contracts take no job and no model of proof kind NONE
    return cast(ProofKindName, name)
