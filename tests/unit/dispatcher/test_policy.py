"""Who is offered what: the same market gives the same decisions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dispatcher_builders import NOW, address, executor, hash_of, market, open_job, opening, with_changes

from dispatcher.indexer.brief import Brief
from dispatcher.matching.market import Executor, Market, Opening
from dispatcher.matching.policy import decide, job_reason
from dispatcher.store.offers import KeptOffer, OfferState
from tallystick.ids import Address
from tallystick.market.book import Release


def chosen(given: Market) -> list[Address]:
    return [decision.executor.announcement.agent for decision in decide(given)]


def before(one: Opening, *executors: Executor, now: int = NOW + 1) -> list[Address]:
    return chosen(market(*executors, openings=[one], now=now))


def with_offer(one: Opening, agent: str, state: OfferState, *, expires_at: int = NOW, ended_at: int = NOW) -> Opening:
    job = one.job
    offer = KeptOffer(
        job.job_id,
        job.round,
        address(f"operator {agent}"),
        address(agent),
        NOW - 20,
        expires_at,
        state,
        "why",
        ended_at,
    )
    return replace(one, offers=(*one.offers, offer))


# ---- who is chosen ---------------------------------------------------------------------------------------------------


def test_decide_given_one_able_executor_offers_it_the_job() -> None:
    assert before(opening(), executor("alice")) == [address("alice")]


def test_decide_given_two_prices_chooses_the_cheaper() -> None:
    cheap, dear = executor("cheap", min_milestone_price=100), executor("dear", min_milestone_price=200)

    assert before(opening(), dear, cheap) == [address("cheap")]


def test_decide_given_equal_prices_chooses_the_most_stake_beyond_the_lock() -> None:
    assert before(opening(), executor("poor", free_stake=150), executor("rich", free_stake=900)) == [address("rich")]


def test_decide_given_equals_chooses_the_same_whatever_their_order() -> None:
    three = [executor(name) for name in ("alice", "bob", "carol")]

    assert before(opening(), *three) == before(opening(), *reversed(three))


def test_decide_given_equals_and_many_jobs_spreads_them() -> None:
    three = [executor(name) for name in ("alice", "bob", "carol")]

    assert len({before(opening(salt=salt), *three)[0] for salt in range(30)}) == 3


def test_decide_given_a_lapsed_offer_asks_another_first() -> None:
    cheap, dear = executor("cheap", min_milestone_price=100), executor("dear", min_milestone_price=200)
    lapsed = with_offer(opening(), "cheap", "lapsed")

    assert before(lapsed, cheap, dear) == [address("dear")]


def test_decide_given_a_lapsed_offer_and_nobody_else_asks_again() -> None:
    assert before(with_offer(opening(), "alice", "lapsed"), executor("alice")) == [address("alice")]


def test_decide_given_an_operator_that_gave_the_job_back_asks_another_first() -> None:
    cheap, dear = executor("cheap", min_milestone_price=100), executor("dear", min_milestone_price=200)
    given_back = Release(operator=address("operator cheap"), fee=3, transaction_hash=hash_of("release"))
    one = opening()
    one = replace(one, job=with_changes(one.job, releases=(given_back,)))

    assert before(one, cheap, dear) == [address("dear")]


def test_decide_given_two_jobs_and_room_for_one_offers_the_longest_open() -> None:
    old, new = opening(salt=1), opening(salt=2)
    new = replace(new, job=with_changes(new.job, opened_at=NOW + 1))

    decisions = decide(market(executor("alice"), openings=[new, old]))

    assert [decision.job.job_id for decision in decisions] == [old.job.job_id]


def test_decide_given_two_jobs_offers_each_to_another_executor() -> None:
    openings = [opening(salt=1), opening(salt=2)]

    agents = chosen(market(executor("alice"), executor("bob"), openings=openings))

    assert sorted(agents) == sorted([address("alice"), address("bob")])


def test_decide_given_stake_for_one_lock_does_not_promise_it_twice() -> None:
    openings = [opening(salt=1), opening(salt=2)]

    assert len(chosen(market(executor("alice", free_stake=199, max_jobs=5), openings=openings))) == 1


def test_decide_given_two_agents_of_one_operator_counts_its_stake_once() -> None:
    alice = executor("alice", free_stake=199)
    twin = executor("twin", free_stake=199)
    twin = replace(twin, announcement=twin.announcement.model_copy(update={"operator": alice.announcement.operator}))

    assert len(chosen(market(alice, twin, openings=[opening(salt=1), opening(salt=2)]))) == 1


# ---- when nobody is asked --------------------------------------------------------------------------------------------


def test_decide_given_a_live_offer_makes_no_second_one() -> None:
    on_offer = with_offer(opening(), "alice", "live", expires_at=NOW + 20)

    assert before(on_offer, executor("alice"), executor("bob")) == []


def test_decide_in_the_last_second_of_an_offer_makes_no_second_one() -> None:
    on_offer = with_offer(opening(), "alice", "live", expires_at=NOW + 1)

    assert before(on_offer, executor("bob"), now=NOW + 1) == []


def test_decide_given_a_settled_offer_that_still_has_time_makes_no_second_one() -> None:
    reorganised = with_offer(opening(), "alice", "settled", expires_at=NOW + 20)

    assert before(reorganised, executor("bob")) == []


def test_decide_given_a_refused_offer_with_time_left_asks_the_next_at_once() -> None:
    refused = with_offer(opening(), "alice", "refused", expires_at=NOW + 20)

    assert before(refused, executor("alice", min_milestone_price=1), executor("bob")) == [address("bob")]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (replace(opening(), brief=Brief(trouble="missing")), "manifest_unavailable"),
        (opening("gpu>=one"), "requirements_unreadable"),
        (replace(opening(), confirmations_missing=2), "not_final_yet"),
        (opening(dispatcher=address("another dispatcher")), "other_dispatcher"),
        (opening(accept_seconds=0, exclusive_seconds=0), "accept_window_over"),
        (with_offer(opening(), "alice", "live", expires_at=NOW + 20), "on_offer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_job_reason_given_what_stands_against_everyone_names_it(broken: Opening, code: str) -> None:
    reason = job_reason(broken, market(executor("alice"), openings=[broken]))

    assert reason is not None
    assert reason.code == code


def test_decide_given_another_dispatchers_job_after_its_exclusive_time_offers_it() -> None:
    others = opening(dispatcher=address("another dispatcher"), exclusive_seconds=60)

    assert before(others, executor("alice"), now=NOW + 60) == [address("alice")]


def test_decide_given_requirements_that_nobody_meets_offers_nothing() -> None:
    assert before(opening("vram>=80GiB"), executor("alice")) == []


def test_decide_given_a_reopened_job_leaves_out_who_failed_it() -> None:
    job = with_changes(open_job(), round=2, failed_operators=frozenset({address("operator alice")}))
    reopened = replace(opening(), job=job)

    assert before(reopened, executor("alice", min_milestone_price=1), executor("bob")) == [address("bob")]
