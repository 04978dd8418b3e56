"""What an ONNX file says, and the faults that get a name before the prover is started."""

import pytest
from onnx import TensorProto, helper, numpy_helper

from tallystick.errors import ModelError
from tallystick.proving.onnx_facts import read_onnx

np = pytest.importorskip("numpy")


def model(node, *, inputs, output=("y", (1, 1, 2, 2)), weights=(), kind=TensorProto.FLOAT):
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(output[0], kind, output[1])],
        [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def conv(**attributes):
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="edges", **attributes)
    return model(node, inputs=[("x", (1, 1, 4, 4)), ("w", (1, 1, 3, 3))], weights=[("w", (1, 1, 3, 3))])


def relu(shape, kind=TensorProto.FLOAT):
    return model(helper.make_node("Relu", ["x"], ["y"]), inputs=[("x", shape)], output=("y", shape), kind=kind)


def test_read_onnx_gives_names_and_shapes_without_the_weights():
    facts = read_onnx(conv(strides=[1, 1], dilations=[1, 1]))

    assert (facts.inputs, facts.outputs) == ((("x", (1, 1, 4, 4)),), (("y", (1, 1, 2, 2)),))


@pytest.mark.parametrize(
    ("attributes", "missing"), [({"dilations": [1, 1]}, "strides"), ({"strides": [1, 1]}, "dilations")]
)
def test_read_onnx_given_a_conv_without_an_attribute_names_node_and_remedy(attributes, missing):
    with pytest.raises(ModelError, match=f'"edges" .Conv. has no attribute .{missing}.*{missing}=') as caught:
        read_onnx(conv(**attributes))

    assert caught.value.remedy


def test_read_onnx_given_dilations_is_refused_with_their_values():
    with pytest.raises(ModelError, match=r"dilations \[2, 2\]"):
        read_onnx(conv(strides=[1, 1], dilations=[2, 2]))


def test_read_onnx_given_an_open_batch_size_names_the_dimension():
    with pytest.raises(ModelError, match=r"\['batch', 2\], which is not fixed"):
        read_onnx(relu(("batch", 2)))


def test_read_onnx_given_another_type_names_it():
    with pytest.raises(ModelError, match="'x' holds DOUBLE"):
        read_onnx(relu((1, 2), kind=TensorProto.DOUBLE))


@pytest.mark.parametrize("data", [b"", b"garbage", relu((1, 2))[:-5]], ids=["empty", "garbage", "cut"])
def test_read_onnx_given_no_model_is_refused(data):
    with pytest.raises(ModelError, match="not a valid ONNX file"):
        read_onnx(data)


def test_read_onnx_given_no_input_is_refused():
    constant = helper.make_node("Constant", [], ["y"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0]))

    with pytest.raises(ModelError, match="no input"):
        read_onnx(model(constant, inputs=[], output=("y", (1,))))
