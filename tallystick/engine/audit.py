"""A light look at a claim: random elements, each checked by its witness.

It catches carelessness and wholesale cheating. One wrong element among millions it will not find; that takes running the
program.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Callable, Sequence

from tallystick.engine.program import Program
from tallystick.engine.witness import Verdict, Witness, verify
from tallystick.errors import InputError, WitnessError
from tallystick.hashing import sha256

OpenElement = Callable[[int, int], Witness]
"""`(step, element) -> witness`, from whoever holds the trace."""


@dataclasses.dataclass(frozen=True)
class ClaimRoots:
    """What a claim commits to, 32 bytes each."""

    program_hash: bytes
    trace_root: bytes
    input_root: bytes


@dataclasses.dataclass(frozen=True)
class Finding:
    """A drawn element that was not shown to be right.

    Attributes:
        step, element: Which.
        verdict: What its witness shows; None where it proves nothing, `refusal` saying why.
        refusal: What the witness lacks.
    """

    step: int
    element: int
    verdict: Verdict | None
    refusal: str = ""


@dataclasses.dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        drawn: Elements that were looked at, with repetition.
        population: Elements of all steps.
        findings: Those that were not shown to be right.
    """

    drawn: int
    population: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        return not self.findings

    def confidence(self, fraction: float) -> float:
        """The probability that this audit meets a wrong element, where a `fraction` (0..1) of all is wrong: `1 - (1 - f)^n`.

        Of one wrong element it says next to nothing: with 1,000 draws from a million elements, 0.1 %.
        """
        return 1.0 - (1.0 - fraction) ** self.drawn


def draws(seed: bytes, count: int, population: int) -> list[int]:
    """`count` numbers below `population`, with repetition: `H(seed | k as 8 bytes)` modulo it.

    The claim must be committed to before the seed is known to whoever made it.
    """
    return [int.from_bytes(sha256(seed, k.to_bytes(8, "big")), "big") % population for k in range(count)]


def _place(ends: Sequence[int], number: int) -> tuple[int, int]:
    step = bisect.bisect_right(ends, number)
    return step, number - (ends[step - 1] if step else 0)


def _look(roots: ClaimRoots, open_element: OpenElement, step: int, index: int) -> Finding | None:
    try:
        witness = open_element(step, index)
        if (witness.step_index, witness.element) != (step, index):
            return Finding(step, index, None, "Another element was shown.")
        verdict = verify(witness, **dataclasses.asdict(roots))
    except WitnessError as error:
        return Finding(step, index, None, str(error))
    return None if verdict.agrees else Finding(step, index, verdict)


def audit(program: Program, roots: ClaimRoots, open_element: OpenElement, *, count: int, seed: bytes) -> AuditReport:
    """Check `count` random elements of a claim, each as likely as any other of all steps.

    Args:
        program: That `roots.program_hash` is of.
        roots: Of the claim.
        open_element: May raise WitnessError where it has no witness, which is a finding like any other.
        count: At least 1.
        seed: Unpredictable when the claim was made.

    Raises:
        InputError: `count` is below 1.
    """
    if count < 1:
        raise InputError(f"An audit draws at least one element, not {count}.")
    ends = list(itertools.accumulate(step.header.size for step in program.steps))
    places = [_place(ends, number) for number in draws(seed, count, ends[-1])]
    found = [_look(roots, open_element, step, index) for step, index in places]
    return AuditReport(count, ends[-1], tuple(finding for finding in found if finding))
