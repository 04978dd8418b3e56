"""Findings against explanations. Slither itself runs in `make slither`."""

from __future__ import annotations

from typing import Any

from scripts.static_analysis import Explanations, complaints, key_of, updated

KEY = "timestamp: JobEscrow.expire(JobTerms) uses timestamp for comparisons - block.timestamp <= job.deadline"


def finding(line: int = 154, check: str = "timestamp") -> dict[str, Any]:
    return {
        "check": check,
        "description": "JobEscrow.expire(JobTerms) (contracts/JobEscrow.sol#150-171) uses timestamp for comparisons\n"
        f"\t- block.timestamp <= job.deadline (contracts/JobEscrow.sol#{line})\n",
    }


def test_key_of_a_finding_whose_lines_moved_is_the_same() -> None:
    assert key_of(finding(154)) == key_of(finding(99)) == KEY


def test_complaints_when_all_is_explained_are_none() -> None:
    assert complaints([finding()], Explanations(findings={KEY: "a window of days"})) == []


def test_complaints_when_a_whole_check_is_explained_are_none() -> None:
    assert complaints([finding(), finding()], Explanations(checks={"timestamp": "windows of days"})) == []


def test_complaints_when_an_explanation_is_empty_name_the_finding() -> None:
    assert complaints([finding()], Explanations(findings={KEY: " "})) == [f"not explained: {KEY}"]


def test_complaints_when_a_check_is_explained_by_nothing_name_it() -> None:
    assert complaints([finding()], Explanations(checks={"timestamp": ""})) == ["not explained: the check timestamp"]


def test_complaints_when_the_same_finding_comes_twice_name_the_second() -> None:
    wrong = complaints([finding(), finding(7)], Explanations(findings={KEY: "a window of days"}))
    assert wrong == [f"not explained: {KEY} [2]"]


def test_complaints_when_a_finding_has_vanished_name_its_explanation() -> None:
    known = Explanations(checks={"assembly": "one line"}, findings={KEY: "a window of days"})
    assert complaints([], known) == [
        f"no longer found: {KEY}",
        "no longer found: any finding of the check assembly",
    ]


def test_updated_when_one_is_new_and_one_is_gone_keeps_the_words_that_there_are() -> None:
    known = Explanations(findings={KEY: "a window of days", "gone: x": "y"})
    new = finding(check="return-bomb")
    assert updated([finding(), new], known).findings == {KEY: "a window of days", key_of(new): ""}
