"""Rows and their attributions as pictures: what is zero can be seen through, so that it suits light and dark pages."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOR, AGAINST = "#e08214", "#2f7fc1"
"""Orange and blue, which every kind of eye tells apart, on light ground and on dark."""
_SIDE = 128
"""Of a picture at most, in pixels: more can't be seen and would swell the notebook."""


def picture(row: NDArray[Any]) -> str:
    """A row of shape (height, width, channels) as PNG in base64, its values stretched over all of black to white."""
    values = row.astype(np.float64)
    low, high = values.min(), values.max()
    pixels = ((values - low) * (255 / ((high - low) or 1.0))).round().astype(np.uint8)
    return _png(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def heat_map(values: NDArray[Any], size: tuple[int, ...]) -> str:
    """Attributions as PNG in base64: orange for, blue against, the stronger the less can be seen through it.

    Parameters
    ----------
    values
        Shape (height, width) of patches or of pixels, or with an axis of channels behind, which are summed.
    size
        Height and width of the row's picture; patches are drawn as large as they are.
    """
    flat = values.astype(np.float64).reshape(*values.shape[:2], -1).sum(axis=2)
    down, across = (np.arange(wanted) * own // wanted for wanted, own in zip(size, flat.shape, strict=True))
    flat = flat[down][:, across]
    pixels = np.zeros((*flat.shape, 4), np.uint8)
    pixels[..., :3] = np.where((flat >= 0)[..., None], _rgb(FOR), _rgb(AGAINST))
    pixels[..., 3] = (np.abs(flat) * (255 / (np.abs(flat).max() or 1.0))).round()
    return _png(pixels)


def _rgb(colour: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)


def _png(pixels: NDArray[np.uint8]) -> str:
    """Shape (height, width), or (height, width, 3 or 4)."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
