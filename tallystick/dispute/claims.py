"""What an executor asserted of one milestone, as far as a dispute needs it."""

from __future__ import annotations

import dataclasses

from tallystick.engine.trace import Commitment, Trace


@dataclasses.dataclass(frozen=True)
class Claim:
    """The roots of a claim, 32 bytes each.

    Attributes:
        trace_root: Over the tensor roots of all steps.
        output_root: The tensor root of the result.
        input_root: That the milestone was to be computed from: the job's, never the claimer's word.
    """

    trace_root: bytes
    output_root: bytes
    input_root: bytes

    @classmethod
    def of(cls, commitment: Commitment) -> Claim:
        return cls(commitment.trace_root, commitment.output_root, commitment.input_root)


def honest_claim(trace: Trace, *, threads: int = 1) -> Claim:
    """The claim that stands behind a whole trace. Raises InputError where the run kept its output alone."""
    return Claim.of(trace.commit(threads=threads))
