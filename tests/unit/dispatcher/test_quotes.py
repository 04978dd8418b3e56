from __future__ import annotations

import pytest
from dispatcher_builders import DOMAIN, NOW, TOKEN, Chain, address, executor, market, terms

from dispatcher.matching.history import milestone_durations
from dispatcher.matching.quotes import quote
from tallystick.errors import RequirementError
from tallystick.market.terms import job_id_of
from tallystick.wire.api import QuoteRequest

JOB_ID = job_id_of(terms(), DOMAIN)


def test_quote_given_several_asks_tells_the_lowest_and_the_median() -> None:
    asks = [executor(str(ask), min_milestone_price=ask) for ask in (100, 300, 200)]

    view = quote(QuoteRequest(), market(*asks), None)

    assert (view.capable, view.total, view.lowest_price, view.median_price) == (3, 3, 100, 200)


def test_quote_given_requirements_counts_only_who_meets_them() -> None:
    view = quote(QuoteRequest(requirements="region=eu"), market(executor("a"), executor("b", region="us")), None)

    assert (view.capable, view.total) == (1, 2)
    assert [(reason.code, reason.executors) for reason in view.reasons] == [("requirement_unmet", (address("b"),))]


def test_quote_given_a_token_leaves_out_who_does_not_take_it() -> None:
    view = quote(QuoteRequest(payment_token=TOKEN), market(executor("a", payment_tokens=(address("x"),))), None)

    assert (view.capable, [reason.code for reason in view.reasons]) == (0, ["payment_token_not_taken"])


def test_quote_given_any_token_counts_everyone() -> None:
    assert quote(QuoteRequest(), market(executor("a", payment_tokens=(address("x"),))), None).capable == 1


def test_quote_given_an_announcement_that_ran_out_does_not_count_it() -> None:
    view = quote(QuoteRequest(), market(executor("a"), wall_now=NOW + 300), None)

    assert (view.capable, [reason.code for reason in view.reasons]) == (0, ["announcement_expired"])


def test_quote_given_nobody_has_no_price() -> None:
    view = quote(QuoteRequest(), market(), None)

    assert (view.total, view.lowest_price, view.median_price) == (0, None, None)


def test_quote_given_nobody_of_a_kind_has_no_price_for_it() -> None:
    zk, optimistic = quote(QuoteRequest(), market(executor("a")), 12.5).kinds

    assert (zk.kind, zk.capable, zk.lowest_price) == ("zk", 1, 400)
    assert (optimistic.kind, optimistic.capable, optimistic.lowest_price) == ("optimistic", 0, None)


def test_quote_given_requirements_that_do_not_parse_points_at_the_place() -> None:
    with pytest.raises(RequirementError) as caught:
        quote(QuoteRequest(requirements="gpu>=1 vram>=lots"), market(), None)

    assert caught.value.column == len("gpu>=1 vram>=")


def test_milestone_durations_given_a_finished_job_counts_from_step_to_step() -> None:
    chain = Chain()
    facts = [
        chain.created(1),
        chain.assigned(10, JOB_ID),
        *chain.paid(30, JOB_ID, 0),
        *chain.paid(45, JOB_ID, 1),
        chain.completed(45, JOB_ID),
    ]

    assert milestone_durations(facts) == [20, 15]


def test_milestone_durations_given_a_second_executor_counts_from_its_assignment() -> None:
    chain = Chain()
    facts = [
        chain.assigned(10, JOB_ID),
        *chain.expired(400, JOB_ID),
        chain.assigned(410, JOB_ID),
        *chain.paid(425, JOB_ID),
    ]

    assert milestone_durations(facts) == [15]


def test_milestone_durations_given_a_challenge_window_do_not_count_it() -> None:
    chain = Chain()
    [claim, payment] = chain.paid(30, JOB_ID)
    late = payment.model_copy(update={"at": chain.at(400)})

    assert milestone_durations([chain.assigned(10, JOB_ID), claim, late]) == [20]
