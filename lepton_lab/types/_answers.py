"""From what a model answers to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def as_probabilities(logits: NDArray[Any], kind: str) -> NDArray[np.float64]:
    """The probabilities that logits stand for, in double precision.

    Parameters
    ----------
    logits
        Shape (rows, ..., numbers).
    kind
        Of the target: for `classes` a softmax over the last axis, or a sigmoid where there is one number only, of the
        second of two classes; for `labels` a sigmoid of each number.
    """
    import numpy as np

    x = np.asarray(logits, np.float64)
    if kind == "labels" or x.ndim < 2 or x.shape[-1] == 1:
        shrunk = np.exp(-np.abs(x))  # never overflows
        found: NDArray[np.float64] = np.where(x >= 0, 1 / (1 + shrunk), shrunk / (1 + shrunk))
        return found
    shares: NDArray[np.float64] = np.exp(x - x.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares
