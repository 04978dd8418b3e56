"""The HTTP application: routes inside, the gate around them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from dispatcher.api import events, executors, health, jobs, quotes
from dispatcher.api.context import ApiContext
from dispatcher.api.gate import Gate
from dispatcher.api.limits import Limits
from dispatcher.api.problems import PROBLEM_RESPONSES, explain_framework_errors

DESCRIPTION = """Matches jobs to executors and tells what the chain says. The chain is the truth; this is a convenience:
every word here can be checked there, and everything here can be done without it."""


def build_routes() -> FastAPI:
    """The routes alone, which is all that the published description needs."""
    app = FastAPI(
        title="Tallystick dispatcher",
        version=version("tallystick"),
        description=DESCRIPTION,
        responses=PROBLEM_RESPONSES,
        redoc_url=None,
    )
    for room in (health, executors, jobs, events, quotes):
        app.include_router(room.router)
    explain_framework_errors(app)
    return app


def build_api(context: ApiContext, limits: Limits) -> FastAPI:
    """The application to serve."""
    app = build_routes()
    app.state.context = context
    app.add_middleware(Gate, limits=limits)
    return app


def openapi_document() -> dict[str, Any]:
    """What is published at `/openapi.json`; needs no chain, no database and no settings."""
    return build_routes().openapi()
