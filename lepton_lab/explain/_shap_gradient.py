"""SHAP values by expected gradients: integrated gradients, averaged over training rows as baselines.

They sum to the score less its mean over the training rows taken, but for the error of drawing points by chance: it
falls with the square root of `samples`, and is reported for each row. (SHAP's other explainer for networks, Deep, can't
take batch normalisation and ReLU6 apart, and isn't offered.)

Erion et al., "Improving performance of deep learning models with axiomatic attribution priors and expected gradients",
Nature Machine Intelligence 3, 2021, https://arxiv.org/abs/1906.10670; computed by `shap.GradientExplainer`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.explain._base import AT_ONCE, MOST_GRADIENT_NUMBERS, MOST_ROWS, Found, Task
from lepton_lab.explain._keras import Scored, open_scored
from lepton_lab.explain._rows import background, mean_scores
from lepton_lab.runtime import is_keras3

MEANING = "SHAP values of each pixel or column, by gradients: against many training rows instead of one baseline"
ROWS = 8
NEEDS_GRADIENTS = True
NEEDS_SHAP = True
TAKES_SEVERAL = False

_BACKGROUND = 100
"""Training rows that stand for a row of which nothing is known."""


def explain(task: Task) -> Found:
    """Attributions of each row's numbers; `values` has the rows' shape."""
    import shap

    scored, behind = open_scored(task), np.asarray(background(task, _BACKGROUND), np.float32)
    chosen = scored.score.choose(scored.all_logits(task.rows), task.label)
    size = task.rows[0].size
    batch = max(1, min(MOST_ROWS, MOST_GRADIENT_NUMBERS // size))
    explainers = {
        int(answer): shap.GradientExplainer(_model_of(scored, int(answer)), behind, batch_size=batch)
        for answer in np.unique(chosen)
    }
    random = np.random.default_rng(task.options.seed)
    values = np.empty(task.rows.shape, np.float32)
    for n, row in enumerate(task.rows):
        task.tell(f"row {n + 1} of {len(values)}, {task.options.samples} samples", n / len(values))
        one = np.asarray(row, np.float32)[None]
        values[n] = _mean(explainers[int(chosen[n])], one, task.options.samples, max(1, AT_ONCE // size), random)
    expected = mean_scores(scored.scores, behind, chosen)
    note = f"against {len(behind)} training rows; {task.options.samples} samples a row (more make the error smaller)"
    return Found(values, chosen, scored.scores(task.rows, chosen), expected, (note,))


def _mean(
    explainer: Any, row: NDArray[np.float32], samples: int, at_once: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """One row's attributions, from as many samples at a time as memory is meant to hold."""
    total: NDArray[np.float64] = np.zeros(row.shape[1:])
    for start in range(0, samples, at_once):
        count = min(at_once, samples - start)
        found = np.asarray(explainer.shap_values(row, nsamples=count, rseed=int(random.integers(2**31))))
        total += found.reshape(row.shape[1:]) * count
    return total / samples


def _model_of(scored: Scored, answer: int) -> Any:
    """A model whose only output is the score of one answer, shape (n, 1)."""
    import tensorflow as tf
    import tf_keras

    def to_score(answers: Any) -> Any:
        logits = scored.score.logits(answers, scored.are_logits)
        return scored.score.of(logits, tf.fill([tf.shape(logits)[0]], answer))[:, None]

    if is_keras3(scored.model):  # of which SHAP knows nothing
        rows = tf_keras.Input(scored.model.inputs[0].shape[1:])
        return tf_keras.Model(rows, tf_keras.layers.Lambda(lambda rows: to_score(scored.model(rows)))(rows))
    return tf_keras.Model(scored.model.inputs, tf_keras.layers.Lambda(to_score)(scored.model.outputs[0]))
