"""A split's rows, and whether a model can take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import DataError, InputError, UnknownNameError
from lepton_lab.types import Dataset, Model


def open_rows(dataset: Dataset, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows and targets of a split, memory-mapped.

    Returns
    -------
    `x` of shape (rows, *input_shape) and `y` of shape (rows,).

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


def check_fits(model: Model, dataset: Dataset) -> None:
    """Raise InputError unless rows of `dataset` have the shape that `model` takes and its answers fit the target."""
    if tuple(model.input_shape) != tuple(dataset.input_shape):
        raise InputError(
            f"Model {model.name!r} takes rows of shape {tuple(model.input_shape)}, but those of {dataset.name!r} have "
            f"{tuple(dataset.input_shape)}; name the data set that the model was made for."
        )
    num_outputs = int(np.prod(model.output_shape))
    is_binary = (num_outputs, dataset.target.num_outputs, dataset.target.kind) == (1, 2, "classes")
    if num_outputs != dataset.target.num_outputs and not is_binary:
        raise InputError(
            f"Model {model.name!r} answers with {num_outputs} numbers a row, but {dataset.name!r} needs "
            f"{dataset.target.num_outputs} ({dataset.target.kind}); name the data set that the model was made for."
        )
