"""Following a chain that changes its mind, through nodes that do not agree."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache

import pytest
from chain_samples import DEPLOYMENT, block_hash, deposit_log
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.chain.facts import FactDecoder
from tallystick.chain.scanner import REMEMBERED, Cursor, FactScanner
from tallystick.chain.views import BlockHead
from tallystick.errors import ChainUnavailableError, InputError
from tallystick.market.events import ChainFact

DECODER = FactDecoder(DEPLOYMENT)
START = 1


@cache
def fact_in(number: int, fork: int) -> ChainFact:
    return DECODER.decode({**deposit_log(number, block=number), "blockHash": block_hash(number, fork)}, 0)


@dataclass
class Chain:
    """One fork: block numbers with the fork that each block was first mined on. Every third block holds a fact."""

    forks: list[int] = field(default_factory=lambda: [0])

    @property
    def height(self) -> int:
        return len(self.forks) - 1

    def hash_of(self, number: int) -> str:
        return block_hash(number, self.forks[number])

    def facts(self, first: int, last: int) -> list[ChainFact]:
        held = [number for number in range(first, last + 1) if (number + self.forks[number]) % 3 == 0]
        return [fact_in(number, self.forks[number]) for number in held]

    def longer(self, blocks: int, fork: int) -> Chain:
        return Chain([*self.forks, *[fork] * blocks])

    def without(self, blocks: int) -> Chain:
        return Chain(self.forks[: max(1, len(self.forks) - blocks)])


class Nodes:
    """Several nodes behind one address: each request is answered by whichever `choose` picks."""

    def __init__(self, *views: Chain) -> None:
        self.views = list(views)
        self.choose = lambda: self.views[-1]
        self.asked = 0

    async def head(self) -> BlockHead:
        view = self.choose()
        return BlockHead(number=view.height, hash=view.hash_of(view.height), time=0)

    async def block(self, number: int) -> BlockHead | None:
        view = self.choose()
        self.asked += 1
        return BlockHead(number=number, hash=view.hash_of(number), time=0) if number <= view.height else None

    async def facts_and_blocks(self, first, last, also=()):
        view = self.choose()
        if max(last, *also, last) > view.height:
            raise ChainUnavailableError("not seen yet")
        return view.facts(first, last), {number: view.hash_of(number) for number in (last, *also)}


class Follower:
    """What every user of a scanner does with its steps."""

    def __init__(self, nodes: Nodes, **options) -> None:
        self.scanner = FactScanner(nodes, START, **options)
        self.facts: list[ChainFact] = []

    async def poll(self):
        step = await self.scanner.poll()
        if step.rolled_back_to is not None:
            self.facts = [fact for fact in self.facts if fact.at.block_number <= step.rolled_back_to]
        self.facts += step.facts
        return step

    async def catch_up(self):
        while not (step := await self.poll()).is_caught_up:
            pass
        return step


def chain(height: int, fork: int = 0) -> Chain:
    return Chain([0] + [fork] * height)


# ---- following --------------------------------------------------------------------------------------------------------


async def test_poll_given_a_quiet_chain_delivers_every_fact_once():
    nodes = Nodes(chain(30))
    follower = Follower(nodes)
    for height in (30, 30, 31, 40):
        nodes.views = [chain(height)]
        await follower.poll()
    assert follower.facts == chain(40).facts(START, 40)


async def test_poll_starts_at_the_start_block():
    step = await FactScanner(Nodes(chain(30)), 20).poll()
    assert list(step.facts) == chain(30).facts(20, 30)


async def test_poll_before_the_start_block_is_mined_waits():
    step = await FactScanner(Nodes(chain(5)), 20).poll()
    assert (step.facts, step.cursor, step.is_caught_up) == ((), Cursor(), False)


async def test_poll_covers_no_more_blocks_than_it_is_allowed():
    scanner = FactScanner(Nodes(chain(30)), START, max_blocks=10)
    reached = [(await scanner.poll()).cursor.number for _ in range(4)]
    assert reached == [10, 20, 30, 30]


async def test_poll_with_nothing_new_asks_for_the_head_alone():
    nodes = Nodes(chain(30))
    scanner = FactScanner(nodes, START)
    await scanner.poll()
    nodes.asked = 0
    await scanner.poll()
    assert nodes.asked == 0


async def test_scanner_given_a_persisted_cursor_goes_on_where_it_was():
    nodes = Nodes(chain(30))
    first = Follower(nodes)
    step = await first.poll()
    nodes.views = [chain(45)]
    second = Follower(nodes, cursor=Cursor.decode(step.cursor.encode()))
    await second.poll()
    assert second.facts == chain(45).facts(31, 45)


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[["a","b"]]', "[[1]]", "5", '[[1,"0x12"]]'])
def test_cursor_decode_given_something_else_is_refused(text):
    with pytest.raises(InputError):
        Cursor.decode(text)


def test_cursor_remembers_only_the_newest_blocks():
    cursor = Cursor().joined({number: block_hash(number) for number in range(1, 200)})
    assert (len(cursor.blocks), cursor.number) == (REMEMBERED, 199)


# ---- reorganisations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 5, 12, 31])
async def test_poll_given_a_reorganisation_ends_with_the_new_chains_facts(depth):
    nodes = Nodes(chain(40))
    follower = Follower(nodes)
    await follower.catch_up()
    after = chain(40).without(depth).longer(depth + 1, fork=1)
    nodes.views = [after]
    await follower.catch_up()
    assert follower.facts == after.facts(START, after.height)


async def test_poll_given_a_reorganisation_after_a_leap_goes_back_a_few_blocks_only():
    nodes = Nodes(chain(1900))
    follower = Follower(nodes)
    await follower.catch_up()
    nodes.views = [chain(1900).without(2).longer(3, fork=1)]
    step = await follower.poll()
    assert step.rolled_back_to is not None
    assert 1900 - step.rolled_back_to <= 4


async def test_poll_given_a_reorganisation_behind_all_it_remembers_starts_over():
    nodes = Nodes(chain(40))
    follower = Follower(nodes)
    await follower.catch_up()
    nodes.views = [chain(50, fork=7)]
    step = await follower.poll()
    assert (step.rolled_back_to, follower.facts) == (START - 1, chain(50, fork=7).facts(START, 50))


async def test_poll_given_a_shorter_chain_with_other_blocks_rolls_back():
    nodes = Nodes(chain(40))
    follower = Follower(nodes)
    await follower.catch_up()
    after = chain(40).without(10).longer(4, fork=1)
    nodes.views = [after]
    await follower.poll()
    assert follower.facts == after.facts(START, after.height)


async def test_poll_given_a_node_that_lags_does_nothing():
    nodes = Nodes(chain(40))
    follower = Follower(nodes)
    await follower.catch_up()
    nodes.views = [chain(35)]
    step = await follower.poll()
    assert (step.rolled_back_to, step.facts, step.cursor.number) == (None, (), 40)


async def test_poll_that_raises_has_moved_nothing():
    nodes = Nodes(chain(40))
    follower = Follower(nodes)
    await follower.catch_up()
    before = follower.scanner.cursor
    views = iter([chain(45), chain(45), chain(43)])
    nodes.choose = lambda: next(views)
    with pytest.raises(ChainUnavailableError):
        await follower.poll()
    assert follower.scanner.cursor == before


async def test_poll_given_facts_of_another_fork_than_the_head_refuses_them():
    old, new = chain(45), chain(45).without(3).longer(3, fork=1)
    views = iter([new, old])
    nodes = Nodes(new)
    nodes.choose = lambda: next(views)
    with pytest.raises(ChainUnavailableError, match="reorganised"):
        await FactScanner(nodes, START).poll()


async def test_poll_given_a_reorganisation_that_one_node_hides_is_not_fooled():
    """The old node confirms the remembered block, the new one gives head and facts: nothing may be taken from that."""
    old = chain(40)
    new = old.without(5).longer(10, fork=1)
    nodes = Nodes(old)
    follower = Follower(nodes)
    await follower.catch_up()
    views = iter([new, old, new])
    nodes.choose = lambda: next(views)
    with pytest.raises(ChainUnavailableError, match="reorganised"):
        await follower.poll()


# ---- all of it at once ------------------------------------------------------------------------------------------------

STORY = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), st.integers(1, 12)),
        st.tuples(st.just("reorganise"), st.integers(1, 12), st.integers(0, 15)),
        st.tuples(st.just("poll"), st.integers(1, 4)),
        st.tuples(st.just("restart")),
    ),
    max_size=15,
)


@settings(max_examples=60)
@given(STORY, st.integers(0, 2**32), st.sampled_from([1, 3, 7, 2000]))
async def test_scanner_given_any_story_ends_with_the_facts_of_the_last_chain(story, seed, max_blocks):
    """Two nodes, one an event behind, answer each request at random; steps that raise are tried again later."""
    dice = random.Random(seed)
    present = chain(3)
    nodes = Nodes(present, present)
    nodes.choose = lambda: dice.choice(nodes.views)
    follower = Follower(nodes, max_blocks=max_blocks)
    for fork, (what, *numbers) in enumerate(story, start=1):
        if what == "mine":
            nodes.views = [nodes.views[-1], nodes.views[-1].longer(numbers[0], fork)]
        elif what == "reorganise":
            nodes.views = [nodes.views[-1], nodes.views[-1].without(numbers[0]).longer(numbers[1], fork)]
        elif what == "restart":
            again = Follower(nodes, max_blocks=max_blocks, cursor=Cursor.decode(follower.scanner.cursor.encode()))
            again.facts = follower.facts
            follower = again
        else:
            for _ in range(numbers[0]):
                try:
                    await follower.poll()
                except ChainUnavailableError:
                    continue
    # At last all nodes agree, on a chain that is longer than anything seen before.
    final = nodes.views[-1].longer(200, fork=10_000)
    nodes.views = [final]
    await follower.catch_up()
    assert follower.facts == final.facts(START, final.height)
