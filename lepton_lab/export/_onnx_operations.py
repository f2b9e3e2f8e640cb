"""Operations of TensorFlow that Keras's layers are made of and tf2onnx lacks, by operations that ONNX has.

They are registered with tf2onnx as its own are. Of all layers and activations of tf_keras these are the ones that were
missing: gelu's Erfc, celu's Expm1 (of Keras 3) and Discretization's Bucketize.
"""

from __future__ import annotations

from typing import Any


class _Erfc:
    """1 - erf(x)."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **unused: Any) -> None:
        """Put it into tf2onnx's graph in the place of `node`."""
        import numpy as np

        one = graph.make_const(f"{node.name}_one", np.float32(1)).output[0]
        erf = graph.make_node("Erf", [node.input[0]]).output[0]
        _replace(graph, node, "Sub", [one, erf])


class _Expm1:
    """exp(x) - 1."""

    @classmethod
    def version_7(cls, graph: Any, node: Any, **unused: Any) -> None:
        """Put it into tf2onnx's graph in the place of `node`."""
        import numpy as np

        one = graph.make_const(f"{node.name}_one", np.float32(1)).output[0]
        power = graph.make_node("Exp", [node.input[0]]).output[0]
        _replace(graph, node, "Sub", [power, one])


class _Bucketize:
    """The number of boundaries that are at most x, int32."""

    @classmethod
    def version_13(cls, graph: Any, node: Any, **unused: Any) -> None:
        """Put it into tf2onnx's graph in the place of `node`."""
        import numpy as np
        from onnx import TensorProto

        def constant(name: str, value: Any) -> Any:
            return graph.make_const(f"{node.name}_{name}", value).output[0]

        boundaries = constant("boundaries", np.array(node.get_attr_value("boundaries"), np.float32))
        last = constant("last", np.array([-1], np.int64))
        rows = graph.make_node("Cast", [node.input[0]], attr={"to": TensorProto.FLOAT}).output[0]
        apart = graph.make_node("Unsqueeze", [rows, last]).output[0]
        passed = graph.make_node("GreaterOrEqual", [apart, boundaries]).output[0]
        counted = graph.make_node("Cast", [passed], attr={"to": TensorProto.INT32}).output[0]
        _replace(graph, node, "ReduceSum", [counted, last], {"keepdims": 0})


def _replace(graph: Any, node: Any, kind: str, inputs: list[Any], attributes: dict[str, Any] | None = None) -> None:
    """An operation in the place of `node`, under its name."""
    shapes = [graph.get_shape(output) for output in node.output]
    dtypes = [graph.get_dtype(output) for output in node.output]
    name, outputs = node.name, node.output
    graph.remove_node(name)
    graph.make_node(kind, inputs, attr=attributes, name=name, outputs=outputs, shapes=shapes, dtypes=dtypes)


def pad_outside(model: Any) -> None:
    """Write as ONNX has it what tf2onnx writes as negative padding: a transposed convolution's `output_padding`."""
    from onnx.helper import make_attribute

    for node in model.graph.node:
        given = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type != "ConvTranspose" or "pads" not in given or min(given["pads"].ints) >= 0:
            continue
        half = len(given["pads"].ints) // 2
        sums = [sum(given["pads"].ints[axis::half]) for axis in range(half)]
        pads = [0 if sums[place % half] < 0 else pad for place, pad in enumerate(given["pads"].ints)]
        given["pads"].CopyFrom(make_attribute("pads", pads))
        node.attribute.append(make_attribute("output_padding", [max(0, -total) for total in sums]))


def register() -> None:
    """Make them known to tf2onnx; may be called again."""
    from tf2onnx.handler import tf_op

    for name, handler in (("Erfc", _Erfc), ("Expm1", _Expm1), ("Bucketize", _Bucketize)):
        tf_op(name)(handler)


def missing(function: Any, model: Any) -> list[str]:
    """Which operations of a model's graph tf2onnx has nothing for, each with the layer that it is of.

    Parameters
    ----------
    function
        The model as a `tf.function` with one concrete function.
    """
    from tf2onnx import tfonnx  # noqa: F401  # fills the table
    from tf2onnx.handler import tf_op

    known = {name for versions in tf_op.get_opsets().values() for operations in versions for name in operations or ()}
    known |= {"Placeholder", "NoOp", "PartitionedCall", "StatefulPartitionedCall", "Assert"}
    definition = function.get_concrete_function().graph.as_graph_def()
    bodies = [definition.node, *(one.node_def for one in definition.library.function)]
    layers = {layer.name: type(layer).__name__ for layer in model.layers}
    others = ", ".join(one.name for one in getattr(model, "operations", ()) if one.name not in layers)
    found: dict[str, str] = {}
    for node in (node for body in bodies for node in body if node.op not in known):
        own = next((part for part in node.name.split("/") if part in layers), None)
        unknown = (
            f"{node.op} (of one of the operations {others})" if others else node.op
        )  # operations of Keras 3 have no name there
        found.setdefault(node.op, f"{node.op} (of the layer {own!r}, {layers[own]})" if own else unknown)
    return list(found.values())
