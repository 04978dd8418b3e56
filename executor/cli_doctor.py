"""The command that tells which engine backends are exact on this machine, and which one will be used."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from executor.cli_options import Json, KeptHome
from tallystick.logs import configure_logging
from tallystick.service.console import guarded, print_json


def doctor(*, home: KeptHome = None, as_json: Json = False) -> None:
    """Test the engine's backends on this machine, bit for bit. Takes about half a minute for each."""
    configure_logging(json=as_json, level="warning")

    async def look() -> None:
        # Numpy and the engine are slow to import, and other commands do without.
        from tallystick.service.backends import advice, examine, machine_facts  # noqa: PLC0415

        facts = machine_facts()
        findings = examine(progress=_progress(as_json))
        if home is not None:
            from tallystick.service.backend_choice import BackendChoice  # noqa: PLC0415

            BackendChoice(home.expanduser(), "auto").keep(findings)
        use = next((finding.name for finding in findings if finding.usable), None)
        if as_json:
            told = [vars(finding) for finding in findings]
            print_json({"event": "doctor", **facts, "backends": told, "use": use, "next": advice(findings)})
            return
        typer.echo(f"{facts['processor']}; {' '.join(facts['instructions'])}")
        for finding in findings:
            mark = "ok" if finding.usable else "no"
            typer.echo(f"{mark}  {finding.name:<12} {finding.version:<10} {finding.why}")
            for failure in finding.failures:
                typer.echo(f"        {failure}")
        typer.echo(advice(findings))

    guarded(as_json, look)


def _progress(as_json: bool) -> Callable[[str, str], None]:
    """Says each case: an object a line for programs, one line that changes for people at a terminal."""
    people = sys.stderr.isatty() and not as_json

    def say(backend: str, case: str) -> None:
        if as_json:
            print_json({"event": "checking", "backend": backend, "case": case})
        elif people:
            typer.echo(f"\r{backend}: {case:<60}\r", nl=False, err=True)

    return say
