"""What a fault costs as a real transaction, from the calldata to the slash, and where it goes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from brownie import web3
from dispute_stage import ONE, DisputeStage, hexed
from stage import TALLY, Stage, rpc

from scripts.dispute_cases import Case

BASE, BYTE, ZERO, FLOOR_BYTE, FLOOR_ZERO = 21_000, 16, 4, 40, 10


@dataclass(frozen=True)
class Costs:
    """Gas of one proveFault, and what of it is what. `floor` is the least that its calldata costs, whatever is done (EIP-7623)."""

    name: str
    products: int
    witness_bytes: int
    one_by_one: int
    calldata: int
    proofs: int
    element: int
    settlement: int
    floor: int
    gas: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _tokens(data: bytes, per_byte: int, per_zero: int) -> int:
    zeros = data.count(0)
    return per_zero * zeros + per_byte * (len(data) - zeros)


def warmed(stage: Stage) -> None:
    """Everybody who gets something has been rewarded before, as in daily use."""
    late = stage.assigned(salt=902)
    stage.at(stage.state(late)["deadline"] + 1)
    stage.escrow.expire(late.abi(), {"from": stage.finder})
    stage.bond(stage.operator, 100 * TALLY)


def prove(dispute: DisputeStage, case: Case, salt: int) -> tuple[Any, Costs]:
    """Claims what the case says, and shows that it is wrong."""
    stage = dispute.stage
    model = dispute.register(case.name, program_hash=case.program_hash)
    root = hexed(case.input_root)
    terms = stage.assigned(stage.traced_terms(modelId=model, inputs=[root], salt=salt, rampSeconds=0, **ONE))
    stage.settle(terms, 0, outputRoot=hexed(case.output_root), proof=case.trace_root)
    ref = (0, root, hexed(case.output_root), hexed(case.trace_root))
    transaction = dispute.prove(terms, ref, case.packed)
    return transaction, _costs(dispute, case, transaction)


def _costs(dispute: DisputeStage, case: Case, transaction: Any) -> Costs:
    data = bytes(web3.eth.get_transaction(transaction.txid)["input"])
    top = rpc("debug_traceTransaction", transaction.txid, {"tracer": "callTracer"})
    checkers = {dispute.judge.checkerOf(family).lower() for family in range(5)}
    settlement = dispute.stage.settlement
    element = sum(_gas(call) for call in top["calls"] if call["to"].lower() in checkers)
    fault = sum(
        _gas(call)
        for call in top["calls"]
        if call["to"].lower() == settlement.address.lower() and call["input"].startswith(settlement.fault.signature)
    )
    calldata = _tokens(data, BYTE, ZERO)
    return Costs(
        name=case.name,
        products=case.products,
        witness_bytes=len(case.packed),
        one_by_one=case.one_by_one,
        calldata=calldata,
        proofs=_gas(top) - BASE - calldata - element - fault,
        element=element,
        settlement=fault,
        floor=BASE + _tokens(data, FLOOR_BYTE, FLOOR_ZERO),
        gas=int(transaction.gas_used),
    )


def _gas(call: dict[str, Any]) -> int:
    return int(call["gasUsed"], 16)
