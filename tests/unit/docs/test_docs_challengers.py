from __future__ import annotations

import inspect
import re

from documents import OPERATING, table
from source_words import first_words

from challenger.cases import Found
from challenger.strategy import MAX_TRANSACTION_GAS, WINDOW_STEPS

DOCUMENT = OPERATING / "challengers.md"
TEXT = DOCUMENT.read_text()
LEVELS = ("debug", "info", "warning", "error", "exception")


def codes(column: str) -> list[str]:
    return [code for row in table(DOCUMENT, column) for code in re.findall("`([^`]+)`", row[column])]


def test_found_table_has_every_finding_and_no_other() -> None:
    assert sorted(codes("found")) == sorted(Found)


def test_logs_table_names_only_events_that_are_logged() -> None:
    assert set(codes("event")) - set(first_words(("challenger",), *LEVELS)) == set()


def test_document_gives_the_numbers_of_the_code() -> None:
    assert f"more than {MAX_TRANSACTION_GAS:,} gas" in TEXT
    assert WINDOW_STEPS == 4
    assert "a quarter of the window" in TEXT
    assert "last quarter of a window" in inspect.cleandoc(TEXT).replace("\n", " ")
