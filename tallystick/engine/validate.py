"""Whether a program is total and provable: every element of every step has a value, and a transaction can show a wrong one.

Nothing here runs the program. A valid program has operands that come before their readers, headers that follow from its rules,
multipliers that single precision multiplies alike everywhere, sums that 32 bits hold, and steps whose witness fits a transaction.
The time is bounded for any program of any number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.engine.constant_facts import LARGEST_MULTIPLIER, SMALLEST_MULTIPLIER, ConstantFacts
from tallystick.engine.costs import check_cost, step_cost
from tallystick.engine.opcodes import ConvAttributes, MatMulAttributes, Opcode
from tallystick.engine.program import MAX_STEP_INPUTS, MAX_STEPS, Program, Ref, RefKind, Step
from tallystick.engine.ranges import Ranges
from tallystick.engine.step_rules import check_step, constant_operands
from tallystick.engine.sums import MAX_SUM, sums_of
from tallystick.errors import ModelError

MAX_INPUTS = 64
MAX_OPERANDS = 1 << 19
"""Of all steps together: eight each, if there are as many steps as there can be."""
MAX_CONSTANTS = 1 << 17
MAX_CONSTANT_BYTES = 4 << 30
MAX_TRACE_BYTES = 8 << 30
"""Of all steps' outputs for one input: what an executor keeps until its claim is final."""
MAX_WORK = 1 << 42
"""Terms of all elements of all steps: about an hour of one fast machine, so that every challenger can recompute it in time."""

_AGAIN = "Compile the model again; the compiler makes no such program."
_SMALLER = "Use a smaller model or smaller inputs, or split the model into several."


def validate(program: Program) -> None:
    """Raises ModelError for a program that is not total and provable: which step, what about it, what to do."""
    _check_counts(program)
    facts = ConstantFacts(program)
    ranges = Ranges(program, facts)
    trace_bytes = work = 0
    for index, step in enumerate(program.steps):
        with _naming(index, step):
            _check_operands(program, index, step)
            check_step(step, program.operand_headers(step))
            _check_multipliers(step, facts)
            cost = step_cost(program, index)
            check_cost(cost)
            trace_bytes += step.header.byte_size
            work += cost.terms * step.header.size
            _check_totals(trace_bytes, work)
            _check_sums(program, step, facts, ranges)


@contextmanager
def _naming(index: int, step: Step) -> Iterator[None]:
    """Puts the step in front of what is wrong with it."""
    try:
        yield
    except ModelError as error:
        name = f" of {step.name!r}" if step.name else ""
        where = f"Step {index} ({step.opcode.name}{name})"
        raise ModelError(f"{where}: {error.what}", remedy=error.remedy or _AGAIN) from error


# ---- the whole --------------------------------------------------------------------------------------------------------


def _check_counts(program: Program) -> None:
    counts = (
        ("inputs", len(program.inputs), MAX_INPUTS),
        ("steps", len(program.steps), MAX_STEPS),
        ("operands", sum(len(step.operands) for step in program.steps), MAX_OPERANDS),
        ("constants", len(program.constants), MAX_CONSTANTS),
        ("bytes of constants", sum(header.byte_size for header in program.constant_headers), MAX_CONSTANT_BYTES),
        ("bytes of inputs", sum(header.byte_size for header in program.inputs), MAX_TRACE_BYTES),
    )
    for name, count, most in counts:
        if count > most:
            raise ModelError(f"The program has {count:,} {name}, over the bound of {most:,}.", remedy=_SMALLER)
    if not program.steps:
        raise ModelError("The program has no steps.", remedy=_AGAIN)
    if not 0 <= program.output < len(program.steps):
        raise ModelError(
            f"The program's output is step {program.output}, and it has {len(program.steps)} steps.", remedy=_AGAIN
        )
    if program.input_names and len(program.input_names) != len(program.inputs):
        raise ModelError(
            f"The program has {len(program.inputs)} inputs and {len(program.input_names)} names for them.",
            remedy=_AGAIN,
        )


def _check_totals(trace_bytes: int, work: int) -> None:
    if trace_bytes > MAX_TRACE_BYTES:
        raise ModelError(f"the trace up to here has {trace_bytes:,} bytes, over {MAX_TRACE_BYTES:,}.", remedy=_SMALLER)
    if work > MAX_WORK:
        raise ModelError(f"the steps up to here add up {work:,} terms, over {MAX_WORK:,}.", remedy=_SMALLER)


# ---- one step ---------------------------------------------------------------------------------------------------------


def _check_operands(program: Program, index: int, step: Step) -> None:
    if len(step.operands) > MAX_STEP_INPUTS:
        raise ModelError(
            f"it has {len(step.operands)} operands, over {MAX_STEP_INPUTS}.", remedy="Join them in several steps."
        )
    counts = {RefKind.INPUT: len(program.inputs), RefKind.CONSTANT: len(program.constants), RefKind.STEP: index}
    for place, ref in enumerate(step.operands):
        if not 0 <= ref.index < counts[ref.kind]:
            there = "earlier steps" if ref.kind is RefKind.STEP else f"{ref.kind.name.lower()}s"
            raise ModelError(f"its operand {place} is {ref}, and there are {counts[ref.kind]} {there}.")
    for place in constant_operands(step):
        if place < len(step.operands) and step.operands[place].kind is not RefKind.CONSTANT:
            raise ModelError(
                f"its operand {place} is {step.operands[place]}, and must be a constant, so that its effect can be bounded.",
                remedy="Make it a constant of the model, or express the operator by Arith steps.",
            )


def _check_multipliers(step: Step, facts: ConstantFacts) -> None:
    """Multipliers are finite, above zero and normal: machines differ in what they make of smaller ones."""
    found = _multipliers(step)
    if found is None:
        return
    ref, column = found
    for bits in facts.extent(ref.index, column):
        if not SMALLEST_MULTIPLIER <= bits <= LARGEST_MULTIPLIER:
            raise ModelError(
                f"a multiplier in {ref} has the bits {bits & 0xFFFFFFFF:#010x}, which is no finite normal number above zero.",
                remedy="Quantise the model again with data that varies; a scale is out of proportion to the others.",
            )


def _multipliers(step: Step) -> tuple[Ref, int | None] | None:
    """The constant that holds a step's multipliers, and the column where they are not all of it."""
    attributes = step.attributes
    if isinstance(attributes, ConvAttributes | MatMulAttributes):
        return (step.operands[2], 1) if attributes.requantize else None
    places = constant_operands(step) if step.opcode in (Opcode.POOL_SUM, Opcode.ARITH) else ()
    return (step.operands[places[0]], None) if places else None


def _check_sums(program: Program, step: Step, facts: ConstantFacts, ranges: Ranges) -> None:
    sums = sums_of(program, step, facts, ranges)
    if sums is not None and sums.size > MAX_SUM:
        raise ModelError(
            f"its sums can reach {sums.size:,}, over 2^31 - 1.",
            remedy="Sum in parts and requantise between them, or quantise with smaller weights.",
        )
    ranges.add(step, sums)
