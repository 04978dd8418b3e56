from __future__ import annotations

import ast
import re
from dataclasses import fields

import pytest
from command_tree import options_of
from documents import OPERATING, fences, table

import client_sdk
from client_sdk import Client, Job, JobRequest
from client_sdk.cli._command import FLAGS
from tallystick.market.terms import MAX_DISPATCHER_FEE_BPS
from tallystick.merkle import MAX_MILESTONES

DOCUMENT = OPERATING / "creators.md"
TEXT = DOCUMENT.read_text()
[SAMPLE] = fences(TEXT, "python")
OPTIONS = table(DOCUMENT, "`job fund`")
OF_EVERY_COMMAND = {"--json", "--help", *(f"--{flag.replace('_', '-')}" for flag in FLAGS)}


def options() -> set[str]:
    return {option for row in OPTIONS for option in re.findall("`(--[a-z-]+)`", row["`job fund`"])}


def fields_named() -> set[str]:
    cells = " ".join(row["in `JobRequest`"] for row in OPTIONS)
    return {name.partition("=")[0] for name in re.findall("`([a-z_=A-Z]+)`", cells)}


def test_options_table_has_every_option_of_fund_and_no_other() -> None:
    # Of a switch, what is written is the side that changes something.
    offered = options_of("job", "fund") - OF_EVERY_COMMAND - {"--approve"}

    assert options() == offered


def test_options_table_has_every_field_of_a_request_and_no_other() -> None:
    assert fields_named() == {field.name for field in fields(JobRequest)}


@pytest.mark.parametrize("name", ["deadline", "accept_within", "dispatcher_fee_bps"])
def test_options_table_gives_the_default_that_a_request_has(name: str) -> None:
    [row] = [row for row in OPTIONS if row["in `JobRequest`"] == f"`{name}`"]

    assert row["default"] == f"`{next(field.default for field in fields(JobRequest) if field.name == name)}`"


def test_options_table_gives_the_bounds_of_the_terms() -> None:
    about = {row["`job fund`"]: row["is"] for row in OPTIONS}

    assert f"1 to {MAX_MILESTONES}" in about["`--milestones`"]
    assert f"at most {MAX_DISPATCHER_FEE_BPS:,}" in about["`--dispatcher-fee-bps`"]


def test_sample_imports_only_public_names() -> None:
    imports = [node for node in ast.walk(ast.parse(SAMPLE)) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports if node.module == "client_sdk" for alias in node.names}

    assert names
    assert names <= set(client_sdk.__all__)


@pytest.mark.parametrize(("name", "kind"), [("client", Client), ("job", Job)])
def test_sample_uses_only_what_the_sdk_has(name: str, kind: type) -> None:
    used = {
        node.attr
        for node in ast.walk(ast.parse(SAMPLE))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }

    assert used
    assert {attribute for attribute in used if not hasattr(kind, attribute)} == set()


def test_sample_asks_only_for_what_a_request_has() -> None:
    [request] = [
        node
        for node in ast.walk(ast.parse(SAMPLE))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "JobRequest"
    ]

    assert {keyword.arg for keyword in request.keywords} <= {field.name for field in fields(JobRequest)}
