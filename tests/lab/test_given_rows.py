"""Rows of one's own: frames by name, and what a model can't answer is refused by row and column."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab._given_rows import check_rows
from lepton_lab.types import Model

NET = Model(
    "net",
    Path("/nowhere"),
    *("mlp", "trained", "keras", (3,), (2,), 1),
    dataset="d",
    classes=("no", "yes"),
    columns=("a", "kind=x", "kind=y"),
    target="label",
)
PLAIN = Model("net", Path("/nowhere"), "mlp", "trained", "keras", (2,), (2,), 1, dataset="d", columns=("a", "b"))
FRAME = pd.DataFrame({"a": [1.5, 2.5], "b": [3, 4]})


def rows_of(model: Model, rows: object) -> list[list[float]]:
    return check_rows(model, rows)[0].tolist()


@pytest.mark.parametrize(
    "turn",
    [
        lambda frame: frame,
        lambda frame: frame[["b", "a"]],
        lambda frame: frame.convert_dtypes()[["b", "a"]],
        lambda frame: frame.astype(object)[["b", "a"]],
        lambda frame: frame.map(Decimal)[["b", "a"]],
        lambda frame: frame[["b", "a"]].to_records(index=False),
        lambda frame: frame[["b", "a"]].to_dict("records"),
        lambda frame: list(frame[["b", "a"]].itertuples(index=False)),
        lambda frame: [row for _, row in frame[["b", "a"]].iterrows()],
        lambda frame: memoryview(frame.to_numpy()),
        lambda frame: frame.set_index(pd.Index([7, 7])),
        lambda frame: frame.to_numpy(),
        lambda frame: frame.to_numpy().astype(object),
        lambda frame: pd.DataFrame(frame.to_numpy()),
    ],
)
def test_rows_come_in_the_models_order(turn: Callable[[pd.DataFrame], object]) -> None:
    assert rows_of(PLAIN, turn(FRAME)) == [[1.5, 3], [2.5, 4]]


def test_a_single_row_of_a_frame() -> None:
    assert rows_of(PLAIN, FRAME.iloc[0].to_frame().T) == [[1.5, 3]]


def test_what_was_put_right_is_said() -> None:
    assert check_rows(PLAIN, FRAME)[1] == ()
    assert check_rows(PLAIN, FRAME[["b", "a"]])[1] == ("the columns of --rows were put in the order of net: 'a', 'b'",)
    notes = check_rows(NET, pd.DataFrame({"label": ["no"], "kind": ["y"], "a": [1]}))[1]
    assert "what the model is to answer was left out of --rows: 'label'" in notes


def test_text_becomes_the_columns_that_it_was_in_training() -> None:
    for kinds in (["y", "x"], pd.Categorical(["y", "x"]), pd.array(["y", "x"], "string")):
        assert rows_of(NET, pd.DataFrame({"kind": kinds, "a": [1, 2]})) == [[1, 0, 1], [2, 1, 0]]
    assert rows_of(NET, pd.DataFrame({"kind=y": [1], "kind=x": [0], "a": [3]})) == [[3, 0, 1]]
    with pytest.raises(InputError, match=r"has 'z' in column 'kind', row 2, which 'net' doesn't know: .* 'x', 'y'"):
        check_rows(NET, pd.DataFrame({"kind": ["x", "z"], "a": [1, 2]}))
    with pytest.raises(InputError, match="a missing value in column 'kind' of row 2"):
        check_rows(NET, pd.DataFrame({"kind": ["x", None], "a": [1, 2]}))


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]"])
def test_booleans_of_any_kind_are_numbers(dtype: str) -> None:
    frame = pd.DataFrame({"a": pd.array([True, False], dtype=dtype), "b": [1.5, 2]})
    assert rows_of(PLAIN, frame) == [[1, 1.5], [0, 2]]


def frame_with(value: Any) -> pd.DataFrame:
    return pd.DataFrame({"b": [1, 2], "a": pd.Series([1, value], dtype=object)})


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.DataFrame({"b": [1.0, 2], "a": [3, np.nan]}), "has a missing value in column 'a' of row 2"),
        (pd.DataFrame({"b": [1.0, 2], "a": [3, np.inf]}), "has infinity in column 'a' of row 2"),
        (pd.DataFrame({"b": [1.0, 2], "a": pd.array([3, None], "Int64")}), "missing value in column 'a' of row 2"),
        (pd.DataFrame({"a": [3, 1e39], "b": [1.0, 2]}), r"has 1e\+39, more than float32 holds, in column 'a' of row 2"),
        (frame_with(None), "missing value in column 'a' of row 2"),
        (frame_with(pd.NA), "missing value in column 'a' of row 2"),
        (frame_with("3.5"), "the type object in column 'a', the first value is 1: expected numbers, convert"),
        (frame_with(1 + 2j), "the type object in column 'a'"),
        (frame_with(10**400), "a number in column 'a' that no float holds"),
        (FRAME.astype(str), r"column 'a', the first value is '1\.5': expected numbers, convert it with pd.to_numeric"),
        (FRAME.assign(b=pd.Timestamp("2024")), "the type datetime64.* in column 'b'"),
        (np.array([[1, 2], [3, np.nan]]), "has NaN in column 'b' of row 2"),
        (np.array([[1, 2], [-np.inf, 1]]), "has infinity in column 'a' of row 2"),
        (np.array([[1, None], [3, 4]]), "has NaN in column 'b' of row 1"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 3), "has a masked value in column 0 of row 2"),
        ([np.ma.masked_equal([1, 2], 2), [3, 4]], "has a masked value in column 1 of row 1"),
        (np.array([[np.inf, 1]], np.float16), "has infinity in column 'a' of row 1"),
        ([["a", float("nan")]], "has a missing value in column 1 of row 1"),
        ([["a", 1]], "holds values of the types int, str: give all of them one type"),
        (np.array([["1", "2"]]), "expected numbers"),
        (FRAME.rename(columns={"b": "B"}), r"'B', which 'net' doesn't know \(did it mean 'b'\?\)"),
        (FRAME.assign(c=1), "has the column 'c', which 'net' doesn't know"),
        (FRAME.assign(name="bob"), "has the column 'name', which 'net' doesn't know"),
        (FRAME.assign(when=pd.Timestamp("2024")), "has the column 'when', which 'net' doesn't know"),
        (FRAME.assign(gap=np.nan), "has the column 'gap', which 'net' doesn't know"),
        (FRAME.assign(b="True"), "the first value is 'True': expected numbers, the model was trained with some there"),
        (FRAME[["a"]], "lacks the column 'b'"),
        (FRAME[["a", "b", "a"]], "more than one column 'a'"),
        (FRAME.iloc[:0], r"shape \(0, 2\), but 'net' takes \(n, 2\), with n at least 1"),
        ({"a": [1], "b": [2]}, "is a dict: give an array of shape"),
        (FRAME.iloc[0], r"is a single row of a frame: give rows\.to_frame\(\)\.T"),
        (FRAME.iloc[0].to_numpy(), "the shape of a single row"),
        (pd.DataFrame([[1, 2, 3]]), r"shape \(1, 3\), but 'net' takes \(n, 2\)"),
    ],
)
def test_what_a_model_can_not_answer_is_refused(rows: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        check_rows(PLAIN, rows)
    assert "\n" not in str(caught.value)


LARGE = [2**53 + 1, 2**53]


@pytest.mark.parametrize(
    "rows",
    [
        pd.DataFrame({"b": LARGE, "a": LARGE}),
        pd.DataFrame({"b": pd.array(LARGE, "Int64"), "a": pd.array(LARGE, "UInt64")}).astype({"b": "UInt64"}),
        pd.DataFrame({"b": LARGE, "a": LARGE}, dtype=object),
        pd.DataFrame({"b": LARGE, "a": LARGE}).map(Decimal),
        [{"b": large, "a": large} for large in LARGE],
        np.array([LARGE, LARGE], dtype=object).T,
    ],
)
def test_whole_numbers_stay_what_they_are(rows: object) -> None:
    assert rows_of(PLAIN, rows) == [[large] * 2 for large in LARGE]


def test_a_whole_number_that_no_float_holds_is_refused_beside_floats() -> None:
    with pytest.raises(InputError, match="the whole number 9007199254740993 in column 'b', row 1, which no float"):
        check_rows(PLAIN, pd.DataFrame({"a": [0.5, 1.0], "b": LARGE}))


def test_a_column_that_is_called_like_a_value_of_another() -> None:
    model = dataclasses.replace(NET, columns=("kind=x", "kind=y", "kind=z"))
    for columns in (["kind", "kind=z"], ["kind=z", "kind"]):
        rows = pd.DataFrame({"kind": ["x", "y"], "kind=z": [0.0, 10.0]})[columns]
        assert rows_of(model, rows) == [[1, 0, 0], [0, 1, 10]]


def test_names_that_are_no_text_are_those_that_loading_gave_them() -> None:
    model = Model("net", Path("/"), "mlp", "trained", "keras", (2,), (2,), 1, dataset="d", columns=("0", "1"))
    assert rows_of(model, pd.DataFrame({1: [5], 0: [6]})) == [[6, 5]]


def test_tables_of_arrow_go_by_name() -> None:
    arrow = pytest.importorskip("pyarrow")
    assert rows_of(PLAIN, arrow.table({"b": [3, 4], "a": [1.5, 2.5]})) == [[1.5, 3], [2.5, 4]]
    with pytest.raises(InputError, match="missing value in column 'a' of row 1"):
        check_rows(PLAIN, arrow.table({"b": [3], "a": arrow.array([None], arrow.int64())}))


def test_pictures_are_named_by_their_place() -> None:
    model = Model("net", Path("/"), "cnn", "trained", "keras", (2, 2, 1), (2,), 1, dataset="d")
    rows = np.zeros((3, 2, 2, 1), np.float32)
    rows[2, 1, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"has NaN in place \(1, 0, 0\) of row 3"):
        check_rows(model, rows)
