"""What a program is named by: the hashes of its steps and constants, and of all of it."""

from __future__ import annotations

import dataclasses

from tallystick.engine.preimages import ProgramPreimage, step_hash
from tallystick.engine.program import Array, Program, header_of, to_bytes
from tallystick.engine.trace import list_root
from tallystick.engine.tree import byte_root, tensor_root


@dataclasses.dataclass(frozen=True)
class ProgramCommitment:
    """The hashes of one program, 32 bytes each.

    Attributes:
        steps_root: Over the step hashes.
        constants_root: Over the constants' tensor roots.
        constant_roots: One for each constant.
        step_hashes: One for each step.
        program_hash: Of all.
    """

    steps_root: bytes
    constants_root: bytes
    constant_roots: tuple[bytes, ...]
    step_hashes: tuple[bytes, ...]
    program_hash: bytes


def array_root(array: Array) -> bytes:
    """The tensor root of one array of dtype uint8, int8 or int32."""
    return tensor_root(header_of(array).encode(), byte_root(to_bytes(array)))


def program_preimage(program: Program, commitment: ProgramCommitment) -> ProgramPreimage:
    """What the program's hash is of, from its commitment."""
    return ProgramPreimage(
        n_steps=len(program.steps),
        steps_root=commitment.steps_root,
        n_constants=len(program.constants),
        constants_root=commitment.constants_root,
        inputs=program.inputs,
        output=program.output,
    )


def program_commitment(program: Program) -> ProgramCommitment:
    """Hashes every constant, so whoever needs it twice keeps it."""
    step_hashes = tuple(step_hash(step.encode()) for step in program.steps)
    constant_roots = tuple(array_root(constant) for constant in program.constants)
    preimage = ProgramPreimage(
        n_steps=len(step_hashes),
        steps_root=list_root(step_hashes),
        n_constants=len(constant_roots),
        constants_root=list_root(constant_roots),
        inputs=program.inputs,
        output=program.output,
    )
    return ProgramCommitment(preimage.steps_root, preimage.constants_root, constant_roots, step_hashes, preimage.hash)
