"""Whether a whole tensor of a claim is what its step makes of its operands, from roots alone: not a byte of it is needed.

For small steps whose claimed tensor nobody was shown. The witness opens the operands entirely; whoever checks it computes every element
and compares roots, so that it makes no difference in what the claimed tensor differs: elements, header or padding.
"""

from __future__ import annotations

import numpy as np

from tallystick.engine.commitments import array_root
from tallystick.engine.fold import verify_range
from tallystick.engine.headers import TensorHeader
from tallystick.engine.program import NUMPY_DTYPES, Array
from tallystick.engine.witness import ShownOperands, Witness, shown_program, shown_step
from tallystick.errors import WitnessError


def differs_whole(
    witness: Witness, claimed: bytes, *, program_hash: bytes, trace_root: bytes, input_root: bytes
) -> bool:
    """Whether the step's tensor is another than the claimed one.

    Args:
        witness: From anybody, with all leaves of all operands. Of its output only the path counts; its element does not.
        claimed: The tensor root that the trace has there.
        program_hash, trace_root, input_root: As `verify` takes them.

    Raises:
        WitnessError: it proves nothing; the reasons are those of `verify`.
    """
    program = shown_program(witness.program, program_hash)
    step = shown_step(witness, program)
    if not verify_range(trace_root, program.n_steps, witness.step_index, [claimed], witness.output.path):
        raise WitnessError("Output", f"That is not the root of tensor {witness.step_index} of the trace.")
    shown = ShownOperands.of(witness, program, step, trace_root, input_root)
    values = [shown.element(index) for index in range(step.header.size)]
    return array_root(_array(values, step.header)) != claimed


def _array(values: list[int], header: TensorHeader) -> Array:
    return np.array(values, NUMPY_DTYPES[header.dtype]).reshape(header.dims)
