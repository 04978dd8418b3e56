"""Forge's words, added up."""

from __future__ import annotations

from scripts.forge_tests import Report, committed_seed

PRINTED = """\
Ran 3 tests for tests/forge/BooksTest.sol:BooksTest
[PASS] invariant_books() (runs: 50, calls: 10000, reverts: 3221)

╭----------+----------+-------+---------+----------╮
| Contract | Selector | Calls | Reverts | Discards |
+==================================================+
| Creator  | create   | 6032  | 1273    | 0        |
|----------+----------+-------+---------+----------|
| Thief    | steal    | 3968  | 3968    | 0        |
╰----------+----------+-------+---------+----------╯

[PASS] testFuzz_split(uint256) (runs: 256, μ: 968, ~: 989)
[FAIL: panic: assertion failed (0x01)]
\t[Sequence] (original: 60, shrunk: 1)
 invariant_exits() (runs: 3, calls: 600, reverts: 26)

| Creator  | create   | 600   | 26      | 0        |

Suite result: FAILED. 2 passed; 1 failed; 0 skipped; finished in 25.48ms (24.84ms CPU time)

Ran 1 test suite in 26.91ms (25.48ms CPU time): 2 tests passed, 1 failed, 4 skipped (7 total tests)

Failing tests:
 invariant_exits() (runs: 3, calls: 600, reverts: 26)
"""


def read(text: str) -> Report:
    report = Report()
    for line in text.splitlines():
        report.read(line)
    return report


def test_report_when_forge_has_finished_counts_like_pytest() -> None:
    assert read(PRINTED).counts() == "2 passed, 1 failed, 4 skipped"


def test_report_when_a_failure_is_told_twice_counts_its_calls_once() -> None:
    report = read(PRINTED)
    assert (report.calls, report.refused, report.inputs) == (10_600, 3_247, 256)


def test_report_when_a_handler_was_always_refused_names_it() -> None:
    assert read(PRINTED).fruitless() == ["Thief.steal"]


def test_report_when_forge_did_not_get_so_far_counts_nothing() -> None:
    assert read("Error: Compiler run failed:\n").counts() == "0 passed, 0 failed, 0 skipped"


def test_committed_seed_when_read_is_a_number_that_forge_takes() -> None:
    assert int(committed_seed(), 16) >= 0
