"""Rows become what is stored, and how a network is to scale them.

A row of one dimension is a row of a table: stored as float32, scaled per column by mean and deviation. A row of more
dimensions is pixels: a channel axis is added to (height, width), whole numbers from 0 to 255 are stored as uint8 and
scaled by 255 (by 1, where there are only 0 and 1), floats within -1..1 are left alone, and anything else is scaled by
one mean and one deviation. All of these are found from the training rows only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lepton_lab.data._base import Array, not_finite
from lepton_lab.errors import DataError, InputError
from lepton_lab.types import Scaling


def check(parts: Mapping[str, Array], columns: tuple[str, ...]) -> dict[str, Array]:
    """Rows by split as numbers without gaps, with the channel axis that pictures need.

    Raises
    ------
    InputError
        If they are no numbers, or the splits differ in shape.
    DataError
        If a value is missing or infinite.
    """
    checked = {split: _shaped(x, split) for split, x in parts.items()}
    shapes = {split: x.shape[1:] for split, x in checked.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"rows have shape {shapes['train']} in train but {shapes['test']} in test, expected the same")
    for split, x in checked.items():
        if x.dtype.kind == "f":
            _check_finite(x, columns, split)
    return checked


def store(parts: Mapping[str, Array], columns: tuple[str, ...]) -> dict[str, Array]:
    """Checked rows by split in the dtype that they are stored in: uint8 or float32, the same for all splits."""
    if parts["train"].ndim > 2 and all(_fits_uint8(x) for x in parts.values()):
        return {split: x.astype(np.uint8, copy=False) for split, x in parts.items()}
    stored = {}
    for split, x in parts.items():
        with np.errstate(over="ignore"):
            stored[split] = x.astype(np.float32, copy=False)
        if not np.isfinite(stored[split]).all():
            raise DataError(f"x of {split} reaches {np.abs(x).max():.3g}, more than float32 can hold: scale it down")
        if x.ndim == 2 and split == "train":
            _check_digits(x, stored[split], columns)
    return stored


def scaling(x: Array) -> Scaling:
    """How stored training rows are to be scaled."""
    if x.ndim == 2:
        mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        deviation[(x == x[0]).all(axis=0)] = 1.0
        return Scaling(tuple(mean.tolist()), tuple(deviation.tolist()))
    if x.dtype == np.uint8:
        return Scaling((0.0,), (255.0 if x.max() > 1 else 1.0,))
    if np.abs(x).max() <= 1:
        return Scaling()
    return Scaling((float(x.mean(dtype=np.float64)),), (float(x.std(dtype=np.float64)) or 1.0,))


def _shaped(x: Array, split: str) -> Array:
    if x.dtype.kind not in "biuf":
        raise InputError(
            f"x of {split} has dtype {x.dtype}, expected numbers: convert it, such as "
            "x.astype('float32')" + ("; rows of unequal length also end as object" if x.dtype.kind == "O" else "")
        )
    if x.ndim == 1:
        x = x[:, None]
    if 0 in x.shape[1:]:
        raise DataError(f"x of {split} has shape {x.shape}: its rows are empty")
    return x[..., None] if x.ndim == 3 else x


def _check_finite(x: Array, columns: tuple[str, ...], split: str) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(x.sum()):  # one pass without a second array; a sum that overflows is looked at again
            return
    bad = ~np.isfinite(x)
    if not bad.any():
        return
    first = np.argwhere(bad)[0]
    if x.ndim == 2:
        column = first[1]
        name = f"column {columns[column]!r}" if columns else f"column {column} of x"
        raise not_finite(f"{name} in {split}" if split != "train" else name, int(bad[:, column].sum()), int(first[0]))
    raise not_finite(f"x of {split}", int(bad.sum()), int(first[0]))


def _fits_uint8(x: Array) -> bool:
    if x.dtype == np.uint8 or x.dtype.kind == "b":
        return True
    return x.dtype.kind in "iu" and bool(x.min() >= 0 and x.max() <= 255)


def _check_digits(x: Array, stored: Array, columns: tuple[str, ...]) -> None:
    """Raise DataError where float32 would blur a column: large numbers that differ little, such as time stamps."""
    if x.dtype in (np.float32, np.float16) or x.dtype.itemsize < 4:
        return
    for column in range(x.shape[1]):
        exact = x[:, column].astype(np.float64)
        if np.abs(stored[:, column] - exact).max() > 0.01 * exact.std() > 0:
            name = columns[column] if columns else f"{column} of x"
            raise DataError(
                f"column {name!r} has values near {np.abs(exact).max():.6g} that differ too little "
                "for float32: "
                "subtract its smallest value first"
            )
