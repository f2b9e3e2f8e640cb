"""The metrics of many resamples of the rows at once.

A resample draws as many rows as there are, with replacement. What it holds is said by how often it drew each row, and
nearly every metric of `_metrics.py` can be computed from these counts: sums over rows, or over the rows of a class,
become products of a matrix with the counts of all resamples. That is far quicker than to compute the metrics of one
resample after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.evaluate._graded import Graded, grade
from lepton_lab.runtime import score_rows
from lepton_lab.types import Target

Counts = NDArray[np.float64]
"""How often each row is in each resample, shape (rows, resamples)."""
Found = dict[str, NDArray[np.float64]]
"""By metric, its value on each resample, shape (resamples,)."""
Resampled = Callable[[Counts], Found]


def resampled(answers: NDArray[Any], targets: NDArray[Any], target: Target, are_logits: bool = False) -> Resampled:
    """What gives the metrics of `measure` on resamples, all but the calibration error.

    A class that a resample has no row of is left out of its means.

    Parameters
    ----------
    answers, targets, target, are_logits
        As for `measure`.
    """
    if target.kind == "numbers":
        rows = score_rows(answers, targets, "numbers")
        truth = np.asarray(targets, np.float64).reshape(len(targets), -1)
        return _together(rows, _numbers(np.asarray(answers, np.float64).reshape(truth.shape), truth))
    graded = grade(answers, targets, target, are_logits=are_logits)
    return _together(graded.row_metrics, _graded(graded))


def _together(row_metrics: Mapping[str, NDArray[np.float64]], others: Resampled) -> Resampled:
    from scipy.sparse import csr_array

    # Sparse, though they are full: a dense product runs on all cores, which wait for each other where others use them.
    values = csr_array(np.stack(list(row_metrics.values())))

    def of(counts: Counts) -> Found:
        found = dict(zip(row_metrics, values @ counts / len(counts), strict=True))
        if "mse" in found:
            found["rmse"] = np.sqrt(found["mse"])
        return found | others(counts)

    return of


def _graded(graded: Graded) -> Resampled:
    from scipy.sparse import csr_array

    truth, chosen, both = (
        csr_array(part.T.astype(np.float64)) for part in (graded.truth, graded.chosen, graded.truth & graded.chosen)
    )
    support, num_rows = graded.truth.sum(axis=0), len(graded.truth)
    areas = [
        _area(graded.probabilities[:, n], graded.truth[:, n]) for n, rows in enumerate(support) if 0 < rows < num_rows
    ]

    def of(counts: Counts) -> Found:
        has, answered, right = truth @ counts, chosen @ counts, both @ counts
        with np.errstate(invalid="ignore"):  # 0 / 0 is a class without rows
            found = {
                "precision": np.where(has > 0, right / np.maximum(answered, 1), np.nan),
                "recall": right / has,
                "f1": np.where(has > 0, 2 * right / (answered + has), np.nan),
            }
        if areas:
            found["auc"] = np.stack([area(counts) for area in areas])
        return {name: _mean(values) for name, values in found.items()}

    return of


def _area(scores: NDArray[Any], truth: NDArray[np.bool_]) -> Callable[[Counts], NDArray[np.float64]]:
    """The area under one class's ROC curve: the share of pairs of a row that has it and one that hasn't in which the
    first has the higher score, equal ones counting half (Hanley and McNeil 1982)."""
    from scipy.sparse import csr_array

    steps = np.unique(scores[truth])
    # Between two steps lies an even place, at a step an odd one.
    places = np.searchsorted(steps, scores, "left") + np.searchsorted(steps, scores, "right")
    rows = np.arange(len(scores))

    def gather(which: NDArray[np.bool_]) -> Any:
        ones = np.ones(int(which.sum()))
        return csr_array((ones, (places[which], rows[which])), shape=(2 * len(steps) + 1, len(scores)))

    positive, negative = gather(truth)[1::2], gather(~truth)

    def of(counts: Counts) -> NDArray[np.float64]:
        own, others = positive @ counts, negative @ counts
        below = others.cumsum(axis=0)
        wins = (own * (below[:-1:2] + others[1::2] / 2)).sum(axis=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 is a resample without such rows
            found: NDArray[np.float64] = wins / (own.sum(axis=0) * below[-1])
        return found

    return of


def _numbers(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> Resampled:
    from scipy.sparse import csr_array

    errors = np.abs(answers - truth)
    order = np.argsort(errors, axis=0)
    varies = np.ptp(truth, axis=0) > 0
    centred = (truth[:, varies] - truth[:, varies].mean(axis=0)).T
    missed, sums, spread = (csr_array(part) for part in (np.square(errors[:, varies]).T, centred, np.square(centred)))

    def of(counts: Counts) -> Found:
        num_rows = len(counts)
        medians = [_median(errors[order[:, n], n], counts[order[:, n]]) for n in range(errors.shape[1])]
        found = {"median_absolute_error": np.mean(medians, axis=0)}
        if varies.any():
            total = spread @ counts - np.square(sums @ counts) / num_rows
            # A resample in which all targets are the same leaves a total of 0, but for rounding.
            total[total < 1e-9 * spread.sum(axis=1)[:, None]] = np.nan
            found["r2"] = _mean(1 - missed @ counts / total)
        return found

    return of


def _median(ordered: NDArray[np.float64], counts: Counts) -> NDArray[np.float64]:
    """The median of each resample, of values in rising order: the middle one, or the mean of the two in the middle."""
    reached, num_rows = counts.cumsum(axis=0), len(counts)
    low, high = ((reached > middle).argmax(axis=0) for middle in ((num_rows - 1) // 2, num_rows // 2))
    found: NDArray[np.float64] = (ordered[low] + ordered[high]) / 2
    return found


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the first axis of what is there, NaN where nothing is."""
    is_there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.where(is_there, values, 0).sum(axis=0) / is_there.sum(axis=0)
    return found
