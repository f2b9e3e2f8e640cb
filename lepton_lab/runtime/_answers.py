"""What a model's answers are: probabilities, logits, or plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime._base import MASKED
from lepton_lab.runtime._endings import Ending
from lepton_lab.types import Dataset, Model, Target, fields

PROBABILITIES, LOGITS, NUMBERS = "probabilities", "logits", "numbers"
"""What `Model.answers` may say."""
_BOUNDED = ("softmax", "sigmoid", "hard_sigmoid")
"""Activations that give probabilities."""
_SLACK = 1e-3
"""By which a probability may lie outside of 0 to 1: a quantised file rounds."""


def answers_of(endings: Mapping[str, Ending]) -> dict[str, str]:
    """What the answers of each output are by how it ends, as far as that is known before there is a target."""
    known = {name: ending.activation for name, ending in endings.items() if ending.activation is not None}
    return {name: PROBABILITIES if activation in _BOUNDED else NUMBERS for name, activation in known.items()}


def logits_among(model: Model, dataset: Dataset, answers: NDArray[Any]) -> frozenset[str]:
    """The targets of `dataset` that `model` answers with logits; the name of a single one is empty.

    Parameters
    ----------
    answers
        Some of the model's answers, shape (rows, ...) or records: they are looked at where the model's record doesn't
        know, as of a file that was made elsewhere.
    """
    if not dataset.targets:
        return frozenset({""} if are_logits(model, dataset.target, answers) else ())
    parts = fields(answers)
    targets = dataset.targets.items()
    return frozenset(name for name, target in targets if are_logits(model, target, parts[name], name))


def are_logits(model: Model, target: Target, answers: NDArray[Any], name: str = "") -> bool:
    """The same of one target and the answers for it."""
    if target.kind == "numbers":
        return False
    if name in model.answers:
        return model.answers[name] != PROBABILITIES
    return not look_probable(answers)


def look_probable(answers: NDArray[Any]) -> bool:
    """Whether all answers lie between 0 and 1; those of masked steps are none."""
    most = answers.max(where=answers != np.float32(MASKED), initial=0.0)
    return not answers.size or bool(answers.min() >= -_SLACK and most <= 1 + _SLACK)
