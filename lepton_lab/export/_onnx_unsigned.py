"""The int8 numbers of a quantised ONNX file as uint8, which every processor computes alike.

On x86 processors without VNNI, ONNX Runtime multiplies int8 weights by an instruction that sums two products up in 16
bits and cuts off what doesn't fit (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, on
U8S8 and saturation): answers are wrong there, without a word. uint8 numbers whose zero point is 128 higher stand for
the same values, and are multiplied exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_MOVING = (
    *("Concat", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Slice", "Split", "Squeeze"),
    *("Transpose", "Unsqueeze"),
)
"""Operations that pass numbers on as they come."""
_SHIFT = 128


def as_unsigned(model: Any) -> Any:
    """The same `onnx.ModelProto`, changed in place; as it is where an operation computes with int8 numbers itself."""
    from onnx import TensorProto, numpy_helper

    graph = model.graph
    constants = {constant.name: constant for constant in graph.initializer}
    signed = {name for name, constant in constants.items() if constant.data_type == TensorProto.INT8}
    bare = []
    """Those that take numbers with the zero point 0, which need not be said."""
    for node in graph.node:
        found = signed.intersection(node.input)
        if found and node.op_type not in ("QuantizeLinear", "DequantizeLinear", *_MOVING):
            return model
        if node.op_type == "DequantizeLinear" and found and len(node.input) < 3:
            bare.append(node)
        elif found and node.op_type != "DequantizeLinear":
            signed.update(node.output)
    if any(port.name in signed for port in (*graph.input, *graph.output)):
        return model
    for node in bare:
        zero = f"{node.output[0]}_zero_point"
        like = numpy_helper.to_array(constants[node.input[1]])
        graph.initializer.append(numpy_helper.from_array(np.full(like.shape, _SHIFT, np.uint8), zero))
        node.input.append(zero)
    for name in signed & constants.keys():
        values = numpy_helper.to_array(constants[name]).astype(np.int16) + _SHIFT
        constants[name].CopyFrom(numpy_helper.from_array(values.astype(np.uint8), name))
    for told in graph.value_info:
        if told.name in signed:
            told.type.tensor_type.elem_type = TensorProto.UINT8
    return model
