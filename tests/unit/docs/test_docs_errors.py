from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import OPERATING, operating, shown, spans, table
from source_words import first_words

from client_sdk import JobWarning
from tallystick import errors

DOCUMENT = OPERATING / "troubleshooting.md"


def leaves(kind: type[errors.TallystickError]) -> Iterator[str]:
    """Errors of the one tree that have no narrower ones below them."""
    below = [one for one in kind.__subclasses__() if one.__module__ == errors.__name__]
    for one in below:
        yield from leaves(one)
    if not below:
        yield kind.__name__


def named(path: Path) -> set[str]:
    return {word for span in spans(path.read_text()) for word in re.findall(r"\b[A-Z]\w+Error\b", span)}


def test_troubleshooting_has_every_error_that_a_person_can_meet() -> None:
    assert set(leaves(errors.TallystickError)) - named(DOCUMENT) == set()


@pytest.mark.parametrize("path", operating(), ids=shown)
def test_document_names_only_errors_that_exist(path: Path) -> None:
    known = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}

    assert named(path) - known == set()


def test_warnings_table_has_every_warning_of_funding_and_no_other() -> None:
    written = {row["warning"].strip("`") for row in table(DOCUMENT, "warning")}

    assert written == set(first_words(("client_sdk",), JobWarning.__name__))
