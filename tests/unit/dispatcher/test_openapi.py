from __future__ import annotations

import json
from pathlib import Path

from api_room import ApiRoom

from dispatcher.api import openapi_document

SNAPSHOT = Path(__file__).parents[2] / "snapshots" / "openapi.json"


def test_openapi_document_is_the_committed_one() -> None:
    assert openapi_document() == json.loads(SNAPSHOT.read_text()), "run `make snapshots` and look at what changed"


async def test_openapi_document_is_published(room: ApiRoom) -> None:
    assert (await room.http.get("/openapi.json")).json() == openapi_document()


async def test_docs_are_published(room: ApiRoom) -> None:
    answer = await room.http.get("/docs")

    assert (answer.status_code, "openapi.json" in answer.text) == (200, True)


def test_openapi_document_says_for_every_route_how_it_refuses() -> None:
    for path, methods in openapi_document()["paths"].items():
        for method, operation in methods.items():
            assert "4XX" in operation["responses"], f"{method} {path}"
