"""Labels become what a model learns: numbers of classes, or numbers.

Text and booleans are classes. Whole numbers are classes, unless there are more than `_MAX_CLASSES` different ones, or
more than `_FEW_CLASSES` that repeat less than ten times on average. Floats are classes only if they are whole and at
most `_FEW_CLASSES` are different; otherwise they are numbers. Classes are sorted and numbered from 0; what they were
called is kept. They are collected from all splits, so that a class is known even if only test rows have it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lepton_lab.data._base import Array, missing_labels
from lepton_lab.errors import DataError, InputError
from lepton_lab.types import Target

_MAX_CLASSES = 1000
_FEW_CLASSES = 20


def encode(labels: Mapping[str, Array], name: str) -> tuple[Target, dict[str, Array]]:
    """What is to be learnt, and the labels as int64 (classes) or float32 (numbers), by split.

    Raises
    ------
    InputError
        If labels have a shape or a type that they can't have.
    DataError
        If labels are missing, or don't repeat although they are text.
    """
    flat = {split: _flat(y, name) for split, y in labels.items()}
    kinds = {split: "text" if y.dtype.kind == "U" else "numbers" for split, y in flat.items()}
    if len(set(kinds.values())) > 1:
        raise InputError(
            f"labels {name!r} are {kinds['train']} in train but {kinds['test']} in test, expected the same kind"
        )
    every = np.concatenate([*flat.values()])
    values, numbers = np.unique(every, return_inverse=True)
    if not _are_classes(every, values):
        with np.errstate(over="ignore"):
            encoded = {split: y.astype(np.float32) for split, y in flat.items()}
        if not all(np.isfinite(y).all() for y in encoded.values()):
            raise DataError(
                f"labels {name!r} reach {np.abs(every).max():.3g}, more than float32 can hold: scale them down"
            )
        return Target("numbers", name), encoded
    if every.dtype.kind == "U" and len(values) > _MAX_CLASSES and len(values) == len(every):
        raise DataError(
            f"labels {name!r} are a different text in each of {len(every):,} rows, expected classes that repeat"
        )
    if every.dtype.kind == "f":
        values = values.astype(np.int64)
    ends = np.cumsum([len(y) for y in flat.values()])[:-1]
    parts = np.split(numbers.reshape(-1).astype(np.int64), ends)
    return Target("classes", name, tuple(str(value) for value in values)), dict(zip(flat, parts, strict=True))


def _are_classes(labels: Array, values: Array) -> bool:
    """Whether these labels, with these different values, are names of classes."""
    if labels.dtype.kind in "Ub":
        return True
    if labels.dtype.kind == "f":
        return len(values) <= _FEW_CLASSES and bool((values == np.floor(values)).all())
    return len(values) <= _FEW_CLASSES or (len(values) <= _MAX_CLASSES and 10 * len(values) <= len(labels))


def _flat(labels: Array, name: str) -> Array:
    """Labels of shape (rows,) as bool, whole numbers, floats without gaps, or text."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise InputError(
            f"labels {name!r} have shape {labels.shape}, expected one label a row, (rows,); one-hot "
            "labels: y.argmax(axis=1)"
        )
    if labels.dtype.kind == "O":
        if not all(isinstance(value, str) for value in labels):
            missing = np.array([value is None or (isinstance(value, float) and np.isnan(value)) for value in labels])
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
        bad = ~np.isfinite(labels)
        raise missing_labels(name, int(bad.sum()), len(labels), int(bad.argmax()))
    return labels
