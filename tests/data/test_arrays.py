import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

X, Y = np.random.default_rng(0).random((20, 6, 5)), np.arange(20) % 4


@pytest.mark.parametrize(
    "source",
    [
        {"x_train": X, "y_train": Y, "x_test": X[:4], "y_test": Y[:4]},
        ((X, Y), (X[:4], Y[:4])),
    ],
)
def test_with_a_test_split(tmp_path, source):
    dataset = data.load(source, "a", tmp_path / "a")
    assert dataset.splits == {"train": 20, "test": 4}
    assert dataset.input_shape == (6, 5)


@pytest.mark.parametrize("source", [(X, Y), [X.tolist(), Y.tolist()], {"x": X, "y": Y}])
def test_without(tmp_path, source):
    assert data.load(source, "a", tmp_path / "a").splits == {"train": 16, "test": 4}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ((X,), r"expected arrays as \(x, y\)"),
        ({"x_train": X}, "has the names x_train; expected"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "has no y_test"),
        ({}, r"\(none\)"),
        (([[1, 2], [3]], [0, 1]), "no regular array"),
        ((X, 3), "y is a single int"),
    ],
)
def test_refused(tmp_path, source, words):
    with pytest.raises(InputError, match=words):
        data.load(source, "a", tmp_path / "a")


def test_a_label_has_no_meaning(tmp_path):
    with pytest.raises(InputError, match="leave the label out"):
        data.load((X, Y), "a", tmp_path / "a", label="price")


@pytest.mark.parametrize("where", ["x", "y", "weights", "rows"])
def test_masked_values_are_missing(tmp_path, where):
    arrays = {"x": np.arange(12.0).reshape(6, 2), "y": np.arange(6) % 2, "weights": np.arange(6) + 1.0}
    masked = np.ma.masked_equal(arrays["x" if where == "rows" else where], 1)
    arrays[where if where != "rows" else "x"] = list(masked) if where == "rows" else masked
    with pytest.raises(DataError, match=r"masked values, which are missing ones \(the first is in row"):
        data.load(tuple(arrays.values()), "a", tmp_path / "a")
    assert data.load((np.ma.array(np.eye(6)), np.arange(6) % 2), "a", tmp_path / "a").splits["train"]
