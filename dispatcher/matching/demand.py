"""What a job asks of an executor, apart from its price and its lock. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dispatcher.matching.market import Opening
from dispatcher.matching.reasons import about_the_job
from tallystick.errors import RequirementError
from tallystick.ids import Address
from tallystick.wire.api import RefusalReason
from tallystick.wire.requirements import Requirements, parse_requirements


@dataclass(frozen=True)
class Demand:
    """Attributes: `payment_token` is None where any will do."""

    requirements: Requirements
    prover: str
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
    return Demand(requirements, brief.model.prover, opening.job.terms.payment_token)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Requirements:
    """The same few texts are asked about once a second."""
    return parse_requirements(text)


def demand_for(requirements: str, payment_token: Address | None, prover: str = "ezkl") -> Demand:
    """What a job that is not there yet would ask for. Raises RequirementError."""
    return Demand(parse_requirements(requirements), prover, payment_token)
