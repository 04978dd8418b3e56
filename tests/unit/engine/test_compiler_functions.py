"""Functions of a model file: written out with the names and attributes of their calls, within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, helper
from onnx_models import assert_same, model_of, node, ops, run_graph, simplified

from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.load import load_model
from tallystick.errors import ModelError

SMALL = Limits(file_bytes=2**20, fields=5_000, nodes=50)
IMPORTS = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]


def call(op: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), domain="own", **attributes)


def function(name: str, inputs: str, outputs: str, *nodes: onnx.NodeProto, **options: Any) -> onnx.FunctionProto:
    options = {"opset_imports": IMPORTS, **options}
    return helper.make_function("own", name, inputs.split(), outputs.split(), list(nodes), **options)


def using(nodes: list[onnx.NodeProto], *functions: onnx.FunctionProto, **constants: Any) -> onnx.ModelProto:
    """From x [1, 4] to y."""
    model = model_of(nodes, {"x": (1, 4)}, "y", constants, domains={"own": 1})
    model.functions.extend(functions)
    return model


def elu(inputs: str, outputs: str, reference: str, kind: int = AttributeProto.FLOAT) -> onnx.NodeProto:
    """Its alpha is an attribute of the function that it is in."""
    made = node("Elu", inputs, outputs)
    made.attribute.append(AttributeProto(name="alpha", ref_attr_name=reference, type=kind))
    return made


def refusal_of(model: onnx.ModelProto) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(model.SerializeToString(), limits=SMALL)
    return str(caught.value)


# ---- names and attributes ---------------------------------------------------------------------------------------------


def test_load_model_given_two_calls_keeps_their_inner_tensors_apart() -> None:
    body = function("Half", "a", "b", node("Relu", "a", "t"), node("Neg", "t", "b"))
    # "t" and "1/t" are names of the caller's as well.
    nodes = [call("Half", "x", "t"), node("Abs", "x", "1/t"), call("Half", "1/t", "u"), node("Add", "t u", "y")]
    assert_same(using(nodes, body))


def test_load_model_given_an_attribute_hands_it_through_two_calls() -> None:
    inner = function("In", "a", "b", elu("a", "b", "slope"), attributes=["slope"])
    handed = call("In", "a", "b")
    handed.attribute.append(AttributeProto(name="slope", ref_attr_name="s", type=AttributeProto.FLOAT))
    outer = function("Out", "a", "b", handed, attributes=["s"])
    graph = assert_same(using([call("Out", "x", "y", s=0.25)], inner, outer))
    assert graph.nodes[0].attributes["alpha"] == 0.25


@pytest.mark.parametrize(("given", "expected"), [({"slope": 0.5}, 0.5), ({}, 2.0)])
def test_load_model_given_a_default_takes_it_where_the_call_gives_none(
    given: dict[str, float], expected: float
) -> None:
    body = function(
        "F",
        "a",
        "b",
        elu("a", "b", "slope"),
        attribute_protos=[helper.make_attribute("slope", 2.0)],
    )
    graph = assert_same(using([call("F", "x", "y", **given)], body))
    assert graph.nodes[0].attributes["alpha"] == expected


def test_load_model_given_no_attribute_leaves_the_operator_its_own_default() -> None:
    body = function("F", "a", "b", elu("a", "b", "slope"), attributes=["slope"])
    loaded = load_model(using([call("F", "x", "y")], body).SerializeToString())
    assert not loaded.graph.node[0].attribute


def test_load_model_given_an_input_left_out_leaves_it_out_in_the_body() -> None:
    body = function("F", "a low high", "b", node("Clip", "a low high", "b"))
    assert ops(assert_same(using([call("F", "x _ h", "y")], body, h=np.float32(0.5)))) == ["Clip"]


def test_load_model_given_a_function_that_gives_its_input_copies_it() -> None:
    body = function("F", "a", "b a", node("Relu", "a", "b"))
    # onnxruntime does not load such a function.
    graph = simplified(using([call("F", "x", "r same"), node("Sub", "r same", "y")], body))
    x = np.array([[-1, 0, 1, 2]], np.float32)
    assert run_graph(graph, {"x": x}).tolist() == [[1, 0, 0, 0]]


def test_load_model_given_a_branch_in_a_function_renames_what_it_reads() -> None:
    branches = {
        name: helper.make_graph([node(op, "t", "r")], name, [], [onnx.ValueInfoProto(name="r")])
        for name, op in (("then_branch", "Neg"), ("else_branch", "Abs"))
    }
    body = function("F", "c a", "b", node("Relu", "a", "t"), helper.make_node("If", ["c"], ["b"], **branches))
    assert ops(assert_same(using([call("F", "k x", "y")], body, k=np.array(True)))) == ["Relu", "Neg"]


# ---- refusals ---------------------------------------------------------------------------------------------------------


def test_load_model_given_a_function_of_another_opset_refuses() -> None:
    body = function("F", "a", "b", node("Relu", "a", "b"), opset_imports=[helper.make_opsetid("", 13)])
    assert "of version 13 of the domain 'ai.onnx', the model of version 17" in refusal_of(
        using([call("F", "x", "y")], body)
    )


@pytest.mark.parametrize(("inputs", "outputs"), [("x x", "y"), ("x", "y z")])
def test_load_model_given_a_call_that_does_not_fit_refuses(inputs: str, outputs: str) -> None:
    body = function("F", "a", "b", node("Relu", "a", "b"))
    assert "more than the function that it calls" in refusal_of(using([call("F", inputs, outputs)], body))


def test_load_model_given_two_functions_of_one_name_refuses() -> None:
    body = function("F", "a", "b", node("Relu", "a", "b"))
    assert "defines the function 'F' twice" in refusal_of(using([call("F", "x", "y")], body, body))


def test_load_model_given_calls_of_empty_functions_that_double_refuses() -> None:
    levels = [function(f"F{k}", "a", "b", *[call(f"F{k + 1}", "a", "b")] * 2) for k in range(25)]
    model = using([call("F0", "x", "y")], *levels, function("F25", "a", "b"))
    assert "With its functions written out" in refusal_of(model)


def test_load_model_given_a_large_attribute_copied_often_refuses() -> None:
    """A hundred kilobytes in the file, five megabytes where it is written out."""
    uses = [elu("a", f"b{k}", "blob", AttributeProto.STRING) for k in range(45)]
    body = function("F", "a", "b0", *uses, attributes=["blob"])
    assert "With its functions written out" in refusal_of(using([call("F", "x", "y", blob="b" * 100_000)], body))


def test_load_model_given_deep_calls_refuses() -> None:
    levels = [function(f"F{k}", "a", "b", call(f"F{k + 1}", "a", "b")) for k in range(40)]
    model = using([call("F0", "x", "y")], *levels, function("F40", "a", "b", node("Relu", "a", "b")))
    assert "more than 32 deep" in refusal_of(model)
