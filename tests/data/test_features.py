import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError
from lepton_lab.types import Scaling

PIXELS = np.random.default_rng(0).integers(0, 256, (10, 4, 4))
LABELS = np.arange(10) % 2


@pytest.mark.parametrize(
    ("x", "dtype", "scaling"),
    [
        (PIXELS, "int64", Scaling((0.0,), (255.0,))),
        (PIXELS.astype(np.uint8), "uint8", Scaling((0.0,), (255.0,))),
        (PIXELS > 128, "bool", Scaling((0.0,), (1.0,))),
        (PIXELS / 255, "float32", Scaling((0.0,), (1.0,))),
    ],
)
def test_pixels(load_arrays, x, dtype, scaling):
    dataset = load_arrays(x, LABELS)
    assert (dataset.input_shape, dataset.input_dtype, dataset.scaling) == ((4, 4), dtype, scaling)
    np.testing.assert_allclose(data.open_split(dataset, "train")[0], x, rtol=1e-6)


def test_pixels_of_another_range(load_arrays):
    x = PIXELS * 100.0
    scaling = load_arrays(x, LABELS).scaling
    np.testing.assert_allclose([*scaling.mean, *scaling.deviation], [x.mean(), x.std()], rtol=1e-5)


def test_colours_keep_their_channels(load_arrays):
    dataset = load_arrays(np.zeros((10, 4, 5, 3), np.uint8), LABELS)
    assert dataset.input_shape == (4, 5, 3)
    assert dataset.is_image


def test_a_column_that_never_changes(load_arrays):
    x = np.stack([np.arange(10.0), np.full(10, 0.1)], axis=1)
    dataset = load_arrays(x, LABELS)
    np.testing.assert_allclose(dataset.scaling.mean, [4.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(dataset.scaling.deviation, [np.arange(10).std(), 1.0], rtol=1e-6)
    assert dataset.columns == ("x0", "x1")


def test_one_number_a_row(load_arrays):
    assert load_arrays(np.arange(10.0), LABELS).input_shape == (1,)


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (np.array([[1], ["a"]] * 5, dtype=object), InputError, "dtype object.*astype"),
        (np.array([["a"]] * 9 + [[None]], dtype=object), DataError, r"x of train has 1 rows without a text.*row 10"),
        (np.array([[1j]] * 10), InputError, "dtype complex128"),
        (np.zeros((10, 0)), DataError, "rows are empty"),
        (np.where(np.arange(20).reshape(10, 2) == 7, np.nan, 1.0), DataError, r"column 1 of x has 1 missing .*row 4\)"),
        (np.where(np.arange(160).reshape(10, 4, 4) == 17, np.inf, 1.0), DataError, r"x of train has 1 .*row 2\)"),
        (np.full((10, 2), 1e39), DataError, "more than float32 can hold"),
    ],
)
def test_refused(load_arrays, x, error, words):
    with pytest.raises(error, match=words):
        load_arrays(x, LABELS)


def test_a_sum_that_overflows_is_no_gap(load_arrays):
    assert load_arrays(np.full((10, 2, 2), 3e38, np.float32), LABELS).input_dtype == "float32"


def test_splits_of_different_shape(tmp_path):
    with pytest.raises(InputError, match=r"\(4, 4\) in train but \(3, 4\) in test"):
        data.load(((PIXELS, LABELS), (PIXELS[:, 1:], LABELS)), "a", tmp_path / "a")
