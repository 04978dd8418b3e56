"""Markdown as these tests read it: tables, code, links and commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
OPERATING = ROOT / "docs" / "operating"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_CELLS = re.compile(r"(?<!\\)\|")

Row = dict[str, str]


def documents() -> list[Path]:
    """Every document that a reader is led to from the README."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def operating() -> list[Path]:
    return sorted(OPERATING.glob("*.md"))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fences(text: str, language: str | None = None) -> list[str]:
    """What stands between fences; of one language where one is named (`""`: of none)."""
    return [body for named, body in _FENCE.findall(text) if language in (None, named)]


def without_fences(text: str) -> str:
    return _FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """Inline code, outside fences and as a reader sees it in a table."""
    return [span.replace("\\|", "|") for span in _SPAN.findall(without_fences(text))]


def links(text: str) -> list[str]:
    return _LINK.findall(_SPAN.sub("", without_fences(text)))


def anchors(text: str) -> set[str]:
    """What links to headings may name, spelled as the common hosts do."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in _HEADING.findall(without_fences(text)))
    return {title.strip().replace(" ", "-") for title in titles}


def table(path: Path, first_heading: str) -> list[Row]:
    """The rows of the one table whose first column is called so, by heading."""
    found = [rows for heading, rows in _tables(path.read_text()) if heading == first_heading]
    assert len(found) == 1, f"{shown(path)} has {len(found)} tables that begin with {first_heading!r}"
    return found[0]


def _tables(text: str) -> Iterator[tuple[str, list[Row]]]:
    lines = [*without_fences(text).splitlines(), ""]
    for number, line in enumerate(lines):
        if not re.fullmatch(r"\|(-+\|)+", line):
            continue
        headings = _cells(lines[number - 1])
        end = next(at for at in range(number + 1, len(lines)) if not lines[at].startswith("|"))
        rows = [_cells(row) for row in lines[number + 1 : end]]
        assert all(len(row) == len(headings) for row in rows), f"a row of the table {headings} is of another length"
        yield headings[0], [dict(zip(headings, row, strict=True)) for row in rows]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELLS.split(line)[1:-1]]


def commands(text: str) -> list[list[str]]:
    """Every `tallystick ...` that a reader may type, as words: lines of fences, and inline code."""
    lines = [line.removeprefix("$ ") for body in fences(text) for line in body.splitlines()]
    typed = [line for line in (*lines, *spans(text)) if re.match(r"tallystick( |$)", line)]
    return [shlex.split(line, comments=True) for line in typed]
