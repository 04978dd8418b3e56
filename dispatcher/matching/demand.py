"""What a job asks of an executor, apart from its price and its lock. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dispatcher.matching.market import Opening
from dispatcher.matching.reasons import about_the_job
from tallystick.errors import RequirementError
from tallystick.ids import Address
from tallystick.market.manifests import ModelManifest
from tallystick.wire.api import ProofKindName, RefusalReason
from tallystick.wire.capability import ENGINES, PROVERS
from tallystick.wire.requirements import Requirements, parse_requirements

BACKENDS: dict[ProofKindName, frozenset[str]] = {"zk": frozenset(PROVERS), "optimistic": frozenset(ENGINES)}
"""What does the work of each proof kind: one of these is enough."""


@dataclass(frozen=True)
class Demand:
    """What a job asks for.

    Attributes:
        proof_kind: None where any will do.
        backends: Of which one is needed.
        semantics: That it must announce as its version; None where any will do.
        payment_token: None where any will do.
    """

    requirements: Requirements
    proof_kind: ProofKindName | None
    backends: frozenset[str]
    semantics: int | None
    payment_token: Address | None


def demand_of(opening: Opening) -> Demand | RefusalReason:
    """What the opening's documents ask for, or why nobody can tell."""
    brief = opening.brief
    if brief.trouble is not None or brief.manifest is None or brief.model is None:
        text = brief.trouble or "The job's manifest has not been fetched yet."
        return about_the_job("manifest_unavailable", text, "Put the manifest where this dispatcher's store finds it.")
    try:
        requirements = _parsed(brief.manifest.requirements)
    except RequirementError as error:
        return about_the_job("requirements_unreadable", str(error), "Cancel the job, and fund it with others.")
    kind, token = brief.model.proof_kind, opening.job.terms.payment_token
    if isinstance(brief.model, ModelManifest):
        return Demand(requirements, kind, frozenset({brief.model.prover}), None, token)
    return Demand(requirements, kind, BACKENDS[kind], brief.model.semantics_version, token)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Requirements:
    """The same few texts are asked about once a second."""
    return parse_requirements(text)


def demand_for(
    requirements: str,
    payment_token: Address | None,
    proof_kind: ProofKindName | None,
    semantics: int | None = None,
) -> Demand:
    """What a job that is not there yet would ask for. Raises RequirementError."""
    backends = BACKENDS[proof_kind] if proof_kind else frozenset[str]().union(*BACKENDS.values())
    return Demand(parse_requirements(requirements), proof_kind, backends, semantics, payment_token)
