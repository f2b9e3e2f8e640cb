import base64
import io

import numpy as np
import pytest
from PIL import Image

from lepton_lab import data
from lepton_lab.errors import DataError, InputError


def decode(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def test_digits(digits):
    shown = data.sample(digits, "test", rows=7)
    assert len(shown.images) == 7
    picture = decode(shown.images[0][1])
    assert (picture.size, picture.mode) == ((8, 8), "L")
    x, y = data.open_split(digits, "test")
    assert shown.images[0][0] == str(y[0])
    assert np.abs(np.asarray(picture) - x[0, ..., 0] * (255 / 16)).max() < 1
    assert "data:image/png;base64," in shown._repr_html_()


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (4, "RGBA")])
def test_colours(load_arrays, channels, mode):
    x = np.random.default_rng(0).integers(0, 256, (6, 5, 4, channels), dtype=np.uint8)
    shown = data.sample(load_arrays(x, np.arange(6) % 2))
    picture = decode(shown.images[0][1])
    assert (picture.size, picture.mode, len(shown.images)) == ((4, 5), mode, 6)
    assert (np.asarray(picture) == x[0]).all()


def test_floats_span_all_greys(load_arrays):
    x = np.linspace(-3, 5, 160).reshape(10, 4, 4)
    shown = data.sample(load_arrays(x, np.linspace(0, 1, 10)))
    pixels = [np.asarray(decode(picture)) for _, picture in shown.images]
    assert (np.min(pixels), np.max(pixels)) == (0, 255)
    assert shown.images[-1][0] == "1"


@pytest.mark.parametrize(
    ("y", "caption"),
    [
        (np.array([[1, 0, 1]] * 3 + [[0, 1, 0]] * 3), "0, 2"),
        (np.array([[0, 0, 0]] * 3 + [[0, 1, 0]] * 3), "none"),
        (np.full((6, 4), 0.25), "0.25, 0.25, 0.25, ..."),
        ({"c": np.array(["a", "b"] * 3), "n": np.linspace(0, 1, 6)}, "a"),
    ],
)
def test_captions_of_other_targets(load_arrays, y, caption):
    shown = data.sample(load_arrays(np.zeros((6, 5, 4), np.uint8), y))
    assert shown.images[0][0] == caption


def test_a_table_has_no_pictures(load_arrays):
    assert data.sample(load_arrays(np.eye(4), np.arange(4) % 2)).images == ()


def test_refused(digits):
    with pytest.raises(InputError, match="at least 1"):
        data.sample(digits, rows=0)
    with pytest.raises(DataError, match="no split"):
        data.sample(digits, "valid")
