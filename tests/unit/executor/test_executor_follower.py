from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from executor_builders import AGENT, NOW, OPERATOR, TOKEN, address, created, hash_of, position, terms

from executor.follower import BURIED_BLOCKS, Follower, load_cursor
from executor.journal import FILE_NAME, Earning, Journal
from tallystick.chain.scanner import Cursor, ScanStep
from tallystick.chain.views import BlockHead
from tallystick.clock import ManualClock
from tallystick.ids import Address
from tallystick.market.disputes import DemandPoint
from tallystick.market.events import (
    ChainFact,
    JobAssigned,
    JobCompleted,
    MilestoneClaimed,
    MilestonePaid,
    StakeDeposited,
    TraceDemanded,
    TraceShown,
)
from tallystick.market.terms import JobStatus

JOB = created(terms(), 1).job_id


class Steps:
    """A scanner that has these steps to tell."""

    def __init__(self, *steps: ScanStep) -> None:
        self.steps = list(steps)

    async def poll(self) -> ScanStep:
        return self.steps.pop(0)


def step(
    facts: Iterable[ChainFact] = (), *, head: int, scanned: int | None = None, rolled_back_to: int | None = None
) -> ScanStep:
    last = head if scanned is None else scanned
    return ScanStep(
        rolled_back_to=rolled_back_to,
        facts=tuple(facts),
        head=BlockHead(head, hash_of(f"block {head}"), NOW + head),
        cursor=Cursor(((last, hash_of(f"block {last}")),)),
    )


def assigned(block: int) -> JobAssigned:
    return JobAssigned(
        at=position(block), job_id=JOB, operator=OPERATOR, agent=AGENT, round=1, price=1_000, deadline=NOW + 300
    )


def paid(block: int, milestone: int = 0, operator: Address = OPERATOR) -> list[ChainFact]:
    about: dict[str, Any] = {"job_id": JOB, "milestone": milestone, "operator": operator}
    output: dict[str, Any] = {"output_root": hash_of("output"), "manifest": hash_of("result")}
    claimed = MilestoneClaimed(at=position(block), **about, **output, next_deadline=NOW + 600)
    amounts = {"to_operator": 500, "to_dispatcher": 0}
    return [claimed, MilestonePaid(at=position(block, 1), **about, **amounts)]


def completed(block: int) -> JobCompleted:
    return JobCompleted(at=position(block, 2), job_id=JOB, operator=OPERATOR, surplus=0)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / FILE_NAME, ManualClock(NOW), identity="us")


def follower(journal: Journal, *steps: ScanStep) -> Follower:
    return Follower(Steps(*steps), journal, OPERATOR)


async def test_poll_given_facts_tells_which_jobs_they_are_about(journal: Journal) -> None:
    deposit = StakeDeposited(at=position(1, 5), operator=OPERATOR, amount=1)

    assert await follower(journal, step([created(terms(), 1), deposit], head=1)).poll() == {JOB}


async def test_poll_given_a_restart_knows_the_book_and_where_it_was(journal: Journal) -> None:
    await follower(journal, step([created(terms(), 1), assigned(2)], head=2)).poll()

    again = follower(journal)

    assert again.book[JOB].status is JobStatus.ASSIGNED
    assert load_cursor(journal) == Cursor(((2, hash_of("block 2")),))


async def test_poll_given_a_rollback_undoes_what_came_later_and_tells_the_job(journal: Journal) -> None:
    following = follower(
        journal, step([created(terms(), 1), assigned(2)], head=2), step(head=2, scanned=1, rolled_back_to=1)
    )
    await following.poll()

    assert await following.poll() == {JOB}
    assert following.book[JOB].status is JobStatus.OPEN


async def test_poll_given_a_rollback_and_a_restart_does_not_bring_it_back(journal: Journal) -> None:
    following = follower(
        journal, step([created(terms(), 1), assigned(2)], head=2), step(head=2, scanned=1, rolled_back_to=1)
    )
    await following.poll()
    await following.poll()

    assert follower(journal).book[JOB].status is JobStatus.OPEN


async def test_poll_given_payments_counts_those_to_this_operator(journal: Journal) -> None:
    facts = [created(terms(), 1), assigned(2), *paid(3), *paid(4, 1, address("another operator"))]
    await follower(journal, step(facts, head=4)).poll()

    assert journal.earnings() == [Earning(JOB, 0, 3, TOKEN, 500)]


@pytest.mark.parametrize(("scanned", "caught_up"), [(8, False), (9, True)])
async def test_poll_given_a_scan_behind_the_head_is_not_caught_up(
    journal: Journal, scanned: int, caught_up: bool
) -> None:
    following = follower(journal, step(head=9, scanned=scanned))
    await following.poll()

    assert following.caught_up is caught_up


async def test_poll_given_no_news_writes_nothing(journal: Journal) -> None:
    class Counting(Journal):
        records = 0

        def record(self, **fields: Any) -> None:
            Counting.records += 1
            super().record(**fields)

    journal.__class__ = Counting
    following = follower(journal, step(head=1), step(head=1), step(head=1))
    for _ in range(3):
        await following.poll()

    assert Counting.records == 1


@pytest.mark.parametrize(("head", "keep", "left"), [(1_003, [], True), (1_004, [], False), (1_004, [JOB], True)])
async def test_forget_buried_given_a_job_over_for_long_forgets_it_unless_it_is_kept(
    journal: Journal, head: int, keep: list[Any], left: bool
) -> None:
    assert BURIED_BLOCKS == 1_000
    facts = [created(terms(), 1), assigned(2), *paid(3), completed(3)]
    following = follower(journal, step(facts, head=head))
    await following.poll()

    following.forget_buried(keep)

    assert (JOB in following.book, JOB in follower(journal).book) == (left, left)


# ---- demands ----------------------------------------------------------------------------------------------------------


def demanded(block: int, name: str = "demand") -> TraceDemanded:
    point = DemandPoint(list=2, of_list=True, tensor=0, count=3, height=2, index=0, node=hash_of("node"))
    return TraceDemanded(
        at=position(block),
        job_id=JOB,
        demand_id=hash_of(name),
        payer=address("challenger"),
        milestone=0,
        level=0,
        answer_by=NOW + 30,
        final_at=NOW + 90,
        demand=point,
    )


def shown(block: int, name: str = "demand") -> TraceShown:
    return TraceShown(at=position(block), job_id=JOB, demand_id=hash_of(name), milestone=0, answer=b"roots")


async def test_poll_given_a_demand_on_our_claim_knows_it_until_it_is_answered(journal: Journal) -> None:
    following = follower(
        journal, step([created(terms(), 1), assigned(2), demanded(3)], head=3), step([shown(4)], head=4)
    )
    await following.poll()
    assert list(following.demands) == [hash_of("demand")]

    await following.poll()
    assert following.demands == {}


async def test_poll_given_a_restart_knows_the_open_demands(journal: Journal) -> None:
    facts = [created(terms(), 1), assigned(2), demanded(3), demanded(3, "another"), shown(4)]
    await follower(journal, step(facts, head=4)).poll()

    assert list(follower(journal).demands) == [hash_of("another")]


@pytest.mark.parametrize(("back_to", "known"), [(2, []), (3, ["demand"])])
async def test_poll_given_a_rollback_undoes_demands_and_answers(
    journal: Journal, back_to: int, known: list[str]
) -> None:
    following = follower(
        journal,
        step([created(terms(), 1), assigned(2), demanded(3), shown(4)], head=4),
        step(head=4, scanned=back_to, rolled_back_to=back_to),
    )
    await following.poll()
    await following.poll()

    assert list(following.demands) == [hash_of(name) for name in known]


async def test_poll_given_a_demand_on_somebody_elses_claim_keeps_nothing(journal: Journal) -> None:
    theirs = assigned(2).model_copy(update={"operator": address("rival")})
    following = follower(journal, step([created(terms(), 1), theirs, demanded(3)], head=3))

    await following.poll()

    assert (following.demands, journal.demands()) == ({}, [])
