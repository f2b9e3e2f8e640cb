"""Answers for each position of a row: which of them count, and what a row adds to the means over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime._base import MASKED


def known_positions(answers: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.bool_]:
    """Which positions have a class and are not masked.

    Parameters
    ----------
    answers
        Shape (rows, *positions), or with an axis of outputs behind.
    classes
        Whole numbers of shape (rows, *positions), -1 where there is none.

    Returns
    -------
    The shape of `classes`.
    """
    first = answers.reshape(*classes.shape, -1)[..., 0]
    known: NDArray[np.bool_] = (classes >= 0) & (first != np.float32(MASKED))
    return known


def row_shares(known: NDArray[np.bool_], values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What each row adds to the means over all known positions: the means over rows of what is returned are these.

    Parameters
    ----------
    known
        Shape (rows, *positions).
    values
        By metric, of each known position in C order, shape (number of these,).

    Returns
    -------
    By metric, shape (rows,): a row's sum, times rows by known positions, so that each position counts alike.
    """
    rows = np.nonzero(known.reshape(len(known), -1))[0]
    scale = len(known) / max(1, len(rows))
    return {name: np.bincount(rows, own, len(known)) * scale for name, own in values.items()}
