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
from lepton_lab.runtime import (
    CODE,
    by_registered_name,
    foreign_part,
    layers_of,
    load_keras,
    one_line,
    own_names,
    own_names_in,
    read_config,
    run_code,
)
from lepton_lab.train._family import LeptonModel
from lepton_lab.train._keras3 import to_tf_keras_config
from lepton_lab.types import ModelFormat, Scaling, Target

if TYPE_CHECKING:
    import tf_keras


@dataclass(frozen=True)
class Shape:
    """What is to be known of a model without loading it."""

    input_shape: tuple[int, ...]
    """Of one row; () where there are several inputs."""
    output_shape: tuple[int, ...]
    """Of the answer to one row; () where there are several outputs."""
    num_parameters: int
    format: ModelFormat = "keras"
    """What was written."""


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


def make_built(folder: Path, source: str, input_shape: Any, num_classes: Any, seed: int) -> Shape:
    """Write the model that the function `build(input_shape, num_classes)` in `source` returns.

    Layers and functions that the source defines beside it may be used in the model, and as losses and metrics later:
    the source is then kept beside the model (see `runtime/_code.py`).
    """
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    build = run_code(source).get("build")
    if not callable(build):
        raise InputError("The cell defines no function build(input_shape, num_classes) that returns a Keras model.")
    try:
        model = build(input_shape, num_classes)
    except Exception as error:
        raise UserCodeError(f"build() raised {type(error).__name__}: {error}", traceback.format_exc()) from None
    if not isinstance(model, tf_keras.Model):
        raise InputError(
            f"build() returned {type(model).__module__}.{type(model).__name__}, but must return a tf_keras model: "
            "take its layers from `keras`, which stands for tf_keras in that cell."
        )
    if not model.built:
        try:
            shapes = input_shape if isinstance(input_shape, Mapping) else {"": input_shape}
            batches = {name: (None, *shape) for name, shape in shapes.items()}
            model.build(batches.get("", batches))
        except Exception as error:
            raise UserCodeError(
                f"The model of build() doesn't take rows of shape {input_shape}: {one_line(error)}",
                traceback.format_exc(),
            ) from None
    code = None
    if own_names(source):
        code = folder / CODE
        code.write_text(source)
    return _write(model, folder, code)


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
        raise InputError(
            f"{file} can't be brought in: {found}. Use only layers and settings of Keras itself, or say --allow-code "
            "to run code in the file, if you trust whoever wrote it."
        )
    if not version.startswith("3"):
        return _write(load_keras(file), folder)
    import keras  # Keras 3, beside tf_keras

    try:
        model = keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:
        raise InputError(f"{file} can't be read as a model: {type(error).__name__}: {one_line(error)}") from None
    config = {"class_name": type(model).__name__, "config": model.get_config()}
    return adopt_config(folder, config, {layer.name: layer.get_weights() for layer in model.layers}, is_keras3=True)


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


def _write(model: tf_keras.Model, folder: Path, code: Path | None = None) -> Shape:
    if getattr(model, "input_shape", None) is None:  # a model class of one's own has none, nor a config to be made from
        raise InputError(
            f"The model can't be trained: it is a {type(model).__name__}, and only models made of layers, by "
            "keras.Sequential or keras.Model(inputs, outputs), can be used."
        )
    inputs = _shapes(model.input_shape)
    for shape in inputs:
        if any(size is None for size in shape):
            raise InputError(f"The model's input shape is {shape}: every size but the batch's must be known.")
    outputs = _shapes(model.output_shape)
    file = folder / "initial.keras"
    try:
        model.save(file)
    except Exception as error:
        raise InputError(f"The model can't be saved: {type(error).__name__}: {one_line(error)}") from None
    # Whoever trains it makes it anew from the file, in processes that know no class of this one but by its code.
    own = by_registered_name(own_names_in(code))
    if found := foreign_part(read_config(file)[0], operations=True, own=own):
        raise InputError(
            f"The model can't be trained: {found}. Only layers of Keras, and classes and functions that stand in the "
            "builder's source beside build(), can be used."
        )
    load_keras(file, code)
    shutil.copyfile(file, folder / "model.keras")
    one = [shapes[0] if len(shapes) == 1 else () for shapes in (inputs, outputs)]
    return Shape(one[0], one[1], int(model.count_params()))


def _shapes(shape: Any) -> list[tuple[int, ...]]:
    """The shapes of one row, of each input or output."""
    several = list(shape.values()) if isinstance(shape, dict) else shape if isinstance(shape, list) else [shape]
    return [tuple(one[1:]) for one in several]
