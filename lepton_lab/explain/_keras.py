"""A Keras model whose scores have gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.explain._base import MOST_NUMBERS, Task, batches
from lepton_lab.explain._score import Score, score_of
from lepton_lab.runtime import library_of, load_keras


@dataclass(frozen=True)
class Scored:
    """A model without its last softmax or sigmoid, where it could be taken off."""

    model: Any
    """The Keras model."""
    score: Score
    are_logits: bool
    """Whether the model's answers are logits now."""

    def logits(self, rows: Any) -> Any:
        """Tensor (n, len(score.names)) for rows of shape (n, *input_shape)."""
        import tensorflow as tf

        return self.score.logits(self.model(tf.cast(rows, tf.float32), training=False), self.are_logits)

    def all_logits(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """The same as an array, in batches."""
        slices = batches(len(rows), rows[0].size, MOST_NUMBERS)
        return np.concatenate([np.asarray(self.logits(rows[batch])) for batch in slices])

    def scores(self, rows: NDArray[Any], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        """The score of each row's chosen answer, shape (n,)."""
        return np.asarray(self.score.of(self.all_logits(rows), chosen), np.float64)


def open_scored(task: Task) -> Scored:
    """The task's model, ready to be explained by its gradients."""
    model = load_keras(task.model.file, task.model.code)
    score = score_of(task.dataset.target)
    if score.kind == "numbers":
        return Scored(model, score, are_logits=False)
    is_softmax = score.kind == "classes" and model.output_shape[-1] > 1
    if (bare := _without_last_activation(model, "softmax" if is_softmax else "sigmoid")) is not None:
        return Scored(bare, score, are_logits=True)
    return Scored(model, score, task.are_logits(task.answers(task.rows)))


def _without_last_activation(model: Any, name: str) -> Any:
    """The model up to its last activation of that name; None where it doesn't end with it, or it can't be taken off."""
    library = library_of(model)
    last = model
    while isinstance(last, library.Model):  # a model may end with another one
        outer, last = last, _last_layer(last)
    if isinstance(last, library.layers.Softmax) and name == "softmax" and outer is model:
        return library.Model(model.inputs, last.input)
    is_ending = isinstance(last, library.layers.Dense | library.layers.Activation)
    if is_ending and last.activation is library.activations.get(name):
        last.activation = library.activations.linear  # looked up at each call, and this copy is ours
        return model
    return None


def _last_layer(model: Any) -> Any:
    """The layer that makes the answer; None where a function of Keras 3 does."""
    name = model.output_names[0] if hasattr(model, "output_names") else model.layers[-1].name
    return next((layer for layer in model.layers if layer.name == name), None)
