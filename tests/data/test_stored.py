"""What is stored of a row is what came: its shape, its dtype and each value."""

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

DTYPES = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)] + ["bool", "float32"]
SHAPES = [(1,), (7,), (50, 1), (5, 3), (28, 28), (4, 3, 2), (4, 4, 1), (2, 3, 2, 2)]


def drawn(dtype, shape, seed):
    """Values over all that a dtype can hold."""
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return random.random(shape) < 0.5
    if kind.kind == "f":
        return random.standard_normal(shape).astype(kind)
    limits = np.iinfo(kind)
    return random.integers(limits.min, limits.max, shape, kind, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_arrays_come_back_as_they_were(tmp_path, dtype, shape):
    x, y = drawn(dtype, (12, *shape), len(shape)), np.arange(12) % 3
    dataset = data.load(((x, y), (x[:3], y[:3])), "a", tmp_path / "a")
    assert (dataset.input_shape, dataset.input_dtype) == (shape, dtype)
    for split, expected in (("train", x), ("test", x[:3])):
        own, labels = data.open_split(dataset, split)
        assert own.dtype == dtype
        np.testing.assert_array_equal(own, expected)
        np.testing.assert_array_equal(labels, y[: len(own)])
    rows = data.open_rows(data.shard(dataset, tmp_path / "shards", num_shards=3, by="round_robin"))
    assert sorted(row.tobytes() for row in rows.take(np.arange(12))[0]) == sorted(row.tobytes() for row in x)


@pytest.mark.parametrize("dtype", [object, "U", "S"])
def test_text(tmp_path, dtype):
    texts = ["short", "ein längerer Satz", "", "日本語", "a,b\n"] * 2
    x = np.array([text.encode() for text in texts]) if dtype == "S" else np.array(texts, dtype)
    dataset = data.load((x, np.arange(10) % 2), "a", tmp_path / "a", test_share=0)
    assert (dataset.input_shape, dataset.input_dtype, dataset.columns) == ((1,), "<U17", ())
    assert "text of up to 17 characters" in dataset._repr_html_()
    rows = data.open_rows(data.shard(dataset, tmp_path / "shards", num_shards=2))
    assert sorted(rows.take(np.arange(10))[0][:, 0].tolist()) == sorted(texts)


def test_several_inputs_keep_each_its_own(tmp_path):
    x = {"words": np.array(["a", "bcd"] * 5), "ids": np.arange(10) + 2**40, "flag": np.arange(10) % 2 == 0}
    dataset = data.load((x, np.arange(10) % 2), "a", tmp_path / "a", test_share=0)
    assert dataset.inputs == {"words": ((1,), "<U3"), "ids": ((1,), "int64"), "flag": ((1,), "bool")}
    own, _ = data.open_split(dataset, "train")
    for name, array in x.items():
        np.testing.assert_array_equal(own[name][:, 0], array)


def test_whole_floats_that_float32_would_change_stay_float64(tmp_path):
    x = np.stack([np.arange(10) * 1001.0 + 2**24, np.linspace(0, 1, 10)], axis=1)
    dataset = data.load((x, np.arange(10) % 2), "a", tmp_path / "a", test_share=0)
    assert dataset.input_dtype == "float64"
    np.testing.assert_array_equal(data.open_split(dataset, "train")[0], x)
    assert data.load((x % 2**24, np.arange(10) % 2), "b", tmp_path / "b").input_dtype == "float32"


def test_splits_of_unlike_dtypes(tmp_path):
    x, y = np.arange(10)[:, None], np.arange(10) % 2
    assert data.load(((x.astype("int8"), y), (x.astype("int32"), y)), "a", tmp_path / "a").input_dtype == "int32"
    with pytest.raises(InputError, match="int64 in train but uint64 in test"):
        data.load(((x, y), (x.astype("uint64"), y)), "a", tmp_path / "a")
    with pytest.raises(InputError, match="numbers in train but text in test"):
        data.load(((x, y), (x.astype(str), y)), "a", tmp_path / "a")


@pytest.mark.parametrize("x", [np.array([b"\xff\xfe"] * 4), np.array(["a", None, "b", "c"], object)])
def test_what_is_no_text(tmp_path, x):
    with pytest.raises(DataError, match=r"UTF-8|1 rows without a text"):
        data.load((x, np.arange(4) % 2), "a", tmp_path / "a")
