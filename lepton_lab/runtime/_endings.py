"""With which activation a Keras model ends, read from its file without TensorFlow.

Whether answers are probabilities or logits decides about losses, thresholds and what is shown, and answers alone don't
tell it: a model that has learned nothing yet gives small numbers either way. The config does, back through layers that
only move numbers, as far as it consists of layers that are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime._ends import named_places
from lepton_lab.runtime._keras import read_config

LINEAR = "linear"
"""What an ending is called that gives any number."""

_BY_CLASS = {
    **{"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax", "Tanh": "tanh"},
    **{"ReLU": "relu", "Relu": "relu", "LeakyReLU": "leaky_relu", "PReLU": "leaky_relu", "ELU": "elu"},
    **{"LogSigmoid": "log_sigmoid", "HardSigmoid": "hard_sigmoid", "Softplus": "softplus", "ThresholdedReLU": "relu"},
    **dict.fromkeys(
        ("BatchNormalization", "SyncBatchNormalization", "LayerNormalization", "GroupNormalization", "Dot"), LINEAR
    ),
    **dict.fromkeys(("MultiHeadAttention", "Embedding", "Normalization", "GroupQueryAttention"), LINEAR),
}
"""Layers, and operations of Keras 3, whose answers are of a known kind whatever goes in."""
_MOVING = frozenset(
    (
        *("Reshape", "Flatten", "Permute", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
        *("Identity", "ActivityRegularization", "RepeatVector", "Masking", "InputLayer", "AlphaDropout", "Cast"),
        *("UpSampling1D", "UpSampling2D", "UpSampling3D", "Squeeze", "ExpandDims", "Transpose", "Average"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
        *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
    )
)
"""Layers whose answers are of the kind of what goes in: a mean of probabilities is one, too."""
_MOVES = ("cast", "reshape", "squeeze", "expand_dims", "transpose", "identity")
"""The same of TensorFlow's functions."""
_JOINING: Mapping[str, tuple[str, ...]] = {
    "Add": (LINEAR,),
    "Subtract": (LINEAR,),
    "Concatenate": (LINEAR, "sigmoid"),  # two softmaxes side by side sum to two
}
"""Layers with several inputs, and of which kinds these may be for the answers to be the same."""
_FUNCTIONS = (LINEAR, "softmax", "sigmoid", "log_softmax", "hard_sigmoid", "softplus", "relu", "tanh")
"""Names that mean the same wherever a function of that name comes from."""
_MODELS = ("Sequential", "Functional", "Model")
_WRAPPERS = ("TimeDistributed", "Bidirectional", "RNN")


@dataclass(frozen=True)
class Ending:
    """What one output of a model comes from."""

    layer: str
    """The name of the layer that decides."""
    activation: str | None
    """Keras's name, `linear` for none; None where it can't be known."""


def read_endings(path: Path) -> dict[str, Ending]:
    """The ending of each output of the Keras model in a file, by the output's name; of a single one by the name "".

    Raises
    ------
    InputError
        If the file can't be read.
    """
    config = read_config(path)[0]
    try:
        found = endings_of(config)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} can't be read: its layers are damaged ({error!r}); save it again.") from None
    return found if len(found) > 1 else dict(zip([""], found.values(), strict=True))


def read_output_names(path: Path) -> list[str]:
    """The names of the outputs of the Keras model in a file; a single one has its name, too."""
    try:
        return list(endings_of(read_config(path)[0]))
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError):
        return []


def endings_of(config: Mapping[str, Any]) -> dict[str, Ending]:
    """The same of a config, `{"class_name": ..., "config": ...}`, by the outputs' names always."""
    body = config["config"]
    if "output_layers" not in body:
        layers = body["layers"]
        name = layers[-1]["config"]["name"]
        return {name: _of_chain(layers)}
    graph = {layer["config"]["name"]: layer for layer in body["layers"]}
    return {name: _of_place(graph, place) for name, place in named_places(body["output_layers"]).items()}


def _of_chain(layers: list[Any]) -> Ending:
    """The ending of a Sequential model."""
    for layer in reversed(layers):
        ending = _own(layer, 0)
        if ending is not None:
            return ending
    return Ending(layers[-1]["config"].get("name", "?"), None)


def _of_place(graph: Mapping[str, Any], place: Any) -> Ending:
    """The ending of one tensor, `[layer, node, tensor]`."""
    name, node, tensor = place[0], int(place[1]), int(place[2])
    layer = graph[name]
    ending = _own(layer, tensor)
    if ending is not None:
        return ending
    nodes = layer.get("inbound_nodes") or []
    parents = _parents(nodes[node] if node < len(nodes) else nodes[0]) if nodes else []
    before = [_of_place(graph, parent) for parent in parents]
    kinds = {ending.activation for ending in before}
    if len(kinds) != 1 or not kinds <= set(_JOINING.get(layer["class_name"], kinds)):
        return Ending(name, None)
    return before[0]


def _own(layer: Mapping[str, Any], tensor: int) -> Ending | None:
    """What a layer alone says of its answers; None where they are of the kind of what goes in."""
    kind, settings = layer["class_name"], layer["config"]
    name = settings.get("name", "?")
    if kind in _MODELS:
        return list(endings_of(layer).values())[tensor]
    if kind in _WRAPPERS and isinstance(settings.get("layer"), Mapping):
        inner = _own(settings["layer"], tensor)
        return inner and Ending(name, inner.activation)
    if kind == "TFOpLambda":
        return _of_function(name, str(settings.get("function")))
    if kind in _MOVING or kind in _JOINING or (kind == "Activation" and _named(settings["activation"]) == LINEAR):
        return None
    if kind in _BY_CLASS:
        return Ending(name, _BY_CLASS[kind])
    if "activation" in settings and _is_of_keras(layer):
        return Ending(name, _named(settings["activation"]))
    return Ending(name, None)


def _of_function(name: str, function: str) -> Ending | None:
    """Of a function of TensorFlow between layers."""
    if function in _MOVES:
        return None
    plain = function.rpartition(".")[2]
    return Ending(name, plain if plain in _FUNCTIONS else None)


def _is_of_keras(layer: Mapping[str, Any]) -> bool:
    """Whether a layer is one of Keras's: the `activation` of another may mean anything."""
    return str(layer.get("module") or "keras").startswith(("keras", "tf_keras"))


def _named(activation: Any) -> str | None:
    """An activation's name as a config has it, a text or an entry with one; None for what is no function of Keras."""
    if activation is None:
        return LINEAR
    if isinstance(activation, str):
        return activation
    if not isinstance(activation, Mapping):
        return None
    kind, settings = activation.get("class_name"), activation.get("config")
    if isinstance(settings, str):  # a function
        return settings if activation.get("module") != "builtins" or settings in _FUNCTIONS else None
    return _BY_CLASS.get(str(kind))


def _parents(node: Any) -> list[Any]:
    """The tensors that a layer was called with, each `[layer, node, tensor]`; in tf_keras's form or Keras 3's."""
    if isinstance(node, Mapping) and "args" in node:
        return _histories(node["args"])
    if node and isinstance(node[0], str):  # a single tensor without the list around it
        return [node]
    return list(node)


def _histories(value: Any) -> list[Any]:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        return [value["config"]["keras_history"]]
    if isinstance(value, list | tuple):
        return [history for item in value for history in _histories(item)]
    return []
