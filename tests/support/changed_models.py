"""Models with a few fields changed, as a hostile or a broken file has them: nearly valid."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from tallystick.engine.compiler.simplify.rules import BY_DOMAIN

INTEGERS = (0, 1, -1, 2, 3, 7, -2, 64, 2**16, 2**20, 2**31 - 1, 2**31, -(2**31), 2**40, 2**62, -(2**63), 2**63 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-40, 3e38, float("inf"), float("-inf"), float("nan"))
TEXTS = (b"", b"SAME_UPPER", b"VALID", b"nearest", b"reflect", b"not_larger", b"\xff\xfe", b"x" * 300)
ALL_OPERATORS = [(domain, op) for domain, rules in BY_DOMAIN.items() for op in rules]


class Changes:
    """Changes of one model, drawn from a seeded generator."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def of_bytes(self, data: bytes) -> bytes:
        """Bits, bytes and stretches of the file, where its fields are rather than its weights."""
        content = bytearray(data)
        for _ in range(self.random.randint(1, 6)):
            place = (
                self.random.randrange(len(content) + 1) if self.random.random() < 0.5 else self.random.randrange(512)
            )
            place = min(place, len(content) - 1)
            kind = self.random.randrange(7)
            stretch = self.random.randint(1, 16)
            if kind == 0:
                content[place] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                content[place] = self.random.choice([0, 1, 0x7F, 0x80, 0xFF, self.random.randrange(256)])
            elif kind == 2:
                del content[place : place + stretch]
            elif kind == 3:
                content[place:place] = self.random.randbytes(stretch)
            elif kind == 4:
                content[place : place + 10] = b"\xff" * 9 + b"\x01"
            elif kind == 5:
                content[place:place] = content[place : place + stretch * 8]
            elif self.random.random() < 0.2:
                del content[place:]
            if not content:
                break
        return bytes(content)

    def of_model(self, model: onnx.ModelProto) -> None:
        for _ in range(self.random.choice([1, 1, 1, 2, 3, 6])):
            change = self.random.choice(
                [
                    self._attribute,
                    self._attribute,
                    self._wire,
                    self._operator,
                    self._constant,
                    self._constant,
                    self._frame,
                ]
            )
            change(model)

    def _node(self, model: onnx.ModelProto) -> onnx.NodeProto:
        inner = [node for function in model.functions for node in function.node]
        inner += [each for node in model.graph.node for attribute in node.attribute for each in attribute.g.node]
        return self.random.choice([*model.graph.node, *inner] or [model.graph.node.add(op_type="Relu")])

    def _attribute(self, model: onnx.ModelProto) -> None:
        target = self._node(model)
        if not target.attribute or self.random.random() < 0.2:
            self._new_attribute(target)
            return
        attribute = self.random.choice(target.attribute)
        kind = self.random.randrange(8)
        if kind == 0:
            target.attribute.remove(attribute)
        elif kind == 1:
            attribute.type = self.random.randrange(15)
        elif kind == 2:
            target.attribute.add().CopyFrom(attribute)
        elif attribute.type == AttributeProto.INTS:
            self._row(attribute.ints, INTEGERS)
        elif attribute.type == AttributeProto.FLOATS:
            self._row(attribute.floats, FLOATS)
        elif attribute.type == AttributeProto.STRING:
            attribute.s = self.random.choice(TEXTS)
        elif attribute.type == AttributeProto.FLOAT:
            attribute.f = self.random.choice(FLOATS)
        elif attribute.type == AttributeProto.TENSOR:
            self._tensor(attribute.t)
        else:
            attribute.i = self.random.choice(INTEGERS)

    def _new_attribute(self, target: onnx.NodeProto) -> None:
        """One that the operator may have, of its own type or of another."""
        try:
            known = list(onnx.defs.get_schema(target.op_type, 21, target.domain).attributes.values())
        except onnx.defs.SchemaError:
            known = []
        name, kind = "axis", AttributeProto.INT
        if known:
            chosen = self.random.choice(known)
            name, kind = chosen.name, int(chosen.type)
        attribute = target.attribute.add(name=name, type=kind)
        attribute.i = self.random.choice(INTEGERS)
        attribute.f = self.random.choice(FLOATS)
        attribute.s = self.random.choice(TEXTS)
        attribute.ints.extend(self.random.choices(INTEGERS, k=self.random.randrange(5)))
        attribute.floats.extend(self.random.choices(FLOATS, k=self.random.randrange(3)))

    def _row(self, row: Any, choices: tuple[Any, ...]) -> None:
        kind = self.random.randrange(4)
        if kind == 0 or not row:
            row.append(self.random.choice(choices))
        elif kind == 1:
            del row[self.random.randrange(len(row))]
        elif kind == 2:
            row.extend([self.random.choice(choices)] * self.random.choice([1, 20, 3_000]))
        else:
            row[self.random.randrange(len(row))] = self.random.choice(choices)

    def _wire(self, model: onnx.ModelProto) -> None:
        target = self._node(model)
        names = ["", "nothing", *(name for node in model.graph.node for name in (*node.input, *node.output))]
        if self.random.random() < 0.7:
            self._row(target.input, tuple(names[:400]))
        else:
            target.output.extend(f"new{place}" for place in range(self.random.choice([1, 2, 50])))

    def _operator(self, model: onnx.ModelProto) -> None:
        target = self._node(model)
        target.domain, target.op_type = self.random.choice(ALL_OPERATORS)
        if all(opset.domain != target.domain for opset in model.opset_import):
            model.opset_import.add(domain=target.domain, version=1)
        if self.random.random() < 0.5:
            del target.attribute[:]

    def _constant(self, model: onnx.ModelProto) -> None:
        if model.graph.initializer:
            self._tensor(self.random.choice(model.graph.initializer))

    def _tensor(self, tensor: TensorProto) -> None:
        kind = self.random.randrange(5)
        if kind == 0:
            self._row(tensor.dims, INTEGERS)
            return
        if kind == 1:
            tensor.data_type = self.random.randrange(30)
            return
        try:
            array = numpy_helper.to_array(tensor).copy()
        except (ValueError, TypeError, KeyError):
            return
        if array.size and array.dtype.kind in "iuf" and kind < 4:
            choices = (
                FLOATS
                if array.dtype.kind == "f"
                else [x for x in INTEGERS if np.can_cast(np.min_scalar_type(x), array.dtype)]
            )
            array.reshape(-1)[self.random.randrange(array.size)] = self.random.choice(choices or [0])
        elif array.dtype.kind in "iufb":
            kept = [np.float32, np.float16, np.float64, np.int8, np.uint8, np.int32, np.int64, np.bool_]
            shape = self.random.choice([(), (1,), (0,), (2,), array.shape, (1, *array.shape), array.shape[::-1]])
            with np.errstate(all="ignore"):
                array = np.resize(array, shape).astype(self.random.choice([array.dtype.type, *kept]))
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    def _frame(self, model: onnx.ModelProto) -> None:
        """The opset, an input, an output, the order of the nodes, a function's names."""
        kind = self.random.randrange(7)
        value = self.random.choice(model.graph.input) if model.graph.input else model.graph.input.add(name="x")
        tensor = value.type.tensor_type
        if kind == 0:
            self.random.choice(model.opset_import).version = self.random.choice(
                [10, 11, 12, 13, 18, 21, 24, 28, 0, 2**62]
            )
        elif kind == 1:
            tensor.elem_type = self.random.randrange(27)
        elif kind == 2 and tensor.shape.dim:
            self.random.choice(tensor.shape.dim).dim_value = self.random.choice(INTEGERS)
        elif kind == 3:
            tensor.shape.dim.add(dim_value=self.random.choice([1, 2, *INTEGERS]))
        elif kind == 4:
            nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
            self.random.shuffle(nodes)
            del model.graph.node[:]
            model.graph.node.extend(nodes)
        elif kind == 5 and model.graph.output:
            self.random.choice(model.graph.output).name = self.random.choice(self._node(model).output or ["x"])
        elif model.functions:
            function = self.random.choice(model.functions)
            self._row(self.random.choice([function.input, function.output, function.attribute]), ("x", "y", "b", ""))


def changed(source: bytes, seed: int) -> bytes:
    """A model's file with a few changes; the same ones for the same seed."""
    changes = Changes(seed)
    if seed % 4 == 0:
        return changes.of_bytes(source)
    model = onnx.ModelProto.FromString(source)
    changes.of_model(model)
    return model.SerializeToString()
