"""What the chain says of executors: asked once a block, and never guessed."""

from __future__ import annotations

from dispatcher_builders import address, hash_of

from dispatcher.indexer.progress import Progress
from dispatcher.matching.market import Standing
from dispatcher.matching.standings import Standings
from tallystick.errors import ChainUnavailableError
from tallystick.ids import Address

ALICE = (address("operator alice"), address("alice"))
BOB = (address("operator bob"), address("bob"))


class Stakes:
    def __init__(self) -> None:
        self.asked = 0
        self.free = 100
        self.away = False

    async def connect(self) -> Stakes:
        if self.away:
            raise ChainUnavailableError("gone")
        return self

    async def is_agent(self, operator: Address, agent: Address) -> bool:
        self.asked += 1
        return True

    async def free_stake(self, operator: Address) -> int:
        return self.free

    async def locked_stake(self, operator: Address) -> int:
        return 7


class Room:
    def __init__(self) -> None:
        self.stakes = Stakes()
        self.progress = Progress(confirmations_wanted=1, head_block=1, head_hash=hash_of("1"))
        self.standings = Standings(connect=self.stakes.connect, progress=self.progress)


async def test_of_given_a_pair_tells_what_the_chain_says() -> None:
    room = Room()

    assert await room.standings.of([ALICE]) == {ALICE: Standing(is_agent=True, free_stake=100, locked_stake=7)}


async def test_of_twice_in_one_block_asks_once() -> None:
    room = Room()
    await room.standings.of([ALICE])

    await room.standings.of([ALICE])

    assert room.stakes.asked == 1


async def test_of_given_one_more_pair_asks_for_that_alone() -> None:
    room = Room()
    await room.standings.of([ALICE])

    await room.standings.of([ALICE, BOB])

    assert room.stakes.asked == 2


async def test_of_after_a_new_block_asks_again() -> None:
    room = Room()
    await room.standings.of([ALICE])
    room.stakes.free = 50
    room.progress.head_hash = hash_of("2")

    assert (await room.standings.of([ALICE]))[ALICE].free_stake == 50


async def test_of_after_another_block_of_the_same_number_asks_again() -> None:
    room = Room()
    await room.standings.of([ALICE])
    room.stakes.free = 50
    room.progress.head_hash = hash_of("1, reorganised")

    assert (await room.standings.of([ALICE]))[ALICE].free_stake == 50


async def test_of_while_the_chain_is_away_leaves_out_what_it_does_not_know() -> None:
    room = Room()
    await room.standings.of([ALICE])
    room.stakes.away = True

    assert list(await room.standings.of([ALICE, BOB])) == [ALICE]


async def test_of_while_the_chain_is_known_to_be_away_does_not_ask() -> None:
    room = Room()
    room.progress.trouble = "gone"

    assert (await room.standings.of([ALICE]), room.stakes.asked) == ({}, 0)
