"""Runs one staged operator on whole arrays: builds its program, has it validated, executes it."""

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run
from tallystick.engine.program import header_of
from tallystick.engine.validate import validate


def program_of(make, *arrays):
    """The program whose inputs are like `arrays`, and whose result is `make(builder, *inputs)`. Invalid programs raise."""
    builder = ProgramBuilder()
    inputs = [builder.input(header_of(array), f"input{place}") for place, array in enumerate(arrays)]
    program = builder.build(make(builder, *inputs))
    validate(program)
    return program


def result_of(make, *arrays):
    """What `make(builder, *inputs)` computes of the arrays."""
    program = program_of(make, *arrays)
    return run(program, arrays, trace=False).output
