"""Arrays in memory: `(x, y)`, Keras's `((x_train, y_train), (x_test, y_test))`, or a dict with Keras's names.

A third array of a pair, or `w` (`w_train`) of a dict, holds the training rows' weights. Each x and y may be a dict of
arrays itself, for several inputs or targets; or pandas' `X` and `y`, which are a table together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lepton_lab.data._base import Array, Arrays, Columns, Raw, as_array, as_arrays, check_same_index
from lepton_lab.data._held_out import HELD_OUT, named_splits
from lepton_lab.data._tables import aligned, is_frame, label_names
from lepton_lab.errors import InputError
from lepton_lab.events import Report

_ORIGIN = "arrays in memory"
_EXPECTED = "expected x_train, y_train (and x_test, y_test, x_val, y_val), or x and y; weights as w_train or w"
_HELD_OUT = tuple(f"{array}_{split}" for split in HELD_OUT for array in "xy")
NAMES = ("x", "y", "w", "x_train", "y_train", "w_train", *_HELD_OUT)
"""What arrays may be called."""


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The arrays, as they are."""
    if isinstance(source, Mapping):
        named = {str(name): value for name, value in source.items()}
    elif not isinstance(source, (tuple, list)) or len(source) not in (2, 3):
        raise InputError(
            f"got {type(source).__name__}, expected arrays as (x, y), (x, y, weights) or as a dict: {_EXPECTED}"
        )
    elif len(source) == 2 and _is_pair(source[0]) and _is_pair(source[1]):
        train, test = source
        if len(test) == 3:
            raise InputError("the test rows have weights, but only training rows can have some: leave them out")
        named = dict(zip(("x_train", "y_train", "w_train"), train, strict=False))
        named |= {"x_test": test[0], "y_test": test[1]}
    else:
        named = dict(zip(("x", "y", "w"), source, strict=False))
    named = {name: value for name, value in named.items() if value is not None or name not in ("w", "w_train")}
    if any(is_frame(named.get(x)) for x in ("x", "x_train")):
        from lepton_lab.data._pairs import from_pairs

        return from_pairs(named, *pairs_of(set(named), _ORIGIN), columns)
    columns.refuse("a source of arrays")
    return from_mapping(named, _ORIGIN)


def from_mapping(arrays: Mapping[str, object], origin: str) -> Raw:
    """Splits by Keras's names; see `pairs_of`."""
    pairs, weighing = pairs_of(set(map(str, arrays)), origin)
    arrays = aligned(arrays, pairs)
    splits: dict[str, tuple[Arrays, Arrays]] = {}
    weights: Array | None = None
    for split, (x, y) in pairs.items():
        weighs = [weighing] if weighing and split == "train" else []
        _check_indexes({name: arrays[name] for name in (x, y, *weighs)})
        splits[split] = as_arrays(arrays[x], x), as_arrays(arrays[y], y)
        if weighs:
            weights = as_array(arrays[weighs[0]], weighs[0])
    renamed, notes = named_splits(splits)
    classes = _order([arrays[y] for _, y in pairs.values()])
    names = label_names(arrays[pairs["train"][1]])
    label = ",".join(names) or "label"
    several = names if len(names) > 1 else ()
    return Raw(renamed, origin, label, label_columns=several, weights=weights, classes=classes, notes=notes)


def _check_indexes(arrays: Mapping[str, object]) -> None:
    """Raise InputError where indexes of pandas' objects differ, among those in dicts too."""
    parts = {
        f"{name}[{key!r}]" if key is not None else name: part
        for name, value in arrays.items()
        for key, part in (value.items() if isinstance(value, Mapping) else [(None, value)])
    }
    indexed = [(name, part) for name, part in parts.items() if hasattr(getattr(part, "index", None), "equals")]
    for name, part in indexed[1:]:
        check_same_index(indexed[0][1], part, indexed[0][0], name)


def _order(labels: Sequence[Any]) -> tuple[str, ...]:
    """The order of the classes, where the labels of all splits are pandas' ordered categories, and the same ones."""
    dtypes = [getattr(one, "dtype", None) for one in labels]
    if not all(getattr(dtype, "ordered", False) and dtype == dtypes[0] for dtype in dtypes):
        return ()
    used = {value for one in labels for value in one.unique()}
    return tuple(str(one) for one in dtypes[0].categories if one in used)  # type: ignore[union-attr]


def pairs_of(names: set[str], origin: str) -> tuple[dict[str, tuple[str, str]], str | None]:
    """What rows and labels are called by split, and the weights, if there are some.

    Raises
    ------
    InputError
        If names are missing, there is one array of a pair alone, or one that nothing would use.
    """
    if {"x", "y"} <= names and "x_train" not in names:
        train = ("x", "y", "w")
    elif {"x_train", "y_train"} <= names:
        train = ("x_train", "y_train", "w_train")
    else:
        raise InputError(f"{origin} has the names {', '.join(sorted(names)) or '(none)'}; {_EXPECTED}")
    others = [split for split in HELD_OUT if {f"x_{split}", f"y_{split}"} & names]
    pairs = {"train": (train[0], train[1]), **{split: (f"x_{split}", f"y_{split}") for split in others}}
    missing = [name for pair in pairs.values() for name in pair if name not in names]
    if missing:
        raise InputError(f"{origin} has no {missing[0]}, which its partner needs; {_EXPECTED}")
    unused = sorted(names - set(train) - {name for pair in pairs.values() for name in pair})
    if unused:
        raise InputError(
            f"{origin} has {', '.join(map(repr, unused[:8]))}, which nothing would use: leave it out, or name it as "
            f"what it is; {_EXPECTED}"
        )
    return pairs, train[2] if train[2] in names else None


def _is_pair(value: object) -> bool:
    """Whether this is a tuple (x, y), as Keras's `load_data` gives two of, or (x, y, weights)."""
    if not isinstance(value, tuple) or len(value) not in (2, 3):
        return False
    return all(hasattr(array, "shape") or isinstance(array, Mapping) for array in value)
