"""int8 numbers as uint8, run by ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lepton_lab.export._onnx_unsigned import as_unsigned

WEIGHTS = np.full((64, 3), 127, np.int8)
WEIGHTS[:, 1] = np.arange(64) - 32
ROWS = np.linspace(-8, 8, 5 * 64, dtype=np.float32).reshape(5, 64)


def quantised(between: str = "Identity", says_zero: bool = True) -> Any:
    """Rows times weights, all in int8; each product of the first column is as large as it can be."""
    constants = {
        **{"scale": np.float32(0.0625), "zero": np.int8(3), "weights": WEIGHTS},
        **{"scales": np.array([0.01, 0.02, 0.03], np.float32), "zeros": np.zeros(3, np.int8)},
        **{"wide": np.float32(8), "middle": np.int8(-5)},
    }
    node = helper.make_node
    nodes = [
        node("QuantizeLinear", ["rows", "scale", "zero"], ["q"]),
        node(between, ["q"], ["same"]),
        node("DequantizeLinear", ["same", "scale", "zero"], ["x"]),
        node("DequantizeLinear", ["weights", "scales", "zeros"][: 2 + says_zero], ["w"], axis=1),
        node("MatMul", ["x", "w"], ["y"]),
        node("QuantizeLinear", ["y", "wide", "middle"], ["qy"]),
        node("DequantizeLinear", ["qy", "wide", "middle"], ["answers"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        for name, width in (("rows", 64), ("answers", 3))
    ]
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "net", ports[:1], ports[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def run(model: Any) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"rows": ROWS})[0]


def exact() -> Any:
    x = (np.clip(np.round(ROWS / 0.0625) + 3, -128, 127) - 3) * 0.0625
    y = x @ (WEIGHTS * np.array([0.01, 0.02, 0.03]))
    return (np.clip(np.round(y / 8) - 5, -128, 127) + 5) * 8


@pytest.mark.parametrize("says_zero", [True, False])
def test_the_answers_are_exact_on_every_processor(says_zero: bool) -> None:
    model = as_unsigned(quantised(says_zero=says_zero))
    onnx.checker.check_model(model, full_check=True)
    kinds = {constant.data_type for constant in model.graph.initializer}
    assert kinds == {TensorProto.FLOAT, TensorProto.UINT8}
    assert TensorProto.INT8 not in {told.type.tensor_type.elem_type for told in model.graph.value_info}
    np.testing.assert_array_equal(run(model), exact())


def test_what_computes_with_int8_itself_stays_as_it_is() -> None:
    model = quantised("Abs")
    before = model.SerializeToString()
    assert as_unsigned(model).SerializeToString() == before
