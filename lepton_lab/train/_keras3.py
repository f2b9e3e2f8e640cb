"""From a Keras 3 model's config to one that tf_keras reads.

The two differ in a few places: Keras 3 writes a dtype policy as an object, an input's `batch_shape`, keys for features
that tf_keras doesn't have, and the graph's edges as tensors with a history instead of lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNKNOWN_TO_TF_KERAS = ("quantization_config", "lora_rank", "lora_alpha", "optional", "sparse", "ragged")


def to_tf_keras_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a Sequential or functional model, as `model.get_config()` of Keras 3 gives it, for tf_keras."""
    body = {key: value for key, value in config.items() if key not in ("dtype", "trainable")}
    body["layers"] = [_layer(layer) for layer in config["layers"]]
    for ends in ("input_layers", "output_layers"):
        if ends in body:
            body[ends] = _ends(body[ends])
    body.pop("build_input_shape", None)
    return body


def _layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(layer["config"])
    if layer["class_name"] in ("Functional", "Sequential"):
        settings = to_tf_keras_config(settings)
    else:
        for key in [*_UNKNOWN_TO_TF_KERAS, *(key for key in settings if key.endswith("_initializer"))]:
            settings.pop(key, None)  # weights are brought over too, so how they were first drawn doesn't matter
        if isinstance(settings.get("dtype"), Mapping):
            settings["dtype"] = settings["dtype"]["config"]["name"]
        if "batch_shape" in settings:
            settings["batch_input_shape"] = settings.pop("batch_shape")
    result = {"class_name": layer["class_name"], "config": settings}
    if "name" in layer:
        result["name"] = layer["name"]
    if "inbound_nodes" in layer:
        result["inbound_nodes"] = [_node(node) for node in layer["inbound_nodes"]]
    return result


def _node(node: Mapping[str, Any]) -> list[Any]:
    """One call of a layer: the tensors it was called with, each as [layer, node, tensor, keyword arguments]."""
    tensors = _tensors(node["args"])
    return [[*history, dict(node.get("kwargs", {})) if place == 0 else {}] for place, history in enumerate(tensors)]


def _tensors(value: Any) -> list[list[Any]]:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        return [list(value["config"]["keras_history"])]
    if isinstance(value, (list, tuple)):
        return [history for item in value for history in _tensors(item)]
    return []


def _ends(ends: Any) -> Any:
    """Keras 3 writes a single input or output without the list around it."""
    return [list(ends)] if ends and isinstance(ends[0], str) else ends
