from __future__ import annotations

import asyncio

from dispatcher.api.polls import LongPolls
from dispatcher.bell import Bell


class Shelf:
    def __init__(self) -> None:
        self.things: list[str] = []
        self.looks = 0

    async def look(self) -> list[str]:
        self.looks += 1
        return list(self.things)


async def test_until_some_given_something_there_answers_at_once() -> None:
    shelf = Shelf()
    shelf.things = ["news"]

    assert await LongPolls(1).until_some(shelf.look, Bell(), 20) == ["news"]


async def test_until_some_given_nothing_and_no_wait_answers_at_once() -> None:
    assert await LongPolls(1).until_some(Shelf().look, Bell(), 0) == []


async def test_until_some_given_news_while_it_waits_answers_with_them() -> None:
    shelf, bell = Shelf(), Bell()
    waiting = asyncio.create_task(LongPolls(1).until_some(shelf.look, bell, 20))
    await asyncio.sleep(0)

    shelf.things = ["news"]
    bell.ring()

    assert await asyncio.wait_for(waiting, 5) == ["news"]


async def test_until_some_given_a_ring_about_others_waits_on() -> None:
    shelf, bell = Shelf(), Bell()
    waiting = asyncio.create_task(LongPolls(1).until_some(shelf.look, bell, 20))
    for _ in range(3):
        await asyncio.sleep(0)
        bell.ring()
    assert not waiting.done()
    await asyncio.sleep(0)

    shelf.things = ["news"]
    bell.ring()

    assert await asyncio.wait_for(waiting, 5) == ["news"]


async def test_until_some_given_nothing_until_the_end_answers_empty() -> None:
    assert await LongPolls(1).until_some(Shelf().look, Bell(), 0.01) == []  # type: ignore[arg-type]


async def test_until_some_given_one_poll_too_many_answers_it_at_once() -> None:
    polls, shelf, bell = LongPolls(1), Shelf(), Bell()
    held = asyncio.create_task(polls.until_some(shelf.look, bell, 20))
    await asyncio.sleep(0)

    assert await asyncio.wait_for(polls.until_some(shelf.look, bell, 20), 5) == []

    held.cancel()


async def test_until_some_given_a_caller_that_went_away_frees_its_place() -> None:
    polls, shelf, bell = LongPolls(1), Shelf(), Bell()
    held = asyncio.create_task(polls.until_some(shelf.look, bell, 20))
    await asyncio.sleep(0)
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)
    waiting = asyncio.create_task(polls.until_some(shelf.look, bell, 20))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert not waiting.done()

    waiting.cancel()


async def test_end_given_someone_who_waits_answers_them_and_makes_nobody_wait_again() -> None:
    polls, shelf, bell = LongPolls(2), Shelf(), Bell()
    held = asyncio.create_task(polls.until_some(shelf.look, bell, 20))
    await asyncio.sleep(0)

    polls.end()

    assert await asyncio.wait_for(held, 5) == []
    assert await asyncio.wait_for(polls.until_some(shelf.look, bell, 20), 5) == []
