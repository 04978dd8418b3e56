"""How the commands speak."""

from __future__ import annotations

from typing import Any

import typer


def print_status(found: dict[str, Any]) -> None:
    """What `read_status` found, for people."""
    typer.echo(found["about"])
    for link in found["links"]:
        typer.echo(f"  {link['name']}: {link['trouble'] or 'ok'}")
    for alert in found["alerts"]:
        typer.echo(f"  ALERT since {alert['since']}: {alert['text']}")
    for demand in found["demands"]:
        typer.echo(
            f"  demand {demand['demand_id'][:10]}.. on milestone {demand['milestone']} of {demand['job_id'][:10]}.. "
            f"must be answered within {demand['seconds_left']} s"
        )
    for job in found["jobs"]:
        typer.echo(f"  {job['job_id'][:10]}.. {job['stage']:<10} milestone {job['milestone']}/{job['milestones']}")
        typer.echo(f"      {job['last_word']}")
    for token, amount in found["earned"].items():
        typer.echo(f"  earned {amount} of {token}")
    typer.echo(found["next"])
