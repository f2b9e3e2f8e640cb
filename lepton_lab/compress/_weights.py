"""The weights of a model layer by layer, and which operations' results are a layer's answers."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress._base import WEIGHTED
from lepton_lab.compress._describe import belongs, in_file, weights_of, without_casts
from lepton_lab.runtime import Operation, Tensor
from lepton_lab.types import LayerFigures


@dataclass(frozen=True)
class Part:
    """A layer, and where its answers are."""

    figures: LayerFigures
    nodes: tuple[str, ...] = ()
    """Names of the tensors with its answers; none where another layer's operation computes them."""


def parts_of_keras(model: Any, operations: Sequence[Operation]) -> list[Part]:
    """The layers of a tf_keras model that have weights.

    Parameters
    ----------
    operations
        Of the float32 file that the model becomes.
    """
    arrays = {layer: [a for a in layer.get_weights() if a.dtype.kind == "f"] for layer in model.layers}
    weighted = [layer for layer in model.layers if arrays[layer]]
    owners: dict[str, str] = {}  # an operation that several layers became is that of the one with the largest kernel
    nodes: dict[str, str] = {}
    for layer in sorted(weighted, key=lambda layer: -max(array.size for array in arrays[layer])):
        own = [operation.output for operation in operations if _is_of(operation, layer.name)]
        if own:
            nodes[layer.name] = own[-1]
            owners.setdefault(own[-1], layer.name)
    parts = []
    for layer in weighted:
        node = nodes.get(layer.name)
        owner = owners.get(node or "")
        note = "" if owner == layer.name else f"computed with {owner}" if owner else "has no operation of its own"
        figures = _of_arrays(layer.name, type(layer).__name__, arrays[layer], note)
        parts.append(Part(figures, (node,) if node and not note else ()))
    return parts


def parts_of_file(operations: Sequence[Operation]) -> list[Part]:
    """The weights that a `.tflite` file's operations read; those that several read (a step in time each) once."""
    found: dict[str, list[Operation]] = {}
    for operation in without_casts(operations):
        if operation.kind != "DEQUANTIZE" and any(
            _is_learned(tensor, operation.kind) for tensor in operation.constants
        ):
            found.setdefault(weights_of(operation).name, []).append(operation)
    return [Part(_of_operations(own), tuple(operation.output for operation in own)) for own in found.values()]


def _is_of(operation: Operation, layer: str) -> bool:
    tensors = (*operation.constants, *operation.outputs)
    return any(belongs(tensor.name, layer) for tensor in tensors)


def _is_learned(tensor: Tensor, kind: str) -> bool:
    """Whether a constant is weights, not a shape, an axis, or a number that all is multiplied by."""
    return math.prod(tensor.shape) > 1 and (kind in WEIGHTED or not tensor.dtype.startswith(("int32", "int64")))


def _of_arrays(name: str, kind: str, arrays: Sequence[NDArray[Any]], note: str) -> LayerFigures:
    kernels = [array for array in arrays if array.ndim > 1] or list(arrays)
    content = b"".join(array.tobytes() for array in arrays)
    num_weights = sum(kernel.size for kernel in kernels)
    return LayerFigures(
        name,
        kind,
        tuple(kernel.shape for kernel in kernels),
        sum(int((kernel == 0).sum()) for kernel in kernels) / num_weights,
        max(len(np.unique(kernel)) for kernel in kernels),
        32,
        32,
        len(content),
        len(gzip.compress(content, 9, mtime=0)),
        num_weights,
        note=note,
    )


def _of_operations(operations: Sequence[Operation]) -> LayerFigures:
    first = operations[0]
    weights = weights_of(first)
    constants = {tensor.name: tensor for operation in operations for tensor in operation.constants}
    content = b"".join(tensor.content for tensor in constants.values() if _is_learned(tensor, first.kind))
    bits, activation_bits = in_file(first)
    return LayerFigures(
        _layers_in(tensor.name for tensor in (*first.outputs, weights)) or first.output,
        first.kind,
        (weights.shape,),
        float((weights.values() == 0).mean()),
        len(np.unique(weights.stored())),
        bits,
        activation_bits,
        len(content),
        len(gzip.compress(content, 9, mtime=0)),
        math.prod(weights.shape),
    )


def _layers_in(tensors: Iterable[str]) -> str:
    """The layers that the first tensor with such a name tells of.

    `m/relu/Relu;m/quant_stem/Conv2D;m/quant_stem/BiasAdd/ReadVariableOp` gives `stem + relu`.
    """
    for tensor in tensors:
        names = [_layer_in(part) for part in tensor.split(";") if "FakeQuant" not in part]
        if any(names):
            return " + ".join(dict.fromkeys(filter(None, reversed(names))))
    return ""


def _layer_in(part: str) -> str:
    """`model/inner/dense/MatMul` is of the layer `inner/dense`; empty where no layer is named."""
    words = part.partition("/ReadVariableOp")[0].split("/")
    return "/".join(word.removeprefix("quant_") for word in words[1:-1])
