import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

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
        ((csr_matrix(X[:, 0]), Y), r"x is a sparse csr_matrix, expected an array: give x\.toarray\(\)"),
        ([{"a": 1, "label": 0}] * 20, r"got rows as dicts, expected a DataFrame of them: pd\.DataFrame\(rows\)"),
        ("", "the source is empty"),
        ((X * 1j, Y), r"dtype complex128, .*: give x\.real and x\.imag side by side"),
        ((X, [1, "1"] * 10), "have dtype object, expected numbers, booleans or text"),
        ((X, [2**63 + 5, 2**63 + 7, -1, -1] * 5), "have dtype object"),
        ((X, [2**53 + 1, 1.0] * 10), "have dtype object"),
        ((X, ["a\0", "a"] * 10), "zero bytes"),
        (([[1, "red"], [2, "blue"]], [0, 1]), "x of train has dtype object"),
        ((["x" * 2**20] + ["y"] * 2000, [0, 1, 2] * 667), "the longest of 2,001 texts has 1,048,576 characters"),
        ((["a", "b\ud800"], [0, 1]), "halves of characters"),
    ],
)
def test_refused(tmp_path, source, words):
    with pytest.raises(InputError, match=words):
        data.load(source, "a", tmp_path / "a")


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, pd.NaT])
def test_a_gap_in_a_list_is_no_text(tmp_path, gap):
    with pytest.raises(DataError, match=r"10 of 20 rows have no usable label .*first is row 2\)"):
        data.load((X, ["a", gap] * 10), "a", tmp_path / "a")
    with pytest.raises(DataError, match=r"10 rows without a text \(the first is row 2\)"):
        data.load((["a", gap] * 10, [0, 1] * 10), "a", tmp_path / "a")


def test_whole_numbers_in_one_split_and_floats_in_another(tmp_path):
    arrays = {"y_train": Y, "y_test": [0, 1], "x_test": np.array([[0.5], [1.5]], np.float32)}
    whole = np.full((20, 1), 2**24 + 1)
    data.load({**arrays, "x_train": whole}, "a", tmp_path / "a")
    assert np.load(tmp_path / "a" / "train" / "x.npy").tolist() == whole.tolist()
    with pytest.raises(InputError, match="whole numbers that no float holds"):
        data.load({**arrays, "x_train": whole.astype(np.uint64) + 2**63}, "a", tmp_path / "a")


def test_rows_and_labels_of_pandas_must_belong_together(tmp_path):
    turned = pd.Series(np.ones(20), index=np.arange(20)[::-1])
    for source, options in [
        ((pd.Series(Y), turned), {}),
        ((pd.DataFrame({"a": Y}), pd.Series(Y), turned), {}),
        ((pd.DataFrame({"a": Y}), pd.Series(Y)), {"weights": turned}),
        (({"p": pd.Series(Y), "q": turned}, Y), {}),
        (({"p": X, "q": pd.DataFrame({"n": Y})}, turned), {}),
        (({"p": X}, {"u": pd.Series(Y), "v": turned}), {}),
        (({"p": pd.Series(Y)}, Y, turned), {}),
    ]:
        with pytest.raises(InputError, match="have indexes that differ"):
            data.load(source, "a", tmp_path / "a", **options)


def test_ordered_categories_keep_their_order(tmp_path):
    labels = pd.Series(pd.Categorical(["low", "high"] * 10, ["low", "unused", "high"], ordered=True))
    assert data.load((X, labels), "a", tmp_path / "a").target.classes == ("low", "high")
    splits = {"x_train": X, "y_train": labels, "x_test": X[:2], "y_test": labels[:2].astype(object)}
    assert data.load(splits, "a", tmp_path / "a").target.classes == ("high", "low")


def test_numpys_own_strings(tmp_path):
    texts = np.array(["good", "bad, very"] * 10, np.dtypes.StringDType())
    dataset = data.load((texts, texts, None), "a", tmp_path / "a")
    assert dataset.target.classes == ("bad, very", "good") and dataset.input_dtype == "<U9"


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
