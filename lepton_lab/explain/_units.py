"""What is shuffled or hidden as one: a column of a table, a patch of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lepton_lab.types import Dataset


def units(shape: tuple[int, ...]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Which unit each number of a row belongs to.

    Parameters
    ----------
    shape
        Of one row. One dimension is columns; more are cut into patches along the first two, all channels together.

    Returns
    -------
    Whole numbers of the row's shape, from 0 to below the number of units; and the units' layout, (columns,) or
    (patches down, patches across).
    """
    if len(shape) < 2:
        return np.arange(int(np.prod(shape))).reshape(shape), shape
    down, across = (_parts(size) for size in shape[:2])
    row, column = (np.arange(size) * parts // size for size, parts in zip(shape[:2], (down, across), strict=True))
    places = (row[:, None] * across + column).reshape(*shape[:2], *(1 for _ in shape[2:]))
    return np.broadcast_to(places, shape).astype(np.int64), (down, across)


def unit_names(layout: tuple[int, ...], dataset: Dataset) -> tuple[str, ...]:
    """A name for each unit, or for each number where they are the units, in C order."""
    if layout == (len(dataset.columns),):
        return dataset.columns
    return _numbered(layout, "patch" if layout != dataset.input_shape[: len(layout)] else "place")


def names_within(input_name: str, layout: tuple[int, ...]) -> tuple[str, ...]:
    """A name for each unit of one of several inputs: that of the input alone where it is one number."""
    if layout in ((), (1,)):
        return (input_name,)
    return tuple(f"{input_name}, {name}" for name in _numbered(layout, "patch"))


def _numbered(layout: tuple[int, ...], what: str) -> tuple[str, ...]:
    if len(layout) == 1:
        return tuple(f"column {n}" for n in range(layout[0]))
    return tuple(f"{what} " + ",".join(map(str, index)) for index in np.ndindex(*layout))


def describe_units(layout: tuple[int, ...]) -> str:
    """How many they are and how they are named, for a person."""
    if len(layout) == 1:
        return f"{layout[0]} columns"
    return f"{layout[0]} x {layout[1]} patches (0,0 at the top left)"


def _parts(size: int) -> int:
    """Into how many parts a side is cut: the most up to 7 that divide it evenly, if that is at least 4."""
    return max((n for n in range(4, 8) if size % n == 0), default=min(size, 7))
