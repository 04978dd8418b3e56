"""The self-test must let a right backend through and stop a wrong one, however it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.conformance import Case, ConformanceReport, conformance
from tallystick.engine.conformance.catalogue import CATALOGUE, Make
from tallystick.engine.conformance.dots import convolutions, pool_sums, products
from tallystick.engine.conformance.halves import products_at_halves
from tallystick.engine.conformance.networks import residual_network
from tallystick.engine.conformance.shapes import maps, windows
from tallystick.engine.conformance.tables import pair_lookups
from tallystick.engine.opcodes import DType, Opcode
from tallystick.engine.program import NUMPY_DTYPES, Array, Program, RefKind, Step
from tallystick.engine.validate import validate

U8, I8, I32 = DType.U8, DType.I8, DType.I32
Change = Callable[[Program, Step, list[Array], Array], Array]


class ChangedBackend:
    """The reference with one thing about it changed: `change` gives the output of each step, knowing the right one."""

    name = "changed"

    def __init__(self, change: Change) -> None:
        self.change = change

    def prepare(self, program: Program) -> ChangedBackend:
        self.program, self.plan = program, NumpyBackend().prepare(program)
        return self

    def run(self, inputs: Sequence[Array], *, keep: bool) -> list[Array | None]:
        right = self.plan.run(inputs, keep=True)
        sources: dict[RefKind, Any] = {
            RefKind.INPUT: inputs,
            RefKind.CONSTANT: self.program.constants,
            RefKind.STEP: right,
        }
        outputs: list[Array | None] = []
        for step, output in zip(self.program.steps, right, strict=True):
            assert output is not None
            operands = [sources[ref.kind][ref.index] for ref in step.operands]
            outputs.append(self.change(self.program, step, operands, output))
        return [output if keep or k == self.program.output else None for k, output in enumerate(outputs)]


def judge(change: Change, *catalogue: Make) -> ConformanceReport:
    return conformance(ChangedBackend(change), catalogue=catalogue)


def flat_product(program: Program, step: Step) -> bool:
    """A product of [M, K] by constant [N, K]: what the changes below can recompute in a line."""
    return step.opcode is Opcode.MATMUL and len(step.header.dims) == 2 and step.operands[1].kind is RefKind.CONSTANT


def requantised(step: Step, acc: Array, params: Array, rounded: Callable[[Array], Array]) -> Array:
    zero = step.attributes.zero_y  # type: ignore[attr-defined]
    with np.errstate(over="ignore"):
        product = acc.astype(np.float32) * np.ascontiguousarray(params[:, 1]).view(np.float32)
    held = np.clip(rounded(product).astype(np.float64) + zero, step.header.dtype.low, step.header.dtype.high)
    return held.astype(NUMPY_DTYPES[step.header.dtype])


def exact_sums(step: Step, operands: list[Array]) -> Array:
    a, b, params = operands
    zeros = step.attributes.to_ints()
    return (a.astype(np.int64) - zeros[0]) @ (b.astype(np.int64) - zeros[1]).T + params[:, 0]


def unchanged(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
    return output


def recomputed(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
    if not flat_product(program, step):
        return output
    return requantised(step, exact_sums(step, operands), operands[2], np.rint)


def rounding_half_up(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
    if not flat_product(program, step):
        return output
    return requantised(step, exact_sums(step, operands), operands[2], lambda v: np.floor(v + np.float32(0.5)))


def rounding_in_double_precision(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
    if not flat_product(program, step):
        return output
    params = operands[2]
    product = exact_sums(step, operands) * np.ascontiguousarray(params[:, 1]).view(np.float32).astype(np.float64)
    zero = step.attributes.to_ints()[2]
    held = np.clip(np.rint(product) + zero, step.header.dtype.low, step.header.dtype.high)
    return held.astype(NUMPY_DTYPES[step.header.dtype])


def fusing_the_zero_point(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
    """Adds it before rounding, so that halves go to the integer that is even then."""
    if not flat_product(program, step):
        return output
    zero = np.float32(step.attributes.to_ints()[2])
    return requantised(step, exact_sums(step, operands), operands[2], lambda v: np.rint(v + zero) - zero)


def saturating_pairs(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
    """As processors without VNNI add: two products of u8 by i8 in 16 bits."""
    if not flat_product(program, step):
        return output
    a, b, params = operands
    zeros = step.attributes.to_ints()
    odd = a.shape[-1] % 2
    wide_a = np.pad(a.astype(np.int64), ((0, 0), (0, 0), (0, odd)))
    wide_b = np.pad(b.astype(np.int64), ((0, 0), (0, odd)))
    pairs = wide_a[..., None, 0::2] * wide_b[:, 0::2] + wide_a[..., None, 1::2] * wide_b[:, 1::2]
    acc = np.clip(pairs, -(2**15), 2**15 - 1).sum(axis=-1)
    acc = acc - zeros[0] * b.astype(np.int64).sum(axis=1) - zeros[1] * a.astype(np.int64).sum(axis=-1, keepdims=True)
    acc = acc + a.shape[-1] * zeros[0] * zeros[1] + params[:, 0]
    return requantised(step, acc, params, np.rint)


def last_element_lost(opcode: Opcode) -> Change:
    """As a vector loop without its tail."""

    def change(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
        if step.opcode is not opcode or step.header.size % 8 == 0:
            return output
        changed = output.copy()
        changed.reshape(len(changed), -1)[:, -1] ^= 1
        return changed

    return change


@pytest.mark.parametrize("same", [unchanged, recomputed])
def test_conformance_given_a_right_backend_passes(same: Change) -> None:
    report = judge(same, products(U8, I8, U8), residual_network(U8))

    assert report.passed
    assert (report.backend, report.cases) == ("changed", 2)


@pytest.mark.parametrize(
    ("wrong", "make"),
    [
        (rounding_half_up, products_at_halves(U8)),
        (rounding_half_up, products_at_halves(I8)),
        (rounding_in_double_precision, products_at_halves(U8)),
        (fusing_the_zero_point, products_at_halves(U8)),
        (saturating_pairs, products(U8, I8, U8)),
    ],
)
def test_conformance_given_inexact_products_fails(wrong: Change, make: Make) -> None:
    report = judge(wrong, make)

    assert not report.passed
    assert all("MATMUL" in failure.what and "elements differ" in failure.what for failure in report.failures)


@pytest.mark.parametrize(
    ("opcode", "make"),
    [
        (Opcode.CONV, convolutions(U8, I8, U8)),
        (Opcode.POOL_SUM, pool_sums(U8)),
        (Opcode.LOOKUP2, pair_lookups(U8, U8, U8)),
        (Opcode.MAX_POOL, windows(U8)),
        (Opcode.VIEW, maps(I32)),
        (Opcode.CONCAT, maps(U8)),
    ],
)
def test_conformance_given_a_lost_tail_fails(opcode: Opcode, make: Make) -> None:
    report = judge(last_element_lost(opcode), make)

    assert {failure.what.split("(")[1].split(",")[0].split(" ")[0] for failure in report.failures} >= {opcode.name}


def test_conformance_given_a_backend_that_breaks_reports_what_it_said() -> None:
    def breaking(program: Program, step: Step, operands: list[Array], output: Array) -> Array:
        raise RuntimeError("no kernel")

    [failure] = judge(breaking, maps(U8)).failures

    assert failure.case == "MAP U8"
    assert "RuntimeError: no kernel" in failure.what


@pytest.mark.parametrize(
    "wrong", [lambda output: output.astype(np.int64), lambda output: output[None]], ids=["dtype", "shape"]
)
def test_conformance_given_the_wrong_dtype_or_shape_fails(wrong: Callable[[Array], Array]) -> None:
    report = judge(lambda program, step, operands, output: wrong(output), maps(U8))

    assert "and not" in report.failures[0].what


def test_conformance_given_a_step_left_out_fails() -> None:
    class Forgetful(ChangedBackend):
        def run(self, inputs: Sequence[Array], *, keep: bool) -> list[Array | None]:
            return super().run(inputs, keep=False)

    report = conformance(Forgetful(unchanged), catalogue=[maps(U8)])

    assert report.failures
    assert all("is missing" in failure.what for failure in report.failures)


def test_conformance_given_progress_names_every_case() -> None:
    heard: list[str] = []

    conformance(NumpyBackend(), catalogue=[maps(U8), windows(I8)], progress=heard.append)

    assert heard == ["MAP U8", "MAX_POOL, ARG_MAX I8"]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [make(np.random.default_rng([0, place])) for place, make in enumerate(CATALOGUE)]


def test_catalogue_given_any_case_is_a_valid_program(cases: list[Case]) -> None:
    for case in cases:
        validate(case.program)


def test_catalogue_given_all_cases_has_every_opcode_and_dtype(cases: list[Case]) -> None:
    seen = {(step.opcode, step.header.dtype) for case in cases for step in case.program.steps}

    assert seen >= {(opcode, dtype) for opcode in Opcode for dtype in DType if opcode is not Opcode.ARG_MAX}
    assert (Opcode.ARG_MAX, I32) in seen
