"""What became of each layer of a model, read from the operations of its `.tflite` file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lepton_lab.compress._base import WEIGHTED
from lepton_lab.runtime import Operation, Tensor

Bits = Callable[[Operation], tuple[int, int]]
"""Of an operation's weights and of its activations."""


def describe(keras_model: Any, operations: Sequence[Operation], bits: Bits | None = None) -> list[tuple[str, str]]:
    """For each layer of a Keras model its name, and what its weights and activations are.

    Parameters
    ----------
    operations
        Of the file that was made of it.
    bits
        Given where they are to become other ones; else those that they are in the file.
    """
    by_layer: dict[str, list[Operation]] = {layer.name: [] for layer in keras_model.layers}
    for operation in without_casts(operations):
        if any(tensor.dtype != "int32" or operation.kind in WEIGHTED for tensor in operation.constants):
            names = [tensor.name for tensor in (*operation.constants, *operation.outputs)]
            owner = next((layer for layer in by_layer if any(belongs(name, layer) for name in names)), None)
            if owner is not None:
                by_layer[owner].append(operation)
    return [(layer.name, _line(layer, by_layer[layer.name], bits or in_file)) for layer in keras_model.layers]


def in_file(operation: Operation) -> tuple[int, int]:
    """The bits of an operation's weights and of its activations, as they are."""
    plain = [tensor for tensor in operation.inputs if not tensor.is_constant]
    return weights_of(operation).bits, plain[0].bits if plain else 32


def weights_of(operation: Operation) -> Tensor:
    """Of the constants that an operation reads the one with most numbers: its weights, not its bias."""
    return max(operation.constants, key=lambda tensor: math.prod(tensor.shape))


def without_casts(operations: Sequence[Operation]) -> list[Operation]:
    """The operations as if they read the float16 weights themselves, which a file casts to float32 before."""
    casts = {o.output: o.inputs[0] for o in operations if o.kind == "DEQUANTIZE" and o.inputs[0].is_constant}
    return [replace(o, inputs=tuple(casts.get(tensor.name, tensor) for tensor in o.inputs)) for o in operations]


def belongs(tensor: str, layer: str) -> bool:
    """Whether a tensor's name, as `cnn/dense/MatMul;cnn/dense/BiasAdd`, has the layer's name behind the model's."""
    return any(layer in part.split("/")[1:] for part in tensor.split(";"))


def _line(layer: Any, operations: Sequence[Operation], bits: Bits) -> str:
    if not operations:
        return "folded into its neighbours, or float32" if layer.weights else "no weights"
    weighted = [operation for operation in operations if operation.kind in WEIGHTED]
    weights, activations = bits((weighted or operations)[0])
    if weights == 32:
        return "kept in float32"
    if weights == 16:
        return "weights float16, computed in float32"
    return f"weights int{weights}, activations {'float32' if activations == 32 else f'int{activations}'}"
