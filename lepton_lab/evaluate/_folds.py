"""The arithmetic of cross-validation: which rows are in which fold, and what the folds say together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.types import CrossValidation, FoldSummary, by_name

LEVEL = 0.95
_SHARES = ("accuracy", "auc", "precision", "recall", "f1", "exact_match", "iou")
"""How the names of metrics end that lie between 0 and 1."""
_ERRORS = ("loss", "mae", "mse", "rmse", "error", "brier")
"""Likewise of those that are never below 0."""


def folds(targets: NDArray[Any], k: int, seed: int) -> tuple[NDArray[np.int64], ...]:
    """Cut rows into `k` folds by chance, of which every row is in one.

    Parameters
    ----------
    targets
        As a data set stores them, of shape (rows, ...). Where they are classes, int64 of shape (rows,), each fold has
        its share of every class; of a class with fewer than `k` rows some folds have none. Of several targets (records)
        the first that is classes counts.
    k
        How many folds.
    seed
        Decides which rows are together.

    Returns
    -------
    The numbers of each fold's rows, rising.

    Raises
    ------
    InputError
        If there are fewer than two folds, fewer rows than folds, or no class has as many rows as there are folds.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if not 2 <= k <= len(targets):
        raise InputError(f"k={k} folds of {len(targets):,} rows: give a number from 2 to that of the rows.")
    parts = list(by_name(targets).values())
    targets = next((part for part in parts if _is_classes(part)), parts[0])
    is_classes = _is_classes(targets)
    if is_classes and (most := int(np.bincount(targets).max())) < k:
        raise InputError(f"k={k} folds, but no class has more than {most} rows: give at most {most}.")
    kind = StratifiedKFold if is_classes else KFold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # said above
        cut = kind(k, shuffle=True, random_state=seed).split(np.zeros(len(targets)), targets if is_classes else None)
        return tuple(np.asarray(rows, np.int64) for _, rows in cut)


def _is_classes(targets: NDArray[Any]) -> bool:
    return targets.dtype.kind == "i" and targets.ndim == 1


def cross_validation(
    model: str, dataset: str, metrics: Sequence[Mapping[str, float]], rows: Sequence[int]
) -> CrossValidation:
    """What the folds say together.

    Parameters
    ----------
    model, dataset
        Names, for the table.
    metrics
        Of each fold, on its rows.
    rows
        In each fold.

    Returns
    -------
    Mean, standard deviation and interval of each metric that every fold has. The interval is Student's, with k - 1
    degrees of freedom, by the corrected variance of Nadeau and Bengio (2003, "Inference for the Generalization Error",
    section 3): the variance over the folds times 1/k + (rows tested)/(rows trained on). The plain 1/k is too little,
    since the folds' models share most of their training rows. It ends where the metric does: an accuracy of more than 1
    is no possible value of the mean.
    """
    from scipy.stats import t

    k = len(metrics)
    tested = sum(rows) / k
    factor = 1 / k + tested / (sum(rows) - tested)
    reach = float(t.ppf((1 + LEVEL) / 2, k - 1))
    summaries = []
    for metric in metrics[0]:
        if not all(metric in fold for fold in metrics):
            continue
        values = np.array([fold[metric] for fold in metrics])
        mean, deviation = float(values.mean()), float(values.std(ddof=1))
        half = reach * deviation * factor**0.5
        least, greatest = _possible(metric)
        summaries.append(FoldSummary(metric, mean, deviation, max(least, mean - half), min(greatest, mean + half)))
    return CrossValidation(model, dataset, tuple(rows), tuple(metrics), tuple(summaries))


def _possible(metric: str) -> tuple[float, float]:
    """The least and the greatest value that a metric can have."""
    least = 0.0 if metric.endswith((*_SHARES, *_ERRORS)) else -math.inf
    return least, 1.0 if metric.endswith((*_SHARES, "r2")) else math.inf
