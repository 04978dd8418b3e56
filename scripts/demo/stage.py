"""What every scene stands on: the running network, the people, the samples, and words for amounts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from client_sdk import AsyncClient, AsyncJob, JobEvent, ModelHandle
from scripts.demo.narrator import Narrator
from scripts.localnet.network import Localnet
from scripts.localnet.people import NAMES, account
from scripts.toolchain import ROOT
from tallystick.chain.reader import ChainReader
from tallystick.market.events import JobAssigned, MilestonePaid
from tallystick.proving.prover import ProvingStep
from tallystick.units import format_amount

DIGITS = ROOT / "examples" / "digits"
BATCH = 4
PATIENCE_SECONDS = 90
"""How long anything that others do may take here."""

PAYMENT, STAKE = (6, "tUSD"), (18, "TALLY")


@dataclass(frozen=True)
class Samples:
    """Real handwritten digits that the model has never seen, and what they are."""

    calibration: list[Any]  # one entry for each input of the model, several batches stacked
    images: list[list[float]]
    labels: list[int]

    @classmethod
    def read(cls) -> Samples:
        kept = json.loads((DIGITS / "samples.json").read_text())
        return cls([kept["calibration"]], kept["images"], kept["labels"])

    def batches(self, first: int, count: int) -> list[list[list[float]]]:
        """`count` inputs of the model from batch `first` on, shape [count, 4, 64]."""
        starts = range(first * BATCH, (first + count) * BATCH, BATCH)
        return [self.images[start : start + BATCH] for start in starts]

    def truth(self, first: int, count: int) -> list[int]:
        return self.labels[first * BATCH : (first + count) * BATCH]


@dataclass
class Stage:
    """One performance.

    Attributes:
        reader: How the audience looks at the chain.
        model: Set by the first scene.
        program: An Optimistic model; set by the scene that catches a cheat.
        standing: Its job, whose claim awaits finality.
    """

    net: Localnet
    narrator: Narrator
    reader: ChainReader
    creator: AsyncClient
    stranger: AsyncClient
    samples: Samples
    model: ModelHandle | None = None
    program: ModelHandle | None = None
    standing: AsyncJob | None = None
    _told: dict[str, int] = field(default_factory=dict)
    """How many events of each job the audience has heard of."""

    @cached_property
    def names(self) -> dict[str, str]:
        return {account(name).address: name for name in NAMES}

    def name(self, address: str | None) -> str:
        return "nobody" if address is None else self.names.get(address, address)

    async def chain_time(self) -> int:
        """The time of the chain's last block: the only clock that a deadline knows."""
        return (await self.reader.head()).time

    def proving(self, step: ProvingStep) -> None:
        """Tells of the prover's steps, before and after."""
        if step.took_seconds is not None:
            self.narrator.progress(f"{step.name}: {step.took_seconds:.1f} s")
        elif step.estimate_seconds is not None:
            self.narrator.progress(f"{step.name}, about {step.estimate_seconds:.0f} s")
        else:
            self.narrator.progress(step.name)

    def following(self, event: JobEvent) -> None:
        """Tells of a job's events as they come."""
        if isinstance(event.fact, JobAssigned):
            self.narrator.progress(f"accepted by {self.name(event.fact.operator)}; it works on the first milestone")
        elif isinstance(event.fact, MilestonePaid):
            self.narrator.progress(f"milestone {event.fact.milestone + 1} paid")
        else:
            self.narrator.progress(event.name)

    async def until(self, job: AsyncJob, *names: str, round_: int = 1) -> JobEvent:
        """Waits for the first event of a round, or of a later one, with one of the names; tells of each that comes, once."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                place = 0
                async for event in job.events():
                    place += 1
                    if place > self._told.get(job.job_id, 0):
                        self._told[job.job_id] = place
                        self.following(event)
                    if event.name in names and event.job.round >= round_:
                        return event
        except TimeoutError:
            raise RuntimeError(f"in {PATIENCE_SECONDS} s none of {names} happened to job {job.job_id}") from None
        raise RuntimeError(f"job {job.job_id} is over, and none of {names} happened")


def paid(amount: int) -> str:
    return format_amount(amount, *PAYMENT)


def staked(amount: int) -> str:
    return format_amount(amount, *STAKE)


def short(value: str) -> str:
    """A hash or an address as a person recognises it."""
    return f"{value[:10]}…" if value.startswith("0x") and len(value) > 12 else value


def best(rows: Sequence[Sequence[float]]) -> list[int]:
    """For each image, the digit with the largest score."""
    return [max(range(len(row)), key=row.__getitem__) for row in rows]
