"""What every source gives, and the checks that several of them share.

A source is a file `_<format>.py` with one function, imported when it is asked for::

    def read(source, label, report) -> Raw

It only reads. What holds for all sources (labels to numbers, channel axes, scaling, the hold-out) is done after it.
"""

from __future__ import annotations

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


@dataclass(frozen=True)
class Raw:
    """Rows as a source has them."""

    splits: Mapping[str, tuple[Array, Array]]
    """x of shape (rows, ...) and y of shape (rows,) by split; `test` only where the source has one of its own."""
    origin: str
    """Where the rows came from, for a person."""
    label: str = "label"
    """What the labels are called."""
    columns: tuple[str, ...] = ()
    """Names of the columns, for tables."""
    scaling: Scaling | None = None
    """Where the source knows it; otherwise it is found from the training rows."""


class Ticker:
    """Tells how work goes on, at most five times a second."""

    def __init__(self, report: Report, task: str) -> None:
        self._report, self._task, self._last = report, task, 0.0

    def __call__(self, message: str, fraction: float | None = None) -> None:
        now = time.monotonic()
        if now - self._last >= 0.2 or fraction == 1.0:
            self._last = now
            self._report(Progress(self._task, message, fraction))


def refuse_label(label: str | None, origin: str) -> None:
    """Raise InputError where a label column was named for a source that has no columns."""
    if label is not None:
        raise InputError(f"{origin} brings its labels along and has no column {label!r}: leave the label out")


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
