"""A dispute whose every transaction is undone once: claim, demand, answer, commitment and fault come back, and end in the same slash."""

from __future__ import annotations

from pathlib import Path

import pytest
from anvil_chain import AnvilChain

from scripts.dispute_chain import CHALLENGER, OPERATOR, DisputeScene, demand_point, reference
from scripts.small_traces import three_convolutions
from tallystick.chain.calls import Call
from tallystick.chain.deployment import Deployment
from tallystick.chain.reader import ChainReader
from tallystick.chain.receipts import Receipt
from tallystick.dispute.demand_packing import pack_answer, pack_evidence
from tallystick.dispute.faults import ElementFault, corrupt
from tallystick.dispute.findings import Fault
from tallystick.dispute.held import HeldTrace, answer
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Target
from tallystick.dispute.search import examine
from tallystick.engine.program import Ref, RefKind
from tallystick.engine.trace import Trace
from tallystick.market.disputes import commitment_digest
from tallystick.market.events import FaultProven, JobFaulted
from tallystick.market.terms import job_id_of

HONEST = three_convolutions()
FALSE = corrupt(HONEST, ElementFault(0, 7))
SALT = bytes(range(32))


class Undoing(DisputeScene):
    """Each transaction is mined, undone, and sent again."""

    chain: AnvilChain
    undone = 0

    async def send(self, name: str, call: Call) -> Receipt:
        first = await super().send(name, call)
        self.chain.reorganise(1)
        assert not self.chain.request("eth_getTransactionReceipt", first.transaction_hash)
        again = await self.send_again(name, call)
        assert (again.status, again.transaction_hash) == (True, first.transaction_hash)
        self.undone += 1
        return again


@pytest.mark.chain
async def test_dispute_given_a_reorganisation_at_every_stage_ends_in_the_same_slash(
    new_chain, deployment: Deployment, tmp_path: Path
) -> None:
    chain = new_chain()
    async with await ChainReader.connect(chain.rpc_url, deployment) as reader:
        scene = Undoing(reader, chain.rpc_url, tmp_path)
        scene.chain = chain
        try:
            await played(scene, reader)
        finally:
            scene.close()
        assert scene.undone == 13


async def played(scene: Undoing, reader: ChainReader) -> None:
    held, claim = HeldTrace(Trace(HONEST.program, HONEST.inputs, FALSE.published)), FALSE.claim
    await scene.fund(2)
    terms, _ = await scene.claim(claim, held.commitment.program_hash, 1)
    job_id = job_id_of(terms, scene.deployment.domain())

    known = Known.of(HONEST.program, held.commitment, claim)
    demand = next_demand(known, Target(Ref(RefKind.STEP, 0), 0))
    assert demand is not None
    price = await reader.disputes.demand_price(job_id, 0, demand_point(demand))
    evidence = pack_evidence(known, held.commitment, demand)
    await scene.send(CHALLENGER, scene.calls.demand(terms, reference(claim), demand_point(demand), evidence, 2 * price))
    shown = pack_answer(answer(held, demand))
    await scene.send(OPERATOR, scene.calls.show(terms, 0, demand_point(demand), shown))
    assert await reader.disputes.demand_credit_of(scene.address(OPERATOR)) > 0

    fault = examine(HONEST.program, HONEST.inputs, claim, FALSE.published)
    assert isinstance(fault, Fault)
    digest = commitment_digest(fault.packed, scene.address(CHALLENGER), SALT)
    await scene.send(CHALLENGER, scene.calls.commit_fault(terms, 0, digest))
    scene.chain.pass_time(2)
    proof = await scene.send(CHALLENGER, scene.calls.prove_fault_committed(terms, reference(claim), fault.packed, SALT))
    stated = [type(fact) for fact in proof.facts]
    assert [each for each in stated if each in (FaultProven, JobFaulted)] == [FaultProven, JobFaulted]
