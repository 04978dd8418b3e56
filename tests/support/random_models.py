"""Models of a few random nodes, each of which reads about what its operator's definition lets it read."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
from changed_models import FLOATS, INTEGERS
from onnx import AttributeProto, helper, numpy_helper

from tallystick.engine.compiler.simplify.inference import SHAPES

F = np.float32
OWN_OPERATORS = sorted(SHAPES)
TEXTS = {
    "auto_pad": ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    "mode": ("constant", "nearest", "linear", "reflect", "DCR", "CRD"),
    "coordinate_transformation_mode": ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"),
    "nearest_mode": ("floor", "ceil", "round_prefer_floor"),
    "keep_aspect_ratio_policy": ("stretch", "not_larger", "not_smaller"),
    "direction": ("LEFT", "RIGHT"),
    "approximate": ("none", "tanh"),
}
DTYPES = {
    "tensor(float)": F,
    "tensor(double)": np.float64,
    **{f"tensor({name})": getattr(np, name) for name in ("int8", "uint8", "int32", "int64", "float16")},
    "tensor(bool)": np.bool_,
}


class Nodes:
    """One model, drawn from a seeded generator."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.opset = self.random.choice([10, 11, 12, 13, 17, 18, 21, 24, 28])
        self.constants: dict[str, np.ndarray] = {}
        self.given: dict[str, tuple[Any, tuple[int, ...]]] = {}
        self.made: dict[str, Any] = {}

    def model(self) -> onnx.ModelProto:
        shape = tuple(self.random.choice([1, 2, 3, 4, 6]) for _ in range(self.random.choice([1, 2, 3, 4, 4, 4])))
        self.shape = shape
        nodes = [self._node(place) for place in range(self.random.choice([1, 1, 2, 3]))]
        graph = helper.make_graph(
            nodes,
            "random",
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), dims)
                for name, (dtype, dims) in self.given.items()
            ],
            [onnx.ValueInfoProto(name=nodes[-1].output[0])],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)

    def _node(self, place: int) -> onnx.NodeProto:
        schema = None
        while schema is None or schema.deprecated:
            op = self.random.choice(OWN_OPERATORS)
            try:
                schema = onnx.defs.get_schema(op, self.opset, "")
            except onnx.defs.SchemaError:
                schema = None
        bound: dict[str, str] = {}
        names = [self._operand(formal, bound) for formal in schema.inputs]
        if schema.inputs and "Variadic" in str(schema.inputs[-1].option):
            names += [self._operand(schema.inputs[-1], bound) for _ in range(self.random.randrange(3))]
        while names and not names[-1]:
            names.pop()
        outputs = [f"m{place}", *(f"m{place}_{more}" for more in range(1, self._outputs(schema)))]
        made = onnx.NodeProto(op_type=op, input=names, output=outputs)
        result = schema.outputs[0].type_str
        self.made[f"m{place}"] = bound.get(result, "tensor(float)")
        for name, definition in schema.attributes.items():
            if definition.required or self.random.random() < 0.3:
                self._attribute(made, name, int(definition.type))
        return made

    def _outputs(self, schema: Any) -> int:
        least = max(schema.min_output, 1)
        return self.random.choice([least, least, min(least + 1, schema.max_output), min(least + 3, schema.max_output)])

    def _operand(self, formal: Any, bound: dict[str, str]) -> str:
        optional = "Optional" in str(formal.option)
        if optional and self.random.random() < 0.5:
            return ""
        kinds = sorted(set(formal.types) & DTYPES.keys())
        kind = bound.setdefault(
            formal.type_str, "tensor(float)" if "tensor(float)" in kinds else self.random.choice(kinds)
        )
        if self.random.random() < 0.05:
            kind = self.random.choice(list(DTYPES))
        fitting = [name for name, its in self.made.items() if its == kind]
        if fitting and self.random.random() < 0.7:
            return self.random.choice(fitting)
        dtype = DTYPES[kind]
        name = f"i{len(self.given)}"
        if not self.given or (
            kind in ("tensor(float)", "tensor(bool)", "tensor(uint8)") and self.random.random() < 0.6
        ):
            self.given[name] = (dtype, self._shape())
            return name
        name = f"k{len(self.constants)}"
        choices = [0, 1, 1, 2, 2, 3, -1, 4, *([self.random.choice(INTEGERS)] if self.random.random() < 0.1 else [])]
        size = self.random.choice([(), (1,), (2,), (len(self.shape),), (2 * len(self.shape),), self._shape()])
        array = np.array([self.random.choice(choices) for _ in range(int(np.prod(size)))], np.float64).reshape(size)
        with np.errstate(all="ignore"):
            self.constants[name] = array.astype(dtype)
        return name

    def _shape(self) -> tuple[int, ...]:
        shape = list(self.shape)
        if self.random.random() < 0.3:
            shape[self.random.randrange(len(shape))] = self.random.choice([1, 2, 3])
        return tuple(shape[self.random.randrange(len(shape)) :] if self.random.random() < 0.2 else shape)

    def _attribute(self, made: onnx.NodeProto, name: str, kind: int) -> None:
        def integer() -> int:
            return (
                self.random.choice(INTEGERS) if self.random.random() < 0.15 else self.random.choice([0, 1, 1, 2, 3, -1])
            )

        attribute = made.attribute.add(name=name, type=kind)
        rank = len(self.shape)
        if kind == AttributeProto.INT:
            attribute.i = integer()
        elif kind == AttributeProto.FLOAT:
            attribute.f = self.random.choice(FLOATS)
        elif kind == AttributeProto.STRING:
            attribute.s = self.random.choice(TEXTS.get(name, ("",))).encode()
        elif kind == AttributeProto.INTS:
            values = [
                min(abs(integer()), 2**62)
                for _ in range(self.random.choice([1, rank - 2, rank - 2, rank, 2 * rank - 4]))
            ]
            if name == "perm":
                values = self.random.sample(range(rank), rank)
            attribute.ints.extend(values)
        elif kind == AttributeProto.FLOATS:
            attribute.floats.extend(self.random.choices(FLOATS, k=rank))
        elif kind == AttributeProto.TENSOR:
            attribute.t.CopyFrom(numpy_helper.from_array(np.array([self.random.randrange(3)], F)))
