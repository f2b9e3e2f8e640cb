import numpy as np
import pandas as pd
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

SIZE = 30


def test_breast_cancer(tmp_path):
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    dataset = data.load(frame, "cancer", tmp_path / "cancer")
    assert dataset.input_shape == (30,)
    assert dataset.columns[0] == "mean radius"
    assert dataset.target.name == "target"
    assert sum(dataset.splits.values()) == 569


def test_the_frame_is_left_alone(tmp_path):
    frame = pd.DataFrame({0: range(SIZE), "label": ["a", "b"] * 15})
    before = frame.copy()
    assert data.load(frame, "f", tmp_path / "f").columns == ("0",)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (pd.Series([True, False] * 15), ("False", "True")),
        (pd.Series(["b", "a"] * 15), ("a", "b")),
        (pd.Categorical(["b", "a"] * 15), ("a", "b")),
        (pd.Categorical([10, 9] * 15), ("9", "10")),
        (pd.Series([7, 3] * 15, dtype="Int64"), ("3", "7")),
        (pd.Series([2.0, 1.0] * 15), ("1", "2")),
    ],
)
def test_labels(tmp_path, labels, classes):
    frame = pd.DataFrame({"a": np.arange(SIZE), "label": labels})
    dataset = data.load(frame, "f", tmp_path / "f", test_share=0)
    assert dataset.target.classes == classes
    assert data.open_split(dataset, "train")[1][:2].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pd.date_range("2026-01-01", periods=SIZE), "'b' has the type datetime64"),
        ([[1]] * SIZE, "'b' has the type object"),
        ([1, "x"] * 15, "'b' has the type object"),
        ([1j] * SIZE, "'b' has the type complex"),
        ([1.0, np.nan, np.inf] * 10, "'b' has 10 missing"),
        ([1.0, 2.0, np.inf] * 10, "'b' has 10 missing or infinite values .*row 3"),
        ([1e300] * SIZE, "more than float32"),
        (1.7e9 + np.arange(SIZE), "the values of column 'b', up to 1.7e.09, differ too little"),
    ],
)
def test_features_refused(tmp_path, column, words):
    with pytest.raises(DataError, match=words):
        data.load(pd.DataFrame({"a": 1, "b": column, "label": [0, 1] * 15}), "f", tmp_path / "f", test_share=0)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (pd.date_range("2026-01-01", periods=SIZE), "label column 'label' has the type datetime64"),
        ([None] + ["a"] * (SIZE - 1), "1 of 30 rows have no usable label"),
        ([0.5, np.inf] * 15, "15 of 30 rows have no usable label"),
    ],
)
def test_labels_refused(tmp_path, labels, words):
    with pytest.raises(DataError, match=words):
        data.load(pd.DataFrame({"a": np.arange(SIZE), "label": labels}), "f", tmp_path / "f")


def test_two_columns_of_one_name(tmp_path):
    frame = pd.DataFrame(np.zeros((3, 3)), columns=["a", "a", "label"])
    with pytest.raises(InputError, match="more than one column 'a'"):
        data.load(frame, "f", tmp_path / "f")


def test_no_rows(tmp_path):
    with pytest.raises(DataError, match="no rows"):
        data.load(pd.DataFrame({"a": [], "label": []}), "f", tmp_path / "f")


SEVERAL = pd.DataFrame(
    {"x": np.arange(SIZE), "wet": [True, False] * 15, "cold": [1, 1, 0] * 10, "mm": np.linspace(0, 9, SIZE), "t": "a"}
)


@pytest.mark.parametrize(
    ("label", "kind", "classes", "outputs"),
    [
        ("wet,cold", "labels", ("wet", "cold"), 2),
        ("mm, cold", "numbers", (), 2),
        ("wet", "classes", ("False", "True"), 2),
    ],
)
def test_several_labels(tmp_path, label, kind, classes, outputs):
    dataset = data.load(SEVERAL.drop(columns="t"), "f", tmp_path / "f", label=label, test_share=0)
    target = dataset.target
    assert (target.kind, target.classes, target.num_outputs) == (kind, classes, outputs)
    assert target.name == label.replace(" ", "")
    assert set(dataset.columns).isdisjoint(label.replace(" ", "").split(","))
    names = label.replace(" ", "").split(",")
    expected = SEVERAL[names].to_numpy(dtype=np.float32)
    np.testing.assert_allclose(data.open_split(dataset, "train")[1].reshape(SIZE, -1), expected)


def test_a_label_column_with_a_comma_in_its_name(tmp_path):
    frame = pd.DataFrame({"x": np.arange(SIZE), "a,b": [0, 1] * 15, "a": 0.5, "b": 1.0})
    assert data.load(frame, "f", tmp_path / "f", label="a,b").target.kind == "classes"


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("wet,t", "label column 't' is text"),
        ("wet,wet", "names a column twice"),
        ("wet,cald", r"no column 'cald'\. Did you mean 'cold'"),
        ("wet,", "no column ''"),
        ("x,wet,cold,mm,t", "is text"),
    ],
)
def test_several_labels_refused(tmp_path, label, words):
    with pytest.raises(InputError, match=words):
        data.load(SEVERAL, "f", tmp_path / "f", label=label)


def test_names_and_index():
    levels = pd.DataFrame(np.zeros((3, 2)), columns=pd.MultiIndex.from_tuples([("a", "x"), ("label", "")]))
    with pytest.raises(InputError, match="in 2 levels"):
        data.load(levels, "f", "f")
    with pytest.raises(InputError, match="more than one column '0'"):
        data.load(pd.DataFrame(np.zeros((3, 3)), columns=[0, "0", "label"]), "f", "f")
    with pytest.raises(InputError, match=r"'kind' is the index .*reset_index"):
        data.load(pd.DataFrame({"a": range(3)}, index=pd.Index(list("xyx"), name="kind")), "f", "f", label="kind")
    with pytest.raises(InputError, match="more than one column 'k=x' once text has become"):
        data.load(pd.DataFrame({"k": list("xyx"), "k=x": 1, "label": [0, 1, 0]}), "f", "f")


def test_columns_left_out(tmp_path):
    frame = pd.DataFrame({"id": np.arange(3) + 2**60, "b": [[1]] * 3, "a": range(3), "label": [0, 1, 0]})
    dataset = data.load(frame, "f", tmp_path / "f", drop="id, b", test_share=0)
    assert dataset.columns == ("a",)
    with pytest.raises(InputError, match=r"no column 'idd'\. Did you mean 'id'"):
        data.load(frame, "f", tmp_path / "f", drop="idd")
    with pytest.raises(InputError, match="no CSV file, so sep has no meaning"):
        data.load(frame, "f", tmp_path / "f", dialect=data.dialect(sep=";"))
