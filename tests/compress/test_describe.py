from types import SimpleNamespace

import pytest

from lepton_lab.compress._describe import belongs, describe, in_file
from lepton_lab.runtime import Graph, Operation, Tensor, load_keras, to_tflite
from tests.models_fixture import make_of_zoo


@pytest.mark.parametrize(
    ("name", "layer", "is_its"),
    [
        ("cnn/dense/MatMul;cnn/dense/BiasAdd", "dense", True),
        ("cnn/dense_1/MatMul", "dense", False),
        ("m/relu/Relu;m/norm/FusedBatchNormV3;m/stem/Conv2D", "norm", True),
        ("dense/other/MatMul", "dense", False),
        ("StatefulPartitionedCall:0", "dense", False),
    ],
)
def test_whose_a_tensor_is(name: str, layer: str, is_its: bool) -> None:
    assert belongs(name, layer) is is_its


def test_a_layer_that_is_called_as_its_model() -> None:
    model = load_keras(make_of_zoo("depthwise").file)
    told = dict(describe(model, Graph(to_tflite(model)).operations))
    assert model.name in told and told["dense"] == told["answer"] == told["depthwise"] == "kept in float32"


def test_weights_of_few_bits_beside_a_bias_of_more_bytes() -> None:
    rows = Tensor("rows", (1, 2), "float32")
    weights = Tensor("m/dense/MatMul", (8, 2), "int4", bytes(8))
    bias = Tensor("m/dense/BiasAdd", (8,), "float32", bytes(32))
    assert in_file(Operation("FULLY_CONNECTED", (rows, weights, bias), ())) == (4, 32)


@pytest.mark.parametrize(
    ("dtype", "line"),
    [
        ("int8", "weights int8, activations float32, REDUCE_MAX in float32"),
        ("float32", "float32: REDUCE_MAX can't be quantised"),
    ],
)
def test_a_layer_without_weights_that_computes_with_numbers_of_its_own(dtype: str, line: str) -> None:
    rows, found = Tensor("rows", (1, 2), "float32"), Tensor("m/mel/MatMul", (1, 8), "float32")
    table = Tensor("m/mel/Const", (8, 2), dtype, bytes(64))
    model = SimpleNamespace(layers=[SimpleNamespace(name="mel", weights=[])])
    most = Operation("REDUCE_MAX", (found,), (Tensor("m/mel/Max", (1,), "float32"),))
    assert describe(model, [Operation("FULLY_CONNECTED", (rows, table), (found,)), most], [most]) == [("mel", line)]


def test_a_model_inside_of_which_a_part_stays() -> None:
    rows, found = Tensor("rows", (1, 2), "float32"), Tensor("m/encoder/dense/MatMul", (1, 2), "float32")
    operations = [
        Operation("FULLY_CONNECTED", (rows, Tensor(f"m/encoder/{name}/w", (2, 2), dtype, bytes(16))), (found,))
        for name, dtype in (("first", "float32"), ("second", "int8"), ("third", "int8"))
    ]
    model = SimpleNamespace(layers=[SimpleNamespace(name="encoder", weights=[1])])
    line = "weights int8, activations float32; in part kept in float32"
    assert describe(model, operations) == [("encoder", line)]
