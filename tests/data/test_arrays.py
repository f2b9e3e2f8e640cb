import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import InputError

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
    assert dataset.input_shape == (6, 5, 1)


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
