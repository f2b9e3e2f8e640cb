"""Labels become what a model learns: numbers of classes, or numbers.

Text and booleans are classes. Whole numbers are classes, unless there are more than `_MAX_CLASSES` different ones, or
more than `_FEW_CLASSES` that repeat less than ten times on average. Floats are classes only if they are whole and at
most `_FEW_CLASSES` are different; otherwise they are numbers. Classes are sorted and numbered from 0; what they were
called is kept. They are collected from all splits, so that a class is known even if only test rows have it.

Labels in several columns are classes where every row has a 1 in one column and 0 in the others (one-hot), labels any
number of which are true where there are only 0 and 1, and otherwise several numbers a row. Labels of more dimensions,
and one for each step of a sequence, belong to positions of a row: see `_positions`. What is guessed is said in the
target's `note`, with the option that changes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lepton_lab.data._base import Array, has_halves, is_missing, missing_labels, one_line
from lepton_lab.data._positions import as_numbers, encode_positions
from lepton_lab.errors import DataError, InputError, UnknownNameError
from lepton_lab.runtime import as_text
from lepton_lab.types import Target

TASKS = ("classification", "regression", "multilabel")
"""What labels can be said to be for."""
_MAX_CLASSES = 1000
_FEW_CLASSES = 20


def encode(
    labels: Mapping[str, Array],
    name: str,
    columns: tuple[str, ...] = (),
    *,
    task: str | None = None,
    rows: Sequence[Mapping[str, Array]] = (),
    order: tuple[str, ...] = (),
) -> tuple[Target, dict[str, Array]]:
    """What is to be learnt, and the labels by split, of the target's own shape and dtype.

    Parameters
    ----------
    labels
        By split, shape (rows,), (rows, columns), or (rows, ...) with labels for each position of a row.
    name
        What they are called.
    columns
        What their columns are called; 0, 1, ... if left out.
    task
        One of `TASKS`: what labels are, where what would be guessed is not meant.
    rows
        The inputs' rows by split, each: labels for each of their steps are told from several labels a row by these.
    order
        The names of classes in the order that they are to have; sorted if left out.

    Raises
    ------
    InputError
        If labels have a shape or a type that they can't have, or can't be what the task says.
    DataError
        If labels are missing, or don't repeat although they are text.
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    checked = {split: _checked(y, name) for split, y in labels.items()}
    shapes = {split: y.shape[1:] for split, y in checked.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(
            f"labels {name!r} have {_width(shapes['train'])} a row in train but {_width(shapes['test'])} in test, "
            "expected as many"
        )
    kinds = {split: "text" if y.dtype.kind == "U" else "numbers" for split, y in checked.items()}
    if len(set(kinds.values())) > 1:
        raise InputError(
            f"labels {name!r} are {kinds['train']} in train but {kinds['test']} in test, expected the same kind"
        )
    if not shapes["train"]:
        return _encode_one(checked, name, task, order)
    if len(shapes["train"]) > 1 or (not columns and _are_steps(checked, rows, task)):
        return encode_positions(checked, name, rows, task)
    return _encode_columns(checked, name, columns, task)


def _encode_one(
    flat: Mapping[str, Array], name: str, task: str | None, order: tuple[str, ...]
) -> tuple[Target, dict[str, Array]]:
    """Labels of shape (rows,)."""
    every = _joined(flat, name)
    if task == "multilabel":
        raise InputError(f"labels {name!r} are one a row, expected several columns of 0 and 1 for --task multilabel")
    if task == "regression" and every.dtype.kind == "U":
        raise InputError(
            f"labels {name!r} are text, expected numbers for --task regression: convert them, such as with "
            "pd.to_numeric, or leave the task out for classes"
        )
    values, numbers = np.unique(every, return_inverse=True)
    is_whole = every.dtype.kind in "iu" or (every.dtype.kind == "f" and bool((values == np.floor(values)).all()))
    if task == "regression" or (task is None and not _are_classes(every, values)):
        is_told = task is None and every.dtype.kind in "iu"
        note = f"labels {name!r}: {len(values):,} different whole numbers are taken as numbers" if is_told else ""
        return Target("numbers", name, note=note and f"{note} (--task classification for classes)"), as_numbers(
            flat, name
        )
    if every.dtype.kind == "U" and len(values) > _MAX_CLASSES and len(values) == len(every):
        raise DataError(
            f"labels {name!r} are a different text in each of {len(every):,} rows, expected classes that repeat"
        )
    note = ""
    if task is None and is_whole:
        note = (
            f"labels {name!r}: {len(values):,} different whole numbers are taken as classes (--task regression for "
            "numbers)"
        )
    # 1.0 is called 1; of larger floats all digits would be more than the source had: 1e+39
    is_short = every.dtype.kind == "f" and is_whole
    names = [_name(value) if is_short else str(value) for value in values]
    if order:
        order = tuple(_name(float(value)) for value in order) if is_short else order
        place = {value: number for number, value in enumerate(order)}
        numbers = np.array([place[value] for value in names])[numbers.reshape(-1)]
        names = list(order)
    ends = np.cumsum([len(y) for y in flat.values()])[:-1]
    parts = np.split(numbers.reshape(-1).astype(np.int64), ends)
    target = Target("classes", name, tuple(names), note=note)
    return target, dict(zip(flat, parts, strict=True))


def _name(value: float) -> str:
    return str(int(value)) if abs(float(value)) < 2**53 else str(value)


def _encode_columns(
    labels: Mapping[str, Array], name: str, columns: tuple[str, ...], task: str | None
) -> tuple[Target, dict[str, Array]]:
    """Labels of shape (rows, columns)."""
    if any(y.dtype.kind == "U" for y in labels.values()):
        raise InputError(f"labels {name!r} are text in several columns, expected numbers or booleans there")
    width = labels["train"].shape[1]
    is_marks = all(((y == 0) | (y == 1)).all() for y in labels.values())
    is_one_hot = is_marks and all((np.count_nonzero(y, axis=1) == 1).all() for y in labels.values())
    if (task == "multilabel" and not is_marks) or (task == "classification" and not is_one_hot):
        wanted = "0 and 1" if task == "multilabel" else "0 and 1, with a single 1 in each row (one-hot)"
        raise InputError(
            f"labels {name!r} in {width} columns must be {wanted} for --task {task}: leave it out, or mend y"
        )
    if task == "regression" or not is_marks:
        is_told = task is None and all(y.dtype.kind in "iu" for y in labels.values())
        note = f"labels {name!r}: whole numbers in {width} columns are taken as numbers; name one label for classes"
        return Target("numbers", name, width=width, note=note if is_told else ""), as_numbers(labels, name)
    names = columns or tuple(map(str, range(width)))
    if is_one_hot and task != "multilabel":
        note = f"labels {name!r} are one-hot: {width} columns are taken as classes (--task multilabel for labels)"
        target = Target("classes", name, names, one_hot=True, note="" if task else note)
        return target, {split: y.argmax(axis=1).astype(np.int64) for split, y in labels.items()}
    note = f"labels {name!r} are 0 and 1 in {width} columns, any number of them 1, and taken as labels"
    target = Target("labels", name, names, note="" if task else f"{note} (--task regression for numbers)")
    return target, {split: y.astype(np.uint8) for split, y in labels.items()}


def _joined(flat: Mapping[str, Array], name: str) -> Array:
    """The labels of all splits, none of them rounded: NumPy makes floats of signed and unsigned numbers together."""
    every = np.concatenate([*flat.values()])
    if every.dtype.kind == "f":
        for y in flat.values():
            if y.dtype.kind in "iu" and not (y.astype(every.dtype).astype(object) == y.astype(object)).all():
                whole = np.concatenate([part.astype(object) for part in flat.values()])
                if any(part.dtype.kind not in "iu" for part in flat.values()) or whole.min() < 0:
                    raise InputError(
                        f"labels {name!r} are of the types {', '.join(str(part.dtype) for part in flat.values())} and "
                        f"too "
                        "large for one type that holds them all: give all splits the same type"
                    )
                return whole.astype(np.uint64)
    return every


def _are_steps(labels: Mapping[str, Array], rows: Sequence[Mapping[str, Array]], task: str | None) -> bool:
    """Whether labels of shape (rows, k) belong to the k steps of the rows: words, or what was measured at each."""
    y = labels["train"]
    if y.dtype.kind == "f" or task in ("regression", "multilabel"):
        return False
    if not any(x["train"].shape[1] == y.shape[1] and _is_sequence(x["train"]) for x in rows):
        return False
    return not all(((own == 0) | (own == 1)).all() and (own.sum(axis=1) == 1).all() for own in labels.values()) or (
        y.dtype.kind == "U"
    )


def _is_sequence(x: Array) -> bool:
    """Whether rows are steps: of several numbers each, or of whole numbers or words."""
    return x.ndim > 2 or x.dtype.kind in "iuU"


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
    """Labels of shape (rows, ...) as bool, whole numbers, floats without gaps, or text; one in a column by itself."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if 0 in labels.shape[1:]:
        raise InputError(f"labels {name!r} have shape {labels.shape}, expected at least one label a row")
    if labels.dtype.kind in "OT":
        labels = labels.astype(object)
        if not all(isinstance(value, str) for value in labels.flat):
            missing = np.array([any(map(is_missing, np.ravel(row))) for row in labels])
            if missing.any():
                raise missing_labels(name, int(missing.sum()), len(labels), int(missing.argmax()))
            raise InputError(
                f"labels {name!r} have dtype object, expected numbers, booleans or text: make them all of one kind"
            )
        if any("\0" in value for value in set(labels.flat)):
            raise InputError(f"labels {name!r} have zero bytes in their text: clean them first")
        labels = as_text(labels)
    if labels.dtype.kind == "U" and has_halves(labels):
        raise InputError(f"labels {name!r} have halves of characters in their text: clean them first")
    if labels.dtype.kind == "S":
        try:
            return np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"labels {name!r} are bytes that are no UTF-8 text ({one_line(error)}): decode them"
            ) from None
    if labels.dtype.kind not in "biufU":
        raise InputError(f"labels {name!r} have dtype {labels.dtype}, expected numbers, booleans or text")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        bad = ~np.isfinite(labels).reshape(len(labels), -1).all(axis=1)
        raise missing_labels(name, int(bad.sum()), len(labels), int(bad.argmax()))
    return labels
