"""The same world with a registered program, and somebody who looks at what is claimed about it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from broken_programs import every_opcode
from executor_world import CREATOR, UNIT, World, address_of

from tallystick.dispute.artifacts import decode_tensor, encode_inputs
from tallystick.dispute.claims import Claim
from tallystick.dispute.demand_packing import demand_words, pack_evidence, read_answer
from tallystick.dispute.findings import Finding
from tallystick.dispute.known import Known, next_demand
from tallystick.dispute.levels import Demand, Target
from tallystick.dispute.search import examine
from tallystick.engine.commitments import array_root, program_commitment
from tallystick.engine.encoding import encode_program
from tallystick.engine.program import SEMANTICS_VERSION, Array, from_bytes
from tallystick.engine.trace import inputs_root
from tallystick.errors import ArtifactMissingError
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, JobId, bytes32
from tallystick.market.claims import ModelSpec, model_id_of
from tallystick.market.disputes import ClaimRef, DemandPoint
from tallystick.market.events import MilestoneClaimed, TraceShown
from tallystick.market.manifests import JobManifest, ProgramManifest, ProgramTensor, ResultManifest, TraceManifest
from tallystick.market.terms import JobMode, JobTerms, ProofKind
from tallystick.merkle import milestones_root
from tallystick.storage.manifests import get_manifest

WINDOW = 1_200
"""Long: a restarted process on a busy machine has a quarter of it to answer. Tests move the clock on."""
PROGRAM = every_opcode()
COMMITMENT = program_commitment(PROGRAM)


def inputs(milestone: int) -> tuple[Array, ...]:
    [header] = PROGRAM.inputs
    return (np.random.default_rng(milestone).integers(0, 256, header.dims).astype(np.uint8),)


def input_root(milestone: int) -> bytes:
    return inputs_root([array_root(array) for array in inputs(milestone)])


def _tensor(name: str, header: Any) -> ProgramTensor:
    return ProgramTensor(name=name, dtype=header.dtype.name.lower(), dims=header.dims, held="integers")


@dataclass
class ProgramWorld(World):
    """`World` whose jobs are `Optimistic`."""

    kinds: str = field(default="optimistic", kw_only=True)

    @property
    def surroundings(self) -> dict[str, str]:
        more = {"PROOF_KINDS": self.kinds, "BACKEND": "numpy", "ENGINE_THREADS": "1"}
        return super().surroundings | {f"TALLYSTICK_EXECUTOR_{name}": value for name, value in more.items()}

    def _publish(self, milestones: int, seconds: int, *, shows_program: bool) -> JobTerms:
        model = ProgramManifest(
            name="every opcode",
            semantics_version=SEMANTICS_VERSION,
            program=self._put(encode_program(PROGRAM)),
            package=self._put(b"for people"),
            inputs=(_tensor("image", PROGRAM.inputs[0]),),
            output=_tensor("answer", PROGRAM.output_header),
            program_id=bytes32(COMMITMENT.program_hash),
        )
        self.store.put(model.encode())
        spec = ModelSpec(
            proof_kind=ProofKind.OPTIMISTIC,
            semantics_version=SEMANTICS_VERSION,
            adapter=self.deployment.contracts.trace_dispute,
            program_id=model.program_id,
            weights_root=ZERO_BYTES32,
            manifest=model.digest(),
        )
        named = tuple(self._put(encode_inputs(inputs(milestone))) for milestone in range(milestones))
        job = JobManifest(model_id=model_id_of(spec), inputs=named)
        self.store.put(job.encode())
        self.send(
            CREATOR,
            self.calls.mint_test_token(self.payment, address_of(CREATOR), 1_000),
            self.calls.register_model(spec),
        )
        return JobTerms(
            creator=address_of(CREATOR),
            salt=time.time_ns(),
            model_id=model_id_of(spec),
            proof_kind=ProofKind.OPTIMISTIC,
            mode=JobMode.PARALLEL,
            input_root=bytes32(milestones_root([input_root(milestone) for milestone in range(milestones)])),
            manifest=job.digest(),
            payment_token=self.payment,
            min_price=1_000,
            max_price=1_000,
            ramp_seconds=0,
            stake_lock=10 * UNIT,
            accept_seconds=600,
            exclusive_seconds=0,
            challenge_seconds=WINDOW,
            dispatcher=ZERO_ADDRESS,
            dispatcher_fee_bps=0,
            share_bps=(10_000,) if milestones == 1 else (5_000, 5_000),
            duration_seconds=(seconds,) * milestones,
        )

    # ---- what a challenger does ---------------------------------------------------------------------------------------

    def facts(self) -> list[Any]:
        async def read(reader: Any) -> list[Any]:
            return cast(list[Any], await reader.facts(self.deployment.block, (await reader.head()).number))

        return self.ask(read)

    def claim_ref(self, job_id: JobId, milestone: int) -> ClaimRef:
        """The claim as its calldata has it: the trace root is its last word but padding."""
        claimed = self._claimed(job_id, milestone)
        data = bytes.fromhex(self.chain.request("eth_getTransactionByHash", claimed.at.transaction_hash)["input"][2:])
        start = 4 + int.from_bytes(data[36:68], "big")
        proof = start + int.from_bytes(data[start + 5 * 32 : start + 6 * 32], "big")
        return ClaimRef(
            milestone=milestone,
            input_root=bytes32(input_root(milestone)),
            output_root=claimed.output_root,
            trace_root=bytes32(data[proof + 32 : proof + 64]),
        )

    def _claimed(self, job_id: JobId, milestone: int) -> MilestoneClaimed:
        [found] = [
            fact
            for fact in self.facts()
            if isinstance(fact, MilestoneClaimed) and (fact.job_id, fact.milestone) == (job_id, milestone)
        ]
        return found

    def claim(self, job_id: JobId, milestone: int) -> Claim:
        ref = self.claim_ref(job_id, milestone)
        roots = (bytes.fromhex(root[2:]) for root in (ref.trace_root, ref.output_root, ref.input_root))
        return Claim(*roots)

    def published(self, job_id: JobId, milestone: int) -> list[Array] | None:
        """All tensors; None where nothing was published."""
        try:
            result = get_manifest(self.store, self._claimed(job_id, milestone).manifest, ResultManifest)
        except ArtifactMissingError:
            return None
        assert result.trace is not None
        manifest = TraceManifest.decode(self.store.get(result.trace.cid))
        held = [decode_tensor(self.store.get(ref.cid)) for ref in manifest.tensors]
        return [from_bytes(data, step.header) for (_, data), step in zip(held, PROGRAM.steps, strict=True)]

    def finding(self, job_id: JobId, milestone: int) -> Finding:
        claim, tensors = self.claim(job_id, milestone), self.published(job_id, milestone)
        return examine(PROGRAM, inputs(milestone), claim, tensors, commitment=COMMITMENT)

    def known(self, job_id: JobId, milestone: int) -> Known:
        return Known.of(PROGRAM, COMMITMENT, self.claim(job_id, milestone))

    def ask_for(self, job_id: JobId, milestone: int, known: Known, target: Target) -> tuple[Demand, DemandPoint]:
        """Sends the next demand on the way to a leaf."""
        demand = next_demand(known, target)
        assert demand is not None
        kind, of_list, tensor, count, height, index, node = demand_words(demand)
        point = DemandPoint(
            list=kind, of_list=of_list, tensor=tensor, count=count, height=height, index=index, node=bytes32(node)
        )
        evidence, ref = pack_evidence(known, COMMITMENT, demand), self.claim_ref(job_id, milestone)
        self.send(CREATOR, self.calls.demand(self.terms_of(job_id), ref, point, evidence, 10**17))
        return demand, point

    def shown(self, job_id: JobId) -> list[TraceShown]:
        return [fact for fact in self.facts() if isinstance(fact, TraceShown) and fact.job_id == job_id]

    def learn(self, known: Known, demand: Demand, shown: TraceShown) -> Known:
        return known.with_answer(demand, read_answer(demand, shown.answer))


def program_world(chain: Any, deployment: Any, record: Path, folder: Path) -> ProgramWorld:
    made = ProgramWorld(chain, deployment, record, folder, cast(Any, None))
    made.equip()
    return made
