"""What the policy looks at: one picture of the market at one moment. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.indexer.brief import Brief
from dispatcher.store.offers import KeptOffer
from tallystick.ids import Address
from tallystick.market.book import Job
from tallystick.wire.api import Announcement


@dataclass(frozen=True)
class Standing:
    """What the chain says about an announced pair. Stakes of the operator, in the stake token's smallest unit."""

    is_agent: bool
    free_stake: int
    locked_stake: int


@dataclass(frozen=True)
class Executor:
    """One announced executor.

    Attributes:
        standing: None where the chain cannot be asked now.
        busy: Jobs that its agent holds or is being offered.
        reserved_stake: Locks of what its operator is being offered: still free on chain, but spoken for.
    """

    announcement: Announcement
    standing: Standing | None
    busy: int = 0
    reserved_stake: int = 0


@dataclass(frozen=True)
class Opening:
    """One opening of a job, with what it asks for and what became of its earlier offers.

    Attributes:
        confirmations_missing: Blocks until its latest fact counts as final; nothing is offered before.
    """

    job: Job
    brief: Brief
    offers: tuple[KeptOffer, ...] = ()
    confirmations_missing: int = 0


@dataclass(frozen=True)
class Market:
    """Everything at one moment.

    Attributes:
        now: The chain's time: windows, ramps and offers are counted in it.
        wall_now: This machine's time: announcements are counted in it.
        dispatcher: Whose signature our offers carry.
    """

    openings: tuple[Opening, ...]
    executors: tuple[Executor, ...]
    dispatcher: Address
    now: int
    wall_now: int
