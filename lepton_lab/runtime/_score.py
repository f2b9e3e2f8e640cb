"""How good answers are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-7


def score(answers: NDArray[Any], targets: NDArray[Any], kind: str) -> dict[str, float]:
    """Metrics by Keras's names, so that they can be compared with those of training.

    Parameters
    ----------
    answers
        For `classes` probabilities, shape (rows, num_classes), or (rows, 1): that of the second of two; for `numbers`
        shape (rows, 1).
    targets
        Shape (rows,).
    kind
        `"classes"`: accuracy, and loss as sparse categorical crossentropy; `"numbers"`: mae, mse.
    """
    answers = np.asarray(answers, np.float64).reshape(len(targets), -1)
    if kind == "numbers":
        difference = answers[:, 0] - np.asarray(targets, np.float64)
        return {"mae": float(np.abs(difference).mean()), "mse": float(np.square(difference).mean())}
    targets = np.asarray(targets, np.int64)
    if answers.shape[1] == 1:
        answers = np.concatenate([1 - answers, answers], axis=1)
    # Clipped and made to sum to one as Keras does it, so that a certain but wrong answer costs a finite loss.
    clipped = np.clip(answers, _EPSILON, 1 - _EPSILON)
    right = clipped[np.arange(len(targets)), targets] / clipped.sum(axis=1)
    return {"accuracy": float((answers.argmax(axis=1) == targets).mean()), "loss": float(-np.log(right).mean())}
