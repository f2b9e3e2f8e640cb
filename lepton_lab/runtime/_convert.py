"""A Keras model as a `.tflite` file, float32 unless it was trained for fewer bits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from lepton_lab.errors import ConversionError
from lepton_lab.runtime._code import by_registered_name


def to_tflite(model: Any, *, optimize: bool = False) -> bytes:
    """The bytes of a `.tflite` file that answers as the tf_keras model does.

    Recurrent layers are unrolled. Otherwise the converter makes a loop of them that takes a fixed number of rows, and
    of an LSTM an operation that goes on from the state that the rows before left, unless its caller resets it.

    Parameters
    ----------
    model
        A built functional or sequential tf_keras model with one input and one output.
    optimize
        Whether to write with fewer bits what the model was trained to have so, and other large weights in int8; else
        all is float32.

    Raises
    ------
    ConversionError
        If a layer of the model has no counterpart among LiteRT's built-in operations.
    """
    import tensorflow as tf

    try:
        converter = tf.lite.TFLiteConverter.from_keras_model(unrolled(model))
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimize else []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses statistics that a model trained for int8 has in itself
            return bytes(converter.convert())
    except Exception as error:  # the converter raises its own class, ValueError, TypeError and more
        missing = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", str(error))))
        reason = f"LiteRT has no operation for {', '.join(missing)}" if missing else " ".join(str(error).split())[:200]
        layers = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in model.layers)
        raise ConversionError(
            f"The model can't be converted to .tflite: {reason or type(error).__name__}. Replace the layer that needs "
            f"it, one of {layers}."
        ) from error


def unrolled(model: Any) -> Any:
    """The same model with its recurrent layers unrolled; the model itself where all are, or there is none."""
    import tf_keras

    parts = [part for part in model.submodules if isinstance(part, tf_keras.layers.Layer)]
    if all(part.unroll for part in parts if isinstance(part, tf_keras.layers.RNN)):
        return model
    with tf_keras.utils.custom_object_scope(by_registered_name({type(part).__name__: type(part) for part in parts})):
        made = type(model).from_config(_with_unroll(model.get_config()))
    made.set_weights(model.get_weights())
    return made


def _with_unroll(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {key: True if key == "unroll" else _with_unroll(value) for key, value in config.items()}
    return type(config)(map(_with_unroll, config)) if isinstance(config, (list, tuple)) else config
