from __future__ import annotations

import asyncio

from executor.turns import Turns


async def _enter(turns: Turns, deadline: int, order: list[int], leave: asyncio.Event) -> None:
    async with turns.turn(deadline):
        order.append(deadline)
        await leave.wait()


async def test_turn_given_several_waiting_lets_the_most_urgent_in_first() -> None:
    turns, leave = Turns(), asyncio.Event()
    order: list[int] = []
    tasks = []
    for deadline in (50, 30, 10, 20):
        tasks.append(asyncio.create_task(_enter(turns, deadline, order, leave)))
        await asyncio.sleep(0)
    leave.set()
    await asyncio.gather(*tasks)

    assert order == [50, 10, 20, 30]


async def test_turn_given_one_inside_lets_nobody_else_in() -> None:
    turns, leave = Turns(), asyncio.Event()
    order: list[int] = []
    tasks = [asyncio.create_task(_enter(turns, deadline, order, leave)) for deadline in (1, 2)]
    for _ in range(5):
        await asyncio.sleep(0)

    assert order == [1]
    leave.set()
    await asyncio.gather(*tasks)


async def test_turn_given_an_arrival_while_it_changes_hands_keeps_it_waiting() -> None:
    turns, leave = Turns(), asyncio.Event()
    order: list[int] = []
    first = asyncio.create_task(_enter(turns, 1, order, leave))
    await asyncio.sleep(0)
    second = asyncio.create_task(_enter(turns, 2, order, asyncio.Event()))
    await asyncio.sleep(0)
    leave.set()
    await first
    late = asyncio.create_task(_enter(turns, 0, order, leave))
    for _ in range(5):
        await asyncio.sleep(0)

    assert order == [1, 2]
    second.cancel()
    await late


async def test_turn_given_a_waiting_one_cancelled_passes_it_over() -> None:
    turns, leave = Turns(), asyncio.Event()
    order: list[int] = []
    tasks = []
    for deadline in (50, 10, 20):
        tasks.append(asyncio.create_task(_enter(turns, deadline, order, leave)))
        await asyncio.sleep(0)
    tasks[1].cancel()
    leave.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert order == [50, 20]


async def test_turn_given_one_cancelled_as_it_gets_the_turn_passes_it_on() -> None:
    turns, leave = Turns(), asyncio.Event()
    order: list[int] = []

    async def first() -> None:
        await _enter(turns, 50, order, leave)
        tasks[1].cancel()

    tasks = [asyncio.create_task(first())]
    for deadline in (10, 20):
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(_enter(turns, deadline, order, leave)))
    await asyncio.sleep(0)
    leave.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert order == [50, 20]
