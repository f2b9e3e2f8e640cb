"""Integrated gradients: what each number of a row adds on the way from a baseline to the row.

The attribution of number i is (x_i - b_i) times the mean, along the straight line from the baseline b to the row x, of
the score's derivative by it. All of them sum to the score of x less that of b (completeness), which is what tells how
well the mean was taken: by the trapezoid rule over `steps` parts.

Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, https://arxiv.org/abs/1703.01365
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.explain._base import MOST_GRADIENT_NUMBERS, Found, Task, batches
from lepton_lab.explain._keras import Scored, open_scored
from lepton_lab.explain._rows import baseline

MEANING = "how much each pixel or column adds to a row's answer, against a baseline; adds up"
ROWS = 8
NEEDS_GRADIENTS = True
NEEDS_SHAP = False
TAKES_SEVERAL = False


def explain(task: Task) -> Found:
    """Attributions of each row's numbers; `values` has the rows' shape."""
    scored = open_scored(task)
    start, what = baseline(task)
    chosen = scored.score.choose(scored.all_logits(task.rows), task.label)
    values = np.empty(task.rows.shape, np.float32)
    for n, row in enumerate(task.rows):
        task.tell(f"row {n + 1} of {len(values)}, {task.options.steps} steps", n / len(values))
        values[n] = _integrate(scored, start, np.asarray(row, np.float32), int(chosen[n]), task.options.steps)
    expected = scored.scores(np.broadcast_to(start, task.rows.shape), chosen)
    note = f"against {what}; {task.options.steps} steps (more of them make the error smaller)"
    return Found(values, chosen, scored.scores(task.rows, chosen), expected, (note,))


def _integrate(
    scored: Scored, start: NDArray[np.float32], end: NDArray[np.float32], answer: int, steps: int
) -> NDArray[np.float64]:
    """The attributions of one row, shape (*input_shape)."""
    import tensorflow as tf

    places = np.linspace(0, 1, steps + 1)
    weights = np.full(steps + 1, 1 / steps)
    weights[[0, -1]] /= 2
    total = np.zeros(end.shape)
    for batch in batches(steps + 1, end.size, MOST_GRADIENT_NUMBERS):
        along = places[batch].reshape(-1, *(1 for _ in end.shape)).astype(np.float32)
        points = tf.constant(start + along * (end - start))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            scores = scored.score.of(scored.logits(points), tf.fill([len(points)], answer))
        slopes = tape.gradient(scores, points)
        if slopes is None:
            raise InputError(
                "The model's answers have no gradient by its rows (it rounds them, or looks them up): use permutation."
            )
        total += np.tensordot(weights[batch], np.asarray(slopes, np.float64), axes=1)
    return total * (np.asarray(end, np.float64) - start)
