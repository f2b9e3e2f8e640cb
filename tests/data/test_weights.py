import shutil

import numpy as np
import pandas as pd
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

X, Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
W = np.linspace(0, 3, 20)


def taken(dataset, tmp_path, **options):
    """All rows of its shards, with their weights."""
    shards = data.shard(dataset, tmp_path / "shards", **{"num_shards": 3, "by": "round_robin", **options})
    rows = data.open_rows(data.read_shards(tmp_path / "shards"))
    everything = np.arange(len(rows))
    return shards, rows.take(everything)[0], rows.weights(everything)


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ((X, Y, W), {}),
        ((X, Y), {"weights": W}),
        ((X, Y), {"weights": W[:, None].tolist()}),
        ({"x": X, "y": Y, "w": W}, {}),
        ({"x_train": X, "y_train": Y, "w_train": W}, {}),
        (((X, Y, W), (X[:4], Y[:4])), {}),
        (pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "label": Y, "much": W}), {"weight": "much"}),
    ],
)
def test_a_weight_stays_with_its_row(tmp_path, source, options):
    dataset = data.load(source, "a", tmp_path / "a", **options)
    assert dataset.weighted and data.read(tmp_path / "a") == dataset
    assert dataset.input_shape == (2,) and "much" not in dataset.columns
    assert "weighted" in str(dataset)
    assert not (tmp_path / "a" / "test" / "w.npy").exists()
    shards, x, weights = taken(dataset, tmp_path)
    assert shards.weighted and weights.dtype == np.float32
    np.testing.assert_allclose(weights, np.interp(x[:, 0], X[:, 0], W), rtol=1e-6)


def test_one_for_each_where_there_are_none(tmp_path):
    dataset = data.load((X, Y), "a", tmp_path / "a")
    assert not dataset.weighted and not (tmp_path / "a" / "train" / "w.npy").exists()
    _, x, weights = taken(dataset, tmp_path)
    assert weights.dtype == np.float32 and (weights == 1).all() and len(weights) == len(x)


def test_no_such_row(tmp_path):
    for number, source in enumerate([(X, Y), (X, Y, W)]):
        dataset = data.load(source, "a", tmp_path / f"a{number}", test_share=0)
        rows = data.open_rows(data.shard(dataset, tmp_path / f"s{number}", num_shards=2, by="range"))
        with pytest.raises(IndexError, match="expected 0 to 19"):
            rows.weights(np.array([20]))


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (W[:-1], InputError, r"shape \(19,\), expected one for each training row: \(20,\)"),
        (np.ones((20, 2)), InputError, r"shape \(20, 2\)"),
        (np.array(["a"] * 20), InputError, "dtype <U1"),
        (np.where(np.arange(20) == 3, -1, W), DataError, r"1 of 20 weights .*is -1\.0 in row 4"),
        (np.where(np.arange(20) == 3, np.nan, W), DataError, "is nan in row 4"),
        (np.full(20, 1e300), DataError, "20 of 20 weights are missing, infinite"),
        (np.where(np.arange(20) == 3, 1e-50, W), DataError, r"the weight 1e-50 of row 4 is 0 as float32"),
        (np.zeros(20), DataError, "all weights of the training rows are 0"),
        (3, InputError, "weights is a single int"),
        ("nothing.npy", InputError, r"nothing\.npy can't be read"),
    ],
)
def test_refused_without_a_trace(tmp_path, weights, error, words):
    with pytest.raises(error, match=words):
        data.load((X, Y), "a", tmp_path / "a", weights=weights)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ((X, Y, W), {"weights": W}, "leave one of them out"),
        ((X, Y), {"weight": "much"}, "give weights as an array"),
        (((X, Y), (X, Y, W)), {}, "only training rows"),
        (pd.DataFrame({"a": W, "label": Y}), {"weight": "b"}, "no column 'b'"),
        (pd.DataFrame({"a": W, "label": Y}), {"weight": "label"}, "as label and as weight"),
    ],
)
def test_options_that_do_not_fit(tmp_path, source, options, words):
    with pytest.raises(InputError, match=words):
        data.load(source, "a", tmp_path / "a", **options)


def test_a_column_that_is_no_weight(tmp_path):
    frame = pd.DataFrame({"a": W, "b": ["x"] * 20, "c": [None, *W[1:]], "label": Y})
    with pytest.raises(DataError, match="weight column 'b' has the type"):
        data.load(frame, "a", tmp_path / "a", weight="b")
    with pytest.raises(DataError, match="nan in row 1"):
        data.load(frame, "a", tmp_path / "a", weight="c")


def test_the_checksum_covers_them(tmp_path):
    dataset = data.load((X, Y, W), "a", tmp_path / "a")
    shards = data.shard(dataset, tmp_path / "shards", num_shards=2, by="range")
    path = shards.shards[1].folder / "w.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"shard 1 of 'a' is not what was written: .*y\.npy, w\.npy"):
        data.open_rows(shards)
    path.unlink()
    with pytest.raises(DataError, match=r"lacks its file .*w\.npy"):
        data.open_rows(shards)
    shutil.copy(shards.shards[0].folder / "w.npy", path)
    with pytest.raises(DataError, match="is not what was written"):
        data.open_rows(shards)
