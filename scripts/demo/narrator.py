"""Tells the demo: to a person with colour and live progress, or to a program with one JSON object a step."""

from __future__ import annotations

import abc
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.status import Status
from rich.table import Table


class Narrator(abc.ABC):
    """Base: counts steps and measures them. A step is something that takes time and ends with what came of it."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.scene_name = "setup"
        self.seconds: dict[str, float] = {}

    @abc.abstractmethod
    def scene(self, name: str, sentence: str) -> None: ...

    @abc.abstractmethod
    def step(self, name: str, sentence: str) -> contextlib.AbstractContextManager[dict[str, Any]]:
        """The block fills the yielded mapping with what it found; it is told when the block ends."""

    @abc.abstractmethod
    def progress(self, sentence: str) -> None:
        """What is happening right now, within a step."""

    @abc.abstractmethod
    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None: ...

    @abc.abstractmethod
    def last_words(self, lines: Mapping[str, str]) -> None:
        """What to open and try next: what for, and the command."""

    def _measured(self, name: str, since: float) -> float:
        took = time.monotonic() - since
        self.seconds[f"{self.scene_name}.{name}"] = took
        return took


class JsonNarrator(Narrator):
    """One object a line on standard output."""

    def _say(self, **fields: Any) -> None:
        print(json.dumps(fields, default=str), flush=True)

    def scene(self, name: str, sentence: str) -> None:
        self.scene_name = name
        self._say(event="scene", scene=name, text=sentence)

    @contextlib.contextmanager
    def step(self, name: str, sentence: str) -> Iterator[dict[str, Any]]:
        since = time.monotonic()
        found: dict[str, Any] = {}
        yield found
        took = self._measured(name, since)
        self._say(event="step", scene=self.scene_name, step=name, text=sentence, seconds=round(took, 3), **found)

    def progress(self, sentence: str) -> None:
        self._say(event="progress", scene=self.scene_name, text=sentence)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._say(
            event="table", scene=self.scene_name, title=title, rows=[dict(zip(columns, r, strict=True)) for r in rows]
        )

    def last_words(self, lines: Mapping[str, str]) -> None:
        self._say(event="done", seconds=round(time.monotonic() - self.started, 1), next=dict(lines))


class HumanNarrator(Narrator):
    """Colour, spinners with a running clock, tables."""

    def __init__(self) -> None:
        super().__init__()
        self.console = Console(highlight=False)
        self._status: Status | None = None
        self._sentence = ""

    def scene(self, name: str, sentence: str) -> None:
        self.scene_name = name
        self.console.print()
        self.console.print(Panel(sentence, title=f"[bold]{name}", title_align="left", border_style="cyan", width=100))

    @contextlib.contextmanager
    def step(self, name: str, sentence: str) -> Iterator[dict[str, Any]]:
        since = time.monotonic()
        found: dict[str, Any] = {}
        self._sentence = sentence
        with self.console.status(sentence) as self._status:
            try:
                yield found
            except BaseException:
                self.console.print(f"  [red]✗[/] {sentence}")
                raise
        took = self._measured(name, since)
        detail = "".join(f"\n      [dim]{key.replace('_', ' ')}:[/] {_plain(value)}" for key, value in found.items())
        self.console.print(f"  [green]✓[/] {sentence} [dim]({took:.1f} s)[/]{detail}")

    def progress(self, sentence: str) -> None:
        if self._status is not None:
            self._status.update(f"{self._sentence} [dim]· {sentence}[/]")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(title=title, title_justify="left", title_style="bold")
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def last_words(self, lines: Mapping[str, str]) -> None:
        self.console.print()
        self.console.print(f"[bold green]Done[/] in {time.monotonic() - self.started:.0f} s. Next:")
        width = max(map(len, lines), default=0)
        for purpose, command in lines.items():
            self.console.print(f"  {purpose:<{width}}  [bold]{command}[/]", soft_wrap=True)


def _plain(value: object) -> str:
    """A mapping as `name value, name value`."""
    return ", ".join(f"{key} {held}" for key, held in value.items()) if isinstance(value, Mapping) else str(value)


def narrator(*, as_json: bool) -> Narrator:
    return JsonNarrator() if as_json or not sys.stdout.writable() else HumanNarrator()
