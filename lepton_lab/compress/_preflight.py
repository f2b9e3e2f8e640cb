"""What a technique would do to each layer, told before any work is done."""

from __future__ import annotations

from lepton_lab.compress._prune import check_sparsity, plan_layers
from lepton_lab.errors import ConversionError, UnknownNameError
from lepton_lab.runtime import load_keras
from lepton_lab.types import Model

TECHNIQUES = ("prune", "quantize")


def preflight(model: Model, technique: str, sparsity: float | None = None) -> list[tuple[str, str]]:
    """For each layer its name, and what `technique` will do or why nothing.

    Parameters
    ----------
    model, technique
        What is to be compressed, and how.
    sparsity
        Of `prune`, where it is to be checked too.

    Raises
    ------
    UnknownNameError
        If there is no such technique.
    InputError
        If `sparsity` is not between 0 and 1.
    ConversionError
        If the technique can do nothing for this model: it is quantised already, or has no layer with weights.
    """
    if technique not in TECHNIQUES:
        raise UnknownNameError("technique", technique, TECHNIQUES)
    if sparsity is not None:
        check_sparsity(sparsity)
    check_format(model, technique)
    keras_model = load_keras(model.file, model.code)
    if technique == "prune":
        return [(name, reason or "will be pruned") for name, reason in plan_layers(keras_model)]
    if not keras_model.count_params():
        raise ConversionError(f"Model {model.name!r} has no weights, so that there is nothing to quantise.")
    return [
        (layer.name, "will be quantised" if layer.trainable_weights else "has no weights to quantise")
        for layer in keras_model.layers
    ]


def check_format(model: Model, technique: str) -> None:
    """Raise ConversionError unless `model` is in Keras's format, from which every compression starts."""
    if model.format != "keras":
        parent = f"the model {model.parent!r} that it was made from" if model.parent else "a Keras model"
        raise ConversionError(
            f"Model {model.name!r} is quantised already ({model.stage}, .tflite), and {technique} starts from a Keras "
            f"model: {technique} {parent} instead."
        )
