"""What a challenger tells people: about a claim, what was found, what it would do and why, and what to do next."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

import typer

from challenger.cases import Case, Found, ShownFault
from challenger.pursuit import Plan
from challenger.strategy import Do
from tallystick.chain.views import TokenInfo
from tallystick.service.console import print_json
from tallystick.units import format_amount

NATIVE_DECIMALS = 18
QUIET_SECONDS = 2.0
"""What takes no longer is not worth a line."""

_WOULD = {
    Do.LEAVE: "leaves it alone",
    Do.WAIT: "waits",
    Do.COMMIT: "says first that a witness is coming, and shows it a block later",
    Do.PROVE: "shows the fault",
    Do.PROVE_COMMITTED: "shows the fault that it has said is coming",
    Do.ASK: "asks for the next part of the trace",
    Do.SLASH: "has the claim slashed for what was not answered",
}
_VERDICTS = {
    Found.AGREES: "right",
    Found.FAULT: "wrong",
    Found.WITHHELD: "wrong, and its trace is withheld",
    Found.UNJUDGEABLE: "not judged",
    Found.NOT_SAMPLED: "not looked at",
}


class Telling:
    """Progress of what takes long: an object a line for programs, one line that changes for people at a terminal."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._people = sys.stderr.isatty() and not as_json
        self._since = time.monotonic()
        self._last = 0.0
        self._what = ""

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._since = what, now
        if now - self._since < QUIET_SECONDS or now - self._last < QUIET_SECONDS / 4:
            return
        self._last = now
        if self._as_json:
            print_json({"event": "progress", "what": what, "done": done, "of": of})
        elif self._people:
            typer.echo(f"\r{what} {f'{done} of {of}' if of else '...'}\033[K\r", nl=False, err=True)


def fault_data(fault: ShownFault | None) -> dict[str, Any] | None:
    """A fault as plain data; the witness by its length."""
    if fault is None:
        return None
    return {
        "kind": fault.kind.name.lower(),
        "step": fault.step,
        "name": fault.name,
        "element": fault.element,
        "computed": fault.computed,
        "claimed": fault.claimed,
        "gas": fault.gas,
        "witness_bytes": len(fault.witness),
    }


def told(case: Case, plan: Plan | None, done: str, account: str | None) -> dict[str, Any]:
    """One claim as plain data. Amounts are strings, in smallest units."""
    review = (plan.review if plan else None) or case.review
    stakes = plan.stakes if plan else None
    gas = plan.gas if plan else None
    return {
        "event": "claim",
        "job_id": case.job_id,
        "milestone": case.milestone,
        "found": review.found if review else None,
        "reason": review.reason if review else case.last_word,
        "fault": fault_data(review.fault if review else None),
        "look_seconds": review.seconds if review else None,
        "share": str(stakes.share) if stakes else None,
        "final_at": stakes.final_at if stakes else None,
        "gas": gas,
        "most_cost_wei": str(gas * stakes.gas_price) if gas and stakes else None,
        "net_profit": str(plan.net) if plan and plan.net is not None else None,
        "demand_price_wei": str(plan.price) if plan and plan.price else None,
        "would": plan.decision.do if plan else None,
        "why": plan.decision.reason if plan else case.last_word,
        "done": done,
        "next": next_step(case, plan, account),
    }


def print_told(case: Case, plan: Plan | None, done: str, account: str | None, stake: TokenInfo | None) -> None:
    """The same for people."""
    said = told(case, plan, done, account)
    verdict = _VERDICTS[said["found"]] if said["found"] else "not looked at"
    typer.echo(f"Job {case.job_id}, milestone {case.milestone}: the claim is {verdict}.")
    typer.echo(f"  {said['reason']}")
    if said["look_seconds"]:
        typer.echo(f"  Looking at it took {said['look_seconds']:g} s.")
    if said["gas"]:
        cost = format_amount(int(said["most_cost_wei"] or 0), NATIVE_DECIMALS)
        typer.echo(f"  Showing it takes {said['gas']:,} gas, at most {cost} of the native coin now.")
    if said["share"] and said["found"] in (Found.FAULT, Found.WITHHELD):
        amount = format_amount(int(said["share"]), stake.decimals, stake.symbol) if stake else said["share"]
        profit = f", {said['net_profit']} after all costs in your unit" if said["net_profit"] else ""
        typer.echo(f"  The share of whoever shows it: {amount}{profit}.")
    if done:
        typer.echo(f"  Done: {done}.")
    elif plan is not None:
        typer.echo(f"  A challenger {_WOULD[plan.decision.do]}: {plan.decision.reason}")
    if case.outcome:
        typer.echo(f"The claim is over: {case.outcome}.")
    typer.echo(said["next"])


def next_step(case: Case, plan: Plan | None, account: str | None) -> str:
    """What to do now, in one line."""
    if case.outcome:
        return "Next: nothing: the claim is over" + (", and its share is collected." if case.won else ".")
    do = plan.decision.do if plan else Do.WAIT
    here = f"tallystick challenger check {case.job_id} --milestone {case.milestone}"
    if do in (Do.COMMIT, Do.PROVE, Do.PROVE_COMMITTED):
        return f"Next: show it: {here} --prove" + ("" if account else " --keystore FILE")
    if do in (Do.ASK, Do.SLASH):
        return "Next: asking takes several turns: leave it to `tallystick challenger run`."
    if do is Do.WAIT:
        until = plan.decision.until if plan else None
        return f"Next: look again{f' after {until} (chain time)' if until else ''}: {here}"
    found = case.review.found if case.review else None
    if found is Found.UNJUDGEABLE:
        return f"Next: put right what is missing, then: {here}"
    return "Next: nothing to do about this claim."


def summary(cases: Iterable[Case]) -> str:
    """How many claims of which kind, in one line."""
    counts: dict[str, int] = {}
    for case in cases:
        word = case.review.found.value.replace("_", " ") if case.review else "not looked at"
        counts[word] = counts.get(word, 0) + 1
    listed = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    return f"{sum(counts.values())} claims: {listed}." if counts else "No claim stands that could be shown to be wrong."


def print_status(found: dict[str, Any]) -> None:
    """What `read_status` found, for people."""
    typer.echo(f"{found['about'] or found['home']}; read up to block {found['block']}")
    for link in found["links"]:
        typer.echo(f"  {link['name']}: {link['trouble'] or 'ok'}")
    for case in found["claims"]:
        typer.echo(f"  {case['job_id'][:10]}.. milestone {case['milestone']}: {case['found']}; {case['last_word']}")
    typer.echo(found["next"])
