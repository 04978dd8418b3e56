"""Files that a stranger wrote: each fault has its sentence, and none of them costs time or memory."""

from __future__ import annotations

import contextlib
import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_models import FLOAT, model_of, node, run_graph, simplified

from tallystick.engine.compiler.limits import Limits
from tallystick.engine.compiler.load import load_model
from tallystick.errors import ModelError

SMALL = Limits(file_bytes=2**20, fields=5_000, nodes=50, elements=2**16)
MEBIBYTE = 2**20


def chain(length: int = 2) -> onnx.ModelProto:
    """A valid model: Relus one after another."""
    names = ["x", *(f"t{place}" for place in range(length))]
    nodes = [node("Relu", before, after) for before, after in itertools.pairwise(names)]
    return model_of(nodes, {"x": (1, 4)}, names[-1])


def with_constant(array: np.ndarray | None = None) -> onnx.ModelProto:
    array = np.ones((1, 4), np.float32) if array is None else array
    return model_of([node("Add", "x w", "y")], {"x": (1, 4)}, "y", {"w": array})


def refusal_of(model: onnx.ModelProto | bytes, limits: Limits = SMALL) -> str:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(ModelError) as caught:
        load_model(data, limits=limits)
    return str(caught.value)


@pytest.fixture
def bounded_memory() -> Iterator[Callable[[int], None]]:
    """Called with a number of bytes: fails where Python had more than that at once."""
    tracemalloc.start()

    def check(most: int) -> None:
        assert tracemalloc.get_traced_memory()[1] < most

    yield check
    tracemalloc.stop()


# ---- the file ---------------------------------------------------------------------------------------------------------


def test_load_model_given_a_valid_file_gives_its_nodes(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(chain().SerializeToString())
    assert [each.op_type for each in load_model(path).graph.node] == ["Relu", "Relu"]


def test_load_model_given_more_bytes_than_allowed_refuses() -> None:
    model = with_constant(np.zeros(2**19, np.float32))
    assert "more than 1,048,576 bytes" in refusal_of(model)


def test_load_model_given_a_larger_file_reads_no_more_than_allowed(
    tmp_path: Path, bounded_memory: Callable[[int], None]
) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(ModelError, match="more than 1,048,576 bytes"):
        load_model(path, limits=SMALL)
    bounded_memory(8 * MEBIBYTE)


def test_load_model_given_a_missing_file_refuses(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx cannot be read"):
        load_model(tmp_path / "model.onnx")


def test_load_model_given_every_truncation_refuses_or_loads() -> None:
    data = with_constant().SerializeToString()
    for length in range(len(data)):
        with pytest.raises(ModelError):
            load_model(data[:length])


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 an archive", b"\x89PNG\r\n\x1a\n", b"{}", b"\xff" * 64, b"\x00"])
def test_load_model_given_no_onnx_file_refuses(data: bytes) -> None:
    refusal_of(data)


@given(st.binary(max_size=200))
def test_load_model_given_noise_refuses(data: bytes) -> None:
    refusal_of(data)


@given(st.data())
def test_load_model_given_a_changed_byte_refuses_or_loads(data: st.DataObject) -> None:
    content = bytearray(with_constant().SerializeToString())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelError):
        load_model(bytes(content), limits=SMALL)


def field(number: int, content: bytes) -> bytes:
    """A protobuf field that holds bytes or a message."""
    length, digits = len(content), []
    while length > 127:
        digits.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *digits, length]) + content


def test_load_model_given_many_empty_messages_refuses_before_it_parses(bounded_memory: Callable[[int], None]) -> None:
    nodes = field(1, b"") * 200_000  # each would become an object
    assert "more than 5,000 protobuf fields" in refusal_of(field(7, nodes))
    bounded_memory(4 * MEBIBYTE)


def test_load_model_given_deep_nesting_refuses() -> None:
    graph = b""
    for _ in range(20):
        graph = field(1, field(5, field(6, graph)))  # of a node an attribute, of that a graph
    assert "more than 32 deep" in refusal_of(field(7, graph))


# ---- what it is of ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [1, 9, 99])
def test_load_model_given_an_opset_out_of_range_refuses(opset: int) -> None:
    model = chain()
    model.opset_import[0].version = opset
    assert f"of opset {opset}; 10 to" in refusal_of(model)


def test_load_model_given_an_unknown_domain_refuses() -> None:
    model = chain()
    model.graph.node[0].domain = "com.example"
    assert "domain 'com.example'" in refusal_of(model)


def test_load_model_given_a_domain_without_version_refuses() -> None:
    model = chain()
    model.graph.node[0].domain = "com.microsoft"
    assert "imports no version" in refusal_of(model)


def test_load_model_given_no_opset_refuses() -> None:
    model = chain()
    del model.opset_import[:]
    assert "which opset" in refusal_of(model)


def test_load_model_given_no_nodes_refuses() -> None:
    model = chain()
    del model.graph.node[:]
    assert "no graph with nodes" in refusal_of(model)


# ---- names and order --------------------------------------------------------------------------------------------------


def test_load_model_given_nodes_out_of_order_sorts_them() -> None:
    model = chain(5)
    backwards = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(backwards)
    loaded = load_model(model.SerializeToString())
    assert [each.output[0] for each in loaded.graph.node] == ["t0", "t1", "t2", "t3", "t4"]


def test_load_model_given_a_long_chain_backwards_does_not_recurse() -> None:
    model = chain(5_000)
    backwards = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(backwards)
    assert load_model(model.SerializeToString()).graph.node[0].output[0] == "t0"


def test_load_model_given_a_cycle_refuses() -> None:
    model = model_of([node("Add", "x b", "a"), node("Relu", "a", "b")], {"x": (1, 4)}, "b")
    assert "2 nodes wait for one another" in refusal_of(model)


def test_load_model_given_an_undefined_input_refuses() -> None:
    assert "reads 'nothing'" in refusal_of(model_of([node("Add", "x nothing", "y")], {"x": (1, 4)}, "y"))


def test_load_model_given_an_undefined_output_refuses() -> None:
    assert "output 'z' is given by no node" in refusal_of(model_of([node("Relu", "x", "y")], {"x": (1, 4)}, "z"))


@pytest.mark.parametrize("name", ["y", "x", "w"])
def test_load_model_given_a_name_twice_refuses(name: str) -> None:
    model = with_constant()
    model.graph.node.append(node("Relu", "x", name))
    assert f"gives '{name}', which is given already" in refusal_of(model)


def test_load_model_given_two_initializers_of_one_name_refuses() -> None:
    model = with_constant()
    model.graph.initializer.append(model.graph.initializer[0])
    assert "two initializers called 'w'" in refusal_of(model)


def test_load_model_given_too_many_nodes_refuses() -> None:
    assert "more than 50 nodes" in refusal_of(chain(51))


def test_load_model_given_an_endless_name_cuts_it_in_the_message() -> None:
    model = chain()
    model.graph.node[0].input[0] = "n" * 100_000
    assert len(refusal_of(model)) < 500


# ---- tensors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [[-1, 4], [2**62, 2**62], [2**31, 2**31, 4], [0, 2**40], [2**16, 2]])
def test_load_model_given_impossible_dims_refuses_without_allocating(
    dims: list[int], bounded_memory: Callable[[int], None]
) -> None:
    model = with_constant()
    model.graph.initializer[0].dims[:] = dims
    assert "'w' has" in refusal_of(model)
    bounded_memory(4 * MEBIBYTE)


@pytest.mark.parametrize("raw", [b"", b"\0" * 15, b"\0" * 17])
def test_load_model_given_raw_data_of_another_length_refuses(raw: bytes) -> None:
    model = with_constant()
    model.graph.initializer[0].raw_data = raw
    assert f"take 16 bytes; the file has {len(raw)}" in refusal_of(model)


def test_load_model_given_too_few_numbers_refuses() -> None:
    model = with_constant()
    model.graph.initializer[0].CopyFrom(TensorProto(name="w", data_type=FLOAT, dims=[4], float_data=[1.0, 2.0]))
    assert "take 4 entries of float_data; the file has 2" in refusal_of(model)


def test_load_model_given_data_of_another_type_refuses() -> None:
    model = with_constant()
    model.graph.initializer[0].CopyFrom(TensorProto(name="w", data_type=FLOAT, dims=[1], int64_data=[1]))
    assert "is FLOAT, but its data is int64_data" in refusal_of(model)


def test_load_model_given_an_unknown_data_type_refuses() -> None:
    model = with_constant()
    model.graph.initializer[0].data_type = 77
    assert "data type 77" in refusal_of(model)


def test_load_model_given_a_bad_tensor_in_an_attribute_refuses() -> None:
    value = TensorProto(name="c", data_type=FLOAT, dims=[2**40])
    model = model_of([helper.make_node("Constant", [], ["c"], value=value), node("Add", "x c", "y")], {"x": (1,)}, "y")
    assert "'value' of Constant" in refusal_of(model)


def test_load_model_given_sparse_initializers_refuses() -> None:
    model = with_constant()
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    assert "'s' is sparse" in refusal_of(model)


@pytest.mark.parametrize("dim", [0, -1])
def test_load_model_given_an_input_dim_below_one_refuses(dim: int) -> None:
    model = chain()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = dim
    assert f"'x' has a dim of {dim}" in refusal_of(model)


def test_load_model_given_a_huge_input_refuses() -> None:
    model = chain()
    for dim in model.graph.input[0].type.tensor_type.shape.dim:
        dim.dim_value = 2**40
    assert "over 65,536 elements" in refusal_of(model)


# ---- external data ----------------------------------------------------------------------------------------------------


def outside(location: str, **told: str) -> onnx.ModelProto:
    model = with_constant()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **told}.items():
        tensor.external_data.add(key=key, value=value)
    return model


def load_beside(folder: Path, model: onnx.ModelProto) -> onnx.ModelProto:
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return load_model(folder / "model.onnx", limits=SMALL)


def test_load_model_given_external_data_beside_it_brings_them_in(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"\0" * 8 + np.arange(4, dtype=np.float32).tobytes())
    loaded = load_beside(tmp_path, outside("weights", offset="8", length="16"))
    assert numpy_helper.to_array(loaded.graph.initializer[0]).tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("location", ["../weights", "/etc/hostname", "", ".", "missing", "link", "a\0b"])
def test_load_model_given_external_data_elsewhere_refuses(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "weights").write_bytes(b"\0" * 16)
    (folder / "link").symlink_to(tmp_path / "weights")
    with pytest.raises(ModelError, match="no file in the model's folder"):
        load_beside(folder, outside(location))


@pytest.mark.parametrize(
    "told", [{"offset": "8"}, {"length": "8"}, {"offset": "-1"}, {"offset": "9" * 19}, {"length": "x"}]
)
def test_load_model_given_external_data_that_do_not_fit_refuses(tmp_path: Path, told: dict[str, str]) -> None:
    (tmp_path / "weights").write_bytes(b"\0" * 16)
    with pytest.raises(ModelError, match="'w'"):
        load_beside(tmp_path, outside("weights", **told))


def test_load_model_given_bytes_with_external_data_refuses() -> None:
    assert "the model came as bytes" in refusal_of(outside("weights"))


# ---- graphs and functions ---------------------------------------------------------------------------------------------


def test_load_model_given_a_loop_refuses_by_name() -> None:
    model = chain()
    body = onnx.GraphProto(name="body")
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["z"], body=body, name="again"))
    assert "Loop 'again': it holds a graph of its own" in refusal_of(model)


def function(name: str, *calls: str) -> onnx.FunctionProto:
    """x -> y through each of the calls in turn."""
    names = ["x", *(f"t{place}" for place in range(len(calls) - 1)), "y"]
    steps = zip(calls, names, names[1:], strict=False)
    nodes = [
        helper.make_node(call, [before], [after], domain="" if call == "Relu" else "own")
        for call, before, after in steps
    ]
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["x"], ["y"], nodes, imports)


def calling(name: str, *functions: onnx.FunctionProto) -> onnx.ModelProto:
    model = model_of([helper.make_node(name, ["x"], ["y"], domain="own")], {"x": (1, 4)}, "y", domains={"own": 1})
    model.functions.extend(functions)
    return model


def test_load_model_given_functions_writes_them_out() -> None:
    loaded = load_model(calling("F0", function("F0", "F1", "F1"), function("F1", "Relu", "Relu")).SerializeToString())
    assert [each.op_type for each in loaded.graph.node] == ["Relu"] * 4


def test_load_model_given_a_function_that_calls_itself_refuses() -> None:
    model = calling("F0", function("F0", "F1"), function("F1", "F0"))
    assert "calls itself" in refusal_of(model)


def test_load_model_given_functions_that_double_refuses_before_it_writes_them_out(
    bounded_memory: Callable[[int], None],
) -> None:
    functions = [function(f"F{level}", f"F{level + 1}", f"F{level + 1}") for level in range(25)]
    model = calling("F0", *functions, function("F25", "Relu"))
    assert "With its functions written out" in refusal_of(model)
    bounded_memory(4 * MEBIBYTE)


def conditional(condition: np.ndarray | None) -> onnx.ModelProto:
    """An If whose branches read what is around them, and both call their tensors alike."""
    branches = {
        name: helper.make_graph(
            [node(op, "x", "t"), node("Add", "t w", "r")], name, [], [onnx.ValueInfoProto(name="r")]
        )
        for name, op in (("then_branch", "Neg"), ("else_branch", "Abs"))
    }
    constants = {"w": np.ones(4, np.float32)}
    inputs = {"x": (1, 4)}
    if condition is not None:
        constants["c"] = condition
    model = model_of([helper.make_node("If", ["c"], ["y"], **branches)], inputs, "y", constants)
    if condition is None:
        model.graph.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, []))
    return model


@pytest.mark.parametrize(("condition", "expected"), [(True, 3.0), (False, 3.0)])
def test_simplify_given_a_known_condition_takes_its_branch(condition: bool, expected: float) -> None:
    graph = simplified(conditional(np.array(condition)))
    x = np.full((1, 4), -2.0 if condition else 2.0, np.float32)
    assert run_graph(graph, {"x": x}).tolist() == [[expected] * 4]
    assert graph.nodes[0].op == ("Neg" if condition else "Abs")


def test_simplify_given_a_condition_that_is_an_input_refuses() -> None:
    with pytest.raises(ModelError, match="condition that depends on the input"):
        simplified(conditional(None))
