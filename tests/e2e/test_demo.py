"""What `make demo ARGS=--json` promises, read off one performance on a real chain with real proofs.

demo
├── paid
│   ├── every milestone is paid, to one executor
│   ├── the predictions are there beside the true labels, most of them right
│   ├── gas of every transaction, seconds of every stage
├── vanished
│   ├── a killed executor loses a share of its lock, divided without a remainder
│   ├── another one resumes at milestone two
├── caught
│   ├── the one wrong number is named, and shown in one transaction
│   ├── the whole lock is divided without a remainder, a part of it burned
│   ├── another one does the job again; the creator audits it and reads the right digits
│   └── paid after its window, and not before
├── forged
│   ├── each forgery is refused with its own error, and no money moves
│   └── the right proof from the right operator is paid
└── the last line says what to do next, and how to catch a cheat oneself
"""

from __future__ import annotations

import pytest

from scripts.localnet.chain import WINDOW_SECONDS
from scripts.localnet.network import FAULT
from tests.e2e.conftest import Performance

pytestmark = [pytest.mark.chain, pytest.mark.proofs]


def test_paid_when_all_is_well_pays_both_milestones(performance: Performance) -> None:
    assert performance.steps["Paid", "prove_and_pay"]["milestones_paid"] == "2 of 2"


def test_paid_when_finished_shows_predictions_beside_true_labels(performance: Performance) -> None:
    result = performance.steps["Paid", "result"]
    predictions, truth = result["predictions"].split(), result["true_labels"].split()
    assert len(predictions) == len(truth) == 8
    assert sum(p == t for p, t in zip(predictions, truth, strict=True)) >= 7


def test_paid_when_finished_tells_gas_of_every_kind_of_transaction(performance: Performance) -> None:
    gas = {row["transaction"]: int(row["gas"].replace(",", "")) for row in performance.table("Gas")}
    assert {"create", "accept"} <= gas.keys()
    assert all(21_000 < used < 3_000_000 for used in gas.values())


def test_paid_when_finished_tells_who_was_paid_what(performance: Performance) -> None:
    rows = performance.table("Who was paid")
    assert [row["for"] for row in rows] == ["milestone 1", "milestone 2"]
    assert all(row["operator"].startswith("operator-") and row["paid"].endswith("tUSD") for row in rows)


def test_vanished_when_killed_loses_half_of_the_unfinished_half_of_its_lock(performance: Performance) -> None:
    expire = performance.steps["Vanished", "expire"]
    # 10 TALLY locked, half of the job unfinished, half of that for a missed deadline
    assert expire["slashed"].startswith("2.5 TALLY of ")
    shares = [expire[key].split()[0] for key in ("to_the_finder", "to_the_creator", "bounty_for_the_next", "burned")]
    assert sum(map(float, shares)) == 2.5


def test_vanished_when_reopened_is_resumed_at_milestone_two_by_another(performance: Performance) -> None:
    first = performance.steps["Vanished", "first_milestone"]["executor"]
    resume = performance.steps["Vanished", "resume"]
    assert resume["resumed_at"] == "milestone 2"
    assert resume["executor"] != first


def test_caught_when_one_number_is_wrong_names_it_and_shows_it_in_one_transaction(performance: Performance) -> None:
    assert performance.steps["Caught", "claim"]["wrong_on_purpose"] == FAULT == "op=3,element=120"
    caught = performance.steps["Caught", "caught"]
    assert caught["wrong"].startswith("element 120 of step 3 is ")
    assert (caught["moves"], caught["shown_by"]) == (1, "challenger")
    assert 21_000 < int(caught["gas"].replace(",", "")) < 500_000


def test_caught_when_shown_divides_the_whole_lock_and_burns_a_part(performance: Performance) -> None:
    rows = performance.table("What operator-dogwood lost")
    *shares, whole = [float(row["stake"].removesuffix(" TALLY")) for row in rows]
    assert (sum(shares), whole) == (10, 10)
    assert min(shares) > 0
    assert rows[-2]["share"] == "burned"


def test_caught_when_reopened_is_done_by_another_and_read_before_it_is_final(performance: Performance) -> None:
    cheat = performance.steps["Caught", "claim"]["executor"]
    honest = performance.steps["Caught", "again"]["executor"]
    assert (cheat, honest != cheat) == ("operator-dogwood", True)
    audit = performance.steps["Caught", "audit"]
    predictions, truth = audit["predictions"].split(), audit["true_labels"].split()
    assert len(predictions) == len(truth) == 8
    assert sum(p == t for p, t in zip(predictions, truth, strict=True)) >= 7
    assert audit["checked"].endswith(", 0 of them wrong")


def test_caught_when_its_window_is_over_pays_the_honest_one_and_its_bounty(performance: Performance) -> None:
    final = performance.steps["Final", "paid"]
    honest = performance.steps["Caught", "again"]["executor"]
    assert final["paid"] == f"1 tUSD to {honest}"
    assert final["bounty"].startswith("1 TALLY ")
    assert int(final["after"].split()[0]) > WINDOW_SECONDS


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("one_byte", "EzklVerifierAdapter_ProofRejected"),
        ("other_input", "EzklVerifierAdapter_InputMismatch"),
        ("other_model", "EzklVerifierAdapter_ProgramMismatch"),
        ("stranger", "StakeManager_NotAgent"),
    ],
)
def test_forged_when_claimed_is_refused_by_name_and_moves_no_money(
    performance: Performance, step: str, error: str
) -> None:
    told = performance.steps["Forged", step]
    assert told["refused_with"] == error
    assert told["money_moved"] == "none"


def test_forged_when_nobody_is_capable_says_why_it_is_not_taken(performance: Performance) -> None:
    assert "region" in performance.steps["Forged", "fund"]["why_it_is_not_taken"]


def test_forged_when_the_right_proof_comes_from_its_holder_pays(performance: Performance) -> None:
    assert performance.steps["Forged", "settle"]["paid"] == "1 tUSD to operator-cedar"


def test_demo_when_done_says_what_to_do_next(performance: Performance) -> None:
    last = performance.lines[-1]
    assert last["event"] == "done"
    commands = list(last["next"].values())
    assert any("localnet start --cheat" in command for command in commands)
    model = performance.steps["Caught", "register"]["model"]
    assert any(f"job fund --model {model} " in command for command in commands)
    assert any("challenger check JOB --prove" in command for command in commands)
