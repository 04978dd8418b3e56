"""One at a time for each key, whenever the next one comes."""

import asyncio

import pytest

from tallystick.chain.turns import Turns


class Counter:
    """How many were inside at once."""

    def __init__(self):
        self.inside = self.most = 0

    async def stay(self, turns, key, moments=1):
        async with turns.take(key):
            self.inside += 1
            self.most = max(self.most, self.inside)
            for _ in range(moments):
                await asyncio.sleep(0)
            self.inside -= 1


async def test_take_given_one_key_lets_one_in_at_a_time():
    counter, turns = Counter(), Turns()
    await asyncio.gather(*(counter.stay(turns, "k") for _ in range(10)))
    assert counter.most == 1


async def test_take_given_many_keys_lets_all_in():
    counter, turns = Counter(), Turns()
    await asyncio.gather(*(counter.stay(turns, str(key)) for key in range(10)))
    assert counter.most == 10


@pytest.mark.parametrize("delay", range(8))
async def test_take_at_the_moment_of_a_handover_still_waits(delay):
    """The first leaves, the second is waking up, and the third comes just then."""
    counter, turns = Counter(), Turns()
    tasks = [asyncio.create_task(counter.stay(turns, "k", moments=3)) for _ in range(2)]
    for _ in range(delay):
        await asyncio.sleep(0)
    tasks.append(asyncio.create_task(counter.stay(turns, "k", moments=3)))
    await asyncio.gather(*tasks)
    assert counter.most == 1


async def test_take_when_the_first_fails_or_is_cancelled_lets_the_next_in():
    counter, turns = Counter(), Turns()
    first = asyncio.create_task(counter.stay(turns, "k", moments=100))
    second = asyncio.create_task(counter.stay(turns, "k"))
    await asyncio.sleep(0)
    first.cancel()
    counter.inside = 0
    await second
    assert (first.cancelled() or first.cancelling() > 0, len(turns)) == (True, 0)


async def test_turns_forget_keys_that_nobody_uses():
    counter, turns = Counter(), Turns()
    await asyncio.gather(*(counter.stay(turns, str(number % 3)) for number in range(9)))
    assert len(turns) == 0
