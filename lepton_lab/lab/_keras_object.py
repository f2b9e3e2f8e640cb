"""How a Keras model of the notebook leaves its kernel: as the `.keras` file that its own Keras saves.

Such a file has all in one: the graph with layers shared and nested, the weights, and what `compile` was given. It is
the same for every backend of Keras 3, and nothing of it needs to be understood here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError

_STEPS = frozenset(
    (
        *("call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
        *("make_train_function", "make_test_function", "make_predict_function"),
    )
)
"""What people replace in a model to have it learn in another way."""


def has_open_sizes(model: Any) -> bool:
    """Whether a Keras model leaves sizes of its inputs open besides the batch's, as `keras.Input((None,))` does."""
    return any(None in tuple(tensor.shape)[1:] for tensor in getattr(model, "inputs", None) or ())


def _frozen_alone(layers: Iterable[Any]) -> list[str]:
    """Variables of Keras 3 that were frozen without their layer."""
    return [
        one.path
        for layer in layers
        if layer.trainable
        for one in getattr(layer, "_trainable_variables", ())
        if not one.trainable and not getattr(layer, "lora_enabled", False)
    ]


def save_keras(model: Any, folder: Path) -> Path:
    """Have a Keras model saved into `folder` by its own Keras; returns the file.

    Raises
    ------
    InputError
        If the model's class is one's own, if it isn't built, or if its Keras can't save it.
    """
    kind = type(model)
    if kind.__module__.partition(".")[0] not in ("keras", "tf_keras"):
        has_graph = bool(getattr(model, "inputs", None)) and bool(getattr(model, "outputs", None))
        way_out = (
            "bring in keras.Model(model.inputs, model.outputs), which has its layers and weights without that class"
            if has_graph
            else "write it as keras.Sequential or keras.Model(inputs, outputs), or in a `%%lepton model new NAME` cell"
        )
        raise InputError(f"The model is a {kind.__name__}, a class that holds Python code of its own: {way_out}.")
    if own := sorted(_STEPS & vars(model).keys()):
        raise InputError(
            f"The model has a {own[0]} of its own, which no file holds and no step here calls: give what it does as a "
            "loss or a layer, or write the loop yourself."
        )
    layers = list(getattr(model, "_flatten_layers", tuple)())  # one that isn't built may have none
    if quantized := [layer.name for layer in layers if getattr(layer, "quantization_mode", None)]:
        raise InputError(
            f"The layer {quantized[0]!r} was quantized by Keras: bring the model in as it was before quantize(), and "
            "have %lepton compress quantize it."
        )
    if frozen := _frozen_alone(layers):
        raise InputError(
            f"The variable {frozen[0]} is frozen by itself, which no file holds: freeze its whole layer "
            "(layer.trainable = False)."
        )
    if not getattr(model, "built", True):
        raise InputError(
            "The model has no input shape yet: begin it with an Input layer, or call it once on some rows."
        )
    file = folder / "model.keras"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as Keras's own, on what NumPy will call otherwise some day
            model.save(file)
    except Exception as error:  # whatever a layer's get_config raises
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"The model can't be saved by its own Keras: {type(error).__name__}: {reason}") from None
    return file
