import base64
import io

import numpy as np
import pytest
from PIL import Image

from lepton_lab.explain._draw import AGAINST, FOR, heat_map, picture


def pixels(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_row_from_black_to_white(channels: int) -> None:
    row = np.linspace(-3, 5, 6 * 4 * channels).reshape(6, 4, channels)
    found = pixels(picture(row))
    assert found.shape == ((6, 4) if channels == 1 else (6, 4, channels))
    assert (found.min(), found.max()) == (0, 255)
    assert pixels(picture(np.full((2, 2, 1), 7))).tolist() == [[0, 0], [0, 0]]


def test_for_against_and_nothing() -> None:
    found = pixels(heat_map(np.array([[2.0, -1.0], [0.0, 0.5]]), (2, 2)))
    assert found[0, 0].tolist() == [*rgb(FOR), 255]
    assert found[0, 1].tolist() == [*rgb(AGAINST), 128]
    assert found[1, 0, 3] == 0 and found[1, 1].tolist() == [*rgb(FOR), 64]
    assert pixels(heat_map(np.zeros((2, 2)), (2, 2)))[..., 3].max() == 0


def test_channels_are_summed_and_patches_drawn_as_large_as_they_are() -> None:
    summed = pixels(heat_map(np.array([[[1.0, -3.0], [1.0, 0.0]]]), (1, 2)))
    assert summed[0, 0].tolist() == [*rgb(AGAINST), 255] and summed[0, 1].tolist() == [*rgb(FOR), 128]
    large = pixels(heat_map(np.eye(2), (8, 6)))
    assert large.shape == (8, 6, 4) and (large[:4, :3, 3] == 255).all() and (large[4:, :3, 3] == 0).all()


def test_no_larger_than_can_be_seen() -> None:
    assert pixels(picture(np.zeros((400, 800, 3)))).shape == (64, 128, 3)
    assert pixels(heat_map(np.eye(4), (800, 400))).shape == (128, 64, 4)
