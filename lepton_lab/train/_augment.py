"""Pictures changed a little on their way into the training, so that a model learns what doesn't matter.

What happens to a row follows from the seed, the epoch and the row's number, not from the batch or the rank it is in:
one rank and many, and a run that starts again, see the same pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.train._job import AUGMENTATIONS

Pictures = NDArray[Any]
Draws = NDArray[np.float64]


def flip(x: Pictures, draw: Draws) -> Pictures:
    """Mirror half of the pictures, left to right."""
    return np.where(draw[:, 0, None, None, None] < 0.5, x[:, :, ::-1], x)


def shift(x: Pictures, draw: Draws) -> Pictures:
    """Move each picture by up to a tenth of its size; the border is filled with what is lowest in it."""
    height, width = x.shape[1:3]
    down, right = (
        np.rint((2 * draw[:, i] - 1) * max(1.0, size / 10)).astype(int) for i, size in enumerate((height, width))
    )
    rows = np.arange(height)[None, :] - down[:, None]
    columns = np.arange(width)[None, :] - right[:, None]
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    numbers = np.arange(len(x))[:, None, None]
    moved = x[numbers, rows.clip(0, height - 1)[:, :, None], columns.clip(0, width - 1)[:, None, :]]
    shifted: Pictures = np.where(inside[..., None], moved, x.min(axis=(1, 2, 3), keepdims=True))
    return shifted


def brightness(x: Pictures, draw: Draws) -> Pictures:
    """Make each picture up to a fifth darker or brighter."""
    changed: Pictures = x * (0.8 + 0.4 * draw[:, 0, None, None, None])
    if np.issubdtype(x.dtype, np.integer):
        limits = np.iinfo(x.dtype)
        changed = np.rint(changed).clip(limits.min, limits.max)
    return np.asarray(changed, x.dtype)


_FUNCTIONS: dict[str, Callable[[Pictures, Draws], Pictures]] = dict(
    zip(AUGMENTATIONS, (flip, shift, brightness), strict=True)
)


def check(names: tuple[str, ...], is_image: bool) -> None:
    """Refuse what isn't known, or rows that are no pictures."""
    for name in names:
        if name not in AUGMENTATIONS:
            raise UnknownNameError("augmentation", name, AUGMENTATIONS)
    if names and not is_image:
        raise InputError(f"--augment {','.join(names)} is for pictures, but the rows are none: leave it out.")


def augment(x: Pictures, names: tuple[str, ...], rows: NDArray[np.int64], seed: int, epoch: int) -> Pictures:
    """Pictures of shape (n, height, width, channels), changed by `names` in their order; same shape and dtype.

    Parameters
    ----------
    rows
        The pictures' row numbers, shape (n,).
    """
    for place, name in enumerate(names):
        draws = np.stack([uniform(rows, seed, epoch, 2 * place + i) for i in (0, 1)], axis=1)
        x = _FUNCTIONS[name](x, draws)
    return np.ascontiguousarray(x)


def uniform(rows: NDArray[np.int64], *keys: int) -> Draws:
    """For each row a number from 0 to below 1 that follows from it and the keys; shape (n,).

    The finaliser of SplitMix64 (Steele, Lea, Flood 2014, https://doi.org/10.1145/2714064.2660195), once per key.
    """
    mixed = rows.astype(np.uint64)
    with np.errstate(over="ignore"):
        for key in (*keys, 0):
            mixed = mixed + np.uint64(0x9E3779B97F4A7C15) + np.uint64(key % 2**63)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
