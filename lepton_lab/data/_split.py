"""Holding rows out for testing."""

from __future__ import annotations

import numpy as np

from lepton_lab.data._base import Array
from lepton_lab.errors import InputError


def hold_out(y: Array, share: float, seed: int, stratify: bool) -> tuple[Array, Array]:
    """Row numbers to train on and to test with, both ascending.

    Parameters
    ----------
    y
        Labels of shape (rows,).
    share
        Part of the rows to hold out, from 0 to below 1.
    seed
        The same seed gives the same rows.
    stratify
        Whether `y` are classes, whose shares are then kept; at least one row of every class stays to train on.
    """
    num_rows = len(y)
    order = np.random.default_rng(seed).permutation(num_rows)
    labels = y[order] if stratify else np.zeros(num_rows, np.int64)
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    by_class = np.argsort(numbers, kind="stable")
    starts = np.cumsum(counts) - counts
    rank = np.empty(num_rows, np.int64)
    rank[by_class] = np.arange(num_rows) - np.repeat(starts, counts)
    # where in its class a row stands, from 0 to 1: to take the lowest is to take the same share of each class
    place = (rank + 0.5) / counts[numbers]
    place[rank == counts[numbers] - 1] = np.inf
    total = min(max(round(share * num_rows), 1 if share else 0), num_rows - len(counts))
    chosen = order[np.argsort(place, kind="stable")[:total]]
    held = np.zeros(num_rows, bool)
    held[chosen] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def check_share(share: float) -> None:
    """Raise InputError unless this part of the rows can be held out."""
    if not 0 <= share < 1:
        raise InputError(f"test_share is {share}, expected a part of the rows from 0 (none) to below 1, such as 0.2")
