"""What could keep a job from being done, said when it is funded. None of it stops the funding."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tallystick.chain.views import TokenInfo
from tallystick.errors import DispatcherError
from tallystick.ids import Address
from tallystick.market.terms import JobTerms, SigningDomain
from tallystick.units import format_amount
from tallystick.wire.api import HealthView, QuoteRequest, QuoteView
from tallystick.wire.dispatcher_client import DispatcherClient


@dataclass(frozen=True)
class JobWarning:
    """One thing to know about a funded job.

    Attributes:
        code: Stable, for programs: `dispatcher_unreachable`, `dispatcher_of_another_market`, `nobody_announced`,
            `nobody_capable`, `price_too_low`, `deadline_short` or `inputs_saturated`.
        text: For people.
    """

    code: str
    text: str


@dataclass(frozen=True)
class DispatcherNews:
    """What the dispatcher said; all of it may be missing."""

    address: Address | None = None
    quote: QuoteView | None = None
    warnings: tuple[JobWarning, ...] = ()


async def ask_dispatcher(
    dispatcher: DispatcherClient | None, request: QuoteRequest, domain: SigningDomain
) -> DispatcherNews:
    """Who the dispatcher is and whom it knows for such a job. Never raises: a job needs no dispatcher."""
    if dispatcher is None:
        return DispatcherNews()
    try:
        health, quote = await asyncio.gather(dispatcher.health(), dispatcher.quote(request))
    except DispatcherError as error:
        text = f"{error.what} The job is open to everyone from the start."
        return DispatcherNews(warnings=(JobWarning("dispatcher_unreachable", text),))
    if not _serves(health, domain):
        text = f"The dispatcher serves {health.escrow} on chain {health.chain_id}, another market, and is left out."
        return DispatcherNews(warnings=(JobWarning("dispatcher_of_another_market", text),))
    return DispatcherNews(address=health.dispatcher, quote=quote)


def saturation_warnings(saturated: Sequence[Mapping[str, int]]) -> tuple[JobWarning, ...]:
    """What numbers beyond their range come to.

    Args:
        saturated: For each milestone, by input name, how many of its numbers became the nearest one that the program holds.
    """
    totals = Counter[str]()
    for one in saturated:
        totals.update(one)
    return tuple(
        JobWarning(
            "inputs_saturated",
            f"{count} numbers of input {name!r} lie beyond the range that the model was calibrated for; each became the "
            "nearest that its program can hold.",
        )
        for name, count in totals.items()
    )


def warnings_of(quote: QuoteView | None, terms: JobTerms, token: TokenInfo) -> tuple[JobWarning, ...]:
    """What a quote says against the terms."""
    if quote is None:
        return ()
    if not quote.total:
        return (JobWarning("nobody_announced", "No executor is announced at the moment; the job waits for one."),)
    if not quote.capable:
        return (JobWarning("nobody_capable", _nobody_capable(quote)),)
    return (*_price_warnings(quote, terms, token), *_deadline_warnings(quote, terms))


def _serves(health: HealthView, domain: SigningDomain) -> bool:
    return (health.chain_id, health.escrow) == (domain.chain_id, domain.escrow)


def _nobody_capable(quote: QuoteView) -> str:
    said = f"None of {quote.total} announced executors meets the requirements."
    for reason in quote.reasons[:1]:
        said += f" {reason.text}" + (f" Nearest change: {reason.nearest_change}" if reason.nearest_change else "")
    return said


def _price_warnings(quote: QuoteView, terms: JobTerms, token: TokenInfo) -> tuple[JobWarning, ...]:
    offered = terms.max_price // terms.milestone_count
    if quote.lowest_price is None or quote.lowest_price <= offered:
        return ()
    lowest = format_amount(quote.lowest_price, token.decimals, token.symbol)
    text = f"The cheapest capable executor asks {lowest} a milestone; this job pays at most "
    return (JobWarning("price_too_low", f"{text}{format_amount(offered, token.decimals, token.symbol)}."),)


def _deadline_warnings(quote: QuoteView, terms: JobTerms) -> tuple[JobWarning, ...]:
    shortest = min(terms.duration_seconds)
    if quote.seconds_estimate is None or quote.seconds_estimate <= shortest:
        return ()
    text = f"A milestone took about {quote.seconds_estimate:.0f} s before; this job allows {shortest} s."
    return (JobWarning("deadline_short", text),)
