"""Columns, classes, labels and numbers are matched by name: pure functions, and rows read through them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import answer_names, arranged, fitted, match_columns, names_of, open_rows
from lepton_lab.types import Arrangement, Dataset, Model, Scaling, Target


def model_of(dataset: Dataset) -> Model:
    """A model that was trained on a data set."""
    shape = (dataset.target.num_outputs,)
    names = names_of(dataset)
    return Model("net", dataset.folder, "mlp", "trained", "keras", dataset.input_shape, shape, 1, dataset="d", **names)


def table(
    columns: tuple[str, ...], target: Target, folder: Path = Path("/nowhere"), x: object = None, y: object = None
) -> Dataset:
    """A data set of a table; on disk where rows are given."""
    rows = 1 if x is None else len(np.asarray(x))
    if x is not None:
        (folder / "test").mkdir(parents=True)
        np.save(folder / "test" / "x.npy", np.asarray(x, np.float32))
        np.save(folder / "test" / "y.npy", np.asarray(y, target.dtype))
    width = tuple(float(n) for n in range(len(columns)))
    scaling = Scaling(width, tuple(one + 1 for one in width))
    return Dataset("d", folder, "", {"test": rows}, (len(columns),), "float32", target, scaling, columns)


ANIMALS = Target("classes", classes=("cat", "dog", "owl"))


def test_the_same_names_change_nothing() -> None:
    dataset = table(("a", "b"), ANIMALS)
    assert fitted(model_of(dataset), dataset) is dataset


def test_columns_in_another_order_are_put_right_and_said(tmp_path: Path) -> None:
    model = model_of(table(("a", "b", "c"), ANIMALS))
    other = table(("c", "a", "b"), ANIMALS, tmp_path, [[3, 1, 2], [30, 10, 20]], [0, 2])
    found = fitted(model, other)
    assert found.columns == model.columns and found.scaling == Scaling((1.0, 2.0, 0.0), (2.0, 3.0, 1.0))
    assert found.arrangement.notes == ("the columns of 'd' were put in the order of net: 'a', 'b', 'c'",)
    x, y = open_rows(found, "test")
    assert x.tolist() == [[1, 2, 3], [10, 20, 30]] and y.tolist() == [0, 2]
    assert fitted(model, found) is found
    again = fitted(model_of(table(("b", "c", "a"), ANIMALS)), found)  # one arrangement on top of another
    assert open_rows(again, "test")[0].tolist() == [[2, 3, 1], [20, 30, 10]]


def test_a_value_that_no_row_has_is_zero_throughout(tmp_path: Path) -> None:
    model = model_of(table(("k=x", "k=y", "k=z", "n"), ANIMALS))
    found = fitted(model, table(("n", "k=x", "k=z"), ANIMALS, tmp_path, [[5, 1, 0], [6, 0, 1]], [0, 1]))
    assert open_rows(found, "test")[0].tolist() == [[1, 0, 0, 5], [0, 0, 1, 6]]
    assert "no row of 'd' has 'k=y': 0 throughout" in found.arrangement.notes
    assert found.input_shape == (4,)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            ("a", "x"),
            r"has the column 'x', which 'net' doesn't know, and lacks the column 'b': its columns must be 'a'",
        ),
        (("a",), "lacks the column 'b'"),
        (("a", "b", "c"), "has the column 'c', which 'net' doesn't know:"),
        (("A", "b"), r"the column 'A', which 'net' doesn't know \(did it mean 'a'\?\), and lacks the column 'a'"),
        ((" a", "b"), r"column ' a', which 'net' doesn't know \(did it mean 'a'\?\)"),
        (("x", "y"), "has the columns 'x', 'y', which 'net' doesn't know, and lacks the columns 'a', 'b'"),
    ],
)
def test_unknown_and_missing_columns_are_refused(columns: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fitted(model_of(table(("a", "b"), ANIMALS)), table(columns, ANIMALS))


def test_a_value_that_the_model_never_met_is_refused() -> None:
    with pytest.raises(InputError, match="has the column 'k=a', which 'net' doesn't know"):
        fitted(model_of(table(("k=x", "k=y"), ANIMALS)), table(("k=a", "k=x"), ANIMALS))


def test_what_has_no_names_goes_by_place_and_is_said() -> None:
    named, bare = table(("a", "b"), ANIMALS), dataclasses.replace(table(("a", "b"), ANIMALS), columns=())
    for model, dataset, words in ((named, bare, "has no names of columns"), (bare, named, "knows no names of columns")):
        found = fitted(model_of(model), dataset)
        assert words in found.arrangement.notes[0] and found.arrangement.columns == ()
    assert fitted(model_of(bare), bare) is bare


def test_fewer_classes_are_numbered_by_name(tmp_path: Path) -> None:
    model = model_of(table(("a",), ANIMALS))
    found = fitted(
        model, table(("a",), Target("classes", classes=("dog", "owl")), tmp_path, [[1], [2], [3]], [0, 1, 0])
    )
    assert found.target.classes == ANIMALS.classes and open_rows(found, "test")[1].tolist() == [1, 2, 1]
    assert "no row of 'd' has the class 'cat'" in found.arrangement.notes


@pytest.mark.parametrize("classes", [("dog", "owl", "zcat"), ("cat", "dog", "owl", "zcat"), ("dog", "zcat")])
def test_an_unknown_class_is_refused(classes: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="the class 'zcat', which 'net' doesn't know"):
        fitted(model_of(table(("a",), ANIMALS)), table(("a",), Target("classes", classes=classes)))


@pytest.mark.parametrize(
    ("known", "given"),
    [
        (Target("labels", classes=("bright", "round")), Target("labels", classes=("round", "bright"))),
        (Target("numbers", "bright,round", width=2), Target("numbers", "round,bright", width=2)),
    ],
)
def test_labels_and_numbers_go_by_name(known: Target, given: Target, tmp_path: Path) -> None:
    model = model_of(table(("a",), known))
    found = fitted(model, table(("a",), given, tmp_path, [[1], [2]], [[0, 1], [1, 1]]))
    assert found.target == known and open_rows(found, "test")[1].tolist() == [[1, 0], [1, 1]]
    other = dataclasses.replace(given, classes=given.classes and ("round", "red"), name="round,red")
    with pytest.raises(InputError, match=r"has the (label|number) 'red', which 'net' doesn't know, and lacks the"):
        fitted(model, table(("a",), other))


def test_classes_are_no_numbers() -> None:
    model = model_of(table(("a",), Target("numbers", "price")))
    with pytest.raises(InputError, match=r"trained for numbers, 'price', but 'd' has the classes .*--task regression"):
        fitted(model, table(("a",), ANIMALS))


GUESSED = "labels 'y': 3 different whole numbers are taken as classes (--task regression for numbers)"


def test_whole_numbers_taken_as_classes_are_numbers_to_a_model_that_answers_with_one(tmp_path: Path) -> None:
    ratings = Target("classes", "stars", ("1", "3", "10"), note=GUESSED)
    model = dataclasses.replace(model_of(table(("a",), Target("numbers"))), dataset=None, columns=(), target="")
    found = fitted(model, table(("a",), ratings, tmp_path, [[1], [2], [3]], [2, 0, 1]))
    truth = open_rows(found, "test")[1]
    assert found.target == Target("numbers", "stars") and truth.dtype == np.float32 and truth.tolist() == [10, 1, 3]
    assert found.arrangement.notes == (
        "the target of 'd', taken as 3 classes when it was loaded, is numbers to net, which answers with one",
    )
    assert fitted(model, found) is found
    for other in (
        dataclasses.replace(ratings, note=""),  # they were said to be classes
        dataclasses.replace(ratings, classes=("1", "3", "16777217")),
    ):
        with pytest.raises(InputError, match="answers with 1 numbers a row, but 'd' needs 3"):
            fitted(model, table(("a",), other))


def test_two_of_them_are_numbers_only_to_a_model_that_knows_numbers(tmp_path: Path) -> None:
    two = Target("classes", "stars", ("3", "7"), note=GUESSED)
    dataset = table(("a",), two, tmp_path, [[1], [2]], [1, 0])
    model = model_of(table(("a",), Target("numbers", "stars")))
    assert open_rows(fitted(model, dataset), "test")[1].tolist() == [7, 3]
    assert fitted(dataclasses.replace(model, dataset=None, columns=()), dataset).target is two


def test_whole_numbers_are_places_among_the_answers_of_a_new_model(tmp_path: Path) -> None:
    counted = Target("classes", "y", ("1", "2", "5"), note=GUESSED)
    dataset = table(("a",), counted, tmp_path, [[1], [2], [3]], [2, 0, 1])
    new = dataclasses.replace(model_of(dataset), dataset=None, classes=(), output_shape=(6,))
    found = fitted(new, dataset)
    assert found.target.classes == tuple("012345") and open_rows(found, "test")[1].tolist() == [5, 1, 2]
    assert "places from 0 on among the 6 answers of net; no row has '0', '3', '4'" in found.arrangement.notes[0]
    trained = dataclasses.replace(new, dataset="d", **names_of(found))
    again = fitted(trained, dataset)
    assert again.target == found.target and open_rows(again, "test")[1].tolist() == [5, 1, 2]
    named = dataclasses.replace(trained, classes=("5", "1", "2", "3", "4", "6"))  # which knows them by other places
    assert open_rows(fitted(named, dataset), "test")[1].tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="answers with 5 numbers a row, but 'd' needs 3"):
        fitted(dataclasses.replace(new, output_shape=(5,)), dataset)


def test_classes_of_several_targets_must_be_the_same() -> None:
    dataset = dataclasses.replace(table(("a",), ANIMALS), targets={"kind": ANIMALS})
    model = model_of(dataset)
    assert arranged(model, dataset) is dataset
    with pytest.raises(InputError, match=r"'d', target 'kind', has the class 'zcat'.*, and lacks the class 'cat'"):
        arranged(
            model, dataclasses.replace(dataset, targets={"kind": Target("classes", classes=("dog", "owl", "zcat"))})
        )


def test_a_model_that_has_seen_no_data_set_knows_no_names() -> None:
    dataset = table(("a", "b"), ANIMALS)
    model = dataclasses.replace(model_of(table(("x", "y"), Target("classes", classes=("0", "1", "2")))), dataset=None)
    assert fitted(model, dataset) is dataset and answer_names(model) == ()


def test_many_names_are_not_all_listed() -> None:
    model = model_of(table(tuple(f"c{n}" for n in range(40)), ANIMALS))
    with pytest.raises(InputError, match="'c11' and 28 more") as caught:
        match_columns(model, ["c1"], "rows")
    assert len(str(caught.value)) < 400


def test_an_arrangement_leaves_what_it_does_not_touch() -> None:
    x, y = np.arange(6.0).reshape(2, 3), np.asarray([1, 0])
    assert Arrangement().rows(x) is x and Arrangement().targets(y) is y
    assert Arrangement(classes=(2, 0)).targets(y).dtype == y.dtype
