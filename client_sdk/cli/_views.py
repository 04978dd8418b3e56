"""Jobs as commands show them: once as plain values, once for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python
from rich.table import Table

from client_sdk._events import JobEvent, Told
from client_sdk._journal import FundedBy
from client_sdk._receipt import JobReceipt
from client_sdk.cli._dispute_views import dispute_line, dispute_rows
from client_sdk.cli._moments import moment
from client_sdk.cli._screen import facts_table, list_table
from tallystick.chain.views import TokenInfo
from tallystick.ids import ZERO_ADDRESS, Address, JobId
from tallystick.market.book import Job, Slash
from tallystick.market.events import BountyPaid, ClaimExtended, DisputeFact
from tallystick.market.orders import SignedOrder
from tallystick.market.terms import JobTerms, ProofKind
from tallystick.units import format_amount
from tallystick.wire.api import QuoteView, RefusalReason
from tallystick.wire.disputes import Disputes, fault_words

BURN_ADDRESS = Address("0x000000000000000000000000000000000000dEaD")
"""Where the contracts send what nobody shall have."""

NOTHING = Disputes()


def job_values(job: Job, disputes: Disputes = NOTHING) -> dict[str, Any]:
    """Amounts in smallest units, times in Unix seconds."""
    return {
        "job_id": job.job_id,
        "status": job.status.name.lower(),
        "proof_kind": job.terms.proof_kind.name.lower(),
        "round": job.round,
        "milestones_paid": job.paid_milestones,
        "milestones_claimed": job.next_milestone,
        "milestones": job.terms.milestone_count,
        "opened_at": job.opened_at,
        "accept_closes_at": job.accept_closes_at,
        "deadline": job.deadline,
        "operator": job.operator,
        "agent": job.agent,
        "price": job.price,
        "economy_version": job.economy_version,
        "bounty": job.bounty,
        "surplus": job.surplus,
        "claims": to_jsonable_python(job.claims),
        "payments": to_jsonable_python(job.payments),
        "releases": to_jsonable_python(job.releases),
        "slashes": to_jsonable_python(job.slashes),
        "compensation": sum(slash.to_creator for slash in job.slashes),
        "final_at": job.final_at,
        "demands": [demand.model_dump(mode="json") for demand in disputes.demands],
        "faults": [fault.model_dump(mode="json") for fault in disputes.faults],
        "terms": job.terms.model_dump(mode="json"),
    }


def job_table(job: Job, token: TokenInfo, stake: TokenInfo, disputes: Disputes = NOTHING) -> Table:
    """For people.

    Args:
        token: What the job is paid in.
        stake: What is slashed.
        disputes: What was done about its claims.
    """
    terms = job.terms
    rows: dict[str, object] = {
        "job": job.job_id,
        "status": f"{job.status.name.lower()}, {job.paid_milestones} of {terms.milestone_count} milestones paid",
        "model": terms.model_id,
        "proof kind": _proof_kind(terms),
        "creator": terms.creator,
        "price": _price(job, token),
    }
    if terms.dispatcher != ZERO_ADDRESS:
        rows["dispatcher"] = f"{terms.dispatcher}, first choice for {terms.exclusive_seconds} s"
    if job.operator:
        rows["operator"] = f"{job.operator}, round {job.round}"
    if job.deadline:
        rows["deadline"] = moment(job.deadline)
    for payment in job.payments:
        rows[f"milestone {payment.milestone}"] = f"{_paid(payment.to_operator, token)} to {payment.operator}"
    for claim in job.claims:
        rows[f"milestone {claim.milestone}"] = f"claimed by {claim.operator}, final after {moment(claim.final_at)}"
    if job.surplus:
        rows["surplus"] = _paid(job.surplus, token)
    if job.bounty:
        rows["bounty"] = f"{_paid(job.bounty, stake)} for whoever completes it"
    if job.releases:
        rows["given back"] = "\n".join(f"by {one.operator} for {_paid(one.fee, stake)}" for one in job.releases)
    if job.slashes:
        rows["slashed"] = "\n".join(_slashed(slash, stake) for slash in job.slashes)
        rows["compensation"] = f"{_paid(sum(one.to_creator for one in job.slashes), stake)} to the creator"
    return facts_table({**rows, **dispute_rows(disputes)})


def jobs_table(jobs: Sequence[Job]) -> Table:
    table = list_table("job", "status", "paid", "creator", "opened")
    for job in jobs:
        paid = f"{job.paid_milestones}/{job.terms.milestone_count}"
        table.add_row(job.job_id, job.status.name.lower(), paid, job.terms.creator, moment(job.opened_at))
    return table


def event_values(event: JobEvent) -> dict[str, Any]:
    """The fact's own fields, with the job it is about."""
    fact = event.fact.model_dump(mode="json", exclude={"event", "terms"}) if event.fact else {}
    if event.rolled_back_to is not None:
        fact["rolled_back_to"] = event.rolled_back_to
    return {"job_id": event.job.job_id, "status": event.job.status.name.lower(), **fact}


def event_line(event: JobEvent, token: TokenInfo) -> str:
    """One line for people."""
    when = f"{moment(event.fact.at.block_time)}  " if event.fact else ""
    if isinstance(event.fact, ClaimExtended | DisputeFact):
        return f"{when}{dispute_line(event.fact)}"
    return f"{when}{_said(event, token)}"


def _said(event: JobEvent, token: TokenInfo) -> str:
    job = event.job
    milestones = job.terms.milestone_count
    return {
        "JobCreated": f"funded with {_paid(job.terms.max_price, token)}",
        "JobAssigned": f"taken by {job.operator} for {_paid(job.price or 0, token)}, round {job.round}",
        "MilestoneClaimed": f"milestone {job.next_milestone - 1} {_claimed(job)}",
        "MilestonePaid": f"milestone {job.paid_milestones - 1} paid, {len(job.payments)} of {milestones}",
        "JobCompleted": f"completed{_back(job, token)}",
        "StakeSlashed": f"stake of {job.slashes[-1].operator} slashed" if job.slashes else "stake slashed",
        "JobReleased": f"given back by {job.releases[-1].operator}" if job.releases else "given back",
        "JobExpired": "deadline missed",
        "JobFaulted": "a claim was shown to be wrong",
        "JobReopened": f"open again from milestone {job.paid_milestones}, round {job.round}",
        "JobRefunded": "refunded",
        "BountyPaid": _bounty(event.fact),
        "ChainReorganised": f"the chain took back what came after block {event.rolled_back_to}",
    }[event.name]


def quote_table(quote: QuoteView, token: TokenInfo | None) -> Table:
    rows: dict[str, object] = {
        "proof kind": quote.proof_kind or "any",
        "capable": f"{quote.capable} of {quote.total} announced executors",
    }
    if quote.lowest_price is not None:
        rows["price"] = f"from {_units(quote.lowest_price, token)} a milestone"
    if quote.median_price is not None:
        rows["median"] = f"{_units(quote.median_price, token)} a milestone"
    if quote.seconds_estimate is not None:
        rows["time"] = f"about {quote.seconds_estimate:.0f} s a milestone, from what was paid before"
    # Side by side, where there is more than one to choose from.
    for kind in quote.kinds if len(quote.kinds) > 1 else ():
        price = f", from {_units(kind.lowest_price, token)} a milestone" if kind.lowest_price is not None else ""
        rows[f"as {kind.kind}"] = f"{kind.capable} of {quote.total}{price}"
    return facts_table(rows)


_FUNDING_WORDS: dict[FundedBy, str] = {
    "allowance": "Deposit taken by an allowance that was there.",
    "permit": "Allowed by signature and deposited, in one transaction.",
    "approval": "Approved, then deposited: two transactions, because the token takes no permits.",
}


def funding_words(funded_by: FundedBy) -> str:
    """Which way a deposit went, for people."""
    return _FUNDING_WORDS[funded_by]


def order_values(signed: SignedOrder, job_id: JobId, path: Path) -> dict[str, Any]:
    """Amounts in smallest units, times in Unix seconds."""
    return {
        "job_id": job_id,
        "written": str(path),
        "funded_by": signed.funding.name.lower(),
        "starts_at": signed.order.starts_at,
        "closes_at": signed.order.closes_at,
        "order": signed.model_dump(mode="json"),
    }


def order_table(signed: SignedOrder, job_id: JobId, token: TokenInfo, path: Path) -> Table:
    terms = signed.order.terms
    rows: dict[str, object] = {
        "order": str(path),
        "job": job_id,
        "deposit": f"{_paid(terms.max_price, token)}, by {signed.funding.name.lower()}",
        "closes": moment(signed.order.closes_at),
    }
    return facts_table(rows)


def reason_lines(reasons: Sequence[RefusalReason]) -> list[str]:
    """One line for each reason, with what would change it."""
    return [
        f"- {reason.text}" + (f" Nearest change: {reason.nearest_change}" if reason.nearest_change else "")
        for reason in reasons
    ]


def receipt_table(receipt: JobReceipt, token: TokenInfo, stake: TokenInfo) -> Table:
    table = list_table("stage", "seconds")
    for stage in receipt.stages:
        table.add_row(stage.name, str(stage.seconds))
    for payment in receipt.payments:
        table.add_row(f"milestone {payment.milestone} -> {payment.operator}", _paid(payment.to_operator, token))
    if receipt.surplus:
        table.add_row(f"surplus -> {receipt.terms.creator}", _paid(receipt.surplus, token))
    for release in receipt.releases:
        table.add_row(f"given back by {release.operator}", _paid(release.fee, stake))
    for fault in receipt.faults:
        table.add_row(f"fault of milestone {fault.milestone}, round {fault.round}", fault_words(fault))
    for slash in receipt.slashes:
        table.add_row(f"slashed from {slash.operator}", _paid(slash.amount, stake))
    if receipt.slashes:
        table.add_row(f"compensation -> {receipt.terms.creator}", _paid(receipt.compensation, stake))
    for line in receipt.transactions:
        table.add_row(f"gas: {line.purpose}", f"{line.gas_used:,}")
    return table


def _proof_kind(terms: JobTerms) -> str:
    window = f", challenge window {terms.challenge_seconds} s" if terms.challenge_seconds else ""
    return f"{terms.proof_kind.name.lower()}{window}"


def _price(job: Job, token: TokenInfo) -> str:
    if job.price is not None:
        return _paid(job.price, token)
    low, high = _paid(job.terms.min_price, token), _paid(job.terms.max_price, token)
    return high if low == high else f"{low} rising to {high} over {job.terms.ramp_seconds} s"


def _paid(amount: int, token: TokenInfo) -> str:
    return format_amount(amount, token.decimals, token.symbol)


def _slashed(slash: Slash, stake: TokenInfo) -> str:
    why = "a wrong claim" if slash.is_fault else "a missed deadline"
    return f"{slash.operator} lost {_paid(slash.amount, stake)} of its stake for {why}"


def _claimed(job: Job) -> str:
    return "proven" if job.terms.proof_kind is ProofKind.ZK else "claimed"


def _back(job: Job, token: TokenInfo) -> str:
    return f", {_paid(job.surplus, token)} back to the creator" if job.surplus else ""


def _bounty(fact: Told | None) -> str:
    burnt = isinstance(fact, BountyPaid) and fact.account == BURN_ADDRESS
    return "bounty burnt" if burnt else "bounty paid"


def _units(amount: int, token: TokenInfo | None) -> str:
    return _paid(amount, token) if token else f"{amount} units"
