"""Answers beside what is right, for classes and labels alike.

A class is a label of which every row has exactly one. So both come into one form here, from which the metrics of a
model, and those of many resamples of its rows, are computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime import look_probable, score_rows
from lepton_lab.types import Target, as_probabilities


@dataclass(frozen=True)
class Graded:
    """Answers to `rows` rows for `labels` classes or labels."""

    probabilities: NDArray[Any]
    """Shape (rows, labels), floats."""
    truth: NDArray[np.bool_]
    """Which labels a row has; shape (rows, labels)."""
    chosen: NDArray[np.bool_]
    """Which ones it is answered with; shape (rows, labels)."""
    confidence: NDArray[Any]
    """How sure the answers are: of the class that is answered, shape (rows, 1), or of each label, (rows, labels)."""
    right: NDArray[np.bool_]
    """Whether that came true; the shape of `confidence`."""
    row_metrics: dict[str, NDArray[np.float64]]
    """The metrics that are means over rows, each of shape (rows,): those of `runtime.score_rows`, and `brier`."""
    is_probable: bool
    """Whether the answers lie between 0 and 1."""


def grade(
    answers: NDArray[Any], targets: NDArray[Any], target: Target, whose: str = "", are_logits: bool = False
) -> Graded:
    """Bring answers and targets into one form.

    Parameters
    ----------
    answers, targets, whose, are_logits
        As `runtime.score_rows` takes them.
    target
        Of classes or labels.

    Raises
    ------
    InputError
        If a row has another number of answers than the target needs.
    """
    row_metrics = score_rows(answers, targets, target.kind, whose, are_logits)
    answers = np.asarray(answers).reshape(len(targets), -1)
    if are_logits:
        answers = as_probabilities(answers, target.kind)
    is_probable = look_probable(answers)
    if target.kind == "labels":
        truth = np.asarray(targets).reshape(answers.shape) > 0
        chosen, confidence, right = answers > 0.5, answers, truth
    else:
        if answers.shape[1] == 1:  # the probability of the second of two classes
            answers = np.concatenate([1 - answers, answers], axis=1)
        if answers.shape[1] != len(target.classes):
            raise InputError(
                f"The model answers{whose} with {answers.shape[1]} numbers a row, but there are {len(target.classes)} "
                "classes; name the data set that the model was made for."
            )
        rows, best = np.arange(len(targets)), answers.argmax(axis=1)
        truth, chosen = (np.zeros(answers.shape, np.bool_) for _ in range(2))
        truth[rows, np.asarray(targets)] = True
        chosen[rows, best] = True
        confidence, right = answers[rows, best][:, None], (best == targets)[:, None]
    if is_probable:
        row_metrics["brier"] = _brier(answers, truth, target.kind)
    return Graded(answers, truth, chosen, confidence, right, row_metrics, is_probable)


def _brier(probabilities: NDArray[Any], truth: NDArray[np.bool_], kind: str) -> NDArray[np.float64]:
    """Squared distance between probability and truth (Brier 1950): summed over classes, of two classes the half of
    that, the mean over labels; so does scikit-learn's `brier_score_loss` have it."""
    squares = np.square(np.asarray(probabilities, np.float64) - truth)
    found: NDArray[np.float64] = (
        squares.mean(axis=1) if kind == "labels" or squares.shape[1] == 2 else squares.sum(axis=1)
    )
    return found
