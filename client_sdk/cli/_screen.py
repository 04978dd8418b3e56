"""What a command shows: for people, lines and a spinner; for programs, one JSON object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic_core import to_jsonable_python
from rich.console import Console, RenderableType
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

NARROW = 110
"""Columns of a terminal: an id takes 66, and what stands beside it must stay readable."""

UNBROKEN = 400


class Screen:
    """
    Args:
        as_json: Every line on standard output is a JSON object: progress has an `event`, the last line is the result.
            For people, progress goes to standard error and the result to standard output.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = _result_console()
        self._progress = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """A spinner with the seconds gone, for as long as the block takes. Not for programs, not without a terminal."""
        if self.as_json or not self._progress.is_terminal:
            yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=self._progress, transient=True) as bar:
            self._bar, self._task = bar, bar.add_task(text)
            try:
                yield
            finally:
                self._bar = self._task = None

    def now(self, text: str) -> None:
        """What the spinner says from here on."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text)

    def progress(self, event: str, text: str, **values: Any) -> None:
        """Something happened on the way."""
        if self.as_json:
            self._line({"event": event, **values})
        else:
            self._progress.print(Text(text), soft_wrap=True)

    def warn(self, code: str, text: str) -> None:
        """Something to know; nothing was stopped by it."""
        if self.as_json:
            self._line({"event": "warning", "code": code, "text": text})
        else:
            self._progress.print(Text(f"Note: {text}", style="yellow"), soft_wrap=True)

    def finish(self, values: Mapping[str, Any], *shown: RenderableType, then: str = "") -> None:
        """The result: all of it as JSON, or what `shown` holds for people, and what to do next."""
        if self.as_json:
            self._line({**values, "next": then})
            return
        for part in shown:
            self._out.print(Text(part) if isinstance(part, str) else part, soft_wrap=isinstance(part, str))
        if then:
            self._out.print(Text(then, style="bold"), soft_wrap=True)

    def _line(self, values: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(to_jsonable_python(values)) + "\n")
        sys.stdout.flush()


def _result_console() -> Console:
    """For results. Where a table would be squeezed, or a program reads it, each row is one line however long."""
    console = Console(highlight=False)
    if console.is_terminal and console.width >= NARROW:
        return console
    return Console(highlight=False, width=UNBROKEN)


def facts_table(rows: Mapping[str, object]) -> Table:
    """Names and values under each other."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(str(value)))
    return table


def list_table(*headings: str) -> Table:
    """An empty table for people. The first column says what a row is about: never broken, so that it can be copied."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=place == 0)
    return table
