"""What every source gives, and the checks that several of them share.

A source is a file `_<format>.py` with one function, imported when it is asked for::

    def read(source, columns, report) -> Raw

It only reads, or just maps. What holds for all sources (labels to numbers, channel axes, scaling, the hold-out) is done
after it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.data._tables import is_frame, of_frame
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Progress, Report
from lepton_lab.runtime import exact_array
from lepton_lab.types import Scaling

Array = NDArray[Any]
Arrays = Array | Mapping[str, Array]
"""One array, or several by name."""
WHITE_SPACE = r"\s+"
"""The separator of values with any white space between, as pandas writes it."""
USUAL_LABELS = ("label", "target")
"""Columns that are taken for the label where none is named."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written, with pandas' names and meanings; what is None is found out."""

    sep: str | None = None
    """Between two values: one character, or `\\s+` for any white space."""
    decimal: str | None = None
    """Before a number's fraction: `.` or `,`."""
    encoding: str | None = None
    """As Python's codecs are called: `utf-8`, `latin-1`."""
    na_values: tuple[str, ...] = ()
    """Texts that mean a missing value, besides the usual ones."""
    no_header: bool = False
    """Whether the first line is a row already, so that columns are called 0, 1, ..."""

    def refuse(self, origin: str) -> None:
        """Raise InputError where something was told of a source that is no CSV file."""
        for name, default in vars(FOUND_OUT).items():
            if getattr(self, name) != default:
                raise InputError(f"{origin} is no CSV file, so {name} has no meaning for it: leave it out")


FOUND_OUT = Dialect()


def dialect(
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na_values: str | float | Sequence[str | float] | None = None,
    no_header: bool = False,
) -> Dialect:
    """How a CSV file is written, as it was told: texts with commas between are several, a written `\\t` is a tab.

    Raises
    ------
    InputError
        If that can't be.
    """
    sep = {"\\t": "\t", "tab": "\t"}.get(sep, sep) if sep is not None else None
    if sep not in (None, WHITE_SPACE) and (len(sep or "") != 1 or sep in ('"', "\n", "\r")):
        raise InputError(f"sep is {sep!r}, expected one character, such as ';', or {WHITE_SPACE} for white space")
    if decimal not in (None, ".", ","):
        raise InputError(f"decimal is {decimal!r}, expected '.' or ','")
    if sep is not None and sep == decimal:
        raise InputError(f"sep and decimal are both {sep!r}, expected two characters that differ")
    if encoding is not None:
        try:
            "".encode(encoding)
        except (LookupError, ValueError):
            raise InputError(
                f"encoding is {encoding!r}, expected one that Python knows, such as utf-8 or latin-1"
            ) from None
    texts = [] if na_values is None else na_values.split(",") if isinstance(na_values, str) else na_values
    texts = texts if isinstance(texts, Sequence) else [texts]
    return Dialect(sep, decimal, encoding, tuple(str(text).strip() for text in texts), no_header)


def column_names(given: object, what: str) -> str | None:
    """The name of a column, or of several with commas between, from text, a number, or a list of these.

    Raises
    ------
    InputError
        If it is something else.
    """
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, (list, tuple)) and given:
        return ",".join(str(column_names(one, what)) for one in given)
    if isinstance(given, int | np.integer):
        return str(given)
    came = repr(given) if len(repr(given)) < 60 else f"a {type(given).__name__}"
    raise InputError(f"{what} is {came}, expected the name of a column, or of several")


@dataclass(frozen=True)
class Columns:
    """What was told in `load` of the columns; it has a meaning for tables only."""

    label: str | None = None
    """To learn; several with commas between."""
    weight: str | None = None
    """How much each row counts."""
    drop: str | None = None
    """To be left out; several with commas between."""
    dialect: Dialect = FOUND_OUT
    """How their file is written, for CSV."""
    task: str | None = None
    """What the labels are for: in a text file `1.1` and `1.10` are one number, and two names of classes."""

    @property
    def label_names(self) -> list[str]:
        """What the columns of labels may be called."""
        return list(USUAL_LABELS) if self.label is None else [self.label, *map(str.strip, self.label.split(","))]

    @property
    def drop_names(self) -> list[str]:
        """What the columns may be called that are to be left out."""
        return [] if self.drop is None else list(dict.fromkeys([self.drop, *map(str.strip, self.drop.split(","))]))

    def refuse(self, origin: str) -> None:
        """Raise InputError where something was told of the columns of a source that has none."""
        if self.label is not None:
            raise InputError(f"{origin} brings its labels along and has no column {self.label!r}: leave the label out")
        if self.weight is not None:
            raise InputError(
                f"{origin} has no columns, so no column {self.weight!r} of weights: give weights as an array"
            )
        if self.drop is not None:
            raise InputError(f"{origin} has no columns, so no column {self.drop!r} to drop: leave it out")
        self.dialect.refuse(origin)


@dataclass(frozen=True)
class Raw:
    """Rows as a source has them."""

    splits: Mapping[str, tuple[Arrays, Arrays]]
    """x of shape (rows, ...) and y of shape (rows,) or (rows, k) by split, each one array or several by name; `test`
    and `validation` only where the source has them of its own."""
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
    classes: tuple[str, ...] = ()
    """The order of the classes, where the source has one."""
    notes: tuple[str, ...] = ()
    """What was guessed, and what was left out, for a person."""


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


def not_finite(where: str, count: int, first: int, other_way: str = "") -> DataError:
    """The error for features that are missing or infinite; `first` counts rows from 0."""
    return DataError(
        f"{where} has {count:,} missing or infinite values (the first in row {first + 1:,}): clean them first, for a "
        "frame with replace([float('inf'), float('-inf')], float('nan')) and then dropna() or fillna()"
        f"{f', or leave the column out ({other_way})' if other_way else ''}"
    )


def is_exact(numbers: Array, dtype: type[np.floating[Any]] = np.float32) -> Array:
    """Of each number whether a float holds it as it is, if it is a whole one; floats are measured, and always are."""
    if numbers.dtype == object:
        return np.array([int(dtype(min(abs(number), 2**100))) == abs(number) for number in numbers], bool)
    if numbers.dtype.kind not in "iu" or numbers.dtype.itemsize < 4:
        return np.ones(numbers.shape, bool)
    held = numbers.astype(dtype)
    with np.errstate(invalid="ignore"):
        # what is rounded up to 2^63 or 2^64 is beyond the type, and may come back as anything
        exact: Array = (held < float(np.iinfo(numbers.dtype).max)) & (held.astype(numbers.dtype) == numbers)
    return exact


def missing_texts(where: str, count: int, first: int) -> DataError:
    """The error for rows that lack a text; `first` counts from 0."""
    return DataError(
        f"{where} has {count:,} rows without a text (the first is row {first + 1:,}): drop these rows or give them one"
    )


def is_missing(value: object) -> bool:
    """Whether one of an array's objects stands for a value that isn't there."""
    if isinstance(value, float | np.floating | Decimal):
        return value != value
    return value is None or type(value).__name__ in ("NAType", "NaTType")  # of pandas, which may not be there


def has_halves(texts: Array) -> bool:
    """Whether texts, of dtype `<U`, can't be written, since they have halves of characters (lone surrogates)."""
    codes = np.ascontiguousarray(texts).reshape(-1).view(np.uint32)
    return bool(((codes >= 0xD800) & (codes <= 0xDFFF)).any())


def one_line(error: BaseException) -> str:
    """What a library said, as one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def as_array(value: object, name: str) -> Array:
    """`value` as an array of numbers, booleans or text.

    Raises
    ------
    InputError
        If it has no regular shape, or has a dtype that no row can have.
    DataError
        If it is a masked array with values that are masked, which means missing.
    """
    parts = value if isinstance(value, (list, tuple)) else ()
    if len({isinstance(part, bool | np.bool_) for part in parts if isinstance(part, Number | np.bool_)}) > 1:
        raise InputError(f"{name} has numbers beside True or False, which would be 1 or 0: make them all of one kind")
    if is_frame(value):
        value = of_frame(value, name)
    try:
        if isinstance(value, np.ma.MaskedArray):
            _refuse_masked(value, name)
        elif any(isinstance(part, np.ma.MaskedArray) for part in parts):
            _refuse_masked(np.ma.stack(list(parts)), name)
        array: Array = exact_array(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} is no regular array ({one_line(error)}): give every row the same shape") from None
    if hasattr(value, "toarray"):
        raise InputError(f"{name} is a sparse {type(value).__name__}, expected an array: give {name}.toarray()")
    if array.ndim == 0:
        raise InputError(f"{name} is a single {type(value).__name__}, expected an array with one entry a row")
    return array


def check_same_index(one: object, other: object, name: str, other_name: str) -> None:
    """Raise InputError where two of pandas' objects have indexes that differ, so that rows may not belong together."""
    index: Any = getattr(one, "index", None)
    other_index: Any = getattr(other, "index", None)
    if not hasattr(index, "equals") or not hasattr(other_index, "equals") or len(index) != len(other_index):
        return  # no pandas, or a matter of their lengths
    if not index.equals(other_index):
        raise InputError(
            f"{name} and {other_name} have indexes that differ, so it isn't clear which rows belong together: give "
            f"{other_name}.to_numpy() to go by their order, or {other_name}.loc[{name}.index] to go by their index"
        )


def _refuse_masked(array: Array, name: str) -> None:
    """Raise DataError where values are masked: below the mask there may be anything."""
    mask: Array = np.ma.getmaskarray(array)
    if mask.dtype.names is not None:  # records have a mask for each field
        mask = np.stack([mask[field].reshape(len(mask), -1).any(axis=1) for field in mask.dtype.names], axis=1)
    masked = mask.reshape(len(mask), -1).any(axis=1) if mask.ndim else mask.reshape(1)
    if masked.any():
        raise DataError(
            f"{name} has {int(mask.sum()):,} masked values, which are missing ones (the first is in row "
            f"{int(masked.argmax()) + 1:,}): drop these rows, or say with .filled(...) what stands for them"
        )


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
