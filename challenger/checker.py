"""Looking at claims: artifacts are gathered, the program runs, what differs is found. Blocks; the event loop has threads for it.

Nothing that a creator or a claimer publishes can make this stop with an error: it is agreed, at fault, withheld, or cannot be judged,
and in the last two cases it says why.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from challenger.cases import CaseKey, Found, Review, ShownFault
from challenger.gathering import Gatherer, PublishedPieces
from challenger.library import Library, Prepared
from challenger.withheld import Question, WithheldTrace
from tallystick.dispute.claims import Claim
from tallystick.dispute.findings import Agrees, Fault, Finding
from tallystick.dispute.held import HeldTrace
from tallystick.dispute.search import examine, examine_by_roots
from tallystick.engine.executor import run
from tallystick.engine.program import Array
from tallystick.errors import ArtifactError, InputError, ModelError
from tallystick.ids import Address, Bytes32, raw
from tallystick.market.book import Job, StandingClaim
from tallystick.market.claims import ModelSpec
from tallystick.market.disputes import ClaimRef, DemandPoint
from tallystick.units import format_size

Progress = Callable[[str, int, int], None]
"""What is being done, how far it is, and of how much; 0 of 0 where that is not known."""

HELD_TRACES = 2
LOOKS_APART = 10
"""Times what a look took, at least, to the next look at the same claim."""


@dataclass(frozen=True)
class Subject:
    """A claim to look at.

    Attributes:
        claim: As the book has it; `ref`: what the commitment on the chain was checked to be made of.
        spec: Of the job's model.
        now: Chain time.
        again_at: When to look again for what is missing.
    """

    key: CaseKey
    job: Job
    claim: StandingClaim
    ref: ClaimRef
    spec: ModelSpec
    now: int
    again_at: int


class Checker:
    """One look at a time, whoever asks: a look takes every core.

    Args:
        judge: The contract that decides; of a model with another nothing can be shown.
        max_trace_bytes: Of what one run holds.
        look_seconds: That computing one claim may take.
    """

    def __init__(
        self, library: Library, gatherer: Gatherer, *, judge: Address, max_trace_bytes: int, look_seconds: float
    ) -> None:
        self._library = library
        self._gatherer = gatherer
        self._judge = judge
        self._max_trace_bytes = max_trace_bytes
        self._look_seconds = look_seconds
        self._seconds: dict[Bytes32, float] = {}
        self._held: OrderedDict[CaseKey, WithheldTrace] = OrderedDict()
        self._turn = threading.Lock()

    def seconds_of(self, program_id: Bytes32) -> float:
        """What a look at a claim of this program took last; a guess before the first."""
        return self._seconds.get(program_id, 5.0)

    def look(self, subject: Subject, progress: Progress) -> Review:
        """One look at one claim."""
        with self._turn:
            began = time.monotonic()
            review = self._look(subject, progress)
        took = time.monotonic() - began
        self._seconds[subject.spec.program_id] = took
        again_at = review.again_at
        if again_at is not None:  # nobody makes this fetch the same useless gigabyte all day
            again_at = max(again_at, subject.now + math.ceil(took * LOOKS_APART))
        held = {"claim": subject.ref, "program_id": subject.spec.program_id, "again_at": again_at}
        return replace(review, seconds=round(took, 3), **held)  # type: ignore[arg-type]  # by name

    def _look(self, subject: Subject, progress: Progress) -> Review:
        try:
            prepared, inputs = self._what_the_job_is(subject, progress)
        except (ArtifactError, InputError) as error:
            return self._review(
                subject, Found.UNJUDGEABLE, f"The creator's part cannot be had or used: {error}", again=True
            )
        try:
            finding = self._examined(subject, prepared, inputs, progress)
        except (ModelError, InputError) as error:
            return self._review(subject, Found.UNJUDGEABLE, str(error))
        if isinstance(finding, Agrees):
            return self._review(subject, Found.AGREES, "The claim is what the program gives.")
        if isinstance(finding, Fault):
            shown = shown_fault(finding, prepared)
            return replace(self._review(subject, Found.FAULT, shown.sentence), fault=shown)
        return self._review(subject, Found.WITHHELD, f"The claim is wrong. {finding.reason}", again=True)

    def _review(self, subject: Subject, found: Found, reason: str, *, again: bool = False) -> Review:
        return Review(found, reason, subject.now, again_at=subject.again_at if again else None)

    # ---- the parts ----------------------------------------------------------------------------------------------------

    def _what_the_job_is(self, subject: Subject, progress: Progress) -> tuple[Prepared, tuple[Array, ...]]:
        if subject.spec.adapter != self._judge:
            raise ModelError(f"Claims of this model are judged by {subject.spec.adapter}, not by {self._judge}.")
        progress("fetching the program", 0, 0)
        prepared = self._library.program(subject.spec)
        if prepared.run_bytes > self._max_trace_bytes:
            raise ModelError(
                f"One run holds {format_size(prepared.run_bytes)}, and {format_size(self._max_trace_bytes)} is the bound.",
                remedy="Allow for more with TALLYSTICK_CHALLENGER_MAX_TRACE_BYTES.",
            )
        progress("fetching the input", 0, 0)
        return prepared, self._gatherer.inputs(subject.job, subject.ref, prepared.program)

    def _examined(self, subject: Subject, prepared: Prepared, inputs: tuple[Array, ...], progress: Progress) -> Finding:
        program, claim, watch = prepared.program, roots_of(subject.ref), self._watch(prepared, progress)
        progress("fetching the trace's roots", 0, 0)
        try:
            pieces = self._gatherer.pieces(subject.claim.result_manifest, subject.ref, program)
        except ArtifactError as error:
            own = {"plan": prepared.plan, "commitment": prepared.commitment, "watch": watch}
            finding = examine(program, inputs, claim, None, **own)  # type: ignore[arg-type]  # by name
            return finding if isinstance(finding, Agrees | Fault) else replace(finding, reason=error.what)
        return examine_by_roots(
            program,
            inputs,
            claim,
            pieces.roots,
            pieces.tensor,
            plan=prepared.plan,
            commitment=prepared.commitment,
            watch=watch,
        )

    def _watch(self, prepared: Prepared, progress: Progress) -> Callable[[int], None]:
        ends, steps = time.monotonic() + self._look_seconds, len(prepared.program.steps)

        def watch(step: int) -> None:
            progress("recomputing", step, steps)
            if time.monotonic() > ends:
                raise ModelError(
                    f"Recomputing it takes longer than {self._look_seconds:g} s: step {step} of {steps} was reached.",
                    remedy="Allow for more with TALLYSTICK_CHALLENGER_LOOK_SECONDS.",
                )

        return watch

    # ---- a withheld trace ---------------------------------------------------------------------------------------------

    def question(
        self, subject: Subject, answers: Sequence[tuple[DemandPoint, bytes]], progress: Progress
    ) -> Question | ShownFault:
        """What to ask next about a claim whose trace is withheld, or what the answers so far show.

        Args:
            answers: In the order in which they were given, whoever asked.

        Raises:
            ArtifactError, InputError: the job's own part cannot be had any more.
            WitnessError: nothing that is known differs.
        """
        with self._turn:
            trace = self._held.get(subject.key) or self._withheld(subject, progress)
            self._held[subject.key] = trace
            while len(self._held) > HELD_TRACES:
                self._held.popitem(last=False)
            found = trace.after(answers)
        return shown_fault(found, trace.prepared) if isinstance(found, Fault) else found

    def _withheld(self, subject: Subject, progress: Progress) -> WithheldTrace:
        prepared, inputs = self._what_the_job_is(subject, progress)
        progress("recomputing", 0, len(prepared.program.steps))
        own = HeldTrace(run(prepared.program, inputs, plan=prepared.plan), prepared.commitment)
        return WithheldTrace(prepared, roots_of(subject.ref), own, self._roots(subject, prepared))

    def _roots(self, subject: Subject, prepared: Prepared) -> tuple[bytes, ...] | None:
        try:
            pieces: PublishedPieces = self._gatherer.pieces(
                subject.claim.result_manifest, subject.ref, prepared.program
            )
        except ArtifactError:
            return None
        return pieces.roots

    def forget(self, key: CaseKey) -> None:
        """A claim that is over needs no trace any more."""
        self._held.pop(key, None)


def roots_of(ref: ClaimRef) -> Claim:
    return Claim(raw(ref.trace_root), raw(ref.output_root), raw(ref.input_root))


def shown_fault(fault: Fault, prepared: Prepared) -> ShownFault:
    step = prepared.program.steps[fault.step]
    return ShownFault(
        kind=fault.kind,
        step=fault.step,
        name=step.name or step.opcode.name,
        element=fault.element,
        computed=fault.computed,
        claimed=fault.claimed,
        gas=fault.gas,
        witness=fault.packed,
    )
