"""SHAP values by asking the model only: what each column or patch adds, averaged over the orders of adding them.

A column that is hidden has the value that it has in a few training rows, one after the other, and the score is their
mean. Of the many coalitions of columns that can be hidden `samples` are tried, and a weighted regression finds the
values that fit best and sum to the score less the training rows' mean. Pictures are hidden patch by patch, so that it
ends.

Lundberg, Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017, https://arxiv.org/abs/1705.07874;
computed by `shap.KernelExplainer`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.explain._base import AT_ONCE, Found, Task
from lepton_lab.explain._rows import Scores, background, mean_scores
from lepton_lab.explain._score import score_of
from lepton_lab.explain._units import describe_units, units

MEANING = "SHAP values of each column, or patch of a picture, by trying combinations; any format, slow"
ROWS = 8
NEEDS_GRADIENTS = False
NEEDS_SHAP = True
TAKES_SEVERAL = False

_BACKGROUND = 10
"""Training rows that stand for what is hidden; each coalition is answered so often."""
MOST_ANSWERS = 2_000_000
"""For all rows together."""


def explain(task: Task) -> Found:
    """Attributions of each row's columns or patches: `values` (n, *layout)."""
    behind = np.asarray(background(task, _BACKGROUND), np.float32)
    each = task.options.samples * len(behind)
    if each * len(task.rows) > MOST_ANSWERS:
        raise InputError(
            f"shap_kernel would ask for {each * len(task.rows):,} answers, more than {MOST_ANSWERS:,}: give fewer "
            "--rows or --samples."
        )
    places, layout = units(task.rows.shape[1:])
    count = int(np.prod(layout))
    if task.options.samples < 2 * count:
        raise InputError(
            f"samples={task.options.samples} can't tell {describe_units(layout)}: give at least {2 * count}."
        )
    score = score_of(task.dataset.target)
    own = task.answers(np.asarray(task.rows, np.float32))
    are_logits = task.are_logits(own)
    chosen = score.choose(score.logits(own, are_logits), task.label)

    def scores(rows: NDArray[np.float32], answers: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(score.of(score.logits(task.answers(rows), are_logits), answers), np.float64)

    random = np.random.default_rng(task.options.seed)
    values = np.zeros((len(task.rows), count), np.float32)
    for n, row in enumerate(task.rows):
        task.tell(f"row {n + 1} of {len(values)}, up to {each:,} answers each", n / len(values))
        np.random.seed(int(random.integers(2**31)))  # which is where SHAP draws from
        hide = partial(_hidden_scores, scores, np.asarray(row, np.float32), behind, int(chosen[n]), places)
        varied = np.unique(places[(behind != row).any(axis=0)])
        values[n, varied] = _shapley(hide, varied, count, task.options.samples)
    expected = mean_scores(scores, behind, chosen)
    notes = (
        f"{describe_units(layout)}, against {len(behind)} training rows",
        f"up to {each * len(task.rows):,} answers of the model",
    )
    return Found(values.reshape(-1, *layout), chosen, scores(task.rows, chosen), expected, notes)


def _shapley(
    hide: Callable[[NDArray[np.bool_]], NDArray[np.float64]], varied: NDArray[np.int64], count: int, samples: int
) -> NDArray[np.float64]:
    """The values of the units that differ from the background at all; the others' are zero."""
    import shap

    if not len(varied):
        return np.zeros(0)

    def game(shown: NDArray[np.float64]) -> NDArray[np.float64]:
        masks = np.ones((len(shown), count), bool)
        masks[:, varied] = shown > 0.5
        return hide(masks)

    explainer = shap.KernelExplainer(game, np.zeros((1, len(varied))))
    # Without l1_reg=False all but ten values would be made zero.
    found = explainer.shap_values(np.ones((1, len(varied))), nsamples=samples, l1_reg=False, silent=True)
    return np.asarray(found[0], np.float64)


def _hidden_scores(
    scores: Scores,
    row: NDArray[np.float32],
    behind: NDArray[np.float32],
    answer: int,
    places: NDArray[np.int64],
    masks: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The mean score of a row over what may stand behind it, for each mask of the units that are shown."""
    means = np.empty(len(masks))
    at_once = max(1, AT_ONCE // behind.size)
    for start in range(0, len(masks), at_once):
        shown = masks[start : start + at_once, places][:, None]
        rows = np.where(shown, row, behind).reshape(-1, *row.shape)
        found = scores(rows, np.full(len(rows), answer))
        means[start : start + at_once] = found.reshape(-1, len(behind)).mean(axis=1)
    return means
