"""How good answers are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime._base import MASKED
from lepton_lab.runtime._positions import known_positions, row_shares
from lepton_lab.types import Dataset, fields

METRICS = {"classes": "accuracy", "labels": "binary_accuracy", "numbers": "mae"}
"""What a model is judged by, by its target's kind; only `mae` is better where it is lower."""
_EPSILON = 1e-7
_KINDS = {"i": "classes", "f": "numbers", "u": "labels"}


def judged_by(dataset: Dataset) -> dict[str, str]:
    """By each target's main metric, as `score` calls it, the target's kind; the first stands for a whole model."""
    if not dataset.targets:
        return {METRICS[dataset.target.kind]: dataset.target.kind}
    return {f"{name}_{METRICS[target.kind]}": target.kind for name, target in dataset.targets.items()}


def score(answers: NDArray[Any], targets: NDArray[Any], kind: str, logits: Collection[str] = ()) -> dict[str, float]:
    """Metrics by Keras's names, so that they can be compared with those of training.

    Parameters
    ----------
    answers
        For `classes` probabilities, shape (rows, num_classes), or of the second of two classes, shape (rows, 1), with
        the positions' axes between where they have targets each, and `MASKED` where they are to count nothing; for
        `labels` a probability each, shape (rows, num_labels); for `numbers` shape (rows, num_numbers). Records of
        these for several targets.
    targets
        Shape (rows,) or (rows, num_outputs), for positions (rows, *positions, ...) with classes below 0 where there is
        none, or records with the answers' names, as data sets store them.
    kind
        `"classes"`: accuracy, and loss as sparse categorical (or binary) crossentropy; `"labels"`: binary_accuracy over
        all labels, exact_match (rows that are right in all of them), and loss as binary crossentropy; `"numbers"`:
        mae, mse. Of several targets, each is scored by what it is stored as, and its metrics begin with its name.
    logits
        The targets whose answers are logits instead of probabilities, by name; of a single one "". They are scored by
        the probabilities that they stand for.

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
            for metric, values in score_rows(
                given[name], own, _KINDS[own.dtype.kind], f" for {name!r}", name in logits
            ).items()
        }
    rows = score_rows(answers, targets, kind, are_logits="" in logits)
    return {metric: float(values.mean()) for metric, values in rows.items()}


def score_rows(
    answers: NDArray[Any], targets: NDArray[Any], kind: str, whose: str = "", are_logits: bool = False
) -> dict[str, NDArray[np.float64]]:
    """What each row adds to the metrics of one target: these are the means over rows of what is returned.

    Parameters
    ----------
    answers, targets, kind
        As for `score`, but no records.
    whose
        Which target it is, for messages: `" for 'price'"`.
    are_logits
        Whether the answers are logits; without meaning for numbers.

    Returns
    -------
    An array of shape (rows,) by the metric's name.

    Raises
    ------
    InputError
        If a row has another number of answers than the target needs.
    """
    if kind == "classes" and targets.ndim > 1:
        return _score_positions(np.asarray(answers), targets, whose, are_logits)
    answers = np.asarray(answers, np.float64).reshape(len(targets), -1)
    if kind == "classes":
        return _score_classes(answers, np.asarray(targets, np.int64), whose, are_logits)
    truth = np.asarray(targets, np.float64).reshape(len(targets), -1)
    if answers.shape != truth.shape:
        raise _unlike(answers, f"{truth.shape[1]}", whose)
    if (masked := answers == MASKED).any():  # each number counts alike, as Keras has it
        known = ~masked
        answers, truth = answers[known][:, None], truth[known][:, None]
        return row_shares(known, _score_numbers(answers, truth, kind, are_logits))
    return _score_numbers(answers, truth, kind, are_logits)


def _score_numbers(
    answers: NDArray[Any], truth: NDArray[Any], kind: str, are_logits: bool
) -> dict[str, NDArray[np.float64]]:
    """Of numbers and labels, both of shape (rows, numbers)."""
    if kind == "numbers":
        difference = answers - truth
        return {"mae": np.abs(difference).mean(axis=1), "mse": np.square(difference).mean(axis=1)}
    right = (answers > (0 if are_logits else 0.5)) == (truth > 0.5)
    return {
        "binary_accuracy": right.mean(axis=1),
        "exact_match": right.all(axis=1).astype(np.float64),
        "loss": _binary_crossentropy(answers, truth, are_logits).mean(axis=1),
    }


def _score_positions(
    answers: NDArray[Any], targets: NDArray[Any], whose: str, are_logits: bool
) -> dict[str, NDArray[np.float64]]:
    """Of classes at each position."""
    if answers.size % targets.size:
        raise InputError(
            f"The model answers{whose} with shape {answers.shape[1:]} a row, but the targets have {targets.shape[1:]}; "
            "name the data set that the model was made for."
        )
    known = known_positions(answers, targets)
    flat = np.asarray(answers, np.float64).reshape(targets.size, -1)[known.ravel()]
    if not len(flat):
        return {"accuracy": np.zeros(len(targets)), "loss": np.zeros(len(targets))}
    return row_shares(known, _score_classes(flat, np.asarray(targets[known], np.int64), whose, are_logits))


def _score_classes(
    answers: NDArray[Any], targets: NDArray[Any], whose: str, are_logits: bool
) -> dict[str, NDArray[np.float64]]:
    most = int(targets.max())
    if answers.shape[1] == 1 and most <= 1:
        right = (answers[:, 0] > (0 if are_logits else 0.5)) == (targets == 1)
        loss = _binary_crossentropy(answers[:, 0], targets, are_logits)
        return {"accuracy": right.astype(np.float64), "loss": loss}
    if most >= answers.shape[1]:
        raise _unlike(answers, f"at least {most + 1}", whose)
    rows = np.arange(len(targets))
    right = (answers.argmax(axis=1) == targets).astype(np.float64)
    if are_logits:  # from them, as Keras does it: a probability of all but 0 has lost its digits
        most_of_row = answers.max(axis=1)
        total = most_of_row + np.log(np.exp(answers - most_of_row[:, None]).sum(axis=1))
        return {"accuracy": right, "loss": total - answers[rows, targets]}
    # Clipped and made to sum to one as Keras does it, so that a certain but wrong answer costs a finite loss.
    clipped = np.clip(answers, _EPSILON, 1 - _EPSILON)
    likely = clipped[rows, targets] / clipped.sum(axis=1)
    return {"accuracy": right, "loss": -np.log(likely)}


def _binary_crossentropy(answers: NDArray[Any], truth: NDArray[Any], are_logits: bool) -> NDArray[np.float64]:
    """As Keras computes it, of probabilities with both of its guards against log(0)."""
    if are_logits:
        of_logits: NDArray[np.float64] = np.logaddexp(0, answers) - truth * answers
        return of_logits
    clipped = np.clip(answers, _EPSILON, 1 - _EPSILON)
    found: NDArray[np.float64] = -(truth * np.log(clipped + _EPSILON) + (1 - truth) * np.log(1 - clipped + _EPSILON))
    return found


def _unlike(answers: NDArray[Any], expected: str, whose: str) -> InputError:
    return InputError(
        f"The model answers{whose} with {answers.shape[1]} numbers a row, but the targets need {expected}; name the "
        "data set that the model was made for."
    )
