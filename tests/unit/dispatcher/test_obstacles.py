"""Each reason against an executor, and what it says would change it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dispatcher_builders import NOW, TOKEN, address, executor, market, open_job, opening, with_changes

from dispatcher.matching.explain import explain_opening
from dispatcher.matching.market import Executor, Opening, Standing
from dispatcher.matching.obstacles import REFUSAL_SECONDS
from dispatcher.store.offers import KeptOffer
from tallystick.wire.api import RefusalReason

NO_GPU = {"gpus": (), "driver": None}


def reasons(one: Opening, *executors: Executor, now: int = NOW + 1, wall_now: int = NOW) -> list[RefusalReason]:
    return list(explain_opening(one, market(*executors, openings=[one], now=now, wall_now=wall_now)).reasons)


def the_reason(one: Opening, *executors: Executor, now: int = NOW + 1, wall_now: int = NOW) -> RefusalReason:
    [only] = reasons(one, *executors, now=now, wall_now=wall_now)
    return only


def change(reason: RefusalReason) -> str:
    assert reason.nearest_change is not None
    return reason.nearest_change


def test_reasons_given_an_able_executor_are_none() -> None:
    assert reasons(opening("gpu>=1 vram>=16GiB region=eu"), executor("alice")) == []


def test_reasons_given_an_announcement_that_ran_out_say_only_that() -> None:
    reason = the_reason(opening("vram>=80GiB"), executor("alice", free_stake=0), wall_now=NOW + 340)

    assert reason.code == "announcement_expired"
    assert "ran out 40 s ago" in change(reason)


def test_reasons_given_an_announcement_in_its_last_second_are_none() -> None:
    assert reasons(opening(), executor("alice"), wall_now=NOW + 299) == []


def test_reasons_given_no_answer_from_the_chain_say_so() -> None:
    assert the_reason(opening(), executor("alice", standing=None)).code == "chain_silent"


def test_reasons_given_a_revoked_agent_name_its_operator() -> None:
    revoked = executor("alice", standing=Standing(is_agent=False, free_stake=1_000, locked_stake=0))

    reason = the_reason(opening(), revoked)

    assert reason.code == "not_an_agent"
    assert address("operator alice")[:8] in change(reason)


def test_reasons_given_an_unmet_requirement_quote_it_and_what_was_found() -> None:
    reason = the_reason(opening("vram>=80GiB"), executor("alice"))

    assert (reason.code, reason.text) == ("requirement_unmet", "It does not meet vram>=80GiB.")
    assert "24 GiB" in change(reason)


def test_reasons_given_two_unmet_requirements_list_each_key() -> None:
    found = reasons(opening("vram>=80GiB region=us"), executor("alice"))

    assert sorted(reason.text for reason in found) == ["It does not meet region=us.", "It does not meet vram>=80GiB."]


def test_reasons_given_no_such_prover_say_which_is_missing() -> None:
    reason = the_reason(opening(), executor("alice", provers=()))

    assert (reason.code, reason.text) == ("prover_missing", "It does not have the prover ezkl.")


def test_reasons_given_another_payment_token_name_it() -> None:
    reason = the_reason(opening(), executor("alice", payment_tokens=(address("another token"),)))

    assert reason.code == "payment_token_not_taken"
    assert TOKEN in reason.text


def test_reasons_given_an_executor_that_does_not_say_its_tokens_are_none() -> None:
    assert reasons(opening(), executor("alice", payment_tokens=())) == []


def test_reasons_given_a_full_machine_say_how_many_it_holds() -> None:
    reason = the_reason(opening(), executor("alice", max_jobs=2, busy=2))

    assert reason.code == "at_capacity"
    assert "holds 2 of at most 2 jobs" in change(reason)


def test_reasons_given_an_executor_that_does_not_say_its_capacity_are_none() -> None:
    assert reasons(opening(), executor("alice", max_jobs=None, busy=50)) == []


def test_reasons_given_an_operator_that_failed_the_job_say_that_nothing_changes_it() -> None:
    failed = with_changes(open_job(), failed_operators=frozenset({address("operator alice")}))

    reason = the_reason(replace(opening(), job=failed), executor("alice"))

    assert (reason.code, reason.nearest_change) == ("failed_before", None)


def test_reasons_given_too_little_stake_tell_how_much_more_to_deposit() -> None:
    reason = the_reason(opening(stake_lock=100), executor("alice", free_stake=80))

    assert reason.code == "stake_too_low"
    assert "has 80 of 100: deposit 20 more" in change(reason)


def test_reasons_given_stake_of_exactly_the_lock_are_none() -> None:
    assert reasons(opening(stake_lock=100), executor("alice", free_stake=100)) == []


def test_reasons_given_stake_promised_elsewhere_count_it_as_gone() -> None:
    reason = the_reason(opening(stake_lock=100), executor("alice", free_stake=150, reserved_stake=100))

    assert "has 50 of 100 beside 100 for other offers: deposit 50 more" in change(reason)


def test_reasons_given_an_ask_above_the_price_tell_when_the_ramp_reaches_it() -> None:
    rising = opening(min_price=0, max_price=1_000, ramp_seconds=100)

    reason = the_reason(rising, executor("alice", min_milestone_price=400), now=NOW + 30)

    assert (reason.code, reason.text) == (
        "price_too_low",
        "It asks more than the 150 units that a milestone pays now.",
    )
    assert "asks 400, which the rising price reaches in 50 s" in change(reason)


def test_reasons_given_an_ask_above_the_highest_price_tell_the_highest() -> None:
    reason = the_reason(opening(max_price=1_000), executor("alice", min_milestone_price=501))

    assert "asks 501; the price rises to 500 at most" in change(reason)


def test_reasons_given_an_ask_of_exactly_the_price_are_none() -> None:
    assert reasons(opening(max_price=1_000), executor("alice", min_milestone_price=500)) == []


def test_reasons_given_a_dispatchers_fee_compare_with_what_is_left() -> None:
    reason = the_reason(opening(dispatcher_fee_bps=1_000), executor("alice", min_milestone_price=451))

    assert reason.text == "It asks more than the 450 units that a milestone pays now."


def test_reasons_given_unequal_milestones_compare_with_the_least_of_them() -> None:
    reason = the_reason(opening(share_bps=(9_000, 1_000)), executor("alice", min_milestone_price=101))

    assert reason.text == "It asks more than the 100 units that a milestone pays now."


def test_reasons_given_a_small_milestone_already_paid_do_not_count_it() -> None:
    small_first = opening(share_bps=(1_000, 9_000))
    resumed = replace(small_first, job=with_changes(small_first.job, next_milestone=1))

    assert reasons(resumed, executor("alice", min_milestone_price=900)) == []


def refused(ended_at: int, round_: int = 1) -> Opening:
    one = opening()
    offer = KeptOffer(
        one.job.job_id, round_, address("operator alice"), address("alice"), NOW, NOW + 20, "refused", "busy", ended_at
    )
    return replace(one, offers=(offer,))


def test_reasons_given_a_fresh_refusal_quote_it() -> None:
    reason = the_reason(refused(NOW), executor("alice"), now=NOW + 20)

    assert reason.code == "refused_lately"
    assert f"said 'busy' and is asked again in {REFUSAL_SECONDS - 20} s" in change(reason)


def test_reasons_given_an_old_refusal_are_none() -> None:
    assert reasons(refused(NOW), executor("alice"), now=NOW + REFUSAL_SECONDS) == []


# ---- counted together ------------------------------------------------------------------------------------------------


def test_reasons_given_many_executors_are_counted_by_kind_most_common_first() -> None:
    small = [executor(name, **NO_GPU) for name in ("a", "b", "c")]
    poor = executor("d", free_stake=0)

    found = reasons(opening("gpu>=1"), *small, poor)

    assert [(reason.code, reason.count) for reason in found] == [("requirement_unmet", 3), ("stake_too_low", 1)]


def test_reasons_given_several_distances_tell_the_nearest_change() -> None:
    far, near = executor("far", free_stake=10), executor("near", free_stake=90)

    reason = the_reason(opening(stake_lock=100), far, near)

    assert reason.executors == (address("near"), address("far"))
    assert "deposit 10 more" in change(reason)


def test_reasons_given_one_executor_with_two_obstacles_count_it_in_both() -> None:
    found = reasons(opening("region=us", stake_lock=100), executor("alice", free_stake=0))

    assert {reason.code: reason.count for reason in found} == {"requirement_unmet": 1, "stake_too_low": 1}


@pytest.mark.parametrize("free_stake", [0, 100])
def test_summary_counts_who_can_and_who_cannot(free_stake: int) -> None:
    one = opening(stake_lock=100)

    summary = explain_opening(one, market(executor("alice", free_stake=free_stake), openings=[one])).summary

    expected = "1 of 1 executors can take it" if free_stake else "None of 1 executors can take it now: (1) Its free"
    assert summary.startswith(expected)


def test_summary_given_nobody_says_so() -> None:
    one = opening()

    explained = explain_opening(one, market(openings=[one]))

    assert explained.summary == "No executor has announced itself."
    assert [reason.code for reason in explained.reasons] == ["no_executors"]


def test_summary_after_the_exclusive_time_says_that_anyone_may_accept() -> None:
    one = opening(exclusive_seconds=60)

    summary = explain_opening(one, market(openings=[one], now=NOW + 60)).summary

    assert "Anyone with enough stake may accept it directly" in summary
