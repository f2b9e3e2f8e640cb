"""Arrays in memory: `(x, y)`, Keras's `((x_train, y_train), (x_test, y_test))`, or a dict with Keras's names."""

from __future__ import annotations

from collections.abc import Mapping

from lepton_lab.data._base import Raw, as_array, refuse_label
from lepton_lab.errors import InputError
from lepton_lab.events import Report

_ORIGIN = "arrays in memory"
_EXPECTED = "expected x_train, y_train (and x_test, y_test), or x and y"


def read(source: object, label: str | None, report: Report) -> Raw:
    """The arrays, as they are."""
    refuse_label(label, "a source of arrays")
    if isinstance(source, Mapping):
        return from_mapping(source, _ORIGIN)
    if not isinstance(source, (tuple, list)) or len(source) != 2:
        raise InputError(f"got {type(source).__name__}, expected arrays as (x, y) or as a dict: {_EXPECTED}")
    first, second = source
    if _is_pair(first) and _is_pair(second):
        (x_train, y_train), (x_test, y_test) = first, second
        return from_mapping({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}, _ORIGIN)
    return from_mapping({"x": first, "y": second}, _ORIGIN)


def from_mapping(arrays: Mapping[str, object], origin: str) -> Raw:
    """Splits by Keras's names.

    Raises
    ------
    InputError
        If names are missing, or there is one array of a pair alone.
    """
    names = {str(name) for name in arrays}
    if {"x", "y"} <= names and "x_train" not in names:
        pairs = {"train": ("x", "y")}
    elif {"x_train", "y_train"} <= names:
        pairs = {"train": ("x_train", "y_train")}
        if "x_test" in names or "y_test" in names:
            pairs["test"] = ("x_test", "y_test")
    else:
        raise InputError(f"{origin} has the names {', '.join(sorted(names)) or '(none)'}; {_EXPECTED}")
    missing = [name for pair in pairs.values() for name in pair if name not in names]
    if missing:
        raise InputError(f"{origin} has no {missing[0]}, which its partner needs; {_EXPECTED}")
    return Raw({split: (as_array(arrays[x], x), as_array(arrays[y], y)) for split, (x, y) in pairs.items()}, origin)


def _is_pair(value: object) -> bool:
    """Whether this is a tuple (x, y), as Keras's `load_data` gives two of."""
    return isinstance(value, tuple) and len(value) == 2 and all(hasattr(array, "shape") for array in value)
