"""Which rows are taken: those to explain, and those of the training split that they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.explain._base import Task
from lepton_lab.runtime import open_rows

Scores = Callable[[NDArray[Any], NDArray[np.int64]], NDArray[np.float64]]
"""From rows (n, *input_shape) and the answer to look at in each (n,) to scores (n,)."""
_MEAN_ROWS = 10_000
"""Training rows, at equal distances, that a mean is taken over at most."""


def spread(count: int, wanted: int) -> NDArray[np.int64]:
    """Numbers of at most `wanted` of `count` rows, at equal distances: a split sorted by class shows more than one."""
    return np.linspace(0, count - 1, min(wanted, count)).round().astype(np.int64)


def baseline(task: Task) -> tuple[NDArray[np.float32], str]:
    """The row that says nothing, shape (*input_shape), and what it is, for a person."""
    shape, kind = task.rows.shape[1:], task.options.baseline
    if kind == "zeros" or (kind == "auto" and len(shape) > 1):
        return np.zeros(shape, np.float32), "a row of zeros"
    rows, _ = open_rows(task.dataset, "train")
    mean = rows[spread(len(rows), _MEAN_ROWS)].mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32), "the training rows' mean"


def background(task: Task, count: int) -> NDArray[Any]:
    """Training rows drawn by the task's seed, shape (at most count, *input_shape), of their own dtype."""
    rows, _ = open_rows(task.dataset, "train")
    picked = np.random.default_rng(task.options.seed).permutation(len(rows))[:count]
    return np.asarray(rows[np.sort(picked)])


def mean_scores(scores: Scores, behind: NDArray[Any], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each chosen answer scores over the rows behind, on average: shape (len(chosen),)."""
    means = {answer: scores(behind, np.full(len(behind), answer)).mean() for answer in np.unique(chosen)}
    return np.asarray([means[answer] for answer in chosen])
