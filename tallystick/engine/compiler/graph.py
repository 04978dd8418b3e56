"""A model between ONNX and a program: nodes in order, tensors with static shapes, some of them constant, some quantised.

Every stage of the compiler takes a graph and gives a graph; only the last one makes steps of it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.engine.opcodes import DType
from tallystick.errors import ModelError

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Quantisation:
    """A real number r is held as the integer q with `r = (q - zero) * scale`.

    Attributes:
        scale: Single precision, above zero, finite.
        zero: In the dtype's range.
        dtype: u8 or i8; i32 for a fixed-point number (then zero is 0).
    """

    scale: np.float32
    zero: int
    dtype: DType

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ModelError(
                f"A scale of {self.scale} quantises nothing.", remedy="Quantise the model again with data that varies."
            )
        if not self.dtype.low <= self.zero <= self.dtype.high:
            raise ModelError(f"The zero point {self.zero} is outside {self.dtype.name.lower()}.")

    def quantise(self, values: Array) -> npt.NDArray[np.int64]:
        """Nearest integers, ties to even, saturated; as int64. Single precision is divided in single precision, as
        onnxruntime's QuantizeLinear does, so that an input becomes the same integers on both roads."""
        reals = np.asarray(values)
        quotient = (
            reals / self.scale if reals.dtype == np.float32 else reals.astype(np.float64) / np.float64(self.scale)
        )
        scaled = np.rint(quotient.astype(np.float64)) + self.zero
        held: npt.NDArray[np.int64] = np.clip(scaled, self.dtype.low, self.dtype.high).astype(np.int64)
        return held

    def dequantise(self, values: Array) -> npt.NDArray[np.float64]:
        reals: npt.NDArray[np.float64] = (np.asarray(values, np.float64) - self.zero) * np.float64(self.scale)
        return reals

    def reals(self) -> npt.NDArray[np.float64]:
        """The 256 numbers that bytes 0..255 stand for (an i8 by its unsigned byte)."""
        kind = np.uint8 if self.dtype is DType.U8 else np.int8
        return self.dequantise(np.arange(256, dtype=np.uint8).view(kind).astype(np.int64))


@dataclasses.dataclass(frozen=True)
class HeldIntegers:
    """How an already quantised file holds a constant: the very integers, which are kept as they are.

    Attributes:
        values: The integers, in the constant's shape; int8, uint8 or (a bias) int32.
        scales: Single precision, one for each place along `axis`, or one for all.
        zero: The zero point.
        axis: Where `scales` has more than one entry.
    """

    values: Array
    scales: npt.NDArray[np.float32]
    zero: int
    axis: int = 0


@dataclasses.dataclass
class Value:
    """One tensor.

    Attributes:
        shape: Static.
        dtype: numpy's, as ONNX declares it: float32, int64, bool, uint8, ...
        constant: Its content, where that is known before any input; real numbers where `held` says how they are held.
        quantisation: How its real numbers are held, where that is decided.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    constant: Array | None = None
    quantisation: Quantisation | None = None
    held: HeldIntegers | None = None

    @property
    def is_float(self) -> bool:
        return bool(np.issubdtype(self.dtype, np.floating))


@dataclasses.dataclass
class Node:
    """One ONNX operator; `""` in `inputs` is one that was left out. `domain` is `""` for ONNX's own, `tallystick` for ours:

    - `tallystick.Lookup`: one input, attribute `table` [256] or [C, 256] with C its last axis;
    - `tallystick.Lookup2`: two inputs, attribute `table` [65536].

    Their output's value has the quantisation and the numpy dtype of the table's integers.
    """

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)
    name: str = ""
    domain: str = ""

    def __str__(self) -> str:
        return f"{self.op} {self.name!r}" if self.name else f"{self.op} that gives {self.outputs[0]!r}"


@dataclasses.dataclass
class Graph:
    """Nodes in an order in which every input is there before it is read."""

    nodes: list[Node]
    values: dict[str, Value]
    inputs: list[str]
    outputs: list[str]
    _numbers: dict[str, int] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def constant(self, name: str) -> Array | None:
        value = self.values.get(name)
        return value.constant if value is not None else None

    def producers(self) -> dict[str, Node]:
        return {output: node for node in self.nodes for output in node.outputs if output}

    def readers(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                if name:
                    found.setdefault(name, []).append(node)
        return found

    def uses(self) -> Counter[str]:
        """How often each tensor is read; being a result counts once."""
        return Counter([name for node in self.nodes for name in node.inputs if name] + self.outputs)

    def fresh(self, stem: str) -> str:
        """A name that no tensor has."""
        name, number = stem, self._numbers.get(stem, 0)
        while name in self.values:
            number += 1
            name = f"{stem}~{number}"
        self._numbers[stem] = number  # where the next search for this stem begins, so that thousands stay linear
        return name

    def drop_dead(self) -> None:
        """Removes nodes and constants that no output needs; inputs stay."""
        wanted = set(self.outputs)
        kept = []
        for node in reversed(self.nodes):
            if wanted.intersection(node.outputs):
                wanted.update(name for name in node.inputs if name)
                kept.append(node)
        self.nodes = kept[::-1]
        alive = wanted.union(self.inputs, *(node.outputs for node in self.nodes))
        self.values = {name: value for name, value in self.values.items() if name in alive}
