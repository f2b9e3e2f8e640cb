"""Making a model that can be trained: from the family, from a builder's source, or from a Keras model brought in.

These functions run in a process that has TensorFlow (see `lepton_lab.forkserver`). Each writes `initial.keras` and
`model.keras` into a folder and returns what is to be known of the model.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.train._family import LeptonModel
from lepton_lab.train._keras3 import to_tf_keras_config
from lepton_lab.types import Scaling, Target

if TYPE_CHECKING:
    import tf_keras


@dataclass(frozen=True)
class Shape:
    """What is to be known of a model without loading it."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    num_parameters: int


def make_family(
    folder: Path,
    kind: str,
    input_shape: tuple[int, ...],
    target: Target,
    scaling: Scaling,
    hidden_size: int,
    num_layers: int,
    seed: int,
) -> Shape:
    """Write a `LeptonModel` with weights drawn by `seed`."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    model = LeptonModel(
        input_shape,
        target.num_outputs,
        hidden_size,
        num_layers,
        kind=kind,
        scaling=scaling,
        regression=target.kind == "numbers",
    )
    return _write(model, folder)


def make_built(folder: Path, source: str, input_shape: tuple[int, ...], num_classes: int, seed: int) -> Shape:
    """Write the model that the function `build(input_shape, num_classes)` in `source` returns.

    The source sees tf_keras under the names `keras` and `tf_keras`, and `tf`, `np`.
    """
    import numpy as np
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    namespace: dict[str, Any] = {"keras": tf_keras, "tf_keras": tf_keras, "tf": tf, "np": np, "__name__": "builder"}
    try:
        exec(compile(source, "<builder>", "exec"), namespace)  # the user's own cell, run in a process of its own
        build = namespace.get("build")
        if not callable(build):
            raise InputError("The cell defines no function build(input_shape, num_classes) that returns a Keras model.")
        model = build(input_shape, num_classes)
    except InputError:
        raise
    except Exception as error:
        raise UserCodeError(f"build() raised {type(error).__name__}: {error}", traceback.format_exc()) from None
    if not isinstance(model, tf_keras.Model):
        raise InputError(
            f"build() returned {type(model).__module__}.{type(model).__name__}, but must return a tf_keras model: "
            "take its layers from `keras`, which stands for tf_keras in that cell."
        )
    if not model.built:
        model.build((None, *input_shape))
    return _write(model, folder)


def adopt_config(folder: Path, config: Mapping[str, Any], weights: Mapping[str, list[Any]], is_keras3: bool) -> Shape:
    """Write a model given by its class name and config, and its weights by layer name.

    Raises
    ------
    InputError
        If a layer can't be made in tf_keras; says which.
    """
    import tf_keras

    class_name, body = config["class_name"], config["config"]
    if is_keras3:
        body = to_tf_keras_config(body)
    if class_name not in ("Sequential", "Functional", "Model"):
        raise InputError(
            f"The model is of the class {class_name}, which holds Python code: only Sequential and functional models "
            "can be brought over by config and weights. Define it in a `%%lepton model new NAME` cell instead."
        )
    for layer in body["layers"]:
        _check_layer(layer)
    try:
        family = tf_keras.Sequential if class_name == "Sequential" else tf_keras.Model
        model = family.from_config(body)
    except Exception as error:
        raise InputError(f"The model can't be made in tf_keras: {type(error).__name__}: {error}") from None
    if not model.built:
        raise InputError(
            "The model has no input shape yet: begin it with an Input layer, or call it once on some rows."
        )
    for layer in model.layers:
        if weights.get(layer.name):
            layer.set_weights(weights[layer.name])
    return _write(model, folder)


def adopt_file(folder: Path, file: Path) -> Shape:
    """Write the model of a `.keras` file made by tf_keras or by Keras 3; nothing in it is executed."""
    import json
    import zipfile

    import tf_keras

    try:
        with zipfile.ZipFile(file) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{file} is not a .keras file ({error}): save the model with model.save('name.keras')."
        ) from None
    try:
        if not version.startswith("3"):
            return _write(tf_keras.models.load_model(file, compile=False, safe_mode=True), folder)
        import keras  # Keras 3, beside tf_keras

        model = keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:
        raise InputError(
            f"{file} can't be read as a model: {type(error).__name__}: {str(error).splitlines()[0]}"
        ) from None
    config = {"class_name": type(model).__name__, "config": model.get_config()}
    return adopt_config(folder, config, {layer.name: layer.get_weights() for layer in model.layers}, is_keras3=True)


def check(model_file: Path, optimizer: str, loss: str, num_outputs: int) -> None:
    """Whether a run could start: names that Keras knows, and an answer that fits the labels.

    Raises
    ------
    InputError
        With what came and what was expected.
    """
    import tf_keras

    try:
        tf_keras.optimizers.get({"class_name": optimizer, "config": {}})
    except ValueError:
        raise InputError(f"Keras knows no optimizer {optimizer!r}: try adam, sgd, rmsprop, adamw.") from None
    try:
        tf_keras.losses.get(loss)
    except ValueError:
        raise InputError(f"Keras knows no loss {loss!r}: try auto, sparse_categorical_crossentropy, mse.") from None
    model = tf_keras.models.load_model(model_file, compile=False)
    if model.output_shape[-1] != num_outputs:
        raise InputError(f"The model gives {model.output_shape[-1]} numbers a row, but the labels need {num_outputs}.")


def _check_layer(layer: Mapping[str, Any]) -> None:
    """Refuse a layer that tf_keras doesn't have, or that carries code."""
    import tf_keras

    name, label = layer["class_name"], layer["config"].get("name", "?")
    if name == "Lambda":
        raise InputError(f"The layer {label!r} is a Lambda, whose code can't be brought over: use a layer of Keras.")
    if name not in ("Functional", "Sequential") and not hasattr(tf_keras.layers, name):
        raise InputError(
            f"The layer {label!r} is a {name}, which tf_keras doesn't have: define the model in a "
            "`%%lepton model new NAME` cell instead."
        )


def _write(model: tf_keras.Model, folder: Path) -> Shape:
    if isinstance(model.input_shape, (list, dict)) or isinstance(model.output_shape, (list, dict)):
        raise InputError("The model has several inputs or outputs: models with one of each can be trained here.")
    if any(size is None for size in model.input_shape[1:]):
        raise InputError(
            f"The model's input shape is {model.input_shape[1:]}: every size but the batch's must be known."
        )
    model.save(folder / "initial.keras")
    shutil.copyfile(folder / "initial.keras", folder / "model.keras")
    return Shape(tuple(model.input_shape[1:]), tuple(model.output_shape[1:]), int(model.count_params()))
