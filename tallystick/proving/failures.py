"""From the prover's words to this project's errors: which step failed, on what, and what to do about it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

from tallystick.errors import (
    ModelError,
    ProofRejectedError,
    ProverFailedError,
    ProverMemoryError,
    TallystickError,
    TensorError,
)

_SHOWN = 400
_MAKING = frozenset({"settings", "calibrate", "compile", "setup"})
_RUNNING = frozenset({"witness", "mock", "calibrate"})

_RANGE_REMEDY = "Rescale the input, or register the model again with calibration data that covers it."


def _unsupported(found: re.Match[str]) -> TallystickError:
    name, operator = found.groups()
    return ModelError(
        f'The node "{name}" uses the operator {operator}, which the prover does not support.',
        remedy="Export the model without it, for example with the operator's parts written out.",
    )


def _missing_parameter(found: re.Match[str]) -> TallystickError:
    return ModelError(
        f"A node lacks the attribute {found[1]!r}, for which the prover assumes no default.",
        remedy="Write it out when exporting; a Conv, for example, needs strides=[1,1] and dilations=[1,1].",
    )


def _reshape(found: re.Match[str]) -> TallystickError:
    return TensorError(
        f"The input has {found[1]} values where the model takes the shape {found[2]}.",
        remedy="Give one value for every element of the model's input.",
    )


def _out_of_range(_: re.Match[str]) -> TallystickError:
    return TensorError("A value leaves the range that the circuit was made for.", remedy=_RANGE_REMEDY)


def _calibration_too_wide(_: re.Match[str]) -> TallystickError:
    return TensorError(
        "The calibration data leads to values that no circuit of this kind can hold.",
        remedy="Scale the model's inputs, for example to -1..1, and train it on those.",
    )


_Rule = tuple[frozenset[str] | None, re.Pattern[str], Callable[[re.Match[str]], TallystickError]]

_RULES: tuple[_Rule, ...] = (
    (None, re.compile(r'Translating node #\d+ "([^"]*)" Unimplemented\(([^)]*)\)'), _unsupported),
    (None, re.compile(r"missing required params: ([\w, ]+)"), _missing_parameter),
    (_RUNNING, re.compile(r"Cannot reshape tensor of length (\d+) to (\[[^\]]*\])"), _reshape),
    (_RUNNING, re.compile(r"General synthesis error"), _out_of_range),
    (_RUNNING, re.compile(r"could not find any suitable parameters"), _calibration_too_wide),
)


def explain(step: str, kind: str, message: str) -> TallystickError:
    """The error for a step that answered.

    Args:
        kind: `error`, `panic`, `missing` (the library is not installed) or `memory`.
        message: The library's own words.
    """
    if kind == "missing":
        return ProverFailedError(
            f"EZKL cannot be loaded: {message}.", remedy="Install it: pip install 'tallystick[proving]'."
        )
    if kind == "memory":
        return _memory(step)
    for steps, pattern, build in _RULES:
        found = pattern.search(message)
        if found and (steps is None or step in steps):
            return build(found)
    return _explain_by_step(step, kind, message)


def _explain_by_step(step: str, kind: str, message: str) -> TallystickError:
    """For words that no rule knows: what a failure of this step means."""
    shown = " ".join(message.split())[:_SHOWN]
    if step == "mock":
        return TensorError(
            f"The circuit's constraints do not hold for this input ({shown}): a value leaves the range it was made for.",
            remedy=_RANGE_REMEDY,
        )
    if step == "verify":
        return ProofRejectedError(f"The proof does not verify: {shown}.")
    if step in _MAKING and "tract" in message:
        return ModelError(
            f"The prover cannot read the model: {shown}",
            remedy="Check it with onnx.checker and export it again with fixed shapes.",
        )
    verb = "crashed" if kind == "panic" else "failed"
    return ProverFailedError(f"The prover {verb} in step {step!r}: {shown}")


def explain_death(step: str, code: int, noise: str) -> TallystickError:
    """The error for a child that ended without an answer.

    Args:
        code: As `subprocess` gives it: negative for a signal.
        noise: The end of what it wrote to stderr.
    """
    if code == -signal.SIGKILL or "memory allocation of" in noise:
        return _memory(step)
    end = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    shown = " ".join(noise.split())[-_SHOWN:]
    return ProverFailedError(f"The prover ended in step {step!r} with {end} and no answer. It last wrote: {shown!r}")


def _memory(step: str) -> TallystickError:
    return ProverMemoryError(
        f"The prover's step {step!r} was ended by the system, as happens when memory runs out.",
        remedy="Use a machine with more memory, or a smaller model or batch.",
    )
