from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_tree import every_option, trouble_with
from documents import commands, documents, operating, shown, spans
from source_words import sources

WITH_COMMANDS = [path for path in documents() if commands(path.read_text())]
IN_SOURCES = re.compile(
    r"tallystick (?:localnet|model|job|wallet|executor|challenger|dispatcher) [a-z][a-z-]*(?: --[a-z-]+)*"
)


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=shown)
def test_document_names_only_commands_and_options_that_exist(path: Path) -> None:
    troubles = {" ".join(words): trouble_with(words) for words in commands(path.read_text())}

    assert {line: trouble for line, trouble in troubles.items() if trouble} == {}


@pytest.mark.parametrize("path", operating(), ids=shown)
def test_document_names_only_options_that_some_command_has(path: Path) -> None:
    named = {word for span in spans(path.read_text()) for word in span.split() if word.startswith("--")}

    assert named - every_option() == set()


def test_readme_is_among_the_documents_with_commands() -> None:
    assert {"README.md", "docs/operating/creators.md"} <= {shown(path) for path in WITH_COMMANDS}


def test_errors_and_help_name_only_commands_that_exist() -> None:
    texts = "\n".join(
        path.read_text() for path in sources("tallystick", "executor", "challenger", "dispatcher", "client_sdk")
    )
    named = set(IN_SOURCES.findall(texts))

    assert {line: trouble for line in named if (trouble := trouble_with(line.split()))} == {}


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        ("tallystick job fnud", "tallystick job has no command 'fnud'"),
        ("tallystick executor appoint", "tallystick executor has no command 'appoint'"),
        ("tallystick job fund --modle X", "tallystick job fund has no option --modle"),
        ("tallystick --quiet job fund", "tallystick has no option --quiet"),
        ("tallystick executor stake --agent ADDRESS", None),
        ("tallystick", None),
    ],
)
def test_trouble_with_a_line_names_what_is_not_there(line: str, trouble: str | None) -> None:
    assert trouble_with(line.split()) == trouble
