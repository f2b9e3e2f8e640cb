"""What a technique would do to each layer, told before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lepton_lab.compress import _cluster, _distill, _prune, _qat, _quantize
from lepton_lab.compress._base import Technique
from lepton_lab.errors import ConversionError, UnknownNameError
from lepton_lab.runtime import load_keras
from lepton_lab.types import Dataset, Model, Preflight

TECHNIQUES: Mapping[str, Technique] = {
    "prune": _prune,
    "cluster": _cluster,
    "qat": _qat,
    "quantize": _quantize,
    "distill": _distill,
}
STAGES = tuple(stage for technique in TECHNIQUES.values() for stage in technique.STAGES)
"""Every stage that a compression can bring a model to."""


def preflight(model: Model, technique: str, settings: Mapping[str, Any], dataset: Dataset | None = None) -> Preflight:
    """For each layer its name, and what `technique` will do or why nothing.

    Parameters
    ----------
    model, technique
        What is to be compressed, and how.
    settings
        Those of `Lab.compress` that are the technique's own.
    dataset
        With whose rows it will be done, where that is known.

    Raises
    ------
    UnknownNameError
        If there is no such technique.
    InputError
        If a setting can't be used.
    ConversionError
        If the technique can do nothing for this model: it is quantised already, or has no layer with weights.
    """
    if technique not in TECHNIQUES:
        raise UnknownNameError("technique", technique, tuple(TECHNIQUES))
    check_format(model, technique)
    if technique == "qat" and model.library == "keras":
        raise ConversionError(
            f"Model {model.name!r} is one of Keras 3, and quantisation-aware training needs tf_keras "
            "(tensorflow-model-optimization knows no other): quantize it instead."
        )
    TECHNIQUES[technique].check(settings)
    plan = TECHNIQUES[technique].plan(load_keras(model.file, model.code), settings, dataset)
    return Preflight(model.name, technique, tuple(plan.layers), plan.options)


def check_format(model: Model, technique: str) -> None:
    """Raise ConversionError unless `model` is in Keras's format, from which every compression starts."""
    if model.format != "keras":
        parent = f"the model {model.parent!r} that it was made from" if model.parent else "a Keras model"
        what = f"is quantised already ({model.stage}, .tflite)" if model.stage in STAGES else f"is {model.format}"
        raise ConversionError(
            f"Model {model.name!r} {what}, and {technique} starts from a Keras model: {technique} {parent} instead."
        )
