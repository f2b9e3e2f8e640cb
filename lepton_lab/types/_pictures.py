"""Rows, masks and answers that are pictures, as PNGs for a table's images; heavy imports wait until they are needed."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_GAP = 2
"""White pixels between pictures."""
_HUES = 0.618034
"""The golden ratio's turn of the colour circle: however many classes there are, neighbours differ."""


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape can be shown as a picture: (height, width), or with 1, 3 or 4 channels behind.

    Of two dimensions, at least 4 x 4: smaller ones are steps and their few features.
    """
    return (len(shape) == 3 and shape[-1] in (1, 3, 4)) or (len(shape) == 2 and min(shape) >= 4)


def pixels(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Values from `low` (black) to `high` (white) as uint8 of the same shape."""
    import numpy as np

    span = (high - low) or 1.0
    scaled: NDArray[np.uint8] = (
        ((values.astype(np.float32) - low) * (255.0 / span)).round().clip(0, 255).astype("uint8")
    )
    return scaled


def colours(classes: NDArray[Any]) -> NDArray[np.uint8]:
    """Class numbers of shape (height, width) as RGB: 0 is black, each other one has its colour, -1 is white."""
    import colorsys

    import numpy as np

    most = max(int(classes.max()), 0)
    hues = [colorsys.hsv_to_rgb(number * _HUES % 1, 0.75, 0.95) for number in range(most)]
    table = np.array([(0, 0, 0), *hues, (1, 1, 1)]) * 255
    painted: NDArray[np.uint8] = table.astype(np.uint8)[classes]  # -1 takes the last
    return painted


def png(picture: NDArray[np.uint8]) -> str:
    """One picture of shape (height, width) or (height, width, 1, 3 or 4) as PNG in base64."""
    from PIL import Image

    grey = picture.ndim == 2 or picture.shape[-1] == 1
    stream = io.BytesIO()
    mode = _MODES[1 if grey else picture.shape[-1]]
    Image.fromarray(picture.reshape(picture.shape[:2]) if grey else picture, mode).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def beside(pictures: Sequence[NDArray[np.uint8]]) -> str:
    """Several pictures in one PNG, from left to right; smaller ones are drawn as high as the highest."""
    import numpy as np

    height = max(picture.shape[0] for picture in pictures)
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    parts: list[NDArray[np.uint8]] = []
    for picture in pictures:
        rgb = picture if picture.ndim == 3 else picture[..., None]
        rgb = np.broadcast_to(rgb, (*rgb.shape[:2], 3)) if rgb.shape[-1] == 1 else rgb[..., :3]
        width = max(1, round(rgb.shape[1] * height / rgb.shape[0]))
        down, across = (np.arange(new) * old // new for new, old in zip((height, width), rgb.shape[:2], strict=True))
        parts += [rgb[down][:, across], gap]
    return png(np.ascontiguousarray(np.concatenate(parts[:-1], axis=1)))
