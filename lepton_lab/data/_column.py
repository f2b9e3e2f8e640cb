"""One column of a table becomes a feature, a label or weights; or is refused with a word on what to do.

What pandas' dtype is doesn't count, but what the values are: whole numbers of any width, signed or not, nullable or
Arrow's or Python's own in a column of objects; decimals; booleans; text; categories.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from lepton_lab.data._base import Array, is_exact, missing_labels, not_finite
from lepton_lab.data._numberlike import are_codes, number_like
from lepton_lab.errors import DataError
from lepton_lab.runtime import LostNumberError, from_python

MAX_CATEGORIES = 32
_FEW = 20
"""As many different labels are classes whatever they are."""
_NUMBERS = ("boolean", "integer", "floating", "decimal", "mixed-integer-float")
_MENDS = {
    "datetime64": "make numbers of it, such as (frame[{name}] - frame[{name}].min()).dt.days",
    "timedelta64": "make numbers of it: frame[{name}].dt.total_seconds()",
    "bytes": "make text of it: frame[{name}].str.decode('utf-8')",
    "complex": "make two columns of it, its real and its imaginary part",
    "mixed-integer": "give all its values one type",
    "mixed": "make a column of each value that is in it, or give arrays x and y",
    "date": "make numbers of it, such as (pd.to_datetime(frame[{name}]) - pd.Timestamp('2000-01-01')).dt.days",
    "period": "make numbers of it, such as frame[{name}].dt.year",
}


def kind_of(column: pd.Series) -> str:
    """What the values are, in pandas' words: `integer`, `floating`, `string`, `categorical`, `mixed`, ..."""
    return pd.api.types.infer_dtype(column, skipna=False)


def feature(column: pd.Series) -> tuple[list[str], Array, str]:
    """One source column as names, float64 (rows, names), and what there is to say of it, or nothing.

    Raises
    ------
    DataError
        If values are missing, are none that a model can take, or would be rounded.
    """
    column = _plain(column)
    name = str(column.name)
    missing = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise not_finite(f"column {name!r}", int(missing.sum()), int(missing.argmax()), f"drop {name}")
    kind = kind_of(column)
    if kind in _NUMBERS:
        numbers = _numbers(column, kind)
        if numbers.dtype.kind in "iuO":
            check_whole(
                numbers, f"column {name!r}", f"drop it if it is an id (drop {name}), else make it a float or smaller"
            )
        with np.errstate(over="ignore"):
            return [name], numbers.astype(np.float64)[:, None], ""
    if kind not in ("string", "categorical"):
        raise _unusable(f"column {name!r}", column, kind, f", or drop it (drop {name})")
    said = ""
    if kind == "categorical":
        texts = _category_texts(column)
        said = _unused(column)
        codes, values = pd.factorize(np.array(texts, dtype=object)[column.cat.codes.to_numpy()], sort=True)
    else:
        codes, values = pd.factorize(column.to_numpy(dtype=object), sort=True)
        _check_text(f"column {name!r}", column, list(values), f"; or drop it (drop {name})")
    if len(values) > MAX_CATEGORIES:
        codes_said = ", numbers with leading zeros," if are_codes(list(values)) else ""
        raise DataError(
            f"column {name!r} has text{codes_said} of {len(values):,} different values, such as {values[0]!r}; at most "
            f"{MAX_CATEGORIES} become columns of 0 and 1: drop it (drop {name}), or make it numbers or fewer categories"
        )
    one_hot = codes[:, None] == np.arange(len(values))
    return [f"{name}={value}" for value in values], one_hot.astype(np.float64), said


def label(column: pd.Series) -> tuple[Array, tuple[str, ...], str]:
    """Labels as bool, whole numbers, float64 or text; the order of the classes, if any; and what there is to say.

    Raises
    ------
    DataError
        If one is missing, or they are nothing that can be learnt.
    """
    column = _plain(column)
    name = str(column.name)
    order: tuple[str, ...] = ()
    said = ""
    missing = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise missing_labels(name, int(missing.sum()), len(column), int(missing.argmax()))
    if isinstance(column.dtype, pd.CategoricalDtype):
        texts = _category_texts(column)
        said = _unused(column)
        if column.cat.ordered:
            used = set(column.cat.codes)
            order = tuple(text for code, text in enumerate(texts) if code in used)
        is_plain = kind_of(pd.Series(column.cat.categories)) in (*_NUMBERS, "string")
        named = np.array(texts, dtype=object)[column.cat.codes.to_numpy()]
        column = (
            column.astype(column.cat.categories.dtype) if is_plain else pd.Series(named, dtype=object, name=column.name)
        )
    kind = kind_of(column)
    if kind in _NUMBERS:
        numbers = _numbers(column, kind)
        if numbers.dtype == object:  # beyond 64 bits: names
            return np.array([str(number) for number in numbers], dtype=object), order, said
        return numbers, order, said
    if kind != "string":
        raise _unusable(f"label column {name!r}", column, kind, "")
    if not order:
        values = list(pd.unique(column))
        if len(values) > _FEW:
            _check_text(f"label column {name!r}", column, values, "")
        if len(values) > max(_FEW, len(column) / 2):
            said = (
                f"{name!r}: the text has {len(values):,} different values in {len(column):,} rows, each of them a class"
            )
    return column.to_numpy(dtype=object), order, said


def weights(column: pd.Series) -> Array:
    """Weights as float64; missing ones are NaN, which is refused where weights are checked."""
    numbers = column.dropna()
    kind = kind_of(numbers)
    if len(numbers) and kind not in _NUMBERS:
        raise DataError(f"weight column {column.name!r} has the type {column.dtype}, expected numbers")
    found = np.full(len(column), np.nan)
    found[column.notna().to_numpy(dtype=bool)] = _numbers(numbers, kind).astype(np.float64) if len(numbers) else 0.0
    return found


def check_whole(numbers: Array, where: str, mend: str) -> None:
    """Raise DataError where float32 can't hold a whole number as it is."""
    is_held = is_exact(numbers)
    if not is_held.all():
        first = int(is_held.argmin())
        raise DataError(
            f"{where} has whole numbers that float32 can't hold exactly (the first is {numbers[first]} in row "
            f"{first + 1:,}): "
            f"{mend}"
        )


def _numbers(column: pd.Series, kind: str) -> Array:
    """Numbers without gaps as bool, int64, uint64 or float64; as Python's own where 64 bits don't hold them."""
    if kind == "boolean":
        return column.to_numpy(dtype=bool)
    if column.dtype != object and kind != "decimal":
        values: Array = column.to_numpy()
        return values.astype(np.uint64 if values.dtype.kind == "u" else np.int64 if kind == "integer" else np.float64)
    try:
        return from_python(column.to_numpy(dtype=object))
    except LostNumberError as lost:
        raise DataError(
            f"column {str(column.name)!r} has floats, and whole numbers beside them that no float holds (the first is "
            f"{lost.value} in row {lost.place[0] + 1:,}): give all its values one type"
        ) from None


def _plain(column: pd.Series) -> pd.Series:
    """Arrow's dictionary as pandas' categories, and a view of its strings as text; any other column as it is."""
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith("string_view"):
        texts = pa.array(column.array).cast(pa.string()).to_pandas()  # pandas itself knows no views
        return pd.Series(texts.to_numpy(dtype=object), column.index, name=column.name)
    if isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith("dictionary"):
        return column.astype("category")
    return column


def _category_texts(column: pd.Series) -> list[str]:
    """What the categories are called, each by a name of its own."""
    texts = [str(category) for category in column.cat.categories]
    twice = next((text for text in texts if texts.count(text) > 1), None) if len(set(texts)) < len(texts) else None
    if twice is not None:
        raise DataError(
            f"column {column.name!r} has two categories that are both written {twice!r}: give them the same type, or "
            f"other names"
        )
    return texts


def _unused(column: pd.Series) -> str:
    """What to say of categories that no row has."""
    unused = column.cat.categories[~np.isin(np.arange(len(column.cat.categories)), column.cat.codes)]
    if not len(unused):
        return ""
    more = ", ..." if len(unused) > 8 else ""
    return f"{column.name!r}: no row has the categories {', '.join(map(str, unused[:8]))}{more}, so they are left out"


def _check_text(where: str, column: pd.Series, values: list[str], other_way: str) -> None:
    """Raise DataError where text stands for numbers."""
    if not are_codes(values):
        other, first = _no_numbers(column)
        if 0 < other < len(column) / 2:
            raise _no_numbers_among(where, column, other, first)
    found = number_like(values)
    if found is not None:
        kind, texts = found
        mend = kind.mend(texts).replace("{name}", repr(str(column.name)))
        raise DataError(f"{where} is text that stands for {kind.what} ({texts[0]!r}): {mend}{other_way}")


def _no_numbers(column: pd.Series) -> tuple[int, int]:
    """How many texts are no numbers, and the first such row."""
    other = pd.to_numeric(column.astype(object), errors="coerce").isna().to_numpy(dtype=bool)
    return int(other.sum()), int(other.argmax())


def _no_numbers_among(where: str, column: pd.Series, other: int, first: int) -> DataError:
    return DataError(
        f"{where} has {other:,} values that are no numbers among numbers (the first is {column.iloc[first]!r} in row "
        f"{first + 1:,}): mend or drop these rows"
    )


def _unusable(where: str, column: pd.Series, kind: str, other_way: str) -> DataError:
    mend = _MENDS.get(kind, "convert it").format(name=repr(str(column.name)))
    types = sorted({type(value).__name__ for value in column.head(1000)}) if column.dtype == object else []
    of = f" of {', '.join(types)}" if types else ""
    return DataError(f"{where} has the type {column.dtype}{of}, expected numbers, booleans or text: {mend}{other_way}")
