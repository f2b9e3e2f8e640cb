"""Tables: a pandas frame, with one column of labels (or several), perhaps one of weights, and all others as features.

What becomes of a feature column:

- numbers and booleans stay one column (booleans as 0 and 1);
- text and categories with at most `MAX_CATEGORIES` different values become one column of 0 and 1 for each value, named
  `column=value`. The values are those of the whole table: they are what a row may look like, nothing is computed
  from them;
- anything else (dates, text with more values, lists) is refused with a word on what to do.
"""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd

from lepton_lab.data._base import Array, Columns, Raw, missing_labels, not_finite
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report

MAX_CATEGORIES = 32
_USUAL_LABELS = ("label", "target")


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The frame's rows, in its order; its index is not a feature."""
    if not isinstance(source, pd.DataFrame):
        raise InputError(f"got {type(source).__name__}, expected a pandas DataFrame")
    return from_frame(source, columns, "a pandas frame")


def from_frame(frame: pd.DataFrame, columns: Columns, origin: str) -> Raw:
    """Features as float64 (rows, columns), and the labels.

    Raises
    ------
    InputError
        If a label column, or that of the weights, can't be found.
    DataError
        If there are no rows, or a column can't be used as it is.
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    _check_names(frame, origin)
    labels = _label_columns(frame, columns.label, origin)
    weight = None if columns.weight is None else _existing(frame, columns.weight, origin)
    if weight in labels:
        raise InputError(f"{origin} can't have {weight!r} as label and as weight: name two columns")
    if not len(frame):
        raise DataError(f"{origin} has columns but no rows, expected at least one row")
    y = _labels(frame[labels[0]]) if len(labels) == 1 else _several(frame, labels)
    weights = None if weight is None else _weights(frame[weight])
    names: list[str] = []
    parts: list[Array] = []
    for name in frame.columns:
        if name not in labels and name != weight:
            own, values = _feature(frame[name])
            names += own
            parts.append(values)
    if not parts:
        raise InputError(
            f"{origin} has only the label column {', '.join(map(repr, labels))}, expected feature columns beside it"
        )
    x = np.concatenate(parts, axis=1)
    several = tuple(labels) if len(labels) > 1 else ()
    return Raw({"train": (x, y)}, origin, ",".join(labels), tuple(names), label_columns=several, weights=weights)


def _check_names(frame: pd.DataFrame, origin: str) -> None:
    names = list(frame.columns)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{origin} has more than one column {twice[0]!r}: give every column a name of its own")


def _label_columns(frame: pd.DataFrame, label: str | None, origin: str) -> list[str]:
    """The names of the label columns: of one, or of those with commas between."""
    names = list(frame.columns)
    if label is None:
        usual = [name for name in _USUAL_LABELS if name in names]
        if len(usual) != 1:
            raise InputError(
                f"{origin} needs to know which column is the label: add the label, one of {_listed(names)}"
            )
        return usual
    if label in names:
        return [label]
    labels = [_existing(frame, part.strip(), origin) for part in label.split(",")]
    if len(set(labels)) < len(labels):
        raise InputError(f"the label {label!r} names a column twice, expected each once")
    return labels


def _existing(frame: pd.DataFrame, name: str, origin: str) -> str:
    """The name, if there is such a column."""
    names = list(frame.columns)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{origin} has no column {name!r}.{meant} Columns: {_listed(names)}.")
    return name


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _several(frame: pd.DataFrame, labels: list[str]) -> Array:
    """Several label columns, (rows, columns), all of them numbers or booleans."""
    columns = {name: _labels(frame[name]) for name in labels}
    text = next((name for name, values in columns.items() if values.dtype == object), None)
    if text is not None:
        raise InputError(
            f"label column {text!r} is text, but several labels must be numbers or booleans: name it alone"
        )
    return np.stack(list(columns.values()), axis=1)


def _weights(column: pd.Series) -> Array:
    """Weights as float64; missing ones are NaN, which is refused where weights are checked."""
    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_complex_dtype(column.dtype):
        raise DataError(f"weight column {column.name!r} has the type {column.dtype}, expected numbers")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _labels(column: pd.Series) -> Array:
    """Labels as bool, int64, float64 or text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    missing = column.isna().to_numpy()
    if missing.any():
        raise missing_labels(str(column.name), int(missing.sum()), len(column), int(missing.argmax()))
    for test, dtype in (
        (pd.api.types.is_bool_dtype, bool),
        (pd.api.types.is_integer_dtype, np.int64),
        (pd.api.types.is_float_dtype, np.float64),
    ):
        if test(column.dtype):
            return column.to_numpy(dtype=dtype)
    if _is_text(column):
        return np.array(column.astype(str), dtype=object)
    raise DataError(f"label column {column.name!r} has the type {column.dtype}, expected numbers, booleans or text")


def _feature(column: pd.Series) -> tuple[list[str], Array]:
    """One source column as names and float64 (rows, names)."""
    name = str(column.name)
    missing = column.isna().to_numpy()
    if missing.any():
        raise not_finite(f"column {name!r}", int(missing.sum()), int(missing.argmax()))
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        return [name], column.to_numpy(dtype=np.float64)[:, None]
    if not isinstance(column.dtype, pd.CategoricalDtype) and not _is_text(column):
        raise DataError(
            f"column {name!r} has the type {column.dtype}, expected numbers, booleans or text: convert it or drop it"
        )
    text = column.astype(str)
    other = pd.to_numeric(text, errors="coerce").isna().to_numpy()
    if 0 < other.sum() < len(text) / 2:
        first = int(other.argmax())
        raise DataError(
            f"column {name!r} has {int(other.sum()):,} values that are no numbers among numbers "
            "(the first is "
            f"{text.iloc[first]!r} in row {first + 1:,}): mend or drop these rows"
        )
    values = np.unique(text.to_numpy(dtype=object).astype(str))
    if len(values) > MAX_CATEGORIES:
        raise DataError(
            f"column {name!r} has text of {len(values):,} different values, at most {MAX_CATEGORIES} "
            "become "
            "columns of 0 and 1: drop it or make it numbers"
        )
    one_hot = text.to_numpy(dtype=object).astype(str)[:, None] == values[None, :]
    return [f"{name}={value}" for value in values], one_hot.astype(np.float64)


def _is_text(column: pd.Series) -> bool:
    """Whether all values are text."""
    if pd.api.types.is_string_dtype(column.dtype) and column.dtype != object:
        return True
    return column.dtype == object and all(isinstance(value, str) for value in column)
