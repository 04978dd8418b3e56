from __future__ import annotations

from pathlib import Path

import pytest
from documents import anchors, documents, links, operating, shown

MOST_LINES = 150
MOST_COLUMNS = 120


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_document_links_only_to_what_is_there(path: Path) -> None:
    assert [link for link in links(path.read_text()) if not _leads_somewhere(path, link)] == []


@pytest.mark.parametrize("path", operating(), ids=shown)
def test_operating_document_stays_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    too_wide = [line for line in lines if len(line) > MOST_COLUMNS]

    assert (too_wide, len(lines) <= MOST_LINES) == ([], True)


def test_leads_somewhere_for_a_missing_file_or_heading_says_no() -> None:
    here = documents()[0]

    assert [_leads_somewhere(here, link) for link in ("docs/none.md", "docs/protocol.md#none")] == [False, False]


def test_leads_somewhere_for_a_heading_that_is_there_says_yes() -> None:
    assert _leads_somewhere(documents()[0], "docs/operating/dispatchers.md#why-a-job-is-not-taken")


def _leads_somewhere(document: Path, link: str) -> bool:
    if link.startswith(("https://", "http://", "mailto:")):
        return True
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    return target.exists() and (not anchor or anchor in anchors(target.read_text()))
