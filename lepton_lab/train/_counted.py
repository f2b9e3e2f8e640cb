"""What counts where a row has a target at each of its positions: weights, masks, and positions without a label.

As Keras has it, a loss is the mean over the positions that count: those that no layer masks (Embedding(mask_zero=True),
Masking) and that have a label. So a step's losses are scaled by all its positions by those that count, over all ranks;
a row with more of them counts more. Where a step is cut into parts to need less memory, each part is scaled by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Counted:
    """Which positions of some rows count."""

    counts: Any
    """1 or 0, float32 (n, *positions); None where all count."""
    scale: Any
    """All positions by those that count."""

    def means(self, values: Any) -> Any:
        """Each row's mean of `values`, shape (n, ...): over the positions that count, scaled; shape (n,)."""
        import tensorflow as tf

        if self.counts is not None:
            values = values * fitted(self.counts, values) * self.scale
        rank = values.shape.rank
        return tf.reduce_mean(values, axis=list(range(1, rank))) if rank > 1 else values

    def number(self, values: Any, rows: Any) -> Any:
        """How many values count, of so many rows that have as many each as those of `values` have."""
        import tensorflow as tf

        of_each = tf.size(values) / tf.maximum(tf.shape(values)[0], 1)
        return rows * tf.cast(of_each, tf.float32) / self.scale

    def weights(self, real: Any, values: Any) -> Any:
        """How much each of `values` counts in a metric: the rows' weights `real`, and 0 where a position doesn't."""
        import tensorflow as tf

        weights = fitted(real, values)
        if self.counts is not None:
            weights = weights * fitted(self.counts, values)
        return tf.broadcast_to(weights, tf.shape(values))


def count(masks: list[Any], real: Any, total_of: Callable[[Any], Any]) -> Counted:
    """What counts by all of these masks.

    Parameters
    ----------
    masks
        Booleans of shape (n, *positions), or of fewer axes; None for one that isn't there.
    real
        1 for rows, 0 for what only fills up; float32 (n,).
    total_of
        The sum of some numbers over all replicas.
    """
    import tensorflow as tf

    found = [tf.cast(mask, tf.float32) for mask in masks if mask is not None]
    if not found:
        return Counted(None, 1.0)
    counts = max(found, key=lambda mask: int(mask.shape.rank))
    for mask in found:
        counts = counts if mask is counts else counts * fitted(mask, counts)
    of_rows = tf.ones_like(counts) * fitted(real, counts)
    sums = total_of(tf.stack([tf.reduce_sum(of_rows), tf.reduce_sum(of_rows * counts)]))
    return Counted(counts, tf.stop_gradient(sums[0] / tf.maximum(sums[1], 1.0)))


def fitted(weights: Any, values: Any) -> Any:
    """Weights with as many axes as values: those that they lack are 1 long, of those that are too many the mean."""
    import tensorflow as tf

    rank, wanted = weights.shape.rank, values.shape.rank
    if rank > wanted:
        return tf.reduce_mean(weights, axis=list(range(wanted, rank)))
    return tf.reshape(weights, tf.concat([tf.shape(weights), [1] * (wanted - rank)], 0)) if rank < wanted else weights


def real_ones(real: Any, *tensors: Any) -> list[Any]:
    """Of each tensor the rows that don't only fill up; all of them where none is such."""
    import tensorflow as tf

    kept = (real > 0) | ~tf.reduce_any(real > 0)
    return [tf.boolean_mask(tensor, kept) for tensor in tensors]


def update(metric: Any, labels: Any, answers: Any, real: Any, counted: Counted | None, places: Any) -> None:
    """Have a Keras metric see a batch.

    Parameters
    ----------
    counted
        None where each row has one answer: rows are weighted then. Otherwise positions are.
    places
        Anything of shape (n, *positions).
    """
    import tensorflow as tf
    import tf_keras

    if isinstance(metric, tf_keras.metrics.MeanMetricWrapper):
        autograph = tf.__internal__.autograph
        function = autograph.tf_convert(metric._fn, autograph.control_status_ctx())
        values = tf.cast(function(labels, answers, **metric._fn_kwargs), tf.float32)
        if values.shape.rank == 0:  # a single number for all rows
            values = function(*real_ones(real, labels, answers), **metric._fn_kwargs)
            tf_keras.metrics.Mean.update_state(metric, values, sample_weight=tf.reduce_sum(real))
        elif counted is None:
            metric.update_state(labels, answers, sample_weight=real)
        else:  # it would spread weights over values by rules of its own; these fit whatever shape the values have
            tf_keras.metrics.Mean.update_state(metric, values, sample_weight=counted.weights(real, values))
    elif counted is None:
        metric.update_state(labels, answers, sample_weight=real)
    else:
        metric.update_state(labels, answers, sample_weight=counted.weights(real, places))
