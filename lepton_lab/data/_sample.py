"""A few rows as pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lepton_lab.data._base import Array
from lepton_lab.data._store import open_split
from lepton_lab.errors import InputError
from lepton_lab.types import Dataset, Target, beside, colours, is_picture, pixels, png


def sample(dataset: Dataset, split: str = "train", rows: int = 12) -> Dataset:
    """The same data set with `images` filled, where its rows are pictures.

    Parameters
    ----------
    rows
        How many; they are taken at equal distances, so that a source sorted by class shows more than one.

    Raises
    ------
    DataError
        If the data set has no such split.
    """
    if rows < 1:
        raise InputError(f"rows is {rows}, expected at least 1")
    x, y = open_split(dataset, split)
    if not dataset.is_image:
        return dataset
    chosen = np.linspace(0, len(x) - 1, min(rows, len(x))).round().astype(np.int64)
    pictures = _to_bytes(x[chosen], dataset)
    shown = (y[next(iter(dataset.targets))] if dataset.targets else y)[chosen]
    captions = [_caption(dataset.target, value) for value in shown]
    return replace(dataset, images=tuple(zip(captions, _drawn(pictures, dataset.target, shown), strict=True)))


def _drawn(pictures: Array, target: Target, values: Array) -> list[str]:
    """Each row as PNG in base64, and beside it what is to be learnt of it where that is a picture, too."""
    if not is_picture(target.positions) or target.kind == "labels":
        return [png(picture) for picture in pictures]
    if target.kind == "classes":
        return [beside([row, colours(mask)]) for row, mask in zip(pictures, values, strict=True)]
    if not is_picture(values.shape[1:]):
        return [png(picture) for picture in pictures]
    low, high = float(values.min()), float(values.max())
    return [beside([row, pixels(value, low, high)]) for row, value in zip(pictures, values, strict=True)]


def _caption(target: Target, value: Any) -> str:
    """One row's class, labels that are true, or first numbers; of positions, what they are called."""
    if target.positions:
        return target.name
    if target.kind == "classes":
        return target.classes[int(value)]
    if target.kind == "labels":
        return ", ".join(target.classes[label] for label in np.flatnonzero(value)) or "none"
    numbers = np.atleast_1d(value)
    return ", ".join(f"{number:.4g}" for number in numbers[:3]) + (", ..." if len(numbers) > 3 else "")


def _to_bytes(x: Array, dataset: Dataset) -> Array:
    """Pixels as uint8 over their whole range: from 0 to the deviation where that is their scale, else what is seen."""
    low, high = 0.0, dataset.scaling.deviation[0]
    if dataset.scaling.mean[0] or x.min() < low or x.max() > high:
        low, high = float(x.min()), float(x.max())
    return pixels(x, low, high)
