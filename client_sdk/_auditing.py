"""Looks at claims of programs: at random elements by their witnesses, or at everything by computing it again. Needs the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from client_sdk._audit import AuditFinding, FindingKind
from client_sdk._claimed import ClaimedMilestone, ClaimedTrace
from client_sdk._programs import HeldProgram
from tallystick.dispute.findings import Fault, Finding, Withheld
from tallystick.dispute.packing import FaultKind
from tallystick.dispute.published import PublishedTensor
from tallystick.dispute.search import examine, examine_by_roots
from tallystick.engine.audit import ClaimRoots, audit
from tallystick.engine.audit import Finding as Drawn
from tallystick.engine.opener import Opener
from tallystick.engine.program import Array, RefKind
from tallystick.engine.trace import Trace
from tallystick.engine.witness import Witness
from tallystick.errors import (
    ArtifactCorruptError,
    ArtifactMissingError,
    ArtifactTooLargeError,
    StoreUnavailableError,
    WitnessError,
)
from tallystick.storage.store import Store

_KINDS: dict[FaultKind, FindingKind] = {
    FaultKind.ELEMENT: "element",
    FaultKind.OUTPUT: "output",
    FaultKind.HEADER: "header",
    FaultKind.PADDING: "padding",
    FaultKind.WHOLE: "whole",
}

_WITHHELD = (ArtifactMissingError, ArtifactCorruptError, ArtifactTooLargeError)
"""Of what a claimer should have published. A store that does not answer says nothing about it."""


def look(store: Store, held: HeldProgram, claimed: ClaimedMilestone, *, count: int, seed: bytes) -> list[AuditFinding]:
    """What `count` elements drawn at random show, each as likely as any other; see `engine.audit`.

    Raises:
        InputError: `count` is below 1.
    """
    try:
        trace = ClaimedTrace(store, held, claimed)
    except _WITHHELD as error:
        return [AuditFinding("withheld", None, error.what)]
    claim, output = claimed.claim, held.program.output
    if trace.roots[output] != claim.output_root:
        return [AuditFinding("output", output, "The claimed output is not the one that the claim's own trace has.")]
    roots = ClaimRoots(held.commitment.program_hash, claim.trace_root, claim.input_root)
    opening = _Opening(held, claimed, trace)
    report = audit(held.program, roots, opening.witness, count=count, seed=seed)
    drawn = [_of_element(one) for one in report.findings if one.verdict is not None]
    unique = {(one.step, one.element): one for one in drawn}
    return [*opening.findings.values(), *unique.values()]


def _of_element(drawn: Drawn) -> AuditFinding:
    computed = drawn.verdict.computed if drawn.verdict else None
    claimed = drawn.verdict.claimed if drawn.verdict else None
    text = f"Element {drawn.element} of step {drawn.step} is {claimed}, and should be {computed}."
    return AuditFinding("element", drawn.step, text, drawn.element, computed, claimed)


@dataclass
class _Opening:
    """Opens elements from what was published. What cannot be opened at all is a finding of its step."""

    held: HeldProgram
    claimed: ClaimedMilestone
    trace: ClaimedTrace
    findings: dict[int, AuditFinding] = field(default_factory=dict)
    _openers: dict[int, Opener] = field(default_factory=dict)

    def witness(self, step: int, element: int) -> Witness:
        """Raises WitnessError where a tensor that the element needs cannot be opened."""
        if step not in self._openers:
            self._openers[step] = self._opener(step)
        return self._openers[step].witness(step, element)

    def _opener(self, step: int) -> Opener:
        program = self.held.program
        needed = {ref.index for ref in program.steps[step].operands if ref.kind is RefKind.STEP} | {step}
        arrays = {index: self._array(index) for index in sorted(needed)}
        tensors = tuple(arrays.get(index) for index in range(len(program.steps)))
        return Opener(Trace(program, self.claimed.inputs, tensors), self.held.commitment, self.trace.roots)

    def _array(self, step: int) -> Array:
        header = self.held.program.steps[step].header
        try:
            tensor = self.trace.tensor(step)
        except _WITHHELD as error:
            raise self._found(step, "withheld", error.what) from error
        if tensor.header != header.encode():
            raise self._found(step, "header", f"The tensor of step {step} has another header than the program's.")
        if not tensor.can_be_opened(header):
            raise self._found(step, "withheld", f"The tensor of step {step} has no leaves where a tensor has them.")
        if tensor.is_padded_wrongly(header):
            raise self._found(step, "padding", f"There is something behind the last byte of step {step}'s tensor.")
        return tensor.array(header)

    def _found(self, step: int, kind: FindingKind, text: str) -> WitnessError:
        self.findings[step] = AuditFinding(kind, step, text)
        return WitnessError("Missing", text)


def recompute(store: Store, held: HeldProgram, claimed: ClaimedMilestone) -> list[AuditFinding]:
    """What computing everything again shows; see `dispute.search`. Of the trace only what differs is fetched.

    Raises:
        StoreUnavailableError: what would tell a fault from a trace that is withheld cannot be asked for.
    """
    program, claim = held.program, claimed.claim
    try:
        trace = ClaimedTrace(store, held, claimed)
    except _WITHHELD:
        return _of_finding(examine(program, claimed.inputs, claim, commitment=held.commitment))
    away: list[StoreUnavailableError] = []

    def fetch(step: int) -> PublishedTensor:
        try:
            return trace.tensor(step)
        except StoreUnavailableError as error:
            away.append(error)
            raise

    found = examine_by_roots(program, claimed.inputs, claim, trace.roots, fetch, commitment=held.commitment)
    if away and isinstance(found, Withheld):
        raise away[0]
    return _of_finding(found)


def _of_finding(found: Finding) -> list[AuditFinding]:
    match found:
        case Fault():
            return [_of_fault(found)]
        case Withheld():
            return [AuditFinding("withheld", found.step, found.reason)]
    return []


def _of_fault(fault: Fault) -> AuditFinding:
    kind = _KINDS[fault.kind]
    text = {
        "element": f"Element {fault.element} of step {fault.step} is {fault.claimed}, and should be {fault.computed}.",
        "output": "The claimed output is not the one that the claim's own trace has.",
        "header": f"The tensor of step {fault.step} has another header than the program's.",
        "padding": f"There is something behind the last byte of step {fault.step}'s tensor.",
        "whole": f"The tensor of step {fault.step} is not what the step makes of its operands.",
    }[kind]
    return AuditFinding(kind, fault.step, text, fault.element, fault.computed, fault.claimed)
