"""Facts in, jobs out, also when the chain changes its mind."""

from __future__ import annotations

from dispatcher_builders import DOMAIN, MODEL_ID, SPEC, Chain, address, hash_of, terms
from program_market import PROGRAM_JOB, demanded, proven, working

from dispatcher.store.database import Database
from dispatcher.store.entries import entries_after, facts_of, last_number
from dispatcher.store.jobs import find_job, job_page, live_jobs, model_specs
from dispatcher.store.ledger import feed_name, load_cursor, record_step
from tallystick.ids import JobId
from tallystick.market.events import JobAssigned, JobCreated
from tallystick.market.terms import JobStatus, job_id_of

JOB_ID = job_id_of(terms(), DOMAIN)
MAIN, FORK = Chain(), Chain("fork")


async def jobs_shown(database: Database, **query: object) -> list[JobId]:
    asked = {"status": None, "creator": None, "limit": 10, "before": None, **query}
    jobs, _ = await database.run(job_page, **asked)  # type: ignore[arg-type]
    return [job.job_id for job in jobs]


async def test_record_step_given_a_created_job_finds_it_open(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1)], head=1))

    found = await database.run(find_job, JOB_ID)
    assert found is not None
    assert found.status is JobStatus.OPEN


async def test_record_step_given_facts_in_two_steps_folds_them_together(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(2, JOB_ID)], head=2))
    await database.run(record_step, MAIN.step(MAIN.paid(3, JOB_ID), head=3))

    found = await database.run(find_job, JOB_ID)
    assert found is not None
    assert [payment.milestone for payment in found.payments] == [0]


async def test_record_step_returns_the_changed_jobs_as_they_are_now(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1)], head=1))

    changes = await database.run(record_step, MAIN.step([MAIN.assigned(2, JOB_ID)], head=2))

    assert {job_id: job.status for job_id, job in changes.jobs.items()} == {JOB_ID: JobStatus.ASSIGNED}


async def test_record_step_given_a_rollback_undoes_what_later_blocks_said(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(5, JOB_ID)], head=5))

    changes = await database.run(record_step, FORK.step([], head=6, rolled_back_to=4))

    assert changes.jobs[JOB_ID].status is JobStatus.OPEN


async def test_record_step_given_a_rollback_keeps_facts_of_the_block_rolled_back_to(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(4, JOB_ID)], head=5))

    await database.run(record_step, FORK.step([], head=6, rolled_back_to=4))

    found = await database.run(find_job, JOB_ID)
    assert found is not None
    assert found.status is JobStatus.ASSIGNED


async def test_record_step_given_another_assignment_on_the_fork_has_that_one_alone(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(5, JOB_ID, "first")], head=5))

    await database.run(record_step, FORK.step([FORK.assigned(5, JOB_ID, "second")], head=6, rolled_back_to=4))

    entries = await database.run(entries_after, 0, 100, JOB_ID)
    operators = [entry.fact.operator for entry in entries if isinstance(entry.fact, JobAssigned)]
    assert operators == [address("second")]


async def test_record_step_given_a_rolled_back_creation_says_that_the_job_is_gone(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(5)], head=5))

    changes = await database.run(record_step, FORK.step([], head=6, rolled_back_to=4))

    assert changes.gone == {JOB_ID}


async def test_record_step_given_a_rolled_back_creation_lists_the_job_no_more(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(5)], head=5))

    await database.run(record_step, FORK.step([], head=6, rolled_back_to=4))

    assert await jobs_shown(database) == []


async def test_record_step_given_a_rolled_back_payment_forgets_it(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(2, JOB_ID)], head=2))
    await database.run(record_step, MAIN.step(MAIN.paid(5, JOB_ID), head=5))

    changes = await database.run(record_step, FORK.step([], head=6, rolled_back_to=3))

    assert changes.jobs[JOB_ID].payments == ()


async def test_entries_after_given_a_rollback_tells_who_reads_on_where_to_forget(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(5, JOB_ID)], head=5))
    read_so_far = await database.run(last_number)

    await database.run(record_step, FORK.step([FORK.assigned(6, JOB_ID)], head=6, rolled_back_to=4))

    news = await database.run(entries_after, read_so_far, 100)
    assert [(entry.block_number, type(entry.fact)) for entry in news] == [(4, type(None)), (6, JobAssigned)]


async def test_entries_after_given_a_rollback_never_uses_a_number_twice(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(5, JOB_ID)], head=5))
    before = await database.run(last_number)

    await database.run(record_step, FORK.step([], head=6, rolled_back_to=0))

    news = await database.run(entries_after, 0, 100)
    assert all(entry.number > before for entry in news)


async def test_entries_after_given_a_limit_returns_the_oldest_of_them(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.assigned(2, JOB_ID)], head=2))

    entries = await database.run(entries_after, 0, 1)

    assert [type(entry.fact) for entry in entries] == [JobCreated]


async def test_load_cursor_given_a_recorded_step_continues_behind_it(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.created(1)], head=7))

    cursor = await database.run(load_cursor)

    assert cursor is not None
    assert cursor.blocks == ((7, MAIN.block_hash(7)),)


async def test_live_jobs_given_a_completed_job_leaves_it_out(database: Database) -> None:
    facts = [MAIN.created(1), MAIN.assigned(2, JOB_ID), *MAIN.paid(3, JOB_ID), MAIN.completed(3, JOB_ID)]
    await database.run(record_step, MAIN.step(facts, head=3))

    assert await database.run(live_jobs) == {}


async def test_job_page_given_a_status_shows_only_such_jobs(database: Database) -> None:
    other = terms(salt=2)
    facts = [MAIN.created(1), MAIN.created(2, other), MAIN.assigned(3, JOB_ID)]
    await database.run(record_step, MAIN.step(facts, head=3))

    assert await jobs_shown(database, status="open") == [job_id_of(other, DOMAIN)]


async def test_job_page_given_a_creator_shows_only_that_creators_jobs(database: Database) -> None:
    other = terms(creator=address("another creator"))
    await database.run(record_step, MAIN.step([MAIN.created(1), MAIN.created(2, other)], head=2))

    assert await jobs_shown(database, creator=address("creator")) == [JOB_ID]


async def test_job_page_given_more_jobs_than_the_limit_leads_to_the_next_page(database: Database) -> None:
    many = [terms(salt=salt) for salt in range(5)]
    facts = [MAIN.created(block, held) for block, held in enumerate(many)]
    await database.run(record_step, MAIN.step(facts, head=5))

    seen: list[JobId] = []
    before: int | None = None
    while True:
        jobs, before = await database.run(job_page, status=None, creator=None, limit=2, before=before)
        seen += [job.job_id for job in jobs]
        if before is None:
            break

    assert seen == [job_id_of(held, DOMAIN) for held in reversed(many)]


async def test_model_specs_given_a_registered_model_finds_its_specification(database: Database) -> None:
    await database.run(record_step, MAIN.step([MAIN.registered(1)], head=1))

    assert await database.run(model_specs, {MODEL_ID, hash_of("unknown")}) == {MODEL_ID: SPEC}  # type: ignore[arg-type]


async def test_feed_name_stays_the_same(database: Database) -> None:
    assert await database.run(feed_name) == await database.run(feed_name)


async def test_record_step_given_a_dispute_keeps_its_facts_and_folds_the_job_without_them(database: Database) -> None:
    facts = [*working(MAIN), *demanded(MAIN, 20), *proven(MAIN, 30)]
    await database.run(record_step, MAIN.step(facts, head=30))

    found = await database.run(find_job, PROGRAM_JOB)
    assert found is not None
    assert (found.status, found.round) == (JobStatus.OPEN, 2)
    kept = await database.run(facts_of, [PROGRAM_JOB])
    assert [fact.event for fact in kept[PROGRAM_JOB]] == [fact.event for fact in facts[1:]]


async def test_record_step_given_a_rollback_of_a_dispute_forgets_it(database: Database) -> None:
    await database.run(record_step, MAIN.step([*working(MAIN), *demanded(MAIN, 20)], head=20))

    await database.run(record_step, FORK.step([], head=21, rolled_back_to=19))

    kept = await database.run(facts_of, [PROGRAM_JOB])
    assert [fact.event for fact in kept[PROGRAM_JOB]] == ["JobCreated", "JobAssigned", "MilestoneClaimed"]
