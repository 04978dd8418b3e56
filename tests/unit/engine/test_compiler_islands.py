"""Which elementwise nodes join into one table, and what the tables hold."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.engine.compiler.elementwise import ELEMENTWISE, evaluate
from tallystick.engine.compiler.graph import Graph, Node, Quantisation, Value
from tallystick.engine.compiler.islands import Islands, clamped
from tallystick.engine.compiler.layouts import channels_last
from tallystick.engine.compiler.tables import hold, table_of_one, table_of_two
from tallystick.engine.opcodes import DType

F32 = np.dtype(np.float32)
HELD = Quantisation(np.float32(0.05), 100, DType.U8)


def graph_of(nodes: list[Node], shapes: dict[str, tuple[int, ...]], **constants: np.ndarray) -> Graph:
    """Inputs are what no node makes; every value is a float32 unless it is a constant of another dtype."""
    values = {name: Value(shape, F32) for name, shape in shapes.items()}
    values |= {name: Value(array.shape, array.dtype, array) for name, array in constants.items()}
    made = {name for node in nodes for name in node.outputs}
    inputs = [name for name in shapes if name not in made]
    return Graph(nodes, values, inputs, [nodes[-1].outputs[0]])


def node(op: str, inputs: str, output: str, **attributes: object) -> Node:
    return Node(op, inputs.split(), [output], attributes, name=output)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def islands_of(graph: Graph) -> Islands:
    return Islands(graph, channels_last(graph))


def test_islands_of_a_chain_on_one_tensor_are_one_table() -> None:
    """GELU as exporters write it: five nodes, one source."""
    nodes = [
        node("Div", "x root", "a"),
        node("Erf", "a", "b"),
        node("Add", "b one", "c"),
        node("Mul", "x c", "d"),
        node("Mul", "d half", "y"),
    ]
    shapes = dict.fromkeys("xabcdy", (2, 3))
    graph = graph_of(nodes, shapes, root=number(2**0.5), one=number(1), half=number(0.5))
    island = islands_of(graph).ending_in("y")
    assert island.sources == ("x",)
    assert [each.op for each in island.nodes] == ["Div", "Erf", "Add", "Mul", "Mul"]
    assert islands_of(graph).held() == {"x", "y"} | set()
    x = HELD.reals()
    from math import erf

    expected = [0.5 * value * (1 + erf(value / 2**0.5)) for value in x]
    np.testing.assert_allclose(table_of_one(graph, island, HELD, last=False), expected, atol=1e-6)


def test_islands_of_an_addition_with_its_relu_have_two_sources() -> None:
    nodes = [node("Add", "a b", "s"), node("Relu", "s", "y")]
    graph = graph_of(nodes, dict.fromkeys("absy", (4,)))
    island = islands_of(graph).ending_in("y")
    assert island.sources == ("a", "b")
    table = table_of_two(graph, island, HELD, HELD, last=False).reshape(256, 256)
    x = HELD.reals()
    np.testing.assert_allclose(table, np.maximum(x[:, None] + x[None, :], 0))


def test_islands_of_three_tensors_hold_what_lies_between() -> None:
    nodes = [node("Add", "a b", "s"), node("Add", "s c", "y")]
    graph = graph_of(nodes, dict.fromkeys("abcsy", (4,)))
    islands = islands_of(graph)
    island = islands.ending_in("y")
    assert island.sources == ("s", "c")
    assert "s" in islands.held()


def test_islands_by_channel_have_one_source_and_a_row_for_each() -> None:
    nodes = [node("Mul", "x gain", "g"), node("Add", "g offset", "y")]
    gain, offset = np.array([1, 2, 3], np.float32), np.array([0.5, 0, -1], np.float32)
    graph = graph_of(nodes, dict.fromkeys("xgy", (5, 3)), gain=gain, offset=offset)
    island = islands_of(graph).ending_in("y")
    assert island.by_channel
    table = table_of_one(graph, island, HELD, last=False)
    np.testing.assert_allclose(table, HELD.reals()[None, :] * gain[:, None] + offset[:, None], rtol=1e-6)


def test_islands_by_channel_of_an_image_take_its_second_axis() -> None:
    nodes = [node("Conv", "x w", "c"), node("Mul", "c gain", "y")]
    gain = np.array([1, 2], np.float32).reshape(2, 1, 1)
    shapes = {"x": (1, 2, 4, 4), "c": (1, 2, 4, 4), "y": (1, 2, 4, 4)}
    graph = graph_of(nodes, shapes, w=np.ones((2, 2, 1, 1), np.float32), gain=gain)
    island = islands_of(graph).ending_in("y")
    assert island.by_channel
    assert table_of_one(graph, island, HELD, last=True).shape == (2, 256)


def test_islands_with_a_whole_constant_take_it_as_a_source() -> None:
    positions = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    graph = graph_of([node("Add", "x positions", "y")], dict.fromkeys("xy", (5, 3)), positions=positions)
    island = islands_of(graph).ending_in("y")
    assert island.sources == ("x", "positions")


def test_islands_end_where_the_file_says_how_a_value_is_held() -> None:
    nodes = [node("Relu", "x", "r"), node("Tanh", "r", "y")]
    graph = graph_of(nodes, dict.fromkeys("xry", (4,)))
    graph.values["r"].quantisation = HELD
    island = islands_of(graph).ending_in("y")
    assert island.sources == ("r",)


def test_clamped_of_a_convolution_that_only_a_relu_reads_gives_the_relu() -> None:
    nodes = [node("Conv", "x w", "c"), node("Relu", "c", "y")]
    shapes = {"x": (1, 1, 4, 4), "c": (1, 1, 4, 4), "y": (1, 1, 4, 4)}
    graph = graph_of(nodes, shapes, w=np.ones((1, 1, 1, 1), np.float32))
    assert clamped(graph) == {"c": "y"}


def test_clamped_of_a_convolution_with_two_readers_gives_nothing() -> None:
    nodes = [node("Conv", "x w", "c"), node("Relu", "c", "r"), node("Add", "c r", "y")]
    shapes = dict.fromkeys(("x", "c", "r", "y"), (1, 1, 4, 4))
    graph = graph_of(nodes, shapes, w=np.ones((1, 1, 1, 1), np.float32))
    assert clamped(graph) == {}


def test_hold_of_nan_and_infinity_is_zero_and_the_ends() -> None:
    held = hold(np.array([np.nan, np.inf, -np.inf, 0.0]), HELD)
    assert held.tolist() == [100, 255, 0, 100]


@pytest.mark.parametrize("op", sorted(ELEMENTWISE - {"Cast", "Clip", "PRelu", "Where"}))
def test_evaluate_agrees_with_the_reference_of_onnx(op: str) -> None:
    import onnx
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    schema = onnx.defs.get_schema(op)
    logical = op in ("And", "Or", "Xor", "Not")
    count = 2 if schema.min_input == 2 or op in ("Max", "Min", "Sum", "Mean") else 1
    rng = np.random.default_rng(1)
    low = 0.1 if op in ("Log", "Sqrt", "Pow", "Reciprocal") else -3.0
    operands = [rng.uniform(low, 3, 50).astype(np.float32) for _ in range(count)]
    if logical:
        operands = [operand > 0 for operand in operands]
    names = [f"x{k}" for k in range(count)]
    kind = 9 if logical else 1
    out = 9 if logical or op in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal") else 1
    made = helper.make_graph(
        [helper.make_node(op, names, ["y"])],
        "one",
        [helper.make_tensor_value_info(name, kind, [50]) for name in names],
        [helper.make_tensor_value_info("y", out, [50])],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", onnx.defs.onnx_opset_version())])
    (expected,) = ReferenceEvaluator(model).run(None, dict(zip(names, operands, strict=True)))
    wide = [operand if logical else operand.astype(np.float64) for operand in operands]
    ours = evaluate(Node(op, names, ["y"]), wide)
    np.testing.assert_allclose(np.asarray(ours, np.float64), np.asarray(expected, np.float64), atol=1e-5, rtol=1e-5)
