"""A Keras model as a float32 `.tflite` file, from which every compressed file is made."""

from __future__ import annotations

import re
from typing import Any

from lepton_lab.errors import ConversionError


def to_tflite(model: Any) -> bytes:
    """The bytes of a `.tflite` file that answers as the tf_keras model does, in float32.

    Parameters
    ----------
    model
        A built functional or sequential tf_keras model with one input and one output.

    Raises
    ------
    ConversionError
        If a layer of the model has no counterpart among LiteRT's built-in operations.
    """
    import tensorflow as tf

    try:
        return bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    except Exception as error:  # the converter raises its own class, ValueError, TypeError and more
        missing = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", str(error))))
        reason = f"LiteRT has no operation for {', '.join(missing)}" if missing else " ".join(str(error).split())[:200]
        layers = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in model.layers)
        raise ConversionError(
            f"The model can't be converted to .tflite: {reason or type(error).__name__}. Replace the layer that needs "
            f"it, one of {layers}."
        ) from error
