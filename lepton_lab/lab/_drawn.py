"""Answers that are pictures, beside their rows and what is right: masks, rebuilt and enlarged pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.types import Target, beside, colours, is_picture, pixels

_MOST_SIDE = 256
"""Of a picture that is shown: larger ones would swell the notebook."""


def draw(
    rows: NDArray[Any], answers: NDArray[Any], target: Target, truth: NDArray[Any] | None, are_logits: bool
) -> tuple[tuple[str, str], ...]:
    """A caption and a PNG for each row: from left to right the row, what is right, and the answer.

    There is nothing where answers are no pictures, and what isn't known or is no picture is left out.

    Parameters
    ----------
    rows
        Shape (n, ...); drawn where a row is a picture.
    answers
        Of these rows, shape (n, *positions, outputs) or (n, *positions).
    truth
        As the data set stores it, where it is known.
    are_logits
        Whether answers for classes are logits.
    """
    if answers.dtype.names is not None or target.kind == "labels" or not is_picture(target.positions):
        return ()
    if target.kind == "classes":
        outputs = answers[0].size // max(1, int(np.prod(target.positions)))
        own = answers.reshape(len(answers), *target.positions, outputs)
        chosen = own.argmax(axis=-1) if outputs > 1 else (own[..., 0] > (0.0 if are_logits else 0.5)).astype(np.int64)
        told = [chosen] if truth is None else [np.asarray(truth, np.int64), chosen]
        parts = [[colours(one[n]) for one in told] for n in range(len(rows))]
    else:
        answers = answers.reshape(len(answers), *target.shape)
        values = [answers] if truth is None else [np.asarray(truth), answers]
        if not is_picture(answers.shape[1:]):
            return ()
        low, high = float(values[0].min()), float(values[0].max())
        parts = [[pixels(one[n], low, high) for one in values] for n in range(len(rows))]
    has_rows = rows.dtype.kind in "biuf" and is_picture(rows.shape[1:])
    if has_rows:
        low, high = float(rows.min()), float(rows.max())
        parts = [[pixels(row, low, high), *part] for row, part in zip(rows, parts, strict=True)]
    return tuple((f"row {n}", beside([_small(one) for one in part])) for n, part in enumerate(parts))


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = -(-max(picture.shape[:2]) // _MOST_SIDE)
    return picture[::step, ::step]
