"""A few rows as pictures."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np

from lepton_lab.data._base import Array
from lepton_lab.data._store import open_split
from lepton_lab.errors import InputError
from lepton_lab.types import Dataset, Target

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


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
    pixels = _to_bytes(x[chosen], dataset)
    shown = y[next(iter(dataset.targets))] if dataset.targets else y
    captions = [_caption(dataset.target, value) for value in shown[chosen]]
    return replace(dataset, images=tuple(zip(captions, map(_png, pixels), strict=True)))


def _caption(target: Target, value: Any) -> str:
    """One row's class, labels that are true, or first numbers."""
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
    span = (high - low) or 1.0
    return ((x.astype(np.float32) - low) * (255.0 / span)).round().clip(0, 255).astype(np.uint8)


def _png(picture: Array) -> str:
    """One picture of shape (height, width, channels) as PNG in base64."""
    from PIL import Image

    channels = picture.shape[-1]
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0] if channels == 1 else picture, _MODES[channels]).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
