"""Tables among what is given: those of Arrow and Polars become pandas' frames, and columns go by their names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from lepton_lab.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def is_frame(value: object) -> TypeGuard[pd.DataFrame]:
    """Whether this is a pandas frame; who has one has pandas loaded."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def as_pandas(source: Any) -> Any:
    """A source with tables and columns of Arrow and Polars, alone, in tuples or in dicts, as pandas' of Arrow's types.

    Those round nothing, where pandas' own would make floats of whole numbers with gaps.
    """
    if isinstance(source, Mapping):
        return {name: as_pandas(value) for name, value in source.items()}
    if isinstance(source, (tuple, list)) and len(source) in (2, 3):  # (x, y), or two of these
        return type(source)(map(as_pandas, source)) if type(source) in (tuple, list) else source
    library = type(source).__module__.partition(".")[0]
    if library == "polars" and hasattr(source, "collect"):
        source = source.collect()  # a query that hasn't run yet
    if not hasattr(source, "to_pandas"):
        return source
    import pandas as pd

    if library == "polars":
        return source.to_pandas(use_pyarrow_extension_array=True)
    return source.to_pandas(types_mapper=pd.ArrowDtype) if library == "pyarrow" else source


def aligned(arrays: Mapping[str, Any], pairs: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The arrays, with columns of frames in the order that those of the training rows have.

    Parameters
    ----------
    arrays
        By name; each may be a dict by the name of an input or a target.
    pairs
        What rows and labels are called, by split.

    Raises
    ------
    InputError
        If a split has other columns.
    """
    found = dict(arrays)
    for pair in list(pairs.values())[1:]:
        for first, name in zip(pairs["train"], pair, strict=True):
            expected, own = found[first], found[name]
            if isinstance(own, Mapping) and isinstance(expected, Mapping):
                found[name] = {
                    key: _in_order(expected.get(key), part, f"{first}[{key!r}]", f"{name}[{key!r}]")
                    for key, part in own.items()
                }
            else:
                found[name] = _in_order(expected, own, first, name)
    return found


def _in_order(expected: object, own: Any, first: str, name: str) -> Any:
    if not is_frame(expected) or not is_frame(own):
        return own
    if other := list(expected.columns.symmetric_difference(own.columns, sort=False)):
        has, lacks = (first, name) if other[0] in expected.columns else (name, first)
        raise InputError(f"{has} has the column {str(other[0])!r} but {lacks} has not: give both the same columns")
    return own if own.columns.equals(expected.columns) else own[expected.columns]


def label_names(y: object) -> tuple[str, ...]:
    """What labels are called, that pandas has names for; none where it has none."""
    names: tuple[Any, ...] = tuple(y.columns) if is_frame(y) else (getattr(y, "name", None),)
    is_named = hasattr(y, "index") and all(isinstance(name, str) and "," not in name for name in names)
    return names if is_named else ()


def of_frame(frame: pd.DataFrame, name: str) -> Any:
    """A frame's values as an array, shape (rows, columns), of one type that holds them all.

    Raises
    ------
    InputError
        If floats in one column would round whole numbers in another.
    """
    columns = [np.asarray(frame.iloc[:, place]) for place in range(frame.shape[1])]
    if not columns or any(column.dtype.kind not in "biuf" for column in columns):
        return np.asarray(frame)
    dtype = np.result_type(*(column.dtype for column in columns))
    made = np.stack([column.astype(dtype) for column in columns], axis=1)
    for place, column in enumerate(columns):
        lost = made[:, place].astype(object) != column.astype(object) if _may_round(column, dtype) else []
        if np.any(lost):
            raise InputError(
                f"{name} has the whole number {column[np.argmax(lost)]} in column {str(frame.columns[place])!r}, which "
                f"{dtype}, as its other columns need, can't hold: drop that column, or make it an input of its own"
            )
    return made


def _may_round(column: Any, dtype: np.dtype[Any]) -> bool:
    """Whether a type may have no number for one of a column."""
    return column.dtype.kind in "iu" and dtype.kind == "f" and bool(np.any(np.abs(column.astype(float)) >= 2.0**53))
