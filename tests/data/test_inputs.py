"""Several inputs and several targets, from the source to the rows that a rank takes."""

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError
from lepton_lab.types import Scaling, Target, fields

RANDOM = np.random.default_rng(0)
X = {"image": RANDOM.integers(0, 256, (60, 6, 5)), "table": RANDOM.random((60, 3)), "age": np.arange(60.0)}
Y = {"kind": np.array(["a", "b", "c"] * 20), "price": RANDOM.random((60, 2)), "tags": RANDOM.integers(0, 2, (60, 4))}


@pytest.fixture
def dataset(tmp_path):
    return data.load((X, Y), "d", tmp_path / "d")


def test_what_is_known_of_it(dataset):
    assert dataset.inputs == {"image": ((6, 5), "int64"), "table": ((3,), "float32"), "age": ((1,), "float32")}
    assert (dataset.input_shape, dataset.input_dtype, dataset.columns) == ((), "record", ())
    assert dataset.targets == {
        "kind": Target("classes", "kind", ("a", "b", "c")),
        "price": Target("numbers", "price", width=2),
        "tags": Target("labels", "tags", ("0", "1", "2", "3")),
    }
    assert list(dataset.targets) == ["kind", "price", "tags"]
    assert dataset.target == dataset.targets["kind"]
    assert dataset.scaling == Scaling() and not dataset.is_image
    assert data.sample(dataset) == dataset


def test_read_gives_what_load_gave(dataset):
    again = data.read(dataset.folder)
    assert again == dataset
    assert list(again.inputs) == list(dataset.inputs) and list(again.targets) == list(dataset.targets)


def test_classes_keep_their_shares_in_the_hold_out(dataset):
    _, y = data.open_split(dataset, "test")
    assert np.bincount(y["kind"]).tolist() == [4, 4, 4]


@pytest.mark.parametrize("by", data.SHARDINGS)
def test_rows_stay_together_through_shards(dataset, tmp_path, by):
    rows = data.open_rows(data.shard(dataset, tmp_path / "shards", num_shards=4, by=by))
    x, y = rows.take(np.arange(len(rows)))
    assert x.shape == y.shape == (48,)
    x, y = fields(x), fields(y)
    source = x["age"][:, 0].astype(int)
    assert len(set(source.tolist())) == 48
    assert (x["image"] == X["image"][source]).all()
    np.testing.assert_allclose(x["table"], X["table"][source], rtol=1e-6)
    assert (np.array(["a", "b", "c"])[y["kind"]] == Y["kind"][source]).all()
    np.testing.assert_allclose(y["price"], Y["price"][source], rtol=1e-6)
    assert (y["tags"] == Y["tags"][source]).all()
    assert all(array.flags.c_contiguous for array in (*x.values(), *y.values()))


def test_only_inputs_or_only_targets(tmp_path):
    one = data.load((X, np.arange(60) % 2), "a", tmp_path / "a")
    assert one.inputs and not one.targets and one.target.kind == "classes"
    other = data.load((X["table"], Y), "b", tmp_path / "b")
    assert other.targets and not other.inputs and other.input_shape == (3,) and other.scaling != Scaling()


def test_a_dict_of_one_is_plain(tmp_path):
    dataset = data.load(({"table": X["table"]}, {"price": Y["price"]}), "a", tmp_path / "a")
    assert (dataset.inputs, dataset.targets, dataset.input_shape) == ({}, {}, (3,))
    assert dataset.target == Target("numbers", "price", width=2)
    assert data.open_split(dataset, "train")[1].shape == (48, 2)


def test_keras_names(tmp_path):
    source = {
        "x_train": X,
        "y_train": Y,
        "x_test": {k: v[:5] for k, v in X.items()},
        "y_test": {k: v[:5] for k, v in Y.items()},
    }
    assert data.load(source, "a", tmp_path / "a").splits == {"train": 60, "test": 5}
    pairs = ((X, Y), ({k: v[:5] for k, v in X.items()}, {k: v[:5] for k, v in Y.items()}))
    assert data.load(pairs, "a", tmp_path / "b").splits == {"train": 60, "test": 5}


@pytest.mark.parametrize(
    ("x", "y", "error", "words"),
    [
        ({}, Y, InputError, "x is an empty dict"),
        ({**X, "a b": X["age"]}, Y, InputError, "x has the name 'a b'"),
        ({**X, 3: X["age"]}, Y, InputError, "x has the name 3"),
        ({**X, "late": X["age"][1:]}, Y, DataError, r"x\['image'\] of train has 60 rows and x\['late'\] has 59"),
        (X, {**Y, "late": X["age"][1:]}, DataError, r"y\['late'\] has 59"),
        (
            {**X, "gap": np.where(X["age"] == 3, np.nan, 1)},
            Y,
            DataError,
            r"column 0 of x\['gap'\] has 1 missing .*row 4",
        ),
        ({**X, "word": np.array([1j] * 60)}, Y, InputError, r"x\['word'\] of train has dtype complex128"),
        ({**X, "one": 3}, Y, InputError, r"x\['one'\] is a single int"),
        (X, {**Y, "gap": np.where(X["age"] == 3, np.nan, 1)}, DataError, "no usable label in 'gap'"),
    ],
)
def test_refused(tmp_path, x, y, error, words):
    with pytest.raises(error, match=words):
        data.load((x, y), "a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_splits_with_other_names(tmp_path):
    with pytest.raises(InputError, match=r"x has the names 'a', 'b' in train but 'a' in test"):
        data.load((({"a": X["age"], "b": X["age"]}, Y), ({"a": X["age"]}, Y)), "a", tmp_path / "a")
    with pytest.raises(InputError, match=r"y has the names .* in train but \(one array\) in test"):
        data.load(((X["table"], Y), (X["table"], X["age"])), "a", tmp_path / "a")


def test_files_of_another_data_set(dataset, tmp_path):
    plain = data.load((X["age"], np.arange(60) % 2), "p", tmp_path / "p")
    path = dataset.folder / "train" / "x.npy"
    path.write_bytes((plain.folder / "train" / "x.npy").read_bytes())
    with pytest.raises(DataError, match="load the data set again"):
        data.open_split(dataset, "train")
    other = data.load(({k: X[k] for k in ("age", "table")}, Y), "o", tmp_path / "o")
    path.write_bytes((other.folder / "train" / "x.npy").read_bytes())
    with pytest.raises(DataError, match=r"train/x\.npy .* has other fields than its record says"):
        data.open_split(dataset, "train")
