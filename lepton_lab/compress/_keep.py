"""Holding a model's zeros zero, and its equal weights equal, while it is trained on.

This is what makes techniques work together: what is quantisation-aware trained after it was pruned keeps its zeros
(tfmot's PQAT), after it was clustered its clusters (CQAT), and after both both (PCQAT). tfmot has wrappers of their own
for each of the three; here one look at the weights says what there is to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lepton_lab.compress._kernels import labels_of


class Keeper:
    """Keeps what a model's kernels have in common.

    Parameters
    ----------
    kernels
        TensorFlow variables; what they are now is what is kept.
    """

    def __init__(self, kernels: Sequence[Any]) -> None:
        self._kernels: list[tuple[Any, Any, Any, int]] = []
        for kernel in kernels:
            values = kernel.numpy()
            labels = labels_of(values)
            if labels is not None or (values == 0).any():
                count = 0 if labels is None else int(labels.max()) + 1
                self._kernels.append((kernel, (values != 0).astype(values.dtype), labels, count))
        self._apply: Callable[[], None] | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self._kernels)

    def apply(self) -> None:
        """Give the kernels back what the last step took from them: call it after each."""
        if self._kernels:
            if self._apply is None:
                import tensorflow as tf

                # one call instead of several for each kernel
                self._apply = tf.function(self._in_graph, autograph=False)
            self._apply()

    def _in_graph(self) -> None:
        import tensorflow as tf

        for kernel, mask, labels, count in self._kernels:
            values = tf.convert_to_tensor(kernel) * mask
            if labels is not None:
                means = tf.math.unsorted_segment_mean(tf.reshape(values, [-1]), labels, count)
                values = tf.reshape(tf.gather(means, labels), values.shape) * mask
            kernel.assign(values)
