"""A split's rows."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import DataError, UnknownNameError
from lepton_lab.types import Arrangement, Dataset

_AT_ONCE = 65536
"""Rows."""


def open_rows(dataset: Dataset, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows and targets of a split, memory-mapped, as `dataset.arrangement` has them.

    Returns
    -------
    `x` of shape (rows, *input_shape) and `y` of shape (rows, *target.shape); several inputs or targets are records of
    shape (rows,), see `lepton_lab.types.fields`.

    Raises
    ------
    UnknownNameError
        If the data set has no such split.
    DataError
        If its files are missing or cut short.
    """
    if split not in dataset.splits:
        raise UnknownNameError(
            "split",
            split,
            dataset.splits,
            f"{dataset.name!r} has {', '.join(dataset.splits)}; load it again with a test_share to hold rows out.",
        )
    folder = dataset.folder / split
    try:
        x, y = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in ("x.npy", "y.npy"))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"Rows in {folder} can't be read ({error}); load {dataset.name!r} again.") from error
    if len(x) != len(y) or len(x) == 0:
        raise DataError(f"{folder} holds {len(x)} rows and {len(y)} targets; load the data set {dataset.name!r} again.")
    arrangement = dataset.arrangement
    return _rearranged(x, arrangement) if arrangement.columns else arrangement.rows(x), arrangement.targets(y)


def _rearranged(x: NDArray[Any], arrangement: Arrangement) -> NDArray[Any]:
    """The rows with their columns put right, in a file that goes with the array: they may be more than memory holds."""
    shape = (len(x), *arrangement.rows(x[:1]).shape[1:])
    with tempfile.TemporaryFile() as file:
        made: NDArray[Any] = np.memmap(file, x.dtype, "w+", shape=shape)
    for start in range(0, len(x), _AT_ONCE):
        made[start : start + _AT_ONCE] = arrangement.rows(x[start : start + _AT_ONCE])
    return made
