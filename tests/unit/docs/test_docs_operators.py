from __future__ import annotations

import inspect
import re

from documents import OPERATING, table
from source_words import first_words, words_in

from executor import acceptance, judge
from executor.work import Stage
from tallystick.service.patience import Patience

DOCUMENT = OPERATING / "operators.md"
TEXT = DOCUMENT.read_text()
SENDERS = ("executor", "tallystick/chain", "tallystick/proving", "tallystick/service")
LEVELS = ("debug", "info", "warning", "error", "exception")


def codes(column: str) -> list[str]:
    return [code for row in table(DOCUMENT, column) for code in re.findall("`([^`]+)`", row[column])]


def test_codes_table_has_every_no_of_the_executor_and_no_other() -> None:
    said = set(first_words(("executor",), "Decline", "later"))

    assert sorted(codes("code")) == sorted(said)


def test_codes_table_has_the_order_of_the_rules() -> None:
    by_rule = [words_in(inspect.getsource(rule), "Decline", "later") for rule in acceptance._RULES]
    in_order = list(dict.fromkeys(code for rule in by_rule for code in rule))
    written = [code for code in codes("code") if code in in_order]

    assert written == in_order


def test_logs_table_names_only_events_that_are_logged() -> None:
    logged = set(first_words(SENDERS, *LEVELS)) | {f"job_{stage}" for stage in Stage}

    assert set(codes("event")) - logged == set()


def test_logs_table_has_every_stage_that_is_logged() -> None:
    quiet = {"job_considered"}

    assert {f"job_{stage}" for stage in Stage} - quiet <= set(codes("event"))


def test_document_gives_the_times_of_the_code() -> None:
    most = inspect.signature(Patience).parameters["most_seconds"].default

    assert f"with pauses up to {most:g} s" in TEXT
    assert f"ends within {acceptance._SENDING_SECONDS} s" in TEXT
    assert f"after {acceptance.LATER_SECONDS} s" in TEXT
    assert f"after {judge.AFTER_A_STOP_SECONDS // 60} min" in TEXT
