"""Rows that differ from the model's by a last axis of 1: both ways round, one input or several; the rest is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.data import open_split
from lepton_lab.errors import InputError
from lepton_lab.lab._given_rows import check_rows
from lepton_lab.runtime import fitted, is_same_row, open_rows
from lepton_lab.types import Arrangement, Dataset, Model, Target, records

NUMBERS = Target("numbers")
NET = Model("net", Path("/nowhere"), "added", "new", "keras", (4, 4, 1), (1,), 1)


def dataset_of(folder: Path, x: np.ndarray) -> Dataset:
    """A data set on disk with rows as they are."""
    (folder / "test").mkdir(parents=True)
    np.save(folder / "test" / "x.npy", x)
    np.save(folder / "test" / "y.npy", np.zeros(len(x), np.float32))
    return Dataset("d", folder, "", {"test": len(x)}, x.shape[1:], x.dtype.name, NUMBERS)


@pytest.mark.parametrize(
    ("own", "wanted", "same"),
    [
        ((28, 28), (28, 28, 1), True),
        ((28, 28, 1), (28, 28), True),
        ((50,), (50, 1), True),
        ((1,), (), True),
        ((28, 28), (28, 28), False),
        ((28, 28), (1, 28, 28), False),
        ((28, 28), (28, 28, 3), False),
        ((28,), (28, 1, 1), False),
        ((28, 28), (784,), False),
    ],
)
def test_only_a_last_axis_of_1_says_nothing(own: tuple[int, ...], wanted: tuple[int, ...], same: bool) -> None:
    assert is_same_row(own, wanted) is same


@pytest.mark.parametrize(("stored", "taken"), [((4, 4), (4, 4, 1)), ((4, 4, 1), (4, 4)), ((9,), (9, 1))])
def test_rows_of_a_data_set_are_given_as_the_model_takes_them(
    tmp_path: Path, stored: tuple[int, ...], taken: tuple[int, ...]
) -> None:
    x = np.random.default_rng(0).random((3, *stored), np.float32)
    model, dataset = replace(NET, input_shape=taken), dataset_of(tmp_path, x)
    found = fitted(model, dataset)
    assert found.input_shape == taken and np.array_equal(open_rows(found, "test")[0], x.reshape(3, *taken))
    assert np.array_equal(found.arrangement.rows(open_split(found, "test")[0]), x.reshape(3, *taken))
    assert found.arrangement.notes == (
        f"rows of 'd' have shape {stored} and were given to net as {taken}, which it takes",
    )
    assert fitted(model, found) is found
    back = fitted(replace(model, input_shape=stored), found)
    assert np.array_equal(open_rows(back, "test")[0], x) and open_split(back, "test")[0].shape == x.shape
    assert fitted(replace(model, input_shape=stored), dataset) is dataset


def test_columns_in_another_order_take_a_last_axis_too(tmp_path: Path) -> None:
    dataset = replace(dataset_of(tmp_path, np.asarray([[1, 2], [3, 4]], np.float32)), columns=("b", "a"))
    found = fitted(replace(NET, input_shape=(2, 1), dataset="d", columns=("a", "b")), dataset)
    assert open_rows(found, "test")[0].tolist() == [[[2], [1]], [[4], [3]]]
    assert found.arrangement.rows(open_split(found, "test")[0]).tolist() == [[[2], [1]], [[4], [3]]]


def test_records_keep_their_values() -> None:
    parts = {"text": np.asarray(["ab", "c"]), "picture": np.arange(8, dtype=np.uint8).reshape(2, 2, 2)}
    arranged = Arrangement(shapes={"picture": ((2, 2), (2, 2, 1))}).rows(records(parts))
    assert arranged["picture"].shape == (2, 2, 2, 1) and arranged["text"].tolist() == ["ab", "c"]
    assert np.array_equal(arranged["picture"][..., 0], parts["picture"])


def test_other_shapes_are_refused(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, np.zeros((3, 16), np.float32))
    with pytest.raises(InputError, match=r"takes rows of shape \(4, 4, 1\), but those of 'd' have \(16,\)"):
        fitted(NET, dataset)


def test_rows_of_ones_own() -> None:
    x = np.random.default_rng(0).random((3, 4, 4))
    rows, notes = check_rows(NET, x)
    assert rows.shape == (3, 4, 4, 1) and np.array_equal(rows[..., 0], x)
    assert notes == ("rows of --rows have shape (4, 4) and were given to net as (4, 4, 1), which it takes",)
    assert check_rows(replace(NET, input_shape=(4, 4)), x[..., None])[0].shape == (3, 4, 4)
    assert check_rows(replace(NET, input_shape=(1,)), [5.0]) == ([[5.0]], ())
    with pytest.raises(InputError, match="the shape of a single row"):
        check_rows(NET, x[0][..., None])
    with pytest.raises(InputError, match="but 'net' takes"):
        check_rows(NET, x[..., None, None, None])
