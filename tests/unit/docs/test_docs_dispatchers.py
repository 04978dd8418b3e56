from __future__ import annotations

import re
from dataclasses import fields

import pytest
from documents import OPERATING, table
from source_words import first_words, keyword_pairs, keyword_words

from dispatcher.api import openapi_document
from dispatcher.api.limits import Limits
from dispatcher.matching import obstacles
from dispatcher.scheduling import keeper
from tallystick.wire.api import MAX_ANNOUNCEMENT_SECONDS, MAX_PAGE, MAX_WAIT_SECONDS

DOCUMENT = OPERATING / "dispatchers.md"
TEXT = DOCUMENT.read_text()
MATCHING = ("dispatcher/matching",)


def codes(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


def test_endpoints_table_has_every_endpoint_and_no_other() -> None:
    written = {code for row in table(DOCUMENT, "endpoint") for code in codes(row["endpoint"])}
    served = {f"{method.upper()} {path}" for path, methods in openapi_document()["paths"].items() for method in methods}

    assert written == served


def test_limits_table_has_every_limit_and_no_other() -> None:
    written = [code for row in table(DOCUMENT, "limit") for code in codes(row["limit"])]

    assert sorted(written) == sorted(field.name for field in fields(Limits))


@pytest.mark.parametrize("row", table(DOCUMENT, "limit"), ids=lambda row: row["limit"])
def test_limits_table_gives_the_numbers_that_hold(row: dict[str, str]) -> None:
    numbers = [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", row[""])]

    assert numbers == [float(getattr(Limits(), name)) for name in codes(row["limit"])]


@pytest.mark.parametrize(
    "sentence",
    [
        f"for at most {MAX_ANNOUNCEMENT_SECONDS} s",
        f"`wait_seconds` up to {MAX_WAIT_SECONDS}",
        f"pages of at most {MAX_PAGE}",
        f"within {obstacles.REFUSAL_SECONDS} s",
        f"another try after {keeper.RETRY_SECONDS} s",
    ],
)
def test_document_gives_the_bounds_of_the_code(sentence: str) -> None:
    assert sentence in TEXT


def test_errors_table_has_every_error_of_the_api_and_no_other() -> None:
    written = {code for row in table(DOCUMENT, "status") for code in codes(row["`error`"])}
    refused = keyword_words(("dispatcher",), "DispatcherRefusedError", "code")

    assert written == refused | keyword_words(("dispatcher",), "ProblemView", "error")


def test_errors_table_gives_the_status_that_each_refusal_has() -> None:
    written: dict[str, int] = {}
    for row in table(DOCUMENT, "status"):
        statuses, errors = [int(status) for status in row["status"].split(",")], codes(row["`error`"])
        # Several statuses in one row stand in the order of their errors.
        written |= zip(errors, statuses if len(statuses) > 1 else statuses * len(errors), strict=False)
    refused = keyword_pairs(("dispatcher",), "DispatcherRefusedError", "code", "status")

    assert {code: written[code] for code in refused} == refused


def test_why_table_has_every_code_of_the_matching_and_no_other() -> None:
    written = [code for row in table(DOCUMENT, "code") for code in codes(row["code"])]

    assert sorted(written) == sorted(set(first_words(MATCHING, "against", "about_the_job")))
