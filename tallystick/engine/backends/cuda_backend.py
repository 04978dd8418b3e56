"""Exact integers on a GPU behind the seam, over torch; `device="cpu"` runs the same operations where there is no GPU.

Convolutions are gathered into products of matrices here, because cuDNN may choose algorithms (Winograd, FFT) that are not exact. Torch
is not a dependency of this package: only the modules `cuda_*` import it, and nobody imports them without asking for this backend.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from tallystick.engine.backends import cuda_elements as elements
from tallystick.engine.backends.cuda_dots import Products, prepare_conv, prepare_matmul, prepare_pool_sum
from tallystick.engine.backends.cuda_tensors import Run, Tensor
from tallystick.engine.kernels.site import How, Site
from tallystick.engine.opcodes import Opcode
from tallystick.engine.program import Array, Program, Ref, RefKind
from tallystick.errors import ModelError

_ELEMENTS: dict[Opcode, Callable[[Site], Run]] = {
    Opcode.POOL_SUM: prepare_pool_sum,
    Opcode.LOOKUP: elements.prepare_lookup,
    Opcode.LOOKUP2: elements.prepare_lookup2,
    Opcode.MAX_POOL: elements.prepare_max_pool,
    Opcode.ARG_MAX: elements.prepare_arg_max,
    Opcode.RESHAPE: elements.prepare_reshape,
    Opcode.VIEW: elements.prepare_view,
    Opcode.CONCAT: elements.prepare_concat,
    Opcode.GATHER: elements.prepare_gather,
    Opcode.ARITH: elements.prepare_arith,
}


class CudaPlan:
    """A program's constants on the device, and an operation for each step."""

    def __init__(self, program: Program, device: torch.device, products: Products) -> None:
        self._program = program
        self._device = device
        self._constants = [torch.from_numpy(np.array(constant)).to(device) for constant in program.constants]
        self._runs = [_prepare(_site(program, index), products) for index in range(len(program.steps))]
        self._last_uses = program.last_uses()

    def run(self, inputs: Sequence[Array], *, keep: bool) -> list[Array | None]:
        """See `Plan.run`."""
        batch = len(inputs[0]) if inputs else 1
        with torch.inference_mode(), _full_precision():
            given = [torch.from_numpy(np.array(array, order="C")).to(self._device) for array in inputs]
            outputs = self._run(given, batch, keep)
            return [None if output is None else _to_numpy(output) for output in outputs]

    def _run(self, inputs: Sequence[Tensor], batch: int, keep: bool) -> list[Tensor | None]:
        tensors: list[Tensor | None] = [None] * len(self._runs)
        places = {RefKind.INPUT: inputs, RefKind.CONSTANT: self._constants, RefKind.STEP: tensors}
        for index, (step, run) in enumerate(zip(self._program.steps, self._runs, strict=True)):
            tensor = run([places[ref.kind][ref.index] for ref in step.operands])
            # Where all operands are constants the result is the same for the whole batch.
            tensors[index] = tensor.expand(batch, *tensor.shape[1:])
            if not keep:
                self._forget(tensors, index, step.operands)
        return tensors

    def _forget(self, tensors: list[Tensor | None], index: int, operands: Sequence[Ref]) -> None:
        """Drops what nobody reads after this step."""
        for ref in (*operands, Ref(RefKind.STEP, index)):
            if ref.kind is RefKind.STEP and self._last_uses[ref.index] <= index:
                tensors[ref.index] = None


def _prepare(site: Site, products: Products) -> Run:
    match site.step.opcode:
        case Opcode.CONV:
            return prepare_conv(site, products)
        case Opcode.MATMUL:
            return prepare_matmul(site, products)
    return _ELEMENTS[site.step.opcode](site)


def _site(program: Program, index: int) -> Site:
    step = program.steps[index]
    constants = tuple(program.constants[ref.index] if ref.kind is RefKind.CONSTANT else None for ref in step.operands)
    return Site(step, program.operand_headers(step), constants, How())


def _to_numpy(tensor: Tensor) -> Array:
    """An array of its own: several steps can share one tensor's memory."""
    array: Array = np.array(tensor.cpu().numpy(), order="C")
    return array


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Single precision means 24 bits: the 11 of TF32 would round the operands."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


class CudaBackend:
    """Torch on a GPU.

    Args:
        device: As torch names it.
        products: See `Products`.

    Raises:
        ModelError: there is no such device.
    """

    name = "cuda"

    def __init__(self, device: str = "cuda", products: Products = "integer") -> None:
        self._device = torch.device(device)
        self._products: Products = products
        if self._device.type == "cuda" and not torch.cuda.is_available():
            raise ModelError("torch finds no CUDA device.", remedy="Install the driver, or use another backend.")

    def prepare(self, program: Program) -> CudaPlan:
        """See `Backend.prepare`."""
        return CudaPlan(program, self._device, self._products)
