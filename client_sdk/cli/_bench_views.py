"""What `tallystick bench` measured, as commands show it: once as plain values, once for people. Pure, and light."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table

from client_sdk.cli._screen import facts_table, list_table

if TYPE_CHECKING:
    from tallystick.dispute.figures import Published

CAP = 1 << 24
"""Gas of one transaction at most (EIP-7825)."""


def dispute_values(
    *,
    model: str,
    figures: Mapping[str, Any],
    published: tuple[str, Published] | None,
    timings: Mapping[str, Any],
    dearest: Sequence[Mapping[str, Any]],
    chain: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The row of one program. Gas and bytes are integers, shares 0..1, times seconds; `chain` is null where nothing was played."""
    row = None
    if published is not None:
        name, theirs = published
        row = {"model": name, "operators": theirs.operators, "moves": theirs.moves, "seconds": theirs.seconds}
    return {
        "model": model,
        **figures,
        "zk_opml": row,
        "measured": dict(timings),
        "dearest": [dict(each) for each in dearest],
        "chain": chain and _chain_values(chain),
    }


def _chain_values(chain: Mapping[str, Any]) -> dict[str, Any]:
    claim, plain = chain["claim_gas"], chain["plain_settlement_gas"]
    over = {"claim_over_plain": claim - plain, "claim_and_finalize_over_plain": claim + chain["finalize_gas"] - plain}
    faults = [{**fault, "cap_share": fault["gas"] / CAP} for fault in chain["faults"]]
    return {**chain, **over, "faults": sorted(faults, key=lambda fault: -fault["gas"])}


# ---- for people -------------------------------------------------------------------------------------------------------


def dispute_shown(values: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Facts, moves beside the published ones, faults one by one."""
    yield facts_table(_facts(values))
    yield ""
    yield _moves(values)
    yield ""
    yield _faults(values)


def _facts(values: Mapping[str, Any]) -> dict[str, str]:
    measured = values["measured"]
    return {
        "model": values["model"],
        "program": f"{values['steps']:,} steps, {values['elements']:,} elements, a trace of {values['trace_bytes']:,} bytes",
        "any fault, at most": f"{values['gas']:,} gas (step {values['worst_step']}), {values['cap_share']:.1%} of a transaction's cap",
        "its calldata": f"{values['calldata_bytes']:,} bytes at most, which cost {values['floor']:,} gas whatever is done",
        "asked for everything": f"{values['all_answers']:,} answers of {values['all_answer_bytes']:,} bytes, paid like {values['all_fees_gas']:,} gas",
        **_chain_facts(values["chain"]),
        "inference": f"{1_000 * measured['inference_seconds']:.1f} ms ({measured['backend']}, one thread)",
        "fault found and proven": f"{1_000 * measured['fault_seconds']:.1f} ms, {measured['ratio']:.2f} times the inference; "
        f"the slowest of {measured['rounds']}: {1_000 * measured['slowest_seconds']:.1f} ms",
    }


def _chain_facts(chain: Mapping[str, Any] | None) -> dict[str, str]:
    if chain is None:
        return {}
    fault, answers = chain["faults"][0], chain["answers"]
    shown = [f"{each['answer_bytes']:,} bytes: {each['answer_gas']:,}, paid {each['fee_gas']:,}" for each in answers]
    return {
        "gas of an answer, played": "; ".join(shown),
        "dearest fault, played": f"{fault['gas']:,} gas, {fault['cap_share']:.1%} of the cap; {fault['calldata_bytes']:,} bytes, "
        f"floor {fault['floor']:,}",
        "claim": f"{chain['claim_gas']:,} gas, {chain['claim_over_plain']:+,} over a plain settlement "
        f"({chain['claim_and_finalize_over_plain']:+,} with being finalized)",
    }


def _moves(values: Mapping[str, Any]) -> Table:
    """By zk-OPML's formula: a window of 120 s and 30 s a move, every move at its full time."""
    table = list_table("by the formula 120 s + 30 s a move", "moves", "seconds")
    table.add_row("trace published (Path A)", str(values["path_a_moves"]), f"{values['path_a_seconds']:,}")
    levels = f"trace withheld (Path B), {values['path_b_levels']} levels"
    table.add_row(levels, str(values["path_b_moves"]), f"{values['path_b_seconds']:,}")
    if values["zk_opml"]:
        theirs = values["zk_opml"]
        name = f"zk-OPML's {theirs['model']}, as published"
        table.add_row(name, str(theirs["moves"]), f"{theirs['seconds']:,}")
    return table


def _faults(values: Mapping[str, Any]) -> Table:
    if values["chain"] is None:
        table = list_table("dearest fault of each opcode", "gas, at most", "witness bytes")
        for case in values["dearest"]:
            table.add_row(case["name"], f"{case['gas_bound']:,}", f"{case['witness_bytes']:,}")
        return table
    columns = ("gas", "floor", "calldata", "proofs", "element", "settlement")
    table = list_table("dearest fault of each opcode, played", *columns, "witness bytes")
    for fault in values["chain"]["faults"]:
        table.add_row(fault["name"], *(f"{fault[name]:,}" for name in columns), f"{fault['witness_bytes']:,}")
    return table
