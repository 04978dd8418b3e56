"""Plays disputes on a chain of their own, as real transactions from the calldata to the slash.

python -m scripts.dispute_chain < cases.json

Reads a list of `FaultCase.to_json`, and prints one JSON object: what a claim costs, and for each case what showing it costs
and where that goes. Chain and contracts are new each time; nobody else's chain is touched.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from scripts.localnet.chain import deploy, start_chain
from scripts.localnet.people import account
from scripts.localnet.processes import free_port
from scripts.small_traces import two_tables
from scripts.toolchain import ROOT
from tallystick.chain.abi import contract_abi
from tallystick.chain.calls import Call, MarketCalls
from tallystick.chain.deployment import Deployment, load_deployment
from tallystick.chain.inclusion import Timing
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.chain.sender import Sender
from tallystick.dispute.cases import FaultCase
from tallystick.dispute.claims import Claim as TraceClaim
from tallystick.dispute.claims import honest_claim
from tallystick.dispute.demand_packing import demand_words, pack_answer, pack_evidence
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Demand, Target
from tallystick.engine.program import Ref, RefKind
from tallystick.hashing import sha256
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, bytes32, parse_address
from tallystick.market.claims import Claim, ModelSpec, model_id_of
from tallystick.market.disputes import ClaimRef, DemandPoint
from tallystick.market.terms import JobMode, JobTerms, ProofKind, job_id_of
from tallystick.merkle import milestones_root

CREATOR, OPERATOR, CHALLENGER = "creator", "operator-amber", "stranger"
TOKEN, DOLLAR = 10**18, 10**6
WINDOW = 600
BASE, BYTE, ZERO, FLOOR_BYTE, FLOOR_ZERO = 21_000, 16, 4, 40, 10
PLAIN = "claim and be paid for a milestone"
"""In tests/snapshots/gas.json: a claim with a proof that costs nothing to check."""
FINALIZE = "finalize an optimistic claim"
BEFORE_THE_JUDGE = "show a fault and slash, before the judge's own work"
LARGEST_ANSWER = 64 * 256
"""Bytes."""
TIP = 10**9
"""Wei per gas: contracts/libraries/DemandPriceLib.sol."""


@dataclasses.dataclass(frozen=True)
class ChainCost:
    """Gas of one proveFault, and what of it is what.

    Attributes:
        calldata: Of its bytes.
        proofs: Reading the claim and hashing what is shown up to it.
        element: The step's checker.
        settlement: The slash.
        floor: The least that its calldata costs, whatever is done (EIP-7623).
    """

    name: str
    products: int
    witness_bytes: int
    calldata_bytes: int
    calldata: int
    proofs: int
    element: int
    settlement: int
    floor: int
    gas: int
    bound: int


def tokens(data: bytes, per_byte: int, per_zero: int) -> int:
    zeros = data.count(0)
    return per_zero * zeros + per_byte * (len(data) - zeros)


# ---- the scene --------------------------------------------------------------------------------------------------------


@contextmanager
def market() -> Iterator[tuple[str, Deployment, Path]]:
    """A chain with the contracts on it. Raises ChildFailedError."""
    with tempfile.TemporaryDirectory() as held:
        folder, port = Path(held), free_port()
        (folder / "logs").mkdir()
        chain = start_chain(folder, port)
        try:
            rpc = f"http://127.0.0.1:{port}"
            yield rpc, load_deployment(deploy(rpc, folder)), folder
        finally:
            chain.kill()


class DisputeScene:
    """A creator, an operator that claims what it is told to, and a challenger."""

    def __init__(self, reader: ChainReader, rpc: str, folder: Path) -> None:
        self.deployment, self._rpc = reader.deployment, rpc
        self.calls, self._sent = MarketCalls(reader.deployment), 0
        self._senders = {
            name: Sender(reader, account(name), folder / f"{name}.sqlite", timing=Timing(poll_seconds=0.02))
            for name in (CREATOR, OPERATOR, CHALLENGER)
        }

    def close(self) -> None:
        for sender in self._senders.values():
            sender.close()

    async def send(self, name: str, call: Call) -> Receipt:
        self._sent += 1
        return await self.send_again(name, call)

    async def send_again(self, name: str, call: Call) -> Receipt:
        """The last one, where something may have undone it."""
        return await self._senders[name].send(f"{self._sent}", call)

    async def ask(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with httpx.AsyncClient() as client:
            return (await client.post(self._rpc, json=body, timeout=60)).json()["result"]

    async def base_fee(self, block: int) -> int:
        """In wei per gas."""
        return int((await self.ask("eth_getBlockByNumber", hex(block), False))["baseFeePerGas"], 16)

    async def fund(self, cases: int) -> None:
        """Everybody has what so many disputes take."""
        contracts, held = self.deployment.contracts, self.deployment.tokens
        assert held.payment is not None
        dollars, stake = cases * DOLLAR, cases * TOKEN
        await self.send(CREATOR, self.calls.mint_test_token(held.payment, self.address(CREATOR), dollars))
        await self.send(CREATOR, self.calls.approve(held.payment, contracts.job_escrow, dollars))
        await self.send(OPERATOR, self.calls.mint_test_token(held.stake, self.address(OPERATOR), stake))
        await self.send(OPERATOR, self.calls.approve(held.stake, contracts.stake_manager, stake))
        await self.send(OPERATOR, self.calls.deposit_stake(self.address(OPERATOR), stake))

    def address(self, name: str) -> Any:
        return parse_address(account(name).address)

    # ---- a dispute ----------------------------------------------------------------------------------------------------

    async def claim(self, made: TraceClaim, program_hash: bytes, salt: int) -> tuple[JobTerms, Receipt]:
        """Has a claim made, of a job of its own."""
        spec = self._spec(program_hash, salt)
        terms = self._terms(made, spec, salt)
        await self.send(CREATOR, self.calls.register_model(spec))
        await self.send(CREATOR, self.calls.create_job(terms))
        await self.send(OPERATOR, self.calls.accept(terms, self.address(OPERATOR)))
        claimed = Claim(
            milestone=0,
            input_root=bytes32(made.input_root),
            input_proof=(),
            output_root=bytes32(made.output_root),
            manifest=bytes32(sha256(b"result")),
            proof=made.trace_root,
        )
        return terms, await self.send(OPERATOR, self.calls.claim(terms, claimed))

    def _spec(self, program_hash: bytes, salt: int) -> ModelSpec:
        return ModelSpec(
            proof_kind=ProofKind.OPTIMISTIC,
            semantics_version=1,
            adapter=self.deployment.contracts.trace_dispute,
            program_id=bytes32(program_hash),
            weights_root=ZERO_BYTES32,
            manifest=bytes32(sha256(b"model", salt.to_bytes(4, "big"))),
        )

    def _terms(self, made: TraceClaim, spec: ModelSpec, salt: int) -> JobTerms:
        return JobTerms(
            creator=self.address(CREATOR),
            salt=salt,
            model_id=model_id_of(spec),
            proof_kind=ProofKind.OPTIMISTIC,
            mode=JobMode.PARALLEL,
            input_root=bytes32(milestones_root([made.input_root])),
            manifest=bytes32(sha256(b"job")),
            payment_token=self.deployment.tokens.payment or ZERO_ADDRESS,
            min_price=DOLLAR,
            max_price=DOLLAR,
            ramp_seconds=0,
            stake_lock=TOKEN,
            accept_seconds=3_600,
            exclusive_seconds=0,
            challenge_seconds=WINDOW,
            dispatcher=ZERO_ADDRESS,
            dispatcher_fee_bps=0,
            share_bps=(10_000,),
            duration_seconds=(3_600,),
        )

    async def prove(self, case: FaultCase, terms: JobTerms) -> ChainCost:
        call = self.calls.prove_fault(terms, reference(case.claim), case.packed)
        receipt = await self.send(CHALLENGER, call)
        return self._cost(case, call.data, receipt, await self._trace(receipt))

    async def _trace(self, receipt: Receipt) -> dict[str, Any]:
        return dict(await self.ask("debug_traceTransaction", receipt.transaction_hash, {"tracer": "callTracer"}))

    def _cost(self, case: FaultCase, data: bytes, receipt: Receipt, top: dict[str, Any]) -> ChainCost:
        """The judge calls a checker for the element, and the settlement for the slash."""
        settlement = self.deployment.contracts.milestone_settlement.lower()
        selector = "0x" + contract_abi("MilestoneSettlement").functions["fault"].selector.hex()
        known = {address.lower() for address in dict(self.deployment.contracts).values()}
        fault = sum(_gas(call) for call in top["calls"] if call["to"] == settlement and call["input"][:10] == selector)
        # The judge's checkers are the only contracts that it calls and that the record does not name.
        element = sum(_gas(call) for call in top["calls"] if call["to"] not in known and int(call["to"], 16) > 0xFFFF)
        calldata = tokens(data, BYTE, ZERO)
        return ChainCost(
            name=case.name,
            products=case.products,
            witness_bytes=len(case.packed),
            calldata_bytes=len(data),
            calldata=calldata,
            proofs=_gas(top) - BASE - calldata - element - fault,
            element=element,
            settlement=fault,
            floor=BASE + tokens(data, FLOOR_BYTE, FLOOR_ZERO),
            gas=receipt.gas_used,
            bound=case.gas,
        )


def _gas(call: dict[str, Any]) -> int:
    return int(call["gasUsed"], 16)


def reference(claim: TraceClaim) -> ClaimRef:
    input_root, output_root, trace_root = map(bytes32, (claim.input_root, claim.output_root, claim.trace_root))
    return ClaimRef(milestone=0, input_root=input_root, output_root=output_root, trace_root=trace_root)


# ---- demands ----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class AnswerCost:
    """One demand that was answered.

    Attributes:
        answer_bytes: That were shown.
        demand_gas, answer_gas: Of the two transactions.
        fee_gas: What the operator was paid for it, in gas at the price that the demand was reckoned at: its block's base fee and
            a small tip. Who answers at a dearer moment, or tips more, earns less.
    """

    answer_bytes: int
    demand_gas: int
    answer_gas: int
    fee_gas: int


async def play_demands(scene: DisputeScene, reader: ChainReader, salt: int) -> list[AnswerCost]:
    """Of a claim whose trace nobody published: the roots, and the largest answer that there is, 16 KiB."""
    held = HeldTrace(two_tables(LARGEST_ANSWER))
    claim, program = honest_claim(held.trace), held.trace.program
    terms, _ = await scene.claim(claim, held.commitment.program_hash, salt)
    known, target = Known.of(program, held.commitment, claim), Target(Ref(RefKind.STEP, 0), 0)
    costs = []
    while demand := next_demand(known, target):
        point, shown = demand_point(demand), answer(held, demand)
        job_id = job_id_of(terms, scene.deployment.domain())
        price = await reader.disputes.demand_price(job_id, 0, point)
        evidence = pack_evidence(known, held.commitment, demand)
        # Twice the price: the base fee may rise before the block; what is over is credited.
        asked = await scene.send(CHALLENGER, scene.calls.demand(terms, reference(claim), point, evidence, 2 * price))
        before = await reader.disputes.demand_credit_of(scene.address(OPERATOR))
        answered = await scene.send(OPERATOR, scene.calls.show(terms, 0, point, pack_answer(shown)))
        fee = await reader.disputes.demand_credit_of(scene.address(OPERATOR)) - before
        costs.append(
            AnswerCost(
                answer_bytes=len(pack_answer(shown)),
                demand_gas=asked.gas_used,
                answer_gas=answered.gas_used,
                fee_gas=fee // (await scene.base_fee(asked.block_number) + TIP),
            )
        )
        known = known.with_answer(demand, shown)
    return costs


def demand_point(demand: Demand) -> DemandPoint:
    names = ("list", "of_list", "tensor", "count", "height", "index", "node")
    words = dict(zip(names, demand_words(demand), strict=True))
    return DemandPoint(**{**words, "node": bytes32(demand.node)})


# ---- playing ----------------------------------------------------------------------------------------------------------


async def play_at(rpc: str, deployment: Deployment, folder: Path, cases: Sequence[FaultCase]) -> dict[str, Any]:
    """Plays the cases, at least one, on a chain that is there. `folder`: for journals. Raises RevertError where one shows nothing."""
    async with await ChainReader.connect(rpc, deployment) as reader:
        scene = DisputeScene(reader, rpc, folder)
        try:
            await scene.fund(len(cases) + 2)
            # Once before: afterwards everybody has been rewarded before, as in daily use.
            costs, claims = [], []
            for salt, case in enumerate([cases[0], *cases]):
                terms, claimed = await scene.claim(case.claim, case.program_hash, salt + 1)
                claims.append(claimed.gas_used)
                costs.append(await scene.prove(case, terms))
            answers = await play_demands(scene, reader, len(cases) + 2)
        finally:
            scene.close()
    known = json.loads((ROOT / "tests" / "snapshots" / "gas.json").read_text())
    return {
        "claim_gas": max(claims[1:]),
        "plain_settlement_gas": known[PLAIN],
        "finalize_gas": known[FINALIZE],
        "fault_before_the_judge_gas": known[BEFORE_THE_JUDGE],
        "answers": [dataclasses.asdict(each) for each in answers],
        "faults": [dataclasses.asdict(cost) for cost in costs[1:]],
    }


def play(cases: Iterable[FaultCase]) -> dict[str, Any]:
    """Plays the cases, at least one. Raises ChildFailedError where there is no chain, RevertError where one shows nothing."""
    held = list(cases)
    with market() as (rpc, deployment, folder):
        return asyncio.run(play_at(rpc, deployment, folder, held))


def main() -> None:
    print(json.dumps(play(FaultCase.from_json(values) for values in json.load(sys.stdin))))


if __name__ == "__main__":
    main()
