"""onnxruntime's integer kernels behind the seam: a program becomes one graph, or a few with kernels of ours between them.

A step goes to onnxruntime only where its operator is known to give the contract's bits; what that rests on is said where the
operator is written (`onnxruntime_dots`, `onnxruntime_tables`, `onnxruntime_maps`) and tested by `engine.conformance` on the machine
that is to use it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from tallystick.engine.backends.linear_tables import TwoScales
from tallystick.engine.backends.onnxruntime_dots import Emit, Signed, adds_rows, emit_conv, emit_matmul, emit_pool_sum
from tallystick.engine.backends.onnxruntime_graph import GraphWriter, Session, open_session
from tallystick.engine.backends.onnxruntime_maps import emit_concat, emit_max_pool, emit_reshape, emit_view
from tallystick.engine.backends.onnxruntime_probe import signed_weights
from tallystick.engine.backends.onnxruntime_tables import emit_lookup, emit_lookup2, matching_operator
from tallystick.engine.backends.segments import Segment, segments
from tallystick.engine.kernels import How, Kernel, prepare_step
from tallystick.engine.kernels.site import Site
from tallystick.engine.opcodes import Opcode
from tallystick.engine.program import Array, Program, Ref, RefKind

MATCHES_KEPT = 256


@dataclasses.dataclass(frozen=True)
class _Placed:
    """A step that onnxruntime can run: how, and the operands that its nodes take."""

    emit: Emit
    operands: tuple[Ref, ...]


class OnnxRuntimePlan:
    """A program and the sessions for it, made when they are first wanted: for the output alone, and for every step."""

    def __init__(self, program: Program, placed: dict[int, _Placed], threads: int) -> None:
        self._program = program
        self._placed = placed
        self._threads = threads
        self._how = How(threads=max(threads, 1))
        self._kernels: dict[int, Kernel] = {}
        self._schedules: dict[bool, list[Session | int]] = {}

    def run(self, inputs: Sequence[Array], *, keep: bool) -> list[Array | None]:
        """See `Plan.run`."""
        if keep not in self._schedules:
            self._schedules[keep] = self._schedule(keep)
        batch = len(inputs[0]) if inputs else 1
        values: dict[Ref, Array] = {
            Ref(RefKind.INPUT, k): np.ascontiguousarray(array) for k, array in enumerate(inputs)
        }
        for part in self._schedules[keep]:
            if isinstance(part, Session):
                part.run(values, batch)
            else:
                self._run_kernel(part, values, batch)
        steps = range(len(self._program.steps))
        wanted = steps if keep else (self._program.output,)
        outputs: list[Array | None] = [None for _ in steps]
        for index in wanted:
            outputs[index] = values[Ref(RefKind.STEP, index)]
        return outputs

    def left_to_kernels(self, *, keep: bool) -> list[int]:
        """Steps that do not run in onnxruntime."""
        return [step for segment in self._segments(keep) if not segment.fast for step in segment.steps]

    # ---- the schedule -------------------------------------------------------------------------------------------------

    def _operands(self, index: int) -> tuple[Ref, ...]:
        placed = self._placed.get(index)
        return self._program.steps[index].operands if placed is None else placed.operands

    def _segments(self, keep: bool) -> list[Segment]:
        wanted = set(range(len(self._program.steps))) if keep else self._needed()
        reads = {
            index: [ref.index for ref in self._operands(index) if ref.kind is RefKind.STEP] for index in sorted(wanted)
        }
        weighty = frozenset(index for index in wanted if self._program.steps[index].opcode in _WEIGHTY)
        schedule, fast = segments(reads, frozenset(self._placed) & wanted, weighty)
        for index in set(self._placed) & wanted - fast:
            # A kernel reads the operands that its step names, so these have to be there.
            if self._placed[index].operands != _activations(self._program, index):
                del self._placed[index]
                return self._segments(keep)
        return schedule

    def _needed(self) -> set[int]:
        needed, open_ = {self._program.output}, [self._program.output]
        while open_:
            for ref in self._operands(open_.pop()):
                if ref.kind is RefKind.STEP and ref.index not in needed:
                    needed.add(ref.index)
                    open_.append(ref.index)
        return needed

    def _schedule(self, keep: bool) -> list[Session | int]:
        schedule = self._segments(keep)
        wanted = {self._program.output} if not keep else set(range(len(self._program.steps)))
        parts: list[Session | int] = []
        for k, segment in enumerate(schedule):
            if segment.fast:
                later = {
                    ref.index
                    for other in schedule[k + 1 :]
                    for step in other.steps
                    for ref in (self._operands(step) if other.fast else self._program.steps[step].operands)
                    if ref.kind is RefKind.STEP
                }
                parts.append(self._session(segment.steps, wanted | later, alone=len(schedule) == 1))
            else:
                parts.extend(segment.steps)
        return parts

    def _session(self, steps: Sequence[int], wanted: set[int], *, alone: bool) -> Session:
        writer = GraphWriter()
        names: dict[Ref, str] = {}
        inputs: dict[Ref, str] = {}
        for index in steps:
            placed = self._placed[index]
            for ref in placed.operands:
                if ref not in names:
                    inputs[ref] = names[ref] = f"in{len(inputs)}"
            names[Ref(RefKind.STEP, index)] = placed.emit(writer, [names[ref] for ref in placed.operands])
        outputs = [Ref(RefKind.STEP, index) for index in steps if index in wanted]
        headers = [(name, self._program.header(ref)) for ref, name in inputs.items()]
        model = writer.model(headers, [names[ref] for ref in outputs])
        return Session(
            open_session(model, self._threads, spinning=alone),
            tuple(inputs.items()),
            tuple((ref, names[ref], self._program.header(ref)) for ref in outputs),
        )

    # ---- kernels ------------------------------------------------------------------------------------------------------

    def _run_kernel(self, index: int, values: dict[Ref, Array], batch: int) -> None:
        step = self._program.steps[index]
        if index not in self._kernels:
            self._kernels[index] = prepare_step(self._program, step, self._how)
        operands = [
            np.broadcast_to(constant, (batch, *constant.shape))
            if ref.kind is RefKind.CONSTANT and (constant := self._program.constants[ref.index]) is not None
            else values[ref]
            for ref in step.operands
        ]
        values[Ref(RefKind.STEP, index)] = np.ascontiguousarray(self._kernels[index](operands))


_WEIGHTY = {Opcode.CONV, Opcode.MATMUL, Opcode.LOOKUP2}


def _activations(program: Program, index: int) -> tuple[Ref, ...]:
    """Operands of a step that are not constants."""
    return tuple(ref for ref in program.steps[index].operands if ref.kind is not RefKind.CONSTANT)


class OnnxRuntimeBackend:
    """onnxruntime's CPU kernels.

    Args:
        threads: For one operator; the number of processors where it is 0.
        signed: Where signed weights are exact; asked of the machine where it is not given.
    """

    name = "onnxruntime"

    def __init__(self, threads: int = 1, signed: Signed | None = None) -> None:
        self._threads = threads
        self._signed = signed_weights() if signed is None else signed
        self._match = functools.lru_cache(MATCHES_KEPT)(_match_bytes)

    def prepare(self, program: Program) -> OnnxRuntimePlan:
        """See `Backend.prepare`. Tables are matched against onnxruntime's operators, each over all of its entries."""
        placed: dict[int, _Placed] = {}
        for index in range(len(program.steps)):
            found = self._place(program, index)
            if found is not None:
                placed[index] = found
        return OnnxRuntimePlan(program, placed, self._threads)

    def _place(self, program: Program, index: int) -> _Placed | None:
        site = _site(program, index)
        if site.step.header.dims == () or any(header.dims == () for header in site.headers):
            return None
        operands = _activations(program, index)
        if site.step.opcode is Opcode.POOL_SUM:
            inner = _inner_sum(program, site)
            if inner is not None:
                emit = emit_pool_sum(site, inner)
                return None if emit is None else _Placed(emit, inner.step.operands[:1])
        emit = self._emit(site)
        return None if emit is None else _Placed(emit, operands)

    def _emit(self, site: Site) -> Emit | None:
        match site.step.opcode:
            case Opcode.CONV:
                return emit_conv(site, self._signed)
            case Opcode.MATMUL:
                return emit_matmul(site, self._signed)
            case Opcode.POOL_SUM:
                return emit_pool_sum(site, None)
            case Opcode.LOOKUP:
                return emit_lookup(site)
            case Opcode.LOOKUP2:
                return emit_lookup2(site, lambda table: self._match(table.tobytes()))
        return _MAPS[site.step.opcode](site) if site.step.opcode in _MAPS else None


_MAPS = {
    Opcode.RESHAPE: emit_reshape,
    Opcode.VIEW: emit_view,
    Opcode.CONCAT: emit_concat,
    Opcode.MAX_POOL: emit_max_pool,
}


def _match_bytes(table: bytes) -> TwoScales | None:
    return matching_operator(np.frombuffer(table, np.uint8).reshape(256, 256))


def _site(program: Program, index: int) -> Site:
    step = program.steps[index]
    constants = tuple(program.constants[ref.index] if ref.kind is RefKind.CONSTANT else None for ref in step.operands)
    return Site(step, program.operand_headers(step), constants, How())


def _inner_sum(program: Program, site: Site) -> Site | None:
    """The step that sums the rows that this one adds up."""
    ref = site.step.operands[0]
    if ref.kind is not RefKind.STEP or program.steps[ref.index].opcode is not Opcode.POOL_SUM:
        return None
    inner = _site(program, ref.index)
    return inner if inner.step.operands[0].kind is not RefKind.CONSTANT and adds_rows(site, inner) else None
