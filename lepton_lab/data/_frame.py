"""Tables: a pandas frame, with one column of labels (or several), perhaps one of weights, and all others as features.

What becomes of a feature column:

- numbers and booleans stay one column (booleans as 0 and 1); whole numbers must be such that float32 holds them
  exactly;
- text and categories with at most `MAX_CATEGORIES` different values become one column of 0 and 1 for each value, named
  `column=value`. The values are those of the whole table: they are what a row may look like, nothing is computed from
  them;
- anything else (dates, text with more values or that stands for numbers, lists) is refused with a word on what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from lepton_lab.data import _column
from lepton_lab.data._base import USUAL_LABELS, Array, Columns, Raw, has_halves
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The frame's rows, in its order; its index is not a feature."""
    if not isinstance(source, pd.DataFrame):
        raise InputError(f"got {type(source).__name__}, expected a pandas DataFrame")
    columns.dialect.refuse("a pandas frame")
    return from_frames({"train": source}, columns, "a pandas frame")


def from_frames(frames: Mapping[str, pd.DataFrame], columns: Columns, origin: str, notes: tuple[str, ...] = ()) -> Raw:
    """Features as float64 (rows, columns), and the labels, by split.

    Parameters
    ----------
    frames
        The tables, by split.
    notes
        What there is to say of them already.

    Raises
    ------
    InputError
        If a column that was named can't be found, or the splits have different ones.
    DataError
        If there are no rows, or a column can't be used as it is.
    """
    frame = _together(frames, origin)
    notes += tuple(dict.fromkeys(note for one in frames.values() for note in _index_note(one)))
    frame = frame.drop(columns=_dropped(frame, columns.drop, origin))
    labels = label_columns(list(frame.columns), columns.label, origin, _index_names(frames))
    notes += tuple(
        f"column {again!r} is a feature, which is how pandas calls a second column {name!r}: leave it out (drop) if "
        "it is the label again"
        for name in labels
        if (again := f"{name}.1") in frame.columns and again not in labels
    )
    weight = None if columns.weight is None else _existing(list(frame.columns), columns.weight, origin)
    if weight in labels:
        raise InputError(f"{origin} can't have {weight!r} as label and as weight: name two columns")
    for split, one in frames.items():
        if not len(one):
            where = f"the {split} split of {origin}" if len(frames) > 1 else origin
            raise DataError(f"{where} has columns but no rows, expected at least one row")
    y, classes, said = _column.label(frame[labels[0]]) if len(labels) == 1 else (_several(frame, labels), (), "")
    notes += (said,) if said else ()
    weights = None if weight is None else _column.weights(frame[weight])
    names: list[str] = []
    parts: list[Array] = []
    for name in frame.columns:
        if name not in labels and name != weight:
            own, values, said = _column.feature(frame[name])
            names += own
            parts.append(values)
            notes += (said,) if said else ()
    if not parts:
        raise InputError(
            f"{origin} has only the label column {', '.join(map(repr, labels))}, expected feature columns beside it"
        )
    check_names(names, origin, " once text has become columns of 0 and 1")
    x = np.concatenate(parts, axis=1)
    ends = np.cumsum([0, *map(len, frames.values())]).tolist()
    splits = {split: (x[start:end], y[start:end]) for split, (start, end) in zip(frames, pairwise(ends), strict=True)}
    if weights is not None:
        start, end = next(part for split, part in zip(frames, pairwise(ends), strict=True) if split == "train")
        weights = weights[start:end]
    several = tuple(labels) if len(labels) > 1 else ()
    return Raw(
        splits,
        origin,
        ",".join(labels),
        tuple(names),
        label_columns=several,
        weights=weights,
        classes=classes,
        notes=notes,
    )


def flat(frame: pd.DataFrame, origin: str) -> pd.DataFrame:
    """The frame with text for names, each of its own.

    Raises
    ------
    InputError
        If names have several levels, or one is there twice.
    """
    if isinstance(frame.columns, pd.MultiIndex):
        raise InputError(
            f"{origin} has names of columns in {frame.columns.nlevels} levels, such as {frame.columns[0]!r}: make one "
            f"name of "
            "each, frame.columns = ['_'.join(map(str, name)) for name in frame.columns]"
        )
    check_names([str(name) for name in frame.columns], origin)
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def label_columns(names: list[str], label: str | None, origin: str, index: Iterable[str] = ()) -> list[str]:
    """The names of the label columns: of one, or of those with commas between.

    Raises
    ------
    InputError
        If there are no such columns, or none was named and none has a usual name.
    """
    if label is None:
        usual = [name for name in USUAL_LABELS if name in names]
        if len(usual) != 1:
            raise InputError(
                f"{origin} needs to know which column is the label: add the label, one of {_listed(names)}"
            )
        return usual
    if label in names:
        return [label]
    if label in index:
        raise InputError(f"{label!r} is the index of {origin} and no column: frame.reset_index() makes it one")
    labels = [_existing(names, part.strip(), origin) for part in label.split(",")]
    if len(set(labels)) < len(labels):
        raise InputError(f"the label {label!r} names a column twice, expected each once")
    return labels


def _together(frames: Mapping[str, pd.DataFrame], origin: str) -> pd.DataFrame:
    """The rows of all splits, one after the other."""
    first, *others = (flat(frame, origin) for frame in frames.values())
    if not others:
        return first
    for split, other in zip(list(frames)[1:], others, strict=True):
        for name in first.columns.symmetric_difference(other.columns, sort=False):
            has, lacks = ("train", split) if name in first.columns else (split, "train")
            raise InputError(
                f"{origin} has the column {name!r} in {has} but not in {lacks}: give both the same columns"
            )
    others = [other[first.columns] for other in others]
    unlike = {name for other in others for name in first.columns if other[name].dtype != first[name].dtype}
    # of unlike types pandas would make floats, and round whole numbers
    return pd.concat([part.astype(dict.fromkeys(unlike, object)) for part in (first, *others)], ignore_index=True)


def _index_names(frames: Mapping[str, pd.DataFrame]) -> set[str]:
    return {str(name) for frame in frames.values() for name in frame.index.names if name is not None}


def _index_note(frame: pd.DataFrame) -> tuple[str, ...]:
    """What to say of an index that may hold data."""
    if isinstance(frame.index, pd.RangeIndex) and frame.index.name is None:
        return ()
    named = ", ".join(str(name) for name in frame.index.names if name is not None)
    return (f"the frame's index{f' ({named})' if named else ''} is left out: frame.reset_index() makes a column of it",)


def check_names(names: list[str], origin: str, when: str = "") -> None:
    """Raise InputError where a name is there twice, or can't be written."""
    if names and has_halves(np.array(names)):
        raise InputError(f"{origin} has a column name with half a character in it: rename it")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"{origin} has more than one column {twice[0]!r}{when}: give every column a name of its own")


def _dropped(frame: pd.DataFrame, drop: str | None, origin: str) -> list[str]:
    """The names of the columns to leave out."""
    names = list(frame.columns)
    if drop is None or drop in names:
        return [] if drop is None else [drop]
    return [_existing(names, part.strip(), origin) for part in drop.split(",")]


def _existing(names: list[str], name: str, origin: str) -> str:
    """The name, if there is such a column."""
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{origin} has no column {name!r}.{meant} Columns: {_listed(names)}.")
    return name


def _listed(names: list[str]) -> str:
    shown = [name if name == name.strip() else repr(name) for name in names[:20]]  # blanks can't be seen otherwise
    return ", ".join(shown) + (", ..." if len(names) > 20 else "")


def _several(frame: pd.DataFrame, labels: list[str]) -> Array:
    """Several label columns, (rows, columns), all of them numbers or booleans."""
    columns = {name: _column.label(frame[name])[0] for name in labels}
    for name, values in columns.items():
        if values.dtype == object:
            raise InputError(
                f"label column {name!r} is text, but several labels must be numbers or booleans: name it alone"
            )
        if values.dtype.kind in "iu":
            _column.check_whole(values, f"label column {name!r}", "make it a float or smaller, or name it alone")
    return np.stack(list(columns.values()), axis=1)
