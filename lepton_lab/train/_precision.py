"""Computing in another precision than float32."""

from __future__ import annotations

from typing import Any

_STAY_FLOAT32 = ("Rescaling", "Normalization", "InputLayer", "Softmax")


def with_precision(model: Any, precision: str) -> Any:
    """The model computing in another precision; what scales the rows and what gives the answers stays float32."""
    import tf_keras

    if precision == "float32":
        return model
    last = set(model.output_names)

    def convert(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return tf_keras.models.clone_model(layer, clone_function=convert)
        config = layer.get_config()
        scales = type(layer).__name__ in _STAY_FLOAT32 or ".preprocessing." in type(layer).__module__
        if not scales and layer.name not in last:
            config["dtype"] = precision
        return type(layer).from_config(config)

    converted = tf_keras.models.clone_model(model, clone_function=convert)
    converted.set_weights(model.get_weights())
    return converted
