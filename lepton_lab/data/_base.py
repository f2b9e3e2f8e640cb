"""What every source gives, and the checks that several of them share.

A source is a file `_<format>.py` with one function, imported when it is asked for::

    def read(source, columns, report) -> Raw

It only reads, or just maps. What holds for all sources (labels to numbers, channel axes, scaling, the hold-out) is done
after it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Progress, Report
from lepton_lab.types import Scaling

Array = NDArray[Any]
Arrays = Array | Mapping[str, Array]
"""One array, or several by name."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")


@dataclass(frozen=True)
class Columns:
    """The columns that were named in `load`; they have a meaning for tables only."""

    label: str | None = None
    """To learn; several with commas between."""
    weight: str | None = None
    """How much each row counts."""

    def refuse(self, origin: str) -> None:
        """Raise InputError where one was named for a source that has no columns."""
        if self.label is not None:
            raise InputError(f"{origin} brings its labels along and has no column {self.label!r}: leave the label out")
        if self.weight is not None:
            raise InputError(
                f"{origin} has no columns, so no column {self.weight!r} of weights: give weights as an array"
            )


@dataclass(frozen=True)
class Raw:
    """Rows as a source has them."""

    splits: Mapping[str, tuple[Arrays, Arrays]]
    """x of shape (rows, ...) and y of shape (rows,) or (rows, k) by split, each one array or several by name; `test`
    only where the source has one of its own."""
    origin: str
    """Where the rows came from, for a person."""
    label: str = "label"
    """What the labels are called."""
    columns: tuple[str, ...] = ()
    """Names of the columns, for tables."""
    scaling: Scaling | None = None
    """Where the source knows it; otherwise it is found from the training rows."""
    label_columns: tuple[str, ...] = ()
    """What the columns of a y of shape (rows, k) are called, where the source knows it."""
    weights: Array | None = None
    """How much each row of `train` counts; None where all count alike."""


class Ticker:
    """Tells how work goes on, at most five times a second."""

    def __init__(self, report: Report, task: str) -> None:
        self._report, self._task, self._last = report, task, 0.0

    def __call__(self, message: str, fraction: float | None = None) -> None:
        now = time.monotonic()
        if now - self._last >= 0.2 or fraction == 1.0:
            self._last = now
            self._report(Progress(self._task, message, fraction))


def file_head(path: Path, num_bytes: int = 65536) -> bytes:
    """The file's first bytes.

    Raises
    ------
    InputError
        If it is no file, can't be read or is empty.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected a file")
    try:
        with path.open("rb") as stream:
            head = stream.read(num_bytes)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None
    if not head:
        raise InputError(f"{path} is empty, expected rows of data")
    return head


def missing_labels(name: str, count: int, rows: int, first: int) -> DataError:
    """The error for rows without a label; `first` counts from 0."""
    return DataError(
        f"{count:,} of {rows:,} rows have no usable label in {name!r} (the first is row {first + 1:,}): "
        "drop these rows or give them a label"
    )


def not_finite(where: str, count: int, first: int) -> DataError:
    """The error for features that are missing or infinite; `first` counts rows from 0."""
    return DataError(
        f"{where} has {count:,} missing or infinite values (the first in row {first + 1:,}): clean them "
        "first, for a frame with dropna() or fillna()"
    )


def one_line(error: BaseException) -> str:
    """What a library said, as one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def as_array(value: object, name: str) -> Array:
    """`value` as an array of numbers, booleans or text.

    Raises
    ------
    InputError
        If it has no regular shape, or has a dtype that no row can have.
    """
    try:
        array: Array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} is no regular array ({one_line(error)}): give every row the same shape") from None
    if array.ndim == 0:
        raise InputError(f"{name} is a single {type(value).__name__}, expected an array with one entry a row")
    return array


def as_arrays(value: object, name: str) -> Arrays:
    """`value` as an array, or as several by name where it is a dict of them or an array of records.

    Raises
    ------
    InputError
        If one of them is no array, or a name can't be that of a model's input or output.
    """
    if not isinstance(value, Mapping):
        array = as_array(value, name)
        if array.dtype.names is None:
            return array
        value = {field: array[field] for field in array.dtype.names}
    if not value:
        raise InputError(f"{name} is an empty dict, expected an array for each name")
    for key in value:
        if not isinstance(key, str) or not _NAME.fullmatch(key):
            raise InputError(f"{name} has the name {key!r}: use letters, digits, '.', '_' and '-', as layers have them")
    return {key: as_array(array, f"{name}[{key!r}]") for key, array in value.items()}
