"""Rows are checked, and how a network is to scale them is found.

A row of one dimension is a row of a table, scaled per column by mean and deviation. A row of more dimensions is pixels:
whole numbers from 0 to 255 are scaled by 255 (by 1, where there are only 0 and 1), floats within -1..1 are left alone,
and anything else is scaled by one mean and one deviation. All of these are found from the training rows only, and a
block of rows at a time. Text is not scaled. What rows are stored as is the matter of `_inputs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lepton_lab.data._base import Array, not_finite
from lepton_lab.data._blocks import Sliced, blocks
from lepton_lab.data._inputs import shaped
from lepton_lab.errors import DataError, InputError
from lepton_lab.types import Scaling


def check(parts: Mapping[str, Array], columns: tuple[str, ...], what: str = "x") -> dict[str, Array]:
    """Rows by split as numbers, booleans or text without gaps, of the shape that they came in.

    Parameters
    ----------
    columns
        Names of the columns, for tables.
    what
        What the rows are called in messages.

    Raises
    ------
    InputError
        If they are something else, or the splits differ in shape.
    DataError
        If a value is missing, infinite, or of a table and blurred by float32.
    """
    checked = {split: shaped(x, f"{what} of {split}") for split, x in parts.items()}
    shapes = {split: x.shape[1:] for split, x in checked.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(
            f"rows {'' if what == 'x' else f'of {what} '}have shape {shapes['train']} in train but {shapes['test']} in "
            "test, expected the same"
        )
    for split, x in checked.items():
        if x.dtype.kind == "f":
            _check_finite(x, columns, split, what)
            _check_range(x, f"{what} of {split}")
    if checked["train"].ndim == 2:
        names = [f"column {name!r}" for name in columns]
        check_digits(checked["train"], names or [f"column {n} of {what}" for n in range(shapes["train"][0])])
    return checked


def scaling(x: Sliced) -> Scaling:
    """How training rows, as they are stored, are to be scaled."""
    if x.dtype.kind == "U":
        return Scaling()
    if len(x.shape) == 2:
        low, high = _extremes(x, 0)
        mean, deviation = _moments(x, 0)
        deviation[low == high] = 1.0
        return Scaling(tuple(mean.tolist()), tuple(deviation.tolist()))
    low, high = (value.item() for value in _extremes(x, None))  # Python's numbers: the least int8 has no abs
    if x.dtype.kind in "biu" and low >= 0 and high <= 255:
        return Scaling((0.0,), (255.0 if high > 1 else 1.0,))
    if max(abs(low), abs(high)) <= 1:
        return Scaling()
    mean, deviation = _moments(x, None)
    return Scaling((float(mean),), (float(deviation) or 1.0,))


def _check_finite(x: Array, columns: tuple[str, ...], split: str, what: str) -> None:
    """Raise DataError where values are missing or infinite; of a table, it names the first such column."""
    count: Any = 0  # by column, for a table
    first: tuple[int, ...] = ()
    start = 0
    for block in blocks(x):
        with np.errstate(over="ignore", invalid="ignore"):
            is_sound = np.isfinite(block.sum())  # without a second array; a sum that overflows is looked at again
        if not is_sound:
            bad = ~np.isfinite(block)
            count = count + bad.sum(axis=0 if x.ndim == 2 else None)
            if not first and bad.any():
                place = np.argwhere(bad)[0].tolist()
                first = (start + place[0], *place[1:])
        start += len(block)
    if not first:
        return
    if x.ndim == 2:
        column = first[1]
        name = f"column {columns[column]!r}" if columns else f"column {column} of {what}"
        raise not_finite(f"{name} in {split}" if split != "train" else name, int(count[column]), first[0])
    raise not_finite(f"{what} of {split}", int(count), first[0])


def _check_range(x: Array, what: str) -> None:
    """Raise DataError where float32 can't reach."""
    if x.dtype.itemsize <= 4:
        return
    low, high = _extremes(x, None)
    reach = max(abs(low), abs(high))
    with np.errstate(over="ignore"):
        if not np.isfinite(np.float32(reach)):
            raise DataError(f"{what} reaches {reach:.3g}, more than float32 can hold: scale it down")


def check_digits(x: Array, names: Sequence[str]) -> None:
    """Raise DataError where float32 would blur a column of x, shape (rows, columns), by the columns' names.

    These are large numbers that differ little, such as time stamps, or such that are all nearly 0.
    """
    if x.dtype.kind != "f" or x.dtype.itemsize <= 4:  # whole numbers are stored as they are
        return
    (low, high), lost = _extremes(x, 0), np.zeros(x.shape[1])
    with np.errstate(over="ignore"):  # what is beyond float32 is refused elsewhere
        deviation = _moments(x, 0)[1]
        for block in blocks(x):
            exact = block.astype(np.float64)
            lost = np.maximum(lost, np.abs(block.astype(np.float32) - exact).max(axis=0))
    blurred = (lost > 0.01 * deviation) & (low < high)
    if blurred.any():
        column = int(blurred.argmax())
        reach = max(abs(low[column]), abs(high[column]))
        mend = "subtract its smallest value first" if reach > 1 else "multiply it first"
        raise DataError(f"the values of {names[column]}, up to {reach:.6g}, differ too little for float32: {mend}")


def _extremes(x: Sliced, axis: int | None) -> tuple[Any, Any]:
    """Smallest and largest values, over all or (axis 0) by column, of the rows' own type."""
    found = [(block.min(axis=axis), block.max(axis=axis)) for block in blocks(x)]
    return np.min([low for low, _ in found], axis=0), np.max([high for _, high in found], axis=0)


def _moments(x: Sliced, axis: int | None) -> tuple[Any, Any]:
    """Mean and deviation in float64, over all or (axis 0) by column; in two passes, for one would lose digits."""

    def total(values: Iterator[Array]) -> Any:
        return sum(block.sum(axis=axis, dtype=np.float64) for block in values)

    count = x.shape[0] if axis == 0 else int(np.prod(x.shape))
    mean = total(blocks(x)) / count
    return mean, np.sqrt(total(np.square(block - mean) for block in blocks(x)) / count)
