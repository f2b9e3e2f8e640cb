"""What of a model's answer is explained: one number a row, its score.

Of a class or a label that is its log-odds, log(p / (1 - p)). A probability itself is a poor thing to explain: near 0
and 1 it hardly moves, whatever one does to the row, and its gradient vanishes. A bare logit is no better, since all
logits of a softmax can rise together without any answer changing. Log-odds are free of both, and known wherever
probabilities are. Where the last softmax or sigmoid can be taken off they are computed from the logits before it, which
keep their digits where p is all but 1. Of numbers, the score is the number itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.types import Target

_EPSILON = 1e-7
"""Probabilities are kept this far from 0 and 1, as they are where the loss is computed."""


@dataclass(frozen=True)
class Score:
    """How answers become scores."""

    kind: str
    """As `Target.kind`."""
    names: tuple[str, ...]
    """Of the classes, labels or numbers that can be explained."""

    @property
    def unit(self) -> str:
        """What the score is, for a person."""
        return self.names[0] if self.kind == "numbers" else "log-odds"

    def logits(self, answers: Any, are_logits: bool) -> Any:
        """Answers as logits, one for each of `names`; numbers as they are.

        Parameters
        ----------
        answers
            Tensor or array of shape (n, ...), probabilities unless `are_logits`.

        Returns
        -------
        Tensor (n, len(names)), float32.
        """
        import tensorflow as tf

        x = tf.reshape(tf.cast(answers, tf.float32), (tf.shape(answers)[0], -1))
        if self.kind == "numbers":
            return x
        is_one_of_two = self.kind == "classes" and x.shape[1] == 1
        if not are_logits:
            p = tf.clip_by_value(x, _EPSILON, 1 - _EPSILON)
            x = tf.math.log(p) if self.kind == "classes" and not is_one_of_two else tf.math.log(p) - tf.math.log1p(-p)
        # A sigmoid for the second of two classes is a softmax whose first logit is zero.
        return tf.concat([tf.zeros_like(x), x], axis=1) if is_one_of_two else x

    def of(self, logits: Any, chosen: Any) -> Any:
        """The score of the chosen answer of each row, tensor (n,), float32; `chosen` is whole numbers of shape (n,)."""
        import tensorflow as tf

        own = tf.gather(logits, chosen, axis=1, batch_dims=1)
        if self.kind != "classes":
            return own
        others = tf.one_hot(chosen, len(self.names), on_value=-np.inf, off_value=0.0)
        return own - tf.reduce_logsumexp(logits + others, axis=1)

    def choose(self, logits: Any, label: int | None) -> NDArray[np.int64]:
        """Which answer to explain of each row, shape (n,): `label`, or what the model answers; of numbers the first."""
        if label is None and self.kind != "numbers":
            return np.asarray(np.argmax(logits, axis=1), np.int64)
        return np.full(len(logits), label or 0, np.int64)


def score_of(target: Target) -> Score:
    """The score for a data set's target."""
    if target.kind != "numbers":
        return Score(target.kind, target.classes)
    names = tuple(target.name.split(",")) if target.width > 1 else (target.name,)
    if len(names) != target.width:
        names = tuple(f"{target.name} {n}" for n in range(target.width))
    return Score("numbers", names)
