"""What became of each layer of a model, read from the operations of its `.tflite` file."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from lepton_lab.compress._base import WEIGHTED
from lepton_lab.runtime import Operation, Tensor

_KEPT = "kept in float32"
_NUMBERS = ("int32", "int64", "bool")
"""What shapes and positions are, not activations."""


def describe(
    keras_model: Any, operations: Sequence[Operation], spared: Collection[Operation] = ()
) -> list[tuple[str, str]]:
    """For each layer of a Keras model its name, and what its weights and activations are.

    Parameters
    ----------
    operations
        Of the file that was made of it.
    spared
        Operations of the float32 file that can't be whole numbers; a layer without weights is told of those it has.
    """
    by_layer: dict[str, list[Operation]] = {layer.name: [] for layer in keras_model.layers}
    unknown = {
        layer.name: operation.kind
        for operation in spared
        for layer in keras_model.layers
        if not layer.weights and belongs(operation.output, layer.name)
    }
    for operation in without_casts(operations):
        if has_weights(operation):
            names = [tensor.name for tensor in (*operation.constants, *operation.outputs)]
            owner = next((layer for layer in by_layer if any(belongs(name, layer) for name in names)), None)
            if owner is not None:
                by_layer[owner].append(operation)
    lines = {layer.name: _line(layer, by_layer[layer.name]) for layer in keras_model.layers}
    for name, kind in unknown.items():  # numbers of its own may be whole all the same, as MelSpectrogram's
        is_whole = lines[name].startswith("weights int")
        lines[name] = f"{lines[name]}, {kind} in float32" if is_whole else f"float32: {kind} can't be quantised"
    return list(lines.items())


def in_file(operation: Operation) -> tuple[int, int]:
    """The bits of an operation's weights and of its activations, as they are."""
    computed = [tensor for tensor in operation.inputs if not tensor.is_constant and tensor.dtype not in _NUMBERS]
    activations = (*computed, *operation.outputs)  # of a lookup only what it answers is an activation
    return weights_of(operation).bits, activations[0].bits if activations else 32


def has_weights(operation: Operation) -> bool:
    """Whether an operation reads learnt numbers from the file, and not only shapes and positions."""
    return bool(operation.constants) and weights_of(operation).dtype not in _NUMBERS


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


def _line(layer: Any, operations: Sequence[Operation]) -> str:
    if not operations:
        return "folded into its neighbours, or float32" if layer.weights else "no weights"
    weighted = [operation for operation in operations if operation.kind in WEIGHTED]
    of_each = dict.fromkeys(_became(operation) for operation in weighted or operations[:1])
    several = [line for line in of_each if line != _KEPT]  # as of a model inside the model
    return "; ".join([*several, f"in part {_KEPT}"] if several and _KEPT in of_each else of_each)


def _became(operation: Operation) -> str:
    weights, activations = in_file(operation)
    if weights == 32:
        return _KEPT
    if weights_of(operation).dtype == "float16":
        return "weights float16, computed in float32"
    return f"weights int{weights}, activations {'float32' if activations == 32 else f'int{activations}'}"
