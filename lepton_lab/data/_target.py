"""Labels become what a model learns: numbers of classes, or numbers.

Text and booleans are classes. Whole numbers are classes, unless there are more than `_MAX_CLASSES` different ones, or
more than `_FEW_CLASSES` that repeat less than ten times on average. Floats are classes only if they are whole and at
most `_FEW_CLASSES` are different; otherwise they are numbers. Classes are sorted and numbered from 0; what they were
called is kept. They are collected from all splits, so that a class is known even if only test rows have it.

Labels in several columns are classes where every row has a 1 in one column and 0 in the others (one-hot), labels any
number of which are true where there are only 0 and 1, and otherwise several numbers a row.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lepton_lab.data._base import Array, missing_labels
from lepton_lab.errors import DataError, InputError
from lepton_lab.types import Target

_MAX_CLASSES = 1000
_FEW_CLASSES = 20


def encode(labels: Mapping[str, Array], name: str, columns: tuple[str, ...] = ()) -> tuple[Target, dict[str, Array]]:
    """What is to be learnt, and the labels by split, of the target's own shape and dtype.

    Parameters
    ----------
    labels
        By split, shape (rows,) or (rows, columns).
    name
        What they are called.
    columns
        What their columns are called; 0, 1, ... if left out.

    Raises
    ------
    InputError
        If labels have a shape or a type that they can't have.
    DataError
        If labels are missing, or don't repeat although they are text.
    """
    checked = {split: _checked(y, name) for split, y in labels.items()}
    shapes = {split: y.shape[1:] for split, y in checked.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(
            f"labels {name!r} have {_width(shapes['train'])} a row in train but {_width(shapes['test'])} in test, "
            "expected as many"
        )
    return _encode_columns(checked, name, columns) if shapes["train"] else _encode_one(checked, name)


def _encode_one(flat: Mapping[str, Array], name: str) -> tuple[Target, dict[str, Array]]:
    """Labels of shape (rows,)."""
    kinds = {split: "text" if y.dtype.kind == "U" else "numbers" for split, y in flat.items()}
    if len(set(kinds.values())) > 1:
        raise InputError(
            f"labels {name!r} are {kinds['train']} in train but {kinds['test']} in test, expected the same kind"
        )
    every = np.concatenate([*flat.values()])
    values, numbers = np.unique(every, return_inverse=True)
    if not _are_classes(every, values):
        return Target("numbers", name), _numbers(flat, name)
    if every.dtype.kind == "U" and len(values) > _MAX_CLASSES and len(values) == len(every):
        raise DataError(
            f"labels {name!r} are a different text in each of {len(every):,} rows, expected classes that repeat"
        )
    if every.dtype.kind == "f":
        values = values.astype(np.int64)
    ends = np.cumsum([len(y) for y in flat.values()])[:-1]
    parts = np.split(numbers.reshape(-1).astype(np.int64), ends)
    return Target("classes", name, tuple(str(value) for value in values)), dict(zip(flat, parts, strict=True))


def _encode_columns(
    labels: Mapping[str, Array], name: str, columns: tuple[str, ...]
) -> tuple[Target, dict[str, Array]]:
    """Labels of shape (rows, columns)."""
    if any(y.dtype.kind == "U" for y in labels.values()):
        raise InputError(f"labels {name!r} are text in several columns, expected numbers or booleans there")
    width = labels["train"].shape[1]
    if not all(((y == 0) | (y == 1)).all() for y in labels.values()):
        return Target("numbers", name, width=width), _numbers(labels, name)
    names = columns or tuple(map(str, range(width)))
    if all((np.count_nonzero(y, axis=1) == 1).all() for y in labels.values()):
        return Target("classes", name, names), {split: y.argmax(axis=1).astype(np.int64) for split, y in labels.items()}
    return Target("labels", name, names), {split: y.astype(np.uint8) for split, y in labels.items()}


def _numbers(labels: Mapping[str, Array], name: str) -> dict[str, Array]:
    with np.errstate(over="ignore"):
        encoded = {split: y.astype(np.float32) for split, y in labels.items()}
    if not all(np.isfinite(y).all() for y in encoded.values()):
        most = max(float(np.abs(y).max()) for y in labels.values())
        raise DataError(f"labels {name!r} reach {most:.3g}, more than float32 can hold: scale them down")
    return encoded


def _width(shape: tuple[int, ...]) -> str:
    return f"{shape[0] if shape else 1} {'numbers' if shape else 'number'}"


def _are_classes(labels: Array, values: Array) -> bool:
    """Whether these labels, with these different values, are names of classes."""
    if labels.dtype.kind in "Ub":
        return True
    if labels.dtype.kind == "f":
        return len(values) <= _FEW_CLASSES and bool((values == np.floor(values)).all())
    return len(values) <= _FEW_CLASSES or (len(values) <= _MAX_CLASSES and 10 * len(values) <= len(labels))


def _checked(labels: Array, name: str) -> Array:
    """Labels of shape (rows,) or (rows, columns) as bool, whole numbers, floats without gaps, or text."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim > 2 or 0 in labels.shape[1:]:
        raise InputError(
            f"labels {name!r} have shape {labels.shape}, expected one label a row, (rows,), or several, (rows, k)"
        )
    if labels.dtype.kind == "O":
        if not all(isinstance(value, str) for value in labels.flat):
            missing = np.array([any(map(_is_missing, np.atleast_1d(row))) for row in labels])
            if missing.any():
                raise missing_labels(name, int(missing.sum()), len(labels), int(missing.argmax()))
            raise InputError(
                f"labels {name!r} have dtype object, expected numbers, booleans or text: convert "
                "them, such as y.astype(str)"
            )
        return labels.astype(str)
    if labels.dtype.kind == "S":
        return np.char.decode(labels, "utf-8")
    if labels.dtype.kind not in "biufU":
        raise InputError(f"labels {name!r} have dtype {labels.dtype}, expected numbers, booleans or text")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        bad = ~np.isfinite(labels).reshape(len(labels), -1).all(axis=1)
        raise missing_labels(name, int(bad.sum()), len(labels), int(bad.argmax()))
    return labels


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
