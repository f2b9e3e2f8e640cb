"""How far a layer's answers range, learnt while the model is trained for int8.

tfmot lets a range begin at -6 to 6 and move by a thousandth of the way at each step. After the few hundred steps of a
fine-tuning it is still about that: what is larger is cut off, and what is smaller has a few of the 256 steps only. Here
it begins with that of the first batch, and its mean goes over about the last tenth of the training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_LONGEST = 1000
"""Steps over which a mean goes at most, as tfmot's does; at least a hundredth of them."""


def follow_answers(wrapped: Any, total_steps: int) -> None:
    """Have a model that tfmot has wrapped learn its ranges so.

    Parameters
    ----------
    total_steps
        Of the training, at least 1.
    """
    share = 1.0 / min(_LONGEST, max(_LONGEST / 100, total_steps / 10))
    for activation in _activations(wrapped):
        activation.quantizer = _Range(activation.quantizer, share)
        for where in ("_pre_activation_vars", "_post_activation_vars"):
            _forget(vars(activation).get(where, {}))
    for layer in wrapped.layers:
        for quantizer in getattr(layer, "_output_quantizers", ()):
            layer._output_quantizers = [_Range(quantizer, share)]
            _forget(layer._output_quantizer_vars)


def _activations(wrapped: Any) -> Iterator[Any]:
    for layer in wrapped.layers:
        yield from getattr(layer, "_quantize_activations", ())


def _forget(ends: Any) -> None:
    for end in ends.values():
        end.assign(0.0)


class _Range:
    """In the place of tfmot's quantizer of a layer's answers; a range from 0 to 0 has yet to begin."""

    def __init__(self, quantizer: Any, share: float) -> None:
        self._quantizer, self._share = quantizer, share

    def __call__(self, inputs: Any, training: bool, weights: Any) -> Any:
        import tensorflow as tf

        if not training:
            return self._quantizer(inputs, training, weights)
        low, high = weights["min_var"], weights["max_var"]
        is_first = tf.logical_and(tf.equal(low, 0.0), tf.equal(high, 0.0))
        decay = tf.where(is_first, 0.0, 1.0 - self._share)
        move = tf.__internal__.train.assign_moving_average
        low = move(low, tf.minimum(tf.reduce_min(inputs), 0.0), decay, zero_debias=False)
        high = move(high, tf.maximum(tf.reduce_max(inputs), 0.0), decay, zero_debias=False)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high, num_bits=8)
