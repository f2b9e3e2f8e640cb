import numpy as np
import pandas as pd
import pytest

from lepton_lab import data
from lepton_lab.errors import InputError

X = pd.DataFrame({"a": range(6), "k": list("uvuvuv")}, index=range(10, 16))
Y = pd.Series(list("pqpqpq"), index=X.index, name="kind")


@pytest.mark.parametrize(
    ("source", "splits", "name"),
    [
        ((X, Y), {"train": 6}, "kind"),
        ((X, Y.to_numpy()), {"train": 6}, "label"),
        (((X, Y), (X[:2], Y[:2])), {"train": 6, "test": 2}, "kind"),
        ({"x_train": X, "y_train": Y, "x_val": X[:2], "y_val": Y[:2]}, {"train": 6, "test": 2}, "kind"),
        ((X, Y, np.arange(6.0) + 1), {"train": 6}, "kind"),
    ],
)
def test_a_frame_with_labels_beside_it(tmp_path, source, splits, name):
    dataset = data.load(source, "t", tmp_path / "t", test_share=0)
    assert (dataset.splits, dataset.target.name) == (splits, name)
    assert (dataset.columns, dataset.target.classes) == (("a", "k=u", "k=v"), ("p", "q"))
    x, y = data.open_split(dataset, "train")
    assert x[:, 0].tolist() == list(range(6)) and y.tolist() == [0, 1] * 3
    assert dataset.weighted == (isinstance(source, tuple) and len(source) == 3)


@pytest.mark.parametrize("make", [pd.Categorical, pd.CategoricalIndex, lambda of: pd.Series(of, X.index)])
def test_categories_keep_their_order(tmp_path, make):
    labels = pd.Categorical(["low", "mid", "high"] * 2, ["low", "mid", "high"], ordered=True)
    dataset = data.load((X, make(labels)), "t", tmp_path / "t", test_share=0)
    assert dataset.target.classes == ("low", "mid", "high")
    assert data.open_split(dataset, "train")[1].tolist() == [0, 1, 2] * 2


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ((X, Y[::-1]), {}, "indexes that differ"),
        ((X, Y.reset_index(drop=True)), {}, r"indexes that differ.*y\.to_numpy\(\)"),
        ((X, Y[:3]), {}, "x has 6 rows and y has 3"),
        ((X.assign(kind=1), Y), {}, "'kind' is a column of x too"),
        (((X, Y), (X[["a"]], Y)), {}, "column 'k' in train but not in test"),
        (((X, Y), (X.to_numpy(), Y)), {}, "x_test is a ndarray, expected a DataFrame"),
        ((X, Y), {"label": "a"}, "leave label and weight out"),
    ],
)
def test_refused(tmp_path, source, options, words):
    with pytest.raises(InputError, match=words):
        data.load(source, "t", tmp_path / "t", **options)
