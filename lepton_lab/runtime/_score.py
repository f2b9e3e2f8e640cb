"""How good answers are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.types import fields

METRICS = {"classes": "accuracy", "labels": "binary_accuracy", "numbers": "mae"}
"""What a model is judged by, by its target's kind; only `mae` is better where it is lower."""
_EPSILON = 1e-7
_KINDS = {"i": "classes", "f": "numbers", "u": "labels"}


def score(answers: NDArray[Any], targets: NDArray[Any], kind: str) -> dict[str, float]:
    """Metrics by Keras's names, so that they can be compared with those of training.

    Parameters
    ----------
    answers
        For `classes` probabilities, shape (rows, num_classes), or of the second of two classes, shape (rows, 1); for
        `labels` a probability each, shape (rows, num_labels); for `numbers` shape (rows, num_numbers). Records of
        these for several targets.
    targets
        Shape (rows,) or (rows, num_outputs), or records with the answers' names, as data sets store them.
    kind
        `"classes"`: accuracy, and loss as sparse categorical (or binary) crossentropy; `"labels"`: binary_accuracy over
        all labels, exact_match (rows that are right in all of them), and loss as binary crossentropy; `"numbers"`:
        mae, mse. Of several targets, each is scored by what it is stored as, and its metrics begin with its name.

    Raises
    ------
    InputError
        If a row has another number of answers than the targets need.
    """
    if targets.dtype.names is not None:
        given = fields(answers)
        return {
            f"{name}_{metric}": float(values.mean())
            for name, own in fields(targets).items()
            for metric, values in score_rows(given[name], own, _KINDS[own.dtype.kind], f" for {name!r}").items()
        }
    return {metric: float(values.mean()) for metric, values in score_rows(answers, targets, kind).items()}


def score_rows(
    answers: NDArray[Any], targets: NDArray[Any], kind: str, whose: str = ""
) -> dict[str, NDArray[np.float64]]:
    """What each row adds to the metrics of one target: these are the means over rows of what is returned.

    Parameters
    ----------
    answers, targets, kind
        As for `score`, but no records.
    whose
        Which target it is, for messages: `" for 'price'"`.

    Returns
    -------
    An array of shape (rows,) by the metric's name.

    Raises
    ------
    InputError
        If a row has another number of answers than the target needs.
    """
    answers = np.asarray(answers, np.float64).reshape(len(targets), -1)
    if kind == "classes":
        return _score_classes(answers, np.asarray(targets, np.int64), whose)
    truth = np.asarray(targets, np.float64).reshape(len(targets), -1)
    if answers.shape != truth.shape:
        raise _unlike(answers, f"{truth.shape[1]}", whose)
    if kind == "numbers":
        difference = answers - truth
        return {"mae": np.abs(difference).mean(axis=1), "mse": np.square(difference).mean(axis=1)}
    right = (answers > 0.5) == (truth > 0.5)
    return {
        "binary_accuracy": right.mean(axis=1),
        "exact_match": right.all(axis=1).astype(np.float64),
        "loss": _binary_crossentropy(answers, truth).mean(axis=1),
    }


def _score_classes(answers: NDArray[Any], targets: NDArray[Any], whose: str) -> dict[str, NDArray[np.float64]]:
    most = int(targets.max())
    if answers.shape[1] == 1 and most <= 1:
        right = (answers[:, 0] > 0.5) == (targets == 1)
        return {"accuracy": right.astype(np.float64), "loss": _binary_crossentropy(answers[:, 0], targets)}
    if most >= answers.shape[1]:
        raise _unlike(answers, f"at least {most + 1}", whose)
    # Clipped and made to sum to one as Keras does it, so that a certain but wrong answer costs a finite loss.
    clipped = np.clip(answers, _EPSILON, 1 - _EPSILON)
    likely = clipped[np.arange(len(targets)), targets] / clipped.sum(axis=1)
    return {"accuracy": (answers.argmax(axis=1) == targets).astype(np.float64), "loss": -np.log(likely)}


def _binary_crossentropy(answers: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """As Keras computes it, with both of its guards against log(0)."""
    clipped = np.clip(answers, _EPSILON, 1 - _EPSILON)
    found: NDArray[np.float64] = -(truth * np.log(clipped + _EPSILON) + (1 - truth) * np.log(1 - clipped + _EPSILON))
    return found


def _unlike(answers: NDArray[Any], expected: str, whose: str) -> InputError:
    return InputError(
        f"The model answers{whose} with {answers.shape[1]} numbers a row, but the targets need {expected}; name the "
        "data set that the model was made for."
    )
