"""How `Zk` results come about: a circuit's keys, a rehearsal of every input, a proof, and the claim that carries it."""

from __future__ import annotations

from executor.acceptance import Findings
from executor.claims import build_claim, result_manifest
from executor.inspection import Dossier, Inspector
from executor.methods import Put
from executor.runner import ProofRunner
from tallystick.chain.calls import Call, MarketCalls
from tallystick.errors import RevertError
from tallystick.ids import JobId
from tallystick.market.book import Job
from tallystick.market.claims import Claim, program_id_of
from tallystick.market.manifests import ArtifactRef, JobManifest
from tallystick.proving.prover import Proved
from tallystick.service.threads import in_thread
from tallystick.tensors import QuantisedTensors

_PROOF_ERRORS = "EzklVerifierAdapter_"
_PROGRAM_NOT_SHOWN = "EzklVerifierAdapter_ProgramNotRegistered"


class ZkMethod:
    """See `Method`."""

    def __init__(self, inspector: Inspector, runner: ProofRunner, calls: MarketCalls) -> None:
        self._inspector = inspector
        self._runner = runner
        self._calls = calls

    @property
    def tool(self) -> str:
        return self._runner.backend

    @property
    def limit_seconds(self) -> float:
        return self._runner.limit_seconds

    async def inspect(self, job: Job) -> JobManifest:
        return (await self._inspector.dossier(job)).manifest

    def findings(self, job: Job) -> Findings:
        return Findings(None, self._known(job).circuit.manifest.srs.origin, ())

    async def estimate(self, job: Job) -> float:
        return await self._runner.estimate(self._known(job).circuit)

    async def prepare(self, job: Job, deadline: int) -> None:
        """Makes the keys: a model whose files do not give the registered program cannot be proven, and its creator would
        earn from our failure. The keys are kept, so a known model costs nothing here."""
        await self._runner.prepare(self._known(job).circuit, job_id=job.job_id, deadline=deadline)

    def trials(self, job: Job) -> range:
        """All that are not paid: inputs that are each in their range may still lead to values that the circuit cannot hold, and
        a lock would be lost for what nobody can prove."""
        return range(job.next_milestone, job.terms.milestone_count)

    async def estimate_rehearsal(self, job: Job) -> float:
        return await self._runner.estimate_rehearsal(self._known(job).circuit)

    async def rehearse(self, job: Job, milestone: int, deadline: int, at_most: float) -> None:
        await self._runner.rehearse(
            self._known(job).circuit,
            await self._input(job, milestone),
            job_id=job.job_id,
            milestone=milestone,
            deadline=deadline,
            at_most=at_most,
        )

    async def has(self, job: Job, milestone: int) -> bool:
        inputs = await self._input(job, milestone)
        circuit = self._known(job).circuit
        return self._runner.kept(circuit, inputs, job_id=job.job_id, milestone=milestone) is not None

    async def make(self, job: Job, milestone: int, deadline: int, *, fresh: bool) -> None:
        await self._proof(job, milestone, deadline, fresh=fresh)

    async def claim(self, job: Job, milestone: int, deadline: int, put: Put) -> Claim:
        proved = await self._proof(job, milestone, deadline)
        output = proved.outputs.encode()
        result = result_manifest(job.job_id, milestone, ArtifactRef(cid=await put(output), size_bytes=len(output)))
        await put(result.encode())
        return build_claim(self._known(job), milestone, proved, result)

    async def before_claim(
        self, job: Job, milestone: int, deadline: int, error: RevertError
    ) -> tuple[str, Call] | None:
        """The verifier checks only programs that it was shown. Where the creator has not done so, we do, because a lock is
        worth more than the gas."""
        if error.name != _PROGRAM_NOT_SHOWN:
            return None
        proved = await self._proof(job, milestone, deadline)
        return f"program:{program_id_of(proved.vka)}", self._calls.register_program(proved.vka)

    def blames_result(self, error: RevertError) -> bool:
        return not error.name or error.name.startswith(_PROOF_ERRORS)

    def drop(self, job_id: JobId) -> None:
        self._inspector.drop(job_id)

    # ---- parts ----------------------------------------------------------------------------------------------------------

    def _known(self, job: Job) -> Dossier:
        return self._inspector.known(job.job_id)

    async def _input(self, job: Job, milestone: int) -> QuantisedTensors:
        dossier = self._known(job)
        return await in_thread(lambda: dossier.input_of(milestone), "input")

    async def _proof(self, job: Job, milestone: int, deadline: int, *, fresh: bool = False) -> Proved:
        return await self._runner.prove(
            self._known(job).circuit,
            await self._input(job, milestone),
            job_id=job.job_id,
            milestone=milestone,
            deadline=deadline,
            fresh=fresh,
        )
