"""Features as a pandas frame with labels beside it, `X` and `y` as scikit-learn has them: a table together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from lepton_lab.data._base import Columns, Raw, as_array, check_same_index
from lepton_lab.data._frame import flat, from_frames
from lepton_lab.data._held_out import named_splits
from lepton_lab.errors import InputError


def from_pairs(
    named: Mapping[str, object], pairs: Mapping[str, tuple[str, str]], weighing: str | None, columns: Columns
) -> Raw:
    """The table that frames and labels are together.

    Parameters
    ----------
    named
        Frames, labels, and maybe weights, by name.
    pairs
        What frames and labels are called, by split.
    weighing
        What the weights are called.

    Raises
    ------
    InputError
        If the parts don't belong together, or a label column was named besides the labels.
    """
    if columns.label is not None or columns.weight is not None:
        raise InputError("a frame with labels beside it has no column for them: leave label and weight out")
    columns.dialect.refuse("a pandas frame")
    frames: dict[str, pd.DataFrame] = {}
    labels: list[str] = []
    for split, (x, y) in pairs.items():
        frames[split], labels = _joined(named[x], named[y], x, y)
    frames, notes = named_splits(frames)
    if weighing is not None:
        check_same_index(named[pairs["train"][0]], named[weighing], pairs["train"][0], weighing)
    raw = from_frames(frames, replace(columns, label=",".join(labels)), "pandas frames", notes)
    return raw if weighing is None else replace(raw, weights=as_array(named[weighing], weighing))


def _joined(x: object, y: object, x_name: str, y_name: str) -> tuple[pd.DataFrame, list[str]]:
    """A frame with its labels as columns, and what these are called."""
    if not isinstance(x, pd.DataFrame):
        raise InputError(f"{x_name} is a {type(x).__name__}, expected a DataFrame as the other split is")
    if isinstance(y, pd.Categorical | pd.CategoricalIndex):
        y = pd.Series(y, index=x.index if len(y) == len(x) else None)
    if isinstance(y, pd.Series):
        y = y.to_frame("label" if y.name is None else str(y.name))
    elif not isinstance(y, pd.DataFrame):
        array = as_array(y, y_name)
        if array.ndim > 2:
            raise InputError(
                f"{y_name} has shape {array.shape}, expected one label, or several, for each row of a frame"
            )
        if array.ndim == 1 or array.shape[1] == 1:
            y = pd.DataFrame({"label": array.reshape(-1)}, index=x.index if len(array) == len(x) else None)
        else:
            names = [f"label{column}" for column in range(array.shape[1])]
            y = pd.DataFrame(array, columns=names, index=x.index if len(array) == len(x) else None)
    if len(x) != len(y):
        raise InputError(f"{x_name} has {len(x):,} rows and {y_name} has {len(y):,}, expected as many")
    check_same_index(x, y, x_name, y_name)
    labels = [str(name) for name in y.columns]
    x = flat(x, x_name)
    both = sorted(set(labels) & set(x.columns))
    if both:
        raise InputError(f"the label {both[0]!r} is a column of {x_name} too: drop it there")
    if any("," in label for label in labels) and len(labels) > 1:
        raise InputError(f"the labels {labels} have a comma in a name: rename it")
    return pd.concat([x, y.set_axis(labels, axis=1)], axis=1), labels
