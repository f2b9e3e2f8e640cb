import numpy as np
import pytest

from lepton_lab.data._target import encode
from lepton_lab.errors import DataError, InputError


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ([3, 7, 3], ("3", "7"), [0, 1, 0]),
        ([-1, 1, -1], ("-1", "1"), [0, 1, 0]),
        ([0, 1, 2], ("0", "1", "2"), [0, 1, 2]),
        ([10, 9, 10], ("9", "10"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([b"b", b"a", b"b"], ("a", "b"), [1, 0, 1]),
        (np.array(["b", "a", "b"], dtype=object), ("a", "b"), [1, 0, 1]),
        ([1.0, 0.0, 1.0], ("0", "1"), [1, 0, 1]),
        ([[4], [5], [4]], ("4", "5"), [0, 1, 0]),
    ],
)
def test_classes(labels, classes, numbers):
    target, encoded = encode({"train": np.asarray(labels)}, "y")
    assert (target.kind, target.classes) == ("classes", classes)
    assert encoded["train"].dtype == np.int64
    assert encoded["train"].tolist() == numbers


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 30), np.array([0.5, 1.5, 0.5]), np.arange(30), np.arange(30.0)])
def test_numbers(labels):
    target, encoded = encode({"train": labels}, "y")
    assert (target.kind, target.classes) == ("numbers", ())
    assert encoded["train"].dtype == np.float32
    np.testing.assert_allclose(encoded["train"], labels)


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_one_hot(dtype):
    target, encoded = encode(
        {"train": np.eye(3)[[2, 0, 1, 2]].astype(dtype), "test": np.eye(3)[[1]].astype(dtype)}, "y"
    )
    assert (target.kind, target.classes, target.num_outputs, target.shape) == ("classes", ("0", "1", "2"), 3, ())
    assert encoded["train"].dtype == np.int64
    assert encoded["train"].tolist() == [2, 0, 1, 2] and encoded["test"].tolist() == [1]


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
@pytest.mark.parametrize("rows", [[[1, 0, 1], [0, 1, 0]], [[0, 0, 0], [0, 1, 0]]])
def test_labels(dtype, rows):
    target, encoded = encode({"train": np.array(rows, dtype)}, "y", ("a", "b", "c"))
    assert (target.kind, target.classes, target.num_outputs, target.shape) == ("labels", ("a", "b", "c"), 3, (3,))
    assert encoded["train"].dtype.name == target.dtype == "uint8"
    assert encoded["train"].tolist() == rows


def test_one_row_that_is_not_one_hot_makes_labels_of_all_splits():
    target, encoded = encode({"train": np.eye(2), "test": np.array([[1, 1]])}, "y")
    assert target.kind == "labels"
    assert encoded["train"].tolist() == [[1, 0], [0, 1]] and encoded["test"].tolist() == [[1, 1]]


@pytest.mark.parametrize("labels", [[[0.5, 1.0], [2.0, 3.0]], [[0, 2], [1, 0]], [[0, 1], [-1, 0]]])
def test_several_numbers(labels):
    target, encoded = encode({"train": np.array(labels)}, "y")
    assert (target.kind, target.classes, target.num_outputs, target.shape) == ("numbers", (), 2, (2,))
    assert encoded["train"].dtype == np.float32
    assert encoded["train"].tolist() == labels


def test_splits_of_different_width():
    with pytest.raises(InputError, match="have 2 numbers a row in train but 1 number in test"):
        encode({"train": np.zeros((3, 2)), "test": np.zeros(3)}, "y")


def test_many_classes_that_repeat():
    assert encode({"train": np.arange(1000) % 100}, "y")[0].num_outputs == 100


def test_a_class_that_only_test_rows_have():
    target, encoded = encode({"train": np.array([5, 9]), "test": np.array([7])}, "y")
    assert target.classes == ("5", "7", "9")
    assert encoded["train"].tolist() == [0, 2]
    assert encoded["test"].tolist() == [1]


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        (np.zeros((3, 3, 0)), InputError, r"shape \(3, 3, 0\), expected at least one label a row"),
        (np.zeros((3, 0)), InputError, r"shape \(3, 0\)"),
        (np.array([["a", "b"], ["b", "a"]]), InputError, "text in several columns"),
        (np.array([[0.5, 1.0], [np.nan, np.nan]]), DataError, r"1 of 2 rows .*the first is row 2"),
        (np.array([[0.5, 1.0], [None, 1.0]], dtype=object), DataError, r"1 of 2 rows .*the first is row 2"),
        (np.array([[1e300, 0.5]]), DataError, "float32"),
        (np.array([1, "a"], dtype=object), InputError, "dtype object"),
        (np.array([None, "a"], dtype=object), DataError, "1 of 2 rows"),
        (np.array([0.0, np.nan, np.nan]), DataError, r"2 of 3 rows have no usable label in 'y' \(the first is row 2\)"),
        (np.array([1j, 2j]), InputError, "dtype complex"),
        (np.array([1e300, 0.5]), DataError, "float32"),
        (1.7e9 + np.arange(40) * 1.5, DataError, "differ too little for float32: subtract its smallest value"),
        (np.arange(40) * 1e-60, DataError, "differ too little for float32: multiply it"),
        (np.array([f"n{n}" for n in range(1001)]), DataError, "a different text in each of 1,001 rows"),
    ],
)
def test_refused(labels, error, words):
    with pytest.raises(error, match=words):
        encode({"train": labels}, "y")


def test_splits_of_different_kinds():
    with pytest.raises(InputError, match="text in train but numbers in test"):
        encode({"train": np.array(["a"]), "test": np.array([1])}, "y")


def test_whole_numbers_are_never_rounded():
    train, test = np.array([5, 2**62 + 1]), np.array([2**63 + 1, 7], np.uint64)
    assert encode({"train": train, "test": test}, "y")[0].classes == ("5", "7", str(2**62 + 1), str(2**63 + 1))
    assert encode({"train": np.array([1e19, 2e19])}, "y")[0].classes == ("1e+19", "2e+19")
    with pytest.raises(InputError, match="int64, uint64 and too large for one type"):
        encode({"train": -train, "test": test}, "y")
    with pytest.raises(DataError, match=r"float32 can't hold them exactly.*16777217 in row 2"):
        encode({"train": np.arange(2**24, 2**24 + 100)}, "y")
    with pytest.raises(InputError, match="no UTF-8 text"):
        encode({"train": np.array([b"\xff", b"a"])}, "y")
    with pytest.raises(InputError, match="zero bytes"):
        encode({"train": np.array(["a", "a\0"], dtype=object)}, "y")


def test_classes_in_an_order_of_their_own():
    target, encoded = encode({"train": np.array(["hi", "lo", "hi"])}, "y", order=("lo", "hi"))
    assert target.classes == ("lo", "hi") and encoded["train"].tolist() == [1, 0, 1]
    target, encoded = encode({"train": np.array([2.0, 0.0, 2.0])}, "y", order=("2.0", "0.0"))
    assert target.classes == ("2", "0") and encoded["train"].tolist() == [0, 1, 0]
