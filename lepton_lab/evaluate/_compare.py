"""Whether one model is better than another on the same rows, as far as these rows can tell.

Both answer the same rows, and a row that is hard for one is hard for the other. So a resample draws rows for both at
once, and the difference varies far less from resample to resample than either model's metric does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.evaluate._metrics import Measured
from lepton_lab.evaluate._resampled import Found, Resampled, resampled
from lepton_lab.runtime import METRICS, score_rows
from lepton_lab.types import Difference, Target, Verdict

RESAMPLES = 1000
LEVEL = 0.95
_MOST_COUNTS = 4_000_000
"""Held at once, 8 bytes each."""
_LOW_IS_GOOD = (
    *("loss", "brier"),
    *("mae", "mse", "rmse", "median_absolute_error"),
)


def compare(
    names: tuple[str, str],
    answers: tuple[NDArray[Any], NDArray[Any]],
    measured: tuple[Measured, Measured],
    targets: NDArray[Any],
    target: Target,
    tell: Callable[[int], None] = lambda done: None,
    are_logits: tuple[bool, bool] = (False, False),
) -> tuple[tuple[Difference, ...], Verdict]:
    """The difference of two models in each metric that both have, and which is better.

    Parameters
    ----------
    names
        Of the model and of the other one.
    answers, measured
        Of each: its answers and what `measure` found of them.
    targets, target
        As for `measure`.
    tell
        Hears how many resamples are done.
    are_logits
        Of each: whether its answers are, see `measure`.

    Returns
    -------
    differences
        With intervals by the percentiles of the paired bootstrap (Efron and Tibshirani 1993, chapter 13). A model is
        called better by a metric where the interval leaves out 0; by accuracy, where McNemar's exact test rejects at
        5 %, which holds its level however few rows the two disagree on. The calibration error has no interval: as
        estimated it is too high, the more so the better calibrated a model is, the fewer rows there are (Kumar, Liang
        and Ma 2019) and once more in a resample; in simulations the interval of 1,000 rows held the true difference in
        half of the trials. `loss` and `brier` go by calibration, too.
    verdict
        By accuracy for classes, by binary accuracy for labels, by the mean absolute error for numbers.
    """
    models = tuple(resampled(own, targets, target, are) for own, are in zip(answers, are_logits, strict=True))
    first, second = resample(models, len(targets), tell)
    test = mcnemar(*_rights(answers, targets, are_logits)) if target.kind == "classes" else None
    found = []
    for metric, value in measured[0].metrics.items():
        if metric not in measured[1].metrics or metric not in first:
            continue
        ends = np.nanquantile(first[metric] - second[metric], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = (float(end) for end in ends)
        other = measured[1].metrics[metric]
        is_decided = test[2] < 1 - LEVEL if test and metric == METRICS["classes"] else low > 0 or high < 0
        is_first = (value < other) == (metric in _LOW_IS_GOOD)
        better = names[0 if is_first else 1] if is_decided else None
        found.append(Difference(metric, value, other, low, high, better))
    decisive = next(difference for difference in found if difference.metric == METRICS[target.kind])
    return tuple(found), Verdict(decisive, *test) if test else Verdict(decisive)


def resample(models: Sequence[Resampled], num_rows: int, tell: Callable[[int], None]) -> tuple[Found, ...]:
    """The metrics of several models on the same resamples of the rows, each of shape (RESAMPLES,)."""
    random = np.random.default_rng(0)
    at_once = max(1, _MOST_COUNTS // num_rows)
    parts: list[tuple[Found, ...]] = []
    for start in range(0, RESAMPLES, at_once):
        counts = np.empty((num_rows, min(at_once, RESAMPLES - start)))
        for column in counts.T:
            column[:] = np.bincount(random.integers(0, num_rows, num_rows), minlength=num_rows)
        parts.append(tuple(model(counts) for model in models))
        tell(start + counts.shape[1])
    return tuple(
        {metric: np.concatenate([part[n][metric] for part in parts]) for metric in parts[0][n]}
        for n in range(len(models))
    )


def mcnemar(right: NDArray[np.bool_], other_right: NDArray[np.bool_]) -> tuple[int, int, float]:
    """McNemar's exact test (McNemar 1947; Fagerland, Lydersen and Laake 2013) of two models' right answers.

    Of the rows that just one of two equal models gets right, each model gets every second one, by the tosses of a coin.

    Parameters
    ----------
    right, other_right
        Whether each row is answered rightly, shape (rows,).

    Returns
    -------
    How many rows the first alone gets right, how many the other alone, and the two-sided p value.
    """
    from scipy.stats import binomtest

    only, only_other = int((right & ~other_right).sum()), int((other_right & ~right).sum())
    p_value = float(binomtest(only, only + only_other).pvalue) if only + only_other else 1.0
    return only, only_other, p_value


def _rights(
    answers: Sequence[NDArray[Any]], targets: NDArray[Any], are_logits: Sequence[bool]
) -> list[NDArray[np.bool_]]:
    return [
        score_rows(own, targets, "classes", are_logits=are)["accuracy"] > 0
        for own, are in zip(answers, are_logits, strict=True)
    ]
