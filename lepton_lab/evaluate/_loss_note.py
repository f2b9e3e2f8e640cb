"""What is not in an evaluation's loss of what the model was compiled with, and what Keras adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lepton_lab.runtime import read_config
from lepton_lab.types import Model

_PLAIN = ("sparsecategoricalcrossentropy", "categoricalcrossentropy", "binarycrossentropy")
_USUAL = ("auto", "sum_over_batch_size", "mean")
"""Reductions that give the mean over the rows."""


def loss_note(model: Model, output: str) -> str:
    """For a person: why Keras has another loss of an output (of a single one ""); empty where it has the same."""
    weights = model.compiled.get("loss_weights") or {}
    weight = float(weights.get(output, 1.0))
    others = [
        *_of_loss(_part(model.compiled.get("loss"), output)),
        *([f"loss weight {weight:g}"] if weight != 1 else []),
        *(["regularisers"] if model.format == "keras" and _has_regularisers(read_config(model.file)[0]) else []),
    ]
    return f"loss is the mean crossentropy over the rows, without the model's {', '.join(others)}" if others else ""


def _part(loss: Any, output: str) -> Any:
    """The compiled loss of an output: a name, a mapping with settings, or what is sealed; None without one."""
    is_one = not isinstance(loss, Mapping) or {"class_name", "pickled"} & set(loss)
    return loss if is_one else loss.get(output)


def _of_loss(part: Any) -> list[str]:
    """In what a compiled loss differs from plain crossentropy."""
    if part is None:
        return []
    if isinstance(part, Mapping) and "class_name" not in part:
        return ["own loss"]
    settings = part.get("config") or {} if isinstance(part, Mapping) else {}
    name = str(part["class_name"] if isinstance(part, Mapping) else part)
    if name.lower().replace("_", "") not in _PLAIN:
        return [f"loss {name}"]
    found = [f"{key} {settings[key]:g}" for key in ("label_smoothing", "ignore_class") if settings.get(key)]
    reduction = settings.get("reduction") or _USUAL[0]
    return [*found, *([f"reduction {reduction}"] if reduction not in _USUAL else [])]


def _has_regularisers(config: Any) -> bool:
    """Whether a layer has any, of its weights or of what it answers, or add_loss was called."""
    if isinstance(config, Mapping):
        return config.get("class_name") == "AddLoss" or any(
            (str(key).endswith("regularizer") and value is not None) or _has_regularisers(value)
            for key, value in config.items()
        )
    return isinstance(config, list) and any(map(_has_regularisers, config))
