"""All jobs of a market, from the chain alone."""

from __future__ import annotations

from client_sdk._connection import Connection
from tallystick.ids import Address
from tallystick.market.book import Job, fold
from tallystick.market.events import JobFact


async def list_jobs(connection: Connection, creator: Address | None) -> list[Job]:
    """Oldest first. Raises ChainUnavailableError."""
    reader = connection.reader
    facts = await reader.facts(reader.deployment.block, (await reader.head()).number)
    about_jobs = [fact for fact in facts if isinstance(fact, JobFact)]
    return list(fold(about_jobs, keep=lambda job: creator in (None, job.terms.creator)).values())
