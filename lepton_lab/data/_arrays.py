"""Arrays in memory: `(x, y)`, Keras's `((x_train, y_train), (x_test, y_test))`, or a dict with Keras's names.

A third array of a pair, or `w` (`w_train`) of a dict, holds the training rows' weights. Each x and y may be a dict of
arrays itself, for several inputs or targets.
"""

from __future__ import annotations

from collections.abc import Mapping

from lepton_lab.data._base import Array, Columns, Raw, as_array, as_arrays
from lepton_lab.errors import InputError
from lepton_lab.events import Report

_ORIGIN = "arrays in memory"
_EXPECTED = "expected x_train, y_train (and x_test, y_test), or x and y; weights as w_train or w"
NAMES = ("x", "y", "w", "x_train", "y_train", "w_train", "x_test", "y_test")
"""What arrays may be called."""


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The arrays, as they are."""
    columns.refuse("a source of arrays")
    if isinstance(source, Mapping):
        return from_mapping(source, _ORIGIN)
    if not isinstance(source, (tuple, list)) or len(source) not in (2, 3):
        raise InputError(
            f"got {type(source).__name__}, expected arrays as (x, y), (x, y, weights) or as a dict: {_EXPECTED}"
        )
    if len(source) == 2 and _is_pair(source[0]) and _is_pair(source[1]):
        train, test = source
        if len(test) == 3:
            raise InputError("the test rows have weights, but only training rows can have some: leave them out")
        named = dict(zip(("x_train", "y_train", "w_train"), train, strict=False))
        return from_mapping(named | {"x_test": test[0], "y_test": test[1]}, _ORIGIN)
    return from_mapping(dict(zip(("x", "y", "w"), source, strict=False)), _ORIGIN)


def from_mapping(arrays: Mapping[str, object], origin: str) -> Raw:
    """Splits by Keras's names.

    Raises
    ------
    InputError
        If names are missing, or there is one array of a pair alone.
    """
    names = {str(name) for name in arrays}
    if {"x", "y"} <= names and "x_train" not in names:
        train, test = ("x", "y", "w"), False
    elif {"x_train", "y_train"} <= names:
        train, test = ("x_train", "y_train", "w_train"), bool({"x_test", "y_test"} & names)
    else:
        raise InputError(f"{origin} has the names {', '.join(sorted(names)) or '(none)'}; {_EXPECTED}")
    pairs = {"train": train[:2], **({"test": ("x_test", "y_test")} if test else {})}
    missing = [name for pair in pairs.values() for name in pair if name not in names]
    if missing:
        raise InputError(f"{origin} has no {missing[0]}, which its partner needs; {_EXPECTED}")
    weights: Array | None = as_array(arrays[train[2]], train[2]) if train[2] in names else None
    splits = {split: (as_arrays(arrays[x], x), as_arrays(arrays[y], y)) for split, (x, y) in pairs.items()}
    return Raw(splits, origin, weights=weights)


def _is_pair(value: object) -> bool:
    """Whether this is a tuple (x, y), as Keras's `load_data` gives two of, or (x, y, weights)."""
    if not isinstance(value, tuple) or len(value) not in (2, 3):
        return False
    return all(hasattr(array, "shape") or isinstance(array, Mapping) for array in value)
