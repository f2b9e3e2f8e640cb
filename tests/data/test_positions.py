"""Labels for each position of a row, from arrays to what is stored."""

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.random((12, 8, 6, 3)).astype(np.float32)
MASKS = RANDOM.integers(0, 4, (12, 8, 6))
WORDS = RANDOM.integers(1, 50, (12, 7))
SERIES = RANDOM.random((12, 7, 2))


def stored(load_arrays, x, y, **options):
    """The data set's target, and the labels in the order in which they came."""
    dataset = load_arrays(x, y, test_share=0, **options)
    assert data.read(dataset.folder) == dataset
    return dataset.target, data.open_split(dataset, "train")[1]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("has_axis", [False, True])
def test_masks_are_classes_whatever_their_dtype(load_arrays, dtype, has_axis):
    y = MASKS.astype(dtype)
    target, labels = stored(load_arrays, PICTURES, y[..., None] if has_axis else y)
    assert (target.kind, target.classes, target.positions) == ("classes", ("0", "1", "2", "3"), (8, 6))
    assert target.shape == (8, 6) and target.num_outputs == 4 and "--task regression" in target.note
    assert labels.dtype == target.dtype == "int16"
    np.testing.assert_array_equal(labels, MASKS)


@pytest.mark.parametrize(
    ("values", "classes", "expected"),
    [
        ([0, 255], ("0", "255"), [0, 1]),
        ([0, 128, 255], ("0", "128", "255"), [0, 1, 2]),
        ([1, 2, 3], ("1", "2", "3"), [0, 1, 2]),
        ([0, 1, 3, 4], ("0", "1", "2", "3", "4"), [0, 1, 3, 4]),
        ([0, 1, 2, 3, 255], ("0", "1", "2", "3"), [0, 1, 2, 3, -1]),
        ([-1, 0, 1], ("0", "1"), [-1, 0, 1]),
        ([-100, 0, 1, 2], ("0", "1", "2"), [-1, 0, 1, 2]),
        ([False, True], ("False", "True"), [0, 1]),
    ],
)
def test_class_numbers(load_arrays, values, classes, expected):
    places = RANDOM.integers(0, len(values), (12, 8, 6))
    places[0, 0, : len(values)] = np.arange(len(values))
    target, labels = stored(load_arrays, PICTURES, np.array(values)[places])
    assert (target.kind, target.classes) == ("classes", classes)
    np.testing.assert_array_equal(labels, np.array(expected)[places])


def test_one_hot_masks(load_arrays):
    target, labels = stored(load_arrays, PICTURES, np.eye(4, dtype="uint8")[MASKS])
    assert (target.kind, target.num_outputs, target.positions) == ("classes", 4, (8, 6))
    np.testing.assert_array_equal(labels, MASKS)
    target, labels = stored(load_arrays, PICTURES, np.eye(4)[MASKS], task="multilabel")
    assert (target.kind, target.shape, target.note) == ("labels", (8, 6, 4), "")
    np.testing.assert_array_equal(labels, np.eye(4)[MASKS])


def test_several_marks_a_position_are_labels(load_arrays):
    y = RANDOM.integers(0, 2, (12, 8, 6, 3))
    target, labels = stored(load_arrays, PICTURES, y)
    assert (target.kind, target.shape, labels.dtype) == ("labels", (8, 6, 3), "uint8")
    np.testing.assert_array_equal(labels, y)


@pytest.mark.parametrize("x", [PICTURES, MASKS, RANDOM.integers(0, 2, (12, 8, 6, 1))])
def test_an_autoencoder_learns_its_rows_as_numbers(load_arrays, x):
    target, labels = stored(load_arrays, x, x.copy())
    assert target.kind == "numbers" and labels.dtype == "float32"
    assert target.positions == (8, 6) and target.shape == ((8, 6, 3) if x.shape[-1] == 3 else (8, 6))
    np.testing.assert_array_equal(labels.reshape(x.shape), x)
    assert stored(load_arrays, x, x[::-1])[0].kind == ("numbers" if x is PICTURES else "classes")


def test_pictures_of_another_size(load_arrays):
    large = RANDOM.integers(0, 256, (12, 16, 12, 3), dtype=np.uint8)
    target, labels = stored(load_arrays, PICTURES, large)
    assert (target.kind, target.positions, target.num_outputs) == ("numbers", (16, 12), 3)
    np.testing.assert_array_equal(labels, large)
    grey = stored(load_arrays, PICTURES, large[..., :1])[0]
    assert (grey.kind, grey.shape) == ("numbers", (16, 12)) and "--task classification" in grey.note


@pytest.mark.parametrize("x", [WORDS, SERIES, np.array(["a", "b"])[WORDS % 2]])
def test_a_label_for_each_step(load_arrays, x):
    y = RANDOM.integers(0, 5, (12, 7))
    target, labels = stored(load_arrays, x, y)
    assert (target.kind, target.positions, target.num_outputs) == ("classes", (7,), 5)
    np.testing.assert_array_equal(labels, y)
    assert stored(load_arrays, x, y, task="regression")[0].shape == (7,)


def test_tags_by_name_with_steps_that_have_none(load_arrays):
    names = np.array(["", "noun", "verb"])
    places = RANDOM.integers(0, 3, (12, 7))
    target, labels = stored(load_arrays, WORDS, names[places])
    assert (target.classes, target.positions) == (("noun", "verb"), (7,)) and "empty text" in target.note
    np.testing.assert_array_equal(labels, places - 1)


def test_next_words_keep_their_numbers(load_arrays):
    y = np.roll(WORDS * 100, -1, axis=1)
    target, labels = stored(load_arrays, WORDS, y)
    assert target.num_outputs == y.max() + 1
    np.testing.assert_array_equal(labels, y)


def test_columns_of_a_table_are_no_steps(load_arrays):
    y = RANDOM.integers(0, 5, (12, 7))
    assert stored(load_arrays, RANDOM.random((12, 7)), y)[0].kind == "numbers"
    one_hot = stored(load_arrays, WORDS, np.eye(7)[np.arange(12) % 7])[0]
    assert (one_hot.kind, one_hot.positions) == ("classes", ()) and "one-hot" in one_hot.note


def test_weights_of_positions(load_arrays, tmp_path):
    weights = RANDOM.random((12, 8, 6)).astype(np.float32)
    dataset = data.load((PICTURES, MASKS, weights), "w", tmp_path / "w", test_share=0.25)
    rows = data.open_rows(data.shard(dataset, tmp_path / "shards", num_shards=2))
    x, y = rows.take(np.arange(len(rows)))
    kept = rows.weights(np.arange(len(rows)))
    assert kept.shape == (9, 8, 6)
    for row, mask, weight in zip(x, y, kept, strict=True):
        (source,) = np.flatnonzero((row == PICTURES).all(axis=(1, 2, 3)))
        np.testing.assert_array_equal(mask, MASKS[source])
        np.testing.assert_array_equal(weight, weights[source])
    with pytest.raises(InputError, match=r"\(12, 8\), expected one .* or for each position: \(12, 8, 6\)"):
        data.load((PICTURES, MASKS, weights[:, :, 0]), "w", tmp_path / "w")


@pytest.mark.parametrize(
    ("y", "task", "error", "words"),
    [
        (MASKS, "multilabel", InputError, "one number a position"),
        (PICTURES, "classification", InputError, "must be 0 and 1 with a single 1"),
        (PICTURES[..., 0], "classification", DataError, "no whole numbers"),
        (np.full((12, 8, 6), -1), None, DataError, "no class at any position"),
        (np.where(MASKS == 0, np.nan, 1.0), None, DataError, "no usable label"),
        (MASKS, "segmentation", InputError, "segmentation"),
    ],
)
def test_refused(load_arrays, y, task, error, words):
    with pytest.raises((error, InputError) if task == "segmentation" else error, match=words):
        load_arrays(PICTURES, y, task=task)


@pytest.mark.parametrize("by", ["stratified", "dirichlet"])
def test_rows_without_one_label_are_not_spread_by_it(load_arrays, tmp_path, by):
    with pytest.raises(InputError, match="hash, range or round_robin"):
        data.shard(load_arrays(PICTURES, MASKS), tmp_path / "shards", num_shards=2, by=by)
