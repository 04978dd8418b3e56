from __future__ import annotations

from dispatcher_builders import NOW

from dispatcher.indexer.chain_clock import ChainClock
from tallystick.clock import ManualClock


def test_now_before_any_block_is_this_machines_time() -> None:
    assert ChainClock(ManualClock(NOW)).now() == NOW


def test_now_given_an_old_block_is_this_machines_time() -> None:
    clock = ChainClock(ManualClock(NOW))

    clock.observe(1, NOW - 500)

    assert clock.now() == NOW


def test_now_given_a_chain_moved_ahead_is_its_time() -> None:
    clock = ChainClock(ManualClock(NOW))

    clock.observe(1, NOW + 3_600)

    assert clock.now() == NOW + 3_600


def test_now_given_a_chain_moved_ahead_runs_on_without_blocks() -> None:
    machine = ManualClock(NOW)
    clock = ChainClock(machine)
    clock.observe(1, NOW + 3_600)

    machine.advance(50)
    clock.observe(1, NOW + 3_600)

    assert clock.now() == NOW + 3_650
