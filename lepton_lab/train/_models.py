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
from lepton_lab.runtime import foreign_part, layers_of, load_keras, one_line, read_config
from lepton_lab.train import _parts
from lepton_lab.train._family import LeptonModel
from lepton_lab.train._job import Job
from lepton_lab.train._keras3 import to_tf_keras_config
from lepton_lab.train._step import Head, make_heads, targets_of
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
        try:
            model.build((None, *input_shape))
        except Exception as error:
            raise UserCodeError(
                f"The model of build() doesn't take rows of shape {tuple(input_shape)}: {one_line(error)}",
                traceback.format_exc(),
            ) from None
    return _write(model, folder)


def adopt_config(folder: Path, config: Mapping[str, Any], weights: Mapping[str, list[Any]], is_keras3: bool) -> Shape:
    """Write a model given by its class name and config, and its weights by layer name.

    Raises
    ------
    InputError
        If a layer can't be made in tf_keras, or holds or names code; says which. Nothing of it is run.
    """
    import tf_keras

    if found := foreign_part(config):
        raise InputError(f"The model can't be brought over: {found}. Use only layers and settings of Keras itself.")

    class_name, body = config["class_name"], config["config"]
    if class_name not in ("Sequential", "Functional", "Model"):
        raise InputError(
            f"The model is of the class {class_name}, which holds Python code: only Sequential and functional models "
            "can be brought over by config and weights. Define it in a `%%lepton model new NAME` cell instead."
        )
    for layer in layers_of(body):
        _check_layer(layer)
    try:
        if is_keras3:
            body = to_tf_keras_config(body)
        family = tf_keras.Sequential if class_name == "Sequential" else tf_keras.Model
        model = family.from_config(body)
    except Exception as error:
        raise InputError(f"The model can't be made in tf_keras: {type(error).__name__}: {one_line(error)}") from None
    if not model.built:
        raise InputError(
            "The model has no input shape yet: begin it with an Input layer, or call it once on some rows."
        )
    for layer in model.layers:
        if weights.get(layer.name):
            try:
                layer.set_weights(weights[layer.name])
            except ValueError as error:
                raise InputError(f"The weights of the layer {layer.name!r} don't fit it: {one_line(error)}") from None
    return _write(model, folder)


def adopt_file(folder: Path, file: Path) -> Shape:
    """Write the model of a `.keras` file made by tf_keras or by Keras 3; nothing in it is executed.

    Raises
    ------
    InputError
        If it can't be read, or if a part of it isn't Keras's own; names the layer.
    """
    config, version = read_config(file)
    if found := foreign_part(config):
        raise InputError(f"{file} can't be brought in: {found}. Use only layers and settings of Keras itself.")
    if not version.startswith("3"):
        return _write(load_keras(file), folder)
    import keras  # Keras 3, beside tf_keras

    try:
        model = keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:
        raise InputError(f"{file} can't be read as a model: {type(error).__name__}: {one_line(error)}") from None
    config = {"class_name": type(model).__name__, "config": model.get_config()}
    return adopt_config(folder, config, {layer.name: layer.get_weights() for layer in model.layers}, is_keras3=True)


def check(job: Job) -> None:
    """Whether a run could start: parts that Keras knows, and answers, losses and metrics that fit the labels.

    Raises
    ------
    InputError
        With what came and what was expected.
    """
    import tf_keras

    from lepton_lab.train._callbacks import Callbacks
    from lepton_lab.train._session import log_names, make_optimizer, with_precision

    optimizer = make_optimizer(job)
    model = load_keras(job.model_file)
    for name, target, outputs in targets_of(job, model):
        if outputs != target.num_outputs and not (outputs == 1 and target.num_outputs == 2):
            where = f" at the output {name!r}" if name else ""
            raise InputError(
                f"The model gives {outputs} numbers a row{where}, but the labels need {target.num_outputs}."
            )
    heads = make_heads(job, model)
    for head in heads:
        _check_head(head, _parts.name_of(job.loss))
    with_precision(model, job.precision)
    if job.callbacks:
        plain = tf_keras.models.clone_model(model)
        Callbacks(job, plain, optimizer).check(log_names(job, heads, optimizer))


def _check_head(head: Head, loss: str) -> None:
    """Try losses and metrics on made-up rows, for a loss that doesn't fit may broadcast instead of failing."""
    import numpy as np

    rows = head.outputs + 3  # unlike the other size, so that a loss of shape (rows,) is one for each row
    answers = np.full((rows, head.outputs), 1 / head.outputs, np.float32)
    if head.target.kind == "classes" and not head.is_binary:
        labels: Any = np.zeros(rows, np.int64)
        expected = "Labels that are classes take sparse_categorical_crossentropy or categorical_crossentropy (or auto)."
    elif head.target.kind == "numbers":
        labels, expected = (
            np.zeros((rows, head.outputs), np.float32),
            "Labels that are numbers take mse, mae, huber or log_cosh (or auto).",
        )
    else:
        labels, expected = np.zeros((rows, head.outputs), np.float32), "Such labels take binary_crossentropy (or auto)."
    one_hot = np.eye(head.outputs, dtype=np.float32)[labels] if labels.ndim == 1 else labels
    fits = {"classes": "mse" not in loss, "numbers": "crossentropy" not in loss and "hinge" not in loss}
    if not fits.get(head.target.kind, True):
        raise InputError(f"The loss {loss!r} doesn't fit the labels, which are {head.target.kind}. {expected}")
    try:
        came = tuple(np.shape(head.loss(one_hot if head.wants_one_hot else labels, answers)))
    except Exception as error:
        raise InputError(f"The loss {loss!r} fails on such labels: {one_line(error)} {expected}") from None
    if came[:1] != (rows,):
        raise InputError(f"The loss {loss!r} gives the shape {came} for {rows} rows, not ({rows},). {expected}")
    for metric, wants_one_hot in head.metrics:
        try:
            metric.update_state(one_hot if wants_one_hot else labels, answers, sample_weight=np.ones(rows, np.float32))
            metric.reset_state()
        except Exception as error:
            raise InputError(f"The metric {metric.name!r} fails on such labels: {one_line(error)}") from None


def _check_layer(layer: Mapping[str, Any]) -> None:
    """Refuse a layer that tf_keras doesn't have."""
    import tf_keras

    name, settings = layer["class_name"], layer.get("config") or {}
    label = settings.get("name", "?")
    if name not in ("Functional", "Sequential", "Model") and not hasattr(tf_keras.layers, name):
        raise InputError(
            f"The layer {label!r} is a {name}, which tf_keras doesn't have: define the model in a "
            "`%%lepton model new NAME` cell instead."
        )


def _write(model: tf_keras.Model, folder: Path) -> Shape:
    if getattr(model, "input_shape", None) is None:  # a model class of one's own has none, nor a config to make it from
        raise InputError(
            f"The model can't be trained: it is a {type(model).__name__}, and only models made of layers of Keras, by "
            "keras.Sequential or keras.Model(inputs, outputs), can be used."
        )
    if isinstance(model.input_shape, (list, dict)) or isinstance(model.output_shape, (list, dict)):
        raise InputError("The model has several inputs or outputs: models with one of each can be trained here.")
    if any(size is None for size in model.input_shape[1:]):
        raise InputError(
            f"The model's input shape is {model.input_shape[1:]}: every size but the batch's must be known."
        )
    file = folder / "initial.keras"
    try:
        model.save(file)
    except Exception as error:
        raise InputError(f"The model can't be saved: {type(error).__name__}: {one_line(error)}") from None
    # Whoever trains it makes it anew from the file, in processes that know no class of this one.
    if found := foreign_part(read_config(file)[0], operations=True):
        raise InputError(f"The model can't be trained: {found}. Only layers of Keras can be used.")
    load_keras(file)
    shutil.copyfile(file, folder / "model.keras")
    return Shape(tuple(model.input_shape[1:]), tuple(model.output_shape[1:]), int(model.count_params()))
