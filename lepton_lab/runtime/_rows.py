"""A split's rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import DataError, UnknownNameError
from lepton_lab.types import Dataset


def open_rows(dataset: Dataset, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows and targets of a split, memory-mapped.

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
    return x, y
