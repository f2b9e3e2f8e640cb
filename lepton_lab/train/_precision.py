"""Computing in another precision than float32."""

from __future__ import annotations

from typing import Any

from lepton_lab.runtime import is_keras3

_STAY_FLOAT32 = ("Rescaling", "Normalization", "InputLayer", "Softmax")


def with_precision(model: Any, precision: str) -> Any:
    """The model computing in another precision; what scales the rows and what gives the answers stays float32."""
    import tf_keras

    if precision == "float32":
        return model
    last = set(model.output_names)

    def changes(layer: Any) -> bool:
        scales = type(layer).__name__ in _STAY_FLOAT32 or ".preprocessing." in type(layer).__module__
        return not scales and layer.name not in last

    if is_keras3(model):  # whose layers take another precision as they are
        for layer in filter(changes, model._flatten_layers(include_self=False, recursive=True)):
            layer.dtype_policy = precision
        return model

    def convert(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=convert)
        config = layer.get_config()
        if changes(layer):
            config["dtype"] = precision
        return type(layer).from_config(config)

    converted = tf_keras.models.clone_model(model, clone_function=convert)
    converted.set_weights(model.get_weights())
    return converted
