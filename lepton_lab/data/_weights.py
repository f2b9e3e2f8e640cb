"""Weights of training rows: how much each of them counts in the loss."""

from __future__ import annotations

import numpy as np

from lepton_lab.data._base import Array
from lepton_lab.errors import DataError, InputError


def check(weights: Array, num_rows: int, positions: tuple[int, ...] = ()) -> Array:
    """The weights as float32 (rows,), or (rows, *positions).

    Parameters
    ----------
    positions
        Shape of the places in a row that have a target, and so may have a weight, each.

    Raises
    ------
    InputError
        If there isn't one number for each training row, or for each of its positions.
    DataError
        If one is missing, infinite or below 0.
    """
    if weights.ndim > 1 and weights.shape[-1] == 1 and weights.shape[1:] != positions:
        weights = weights[..., 0]
    if weights.shape not in ((num_rows,), (num_rows, *positions)):
        raise InputError(
            f"the weights have shape {weights.shape}, expected one for each training row: ({num_rows},)"
            + (f", or for each position: {(num_rows, *positions)}" if positions else "")
            + ("; rows of a test split have none" if weights.ndim == 1 else "")
        )
    if weights.dtype.kind not in "biuf":
        raise InputError(
            f"the weights have dtype {weights.dtype}, expected numbers: convert them with astype('float32')"
        )
    with np.errstate(over="ignore"):
        stored = weights.astype(np.float32)
    bad = ~np.isfinite(stored) | (stored < 0)
    if bad.any():
        first = np.unravel_index(int(bad.argmax()), bad.shape)
        raise DataError(
            f"{int(bad.sum()):,} of {bad.size:,} weights are missing, infinite or below 0 (the first is "
            f"{weights[first]} in row {first[0] + 1:,}): give each row a finite weight of at least 0"
        )
    lost = (stored == 0) & (weights != 0)
    if lost.any():
        first = np.unravel_index(int(lost.argmax()), lost.shape)
        raise DataError(
            f"the weight {weights[first]} of row {first[0] + 1:,} is 0 as float32, so that the row would not count: "
            "multiply all weights by the same number"
        )
    return stored


def check_some(weights: Array) -> None:
    """Raise DataError where no training row would count."""
    if not weights.any():
        raise DataError("all weights of the training rows are 0, expected at least one above 0: no row would count")
