"""Labels for each position of a row: masks and pictures, and sequences with a label per step.

What they are is found in this order:

- text is the names of classes; an empty text marks a position without one;
- what equals the rows themselves is numbers: an autoencoder is to give its rows again;
- 0 and 1 with exactly one 1 along the last axis are classes (one-hot);
- other 0 and 1 in several channels are labels, any number of which may be true;
- whole numbers in one channel are classes, unless a picture has more than `_MOST_GREYS` of them, as photographs have;
- everything else is numbers.

Class numbers stay as they are where they count from 0, for a model's answers have the places that they say. Otherwise
they are numbered anew in their order. One negative number (-1, -100) marks positions without a class, and so does 255
beside a few small numbers, as PASCAL VOC has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lepton_lab.data._base import Array, is_exact
from lepton_lab.data._blocks import blocks
from lepton_lab.data._features import check_digits
from lepton_lab.errors import DataError, InputError
from lepton_lab.types import Target

_FEW_CLASSES = 20
_MOST_GREYS = 64
_MOST_CLASSES = 32_000
_VOID = 255
NONE = -1
"""How a position without a class is stored."""
Labels = Mapping[str, Array]


def encode_positions(
    labels: Labels, name: str, rows: Sequence[Labels], task: str | None
) -> tuple[Target, dict[str, Array]]:
    """What is to be learnt of each position, and the labels by split, of the target's own shape and dtype.

    Parameters
    ----------
    labels
        By split, shape (rows, *shape) with at least one dimension behind; numbers, booleans or text without gaps.
    name
        What they are called.
    rows
        The inputs' rows by split, each: their shape tells how labels are laid out.
    task
        One of `TASKS`, or None to find it.

    Raises
    ------
    InputError
        If labels can't be what the task says.
    DataError
        If there are more classes than can be told apart, or none.
    """
    shape = labels["train"].shape[1:]
    if len(shape) > 1 and shape[-1] == 1:
        labels = {split: y[..., 0] for split, y in labels.items()}
        channels = 0
    else:
        channels = shape[-1] if _has_channels(shape, rows) else 0
    if labels["train"].dtype.kind == "U":
        return _names(labels, name, task)
    if task == "regression":
        return _numbers(labels, name, channels, "")
    if task is None and any(_is_same(labels, own) for own in rows):
        note = f"labels {name!r} are the rows themselves, and taken as numbers (--task classification for classes)"
        return _numbers(labels, name, channels, note)
    if channels:
        return _channels(labels, name, channels, task)
    values = _whole_values(labels.values(), _MOST_CLASSES)
    is_floats = labels["train"].dtype.kind == "f"
    most = _MOST_CLASSES if len(shape) == 1 and not is_floats else _FEW_CLASSES if is_floats else _MOST_GREYS
    if task == "multilabel":
        raise InputError(
            f"labels {name!r} have one number a position, expected several of 0 and 1 for --task multilabel"
        )
    if values is not None and (task == "classification" or len(values) <= most):
        return _classes(labels, name, values, is_guessed=task is None)
    if task == "classification":
        raise DataError(f"labels {name!r} are no whole numbers of at most {_MOST_CLASSES:,} kinds: --task regression")
    note = f"labels {name!r} have more than {most} different whole numbers, and are taken as numbers"
    is_told = values is not None or labels["train"].dtype.kind in "iu"
    return _numbers(labels, name, 0, f"{note} (--task classification for classes)" if is_told else "")


def _has_channels(shape: tuple[int, ...], rows: Sequence[Labels]) -> bool:
    """Whether the last of a row's dimensions is several values of one position."""
    if len(shape) == 2:  # a picture without channels has the rows' height and width, or its sides are alike in size
        inputs = [own["train"].shape[1:] for own in rows]
        if any(len(own) > 1 and own[:2] == shape for own in inputs):
            return False
        return any(len(own) in (1, 2) and own[0] == shape[0] for own in inputs) or min(shape) < 4
    return len(shape) > 2


def _channels(labels: Labels, name: str, channels: int, task: str | None) -> tuple[Target, dict[str, Array]]:
    """Several values at each position."""
    names, positions = tuple(map(str, range(channels))), labels["train"].shape[1:-1]
    is_marks = all(((block == 0) | (block == 1)).all() for y in labels.values() for block in blocks(y))
    is_one_hot = is_marks and all(
        (np.count_nonzero(block, axis=-1) == 1).all() for y in labels.values() for block in blocks(y)
    )
    if (task == "multilabel" and not is_marks) or (task == "classification" and not is_one_hot):
        wanted = "0 and 1" if task == "multilabel" else "0 and 1 with a single 1 (one-hot)"
        raise InputError(
            f"labels {name!r} must be {wanted} along their last axis for --task {task}: leave it out, or mend y"
        )
    if is_one_hot and task != "multilabel":
        note = f"labels {name!r} are one-hot along their last axis, and taken as classes (--task multilabel for labels)"
        target = Target("classes", name, names, positions=positions, one_hot=True, note="" if task else note)
        return target, {split: y.argmax(axis=-1).astype(target.dtype) for split, y in labels.items()}
    if is_marks:
        note = (
            f"labels {name!r} are 0 and 1 in {channels} channels, and taken as labels (--task regression for numbers)"
        )
        target = Target("labels", name, names, positions=positions, note="" if task else note)
        return target, {split: y.astype(target.dtype) for split, y in labels.items()}
    return _numbers(labels, name, channels, "")


def _numbers(labels: Labels, name: str, channels: int, note: str) -> tuple[Target, dict[str, Array]]:
    shape = labels["train"].shape[1:]
    target = Target("numbers", name, width=channels or 1, positions=shape[:-1] if channels else shape, note=note)
    return target, as_numbers(labels, name)


def as_numbers(labels: Labels, name: str) -> dict[str, Array]:
    """Labels as float32; DataError where it can't hold them, whole numbers exactly."""
    for y in labels.values():
        start = 0
        for block in blocks(y):
            exact = is_exact(block)
            if not exact.all():
                place = tuple(np.argwhere(~exact)[0])
                raise DataError(
                    f"labels {name!r} are whole numbers to be learnt as numbers, and float32 can't hold them exactly "
                    f"(the "
                    f"first is {block[place]} in row {start + place[0] + 1:,}): make them floats or smaller if they "
                    f"are "
                    "amounts"
                )
            start += len(block)
    with np.errstate(over="ignore"):
        encoded = {split: y.astype(np.float32) for split, y in labels.items()}
    if not all(np.isfinite(y).all() for y in encoded.values()):
        most = max(float(np.abs(y).max()) for y in labels.values())
        raise DataError(f"labels {name!r} reach {most:.3g}, more than float32 can hold: scale them down")
    for y in labels.values():
        check_digits(y if y.ndim == 2 else y.reshape(-1, 1), [f"labels {name!r}"] * (y.shape[1] if y.ndim == 2 else 1))
    return encoded


def _names(labels: Labels, name: str, task: str | None) -> tuple[Target, dict[str, Array]]:
    """Texts."""
    if task not in (None, "classification"):
        raise InputError(f"labels {name!r} are text, and --task {task} needs numbers: leave --task out")
    names = np.unique(np.concatenate([np.unique(y) for y in labels.values()]))
    names = names[names != ""]
    _check_count(len(names), name)
    note = "positions with an empty text have no class" if any((y == "").any() for y in labels.values()) else ""
    target = _target(name, tuple(map(str, names)), labels, note and f"labels {name!r}: {note}")
    return target, {
        split: np.where(y == "", NONE, np.searchsorted(names, y)).astype(target.dtype) for split, y in labels.items()
    }


def _classes(labels: Labels, name: str, values: Array, is_guessed: bool) -> tuple[Target, dict[str, Array]]:
    """Whole numbers, of which `values` are the different ones, ascending."""
    said: list[str] = []
    kept = values
    if (values < 0).sum() == 1:
        kept = values[1:]
    elif len(values) > 3 and values[-1] == _VOID and values[-2] < 2 * len(values) and values[0] >= 0:
        kept = values[:-1]
    _check_count(len(kept), name)
    if len(kept) < len(values):
        none = values[0] if kept[-1] == values[-1] else values[-1]
        said.append(f"{none} marks positions without a class")
    if labels["train"].dtype.kind == "b":
        classes: tuple[str, ...] = ("False", "True")
        numbers = np.arange(2)
        kept = numbers
    elif len(kept) > _FEW_CLASSES or (kept[0] == 0 and kept[-1] < 2 * len(kept)):
        classes = tuple(map(str, range(int(kept[-1]) + 1)))
        numbers = kept
    else:
        classes, numbers = tuple(map(str, kept)), np.arange(len(kept))
        said.append(f"{', '.join(classes[:6])}{', ...' if len(classes) > 6 else ''} are numbered from 0")
    if kept[0] < 0 or len(classes) > _MOST_CLASSES:
        raise DataError(
            f"labels {name!r} go from {kept[0]} to {kept[-1]}, expected class numbers from 0 to below {_MOST_CLASSES:,}"
        )
    if is_guessed and labels["train"].dtype.kind != "b":
        said.insert(0, f"whole numbers of {len(kept)} kinds are taken as classes (--task regression for numbers)")
    target = _target(name, classes, labels, f"labels {name!r}: {'; '.join(said)}" if said else "")
    encoded = {}
    for split, y in labels.items():
        made = np.full(y.shape, NONE, target.dtype)
        places = np.searchsorted(kept, y).clip(0, len(kept) - 1)
        known = kept[places] == y
        made[known] = numbers[places[known]]
        encoded[split] = made
    return target, encoded


def _target(name: str, classes: tuple[str, ...], labels: Labels, note: str) -> Target:
    return Target("classes", name, classes, positions=labels["train"].shape[1:], note=note)


def _check_count(count: int, name: str) -> None:
    if not count:
        raise DataError(f"labels {name!r} have no class at any position, expected at least one")


def _is_same(labels: Labels, rows: Labels) -> bool:
    """Whether labels are the rows, a channel axis of one aside."""
    for split, y in labels.items():
        x = rows[split]
        x = x[..., 0] if x.ndim == y.ndim + 1 and x.shape[-1] == 1 else x
        if x.shape != y.shape or x.dtype.kind == "U" or not np.array_equal(x, y):
            return False
    return True


def _whole_values(arrays: Iterable[Array], most: int) -> Array | None:
    """The different values, int64 and ascending; None where one is no whole number or there are more than `most`."""
    found = np.empty(0, np.int64)
    for array in arrays:
        for block in blocks(array):
            if block.dtype.kind == "f" and not (np.abs(block) < 2**53).all():
                return None
            if block.dtype == np.uint64 and block.max() > np.iinfo(np.int64).max:
                return None
            whole = block.astype(np.int64)
            if block.dtype.kind == "f" and not (whole == block).all():
                return None
            low, high = int(whole.min()), int(whole.max())
            is_near = high - low < 2**16  # then they are counted, which is many times faster than to sort them
            own = np.flatnonzero(np.bincount((whole - low).ravel())) + low if is_near else np.unique(whole)
            found = np.union1d(found, own)
            if len(found) > most:
                return None
    return found
