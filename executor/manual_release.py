"""Giving a job back by hand, with the operator's own key and beside an agent that runs: it hears of it from the chain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executor.journal import FILE_NAME, Journal
from executor.release import is_worth_its_fee
from executor.staking import Vault
from tallystick.chain.reader import ChainReader
from tallystick.clock import Clock
from tallystick.errors import InputError, JobUnknownError
from tallystick.ids import JobId
from tallystick.market.book import Job, JobBook, fold
from tallystick.market.events import JobFact, JobReleased
from tallystick.market.terms import JobStatus
from tallystick.units import format_amount


@dataclass(frozen=True)
class ReleaseOffer:
    """What an early release would cost now. Amounts in the stake token's smallest unit.

    Attributes:
        late_slash: What it would cost to let the deadline pass instead.
    """

    job: Job
    fee: int
    late_slash: int


async def ask_release(vault: Vault, home: Path, job_id: JobId) -> ReleaseOffer:
    """The offer of this moment.

    Raises:
        JobUnknownError: no such job on this chain.
        InputError: it is not the operator's.
        RevertError: it cannot be given back, for example because a claim of it awaits finality.
    """
    job = await _find(vault.reader, home, vault.clock, job_id)
    state = await vault.reader.job_state(job_id)
    if state.status is not JobStatus.ASSIGNED or not await vault.reader.is_agent(state.operator, vault.operator):
        holder = f"held by {state.operator}" if state.status is JobStatus.ASSIGNED else state.status.name.lower()
        raise InputError(f"Job {job_id} is {holder}; {vault.operator} has nothing of it to give back.")
    economy = await vault.reader.economy_of(state.economy_version)
    return ReleaseOffer(
        job=job,
        fee=await vault.reader.release_fee_of(job.terms),
        late_slash=economy.late_slash(job.terms, state.next_milestone),
    )


async def release(vault: Vault, offer: ReleaseOffer) -> dict[str, Any]:
    """Gives the job back. Raises RevertError where it is too late by now."""
    receipt = await vault.send("release", vault.calls.release_early(offer.job.terms))
    [fee] = [fact.fee for fact in receipt.facts if isinstance(fact, JobReleased) and fact.job_id == offer.job.job_id]
    token = await vault.stake_token()
    return {
        "job_id": offer.job.job_id,
        "fee": format_amount(fee, token.decimals, token.symbol),
        "transaction_hash": receipt.transaction_hash,
    }


async def sentence(vault: Vault, offer: ReleaseOffer) -> str:
    """For people, before they say yes."""
    token = await vault.stake_token()
    fee, late = (format_amount(amount, token.decimals, token.symbol) for amount in (offer.fee, offer.late_slash))
    told = f"Giving job {offer.job.job_id} back costs {fee} of your stake now, and more later; being late costs {late}."
    if is_worth_its_fee(offer.fee, offer.late_slash):
        return told
    return f"{told} Nothing is saved by it."


async def _find(reader: ChainReader, home: Path, clock: Clock, job_id: JobId) -> Job:
    """From the agent's journal where it is on this machine, else from the chain, whose whole past has to be read."""
    known = _kept(home, clock).get(job_id)
    if known is not None:
        return known
    facts = await reader.facts(reader.deployment.block, (await reader.head()).number)
    found = fold(fact for fact in facts if isinstance(fact, JobFact) and fact.job_id == job_id).get(job_id)
    if found is None:
        raise JobUnknownError(f"There is no job {job_id} on this chain.", remedy="Check the id.")
    return found


def _kept(home: Path, clock: Clock) -> JobBook:
    try:
        journal = Journal.look_into(home / FILE_NAME, clock)
    except InputError:
        return {}
    try:
        return fold(journal.facts())
    finally:
        journal.close()
