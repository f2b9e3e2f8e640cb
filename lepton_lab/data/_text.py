"""Columns of text, as CSV files have them, become numbers and booleans where they can without a loss.

pandas' own way to infer types is not used: it makes 7 of `007`, floats of `18446744073709551616`, and takes the text
`NA` of a column of countries for missing. Here a column is a number only if each of its values is, and what means
"missing" among numbers is text among text, and said.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MISSING = (
    "",
    "NA",
    "N/A",
    "n/a",
    "NaN",
    "nan",
    "NULL",
    "null",
    "None",
    "none",
    "<NA>",
    "#N/A",
    "-nan",
    "-NaN",
    "NaT",
    "\\N",
)
"""What means a missing value among numbers; among text only the first does."""
_CODE = r"^[+-]?0[0-9xX]"
_COMMA = r"^[+-]?[0-9]*,[0-9]+$|^[+-]?[0-9]+$"
_SURE_COMMA = r"^[+-]?0?,[0-9]|,[0-9]{1,2}$|,[0-9]{4,}$|^[+-]?[0-9]{4,},"
_FEW = 20
"""As many different labels may be names though they are written as numbers."""
_SPELLINGS = (("True", "False"), ("TRUE", "FALSE"), ("true", "false"))


def convert(
    columns: dict[str, pa.ChunkedArray],
    decimal: str | None,
    na_values: tuple[str, ...],
    labels: list[str],
    task: str | None = None,
    may_be_thousands: bool = False,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns as a frame of numbers, booleans and text, and what there is to say of it.

    Parameters
    ----------
    columns
        Text by column; it is taken out as it is converted, so that text and numbers aren't both in memory.
    decimal
        Before a number's fraction; None to find it out.
    na_values
        Texts that mean a missing value, besides `MISSING`.
    labels
        The columns whose values may be names: what is written `true` stays so.
    task
        What the labels are said to be for: of a classification `1.1` and `1.10` are two names.
    may_be_thousands
        Whether the file is written as where a point stands between thousands, so that it is said how `1.200` is read.
    """
    numbers: dict[str, pd.Series] = {}
    texts = {}
    has_points = False
    notes: list[str] = []
    names = list(columns)
    for name in names:
        text = columns.pop(name)
        found = _numbers(text, na_values) if decimal != "," else _with_comma(text, na_values)
        merged = _merged(text, found) if found is not None and name in labels else []
        codes = _codes(text) if found is not None and found.dtype.kind == "f" else []
        if found is None or (name in labels and task != "regression" and _are_names(found, merged, codes, task)):
            texts[name] = text
        else:
            if codes and codes == pc.unique(text).to_pylist():
                notes.append(f"{name!r}: {codes[0]!r} is read as the number {float(codes[0]):.15g}")
            if may_be_thousands and decimal is None and _has_thousands(text):
                first = text[0].as_py().strip()
                notes.append(
                    f"{name!r}: {first} is read as a number with three decimals (decimal ',' and thousands '.' in "
                    "pd.read_csv make it a whole one)"
                )
            if merged and found.nunique() <= _FEW:
                both = " and ".join(map(repr, merged))
                notes.append(f"{name!r}: {both} are one number (--task classification keeps them apart)")
            numbers[name] = found
            has_points = has_points or (found.dtype.kind == "f" and _has_point(text))
    if decimal is None and not has_points and _is_comma(texts):
        notes.append("decimal ','")
        for name in list(texts):
            found = _with_comma(texts[name], na_values)
            if found is not None:
                numbers[name] = found
                del texts[name]
    for name, text in texts.items():
        numbers[name], said = _words(text, na_values, name, name not in labels or len(labels) > 1)
        notes += said
    return pd.DataFrame({name: numbers[name] for name in names}, copy=False), tuple(notes)


def _numbers(text: pa.ChunkedArray, na_values: tuple[str, ...]) -> pd.Series | None:
    """Whole numbers or floats, NaN where they are missing; None where a value is neither."""
    found = _cast(text)
    if found is None:
        # what follows is slower, and only needed where there is more than digits
        trimmed = pc.utf8_trim_whitespace(text)
        missing = pc.is_in(trimmed, value_set=pa.array((*MISSING, *na_values), pa.string()))
        found = _cast(pc.if_else(missing, pa.scalar(None, pa.string()), trimmed))
        if found is None or found.null_count == len(found):
            return None
    values = found.to_pandas()
    unwanted = [float(value) for value in na_values if _is_float(value)]
    masked: pd.Series = values.mask(values.isin(unwanted)) if unwanted else values
    return masked


def _merged(text: pa.ChunkedArray, numbers: pd.Series) -> list[str]:
    """The first texts that would be the same number, such as `1.1` and `1.10`; none where all differ."""
    trimmed = pc.utf8_trim_whitespace(text)
    values = pc.unique(trimmed).to_pylist()
    if len(values) == numbers.nunique(dropna=False) or pc.unique(trimmed).null_count:
        return []
    by_number: dict[float, list[str]] = {}
    for value, number in zip(trimmed.to_pylist(), numbers, strict=True):
        mine = by_number.setdefault(number, [])
        if number == number and value not in mine:
            mine.append(value)
            if len(mine) > 1:
                return mine
    return []


def _codes(text: pa.ChunkedArray) -> list[str]:
    """The different texts such as `1e5`, which may be numbers or names."""
    found: list[str] = pc.unique(text.filter(pc.match_substring_regex(text, "^[0-9]+[eE][0-9]+$"))).to_pylist()
    return found


def _are_names(numbers: pd.Series, merged: list[str], codes: list[str], task: str | None) -> bool:
    """Whether labels that could be numbers are the names of classes, as they are written."""
    are_few = task is not None or numbers.nunique() <= _FEW
    return bool(merged and (task or codes)) or (bool(codes) and len(codes) == numbers.nunique() and are_few)


def _has_thousands(text: pa.ChunkedArray) -> bool:
    """Whether all values are like `1.200`."""
    return (
        bool(pc.all(pc.match_substring_regex(text, r"^\s*[+-]?[1-9][0-9]{0,2}\.[0-9]{3}\s*$")).as_py())
        and len(text) > 0
    )


def _cast(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Text as int64, uint64 or float64, the first that takes all values without a loss."""
    for dtype in (pa.int64(), pa.uint64(), pa.float64()):
        try:
            found = pc.cast(text, dtype)
        except pa.ArrowInvalid:
            continue
        if pc.any(pc.match_substring_regex(text, _CODE)).as_py():
            return None
        if dtype == pa.float64() and _are_rounded(text):
            return None
        return found
    return None


def _are_rounded(text: pa.ChunkedArray) -> bool:
    """Whether there are whole numbers that no float holds."""
    long = text.filter(pc.match_substring_regex(text, r"^[+-]?[0-9]{16,}(\.0*)?$"))
    return any(int(value.partition(".")[0]) != int(float(value)) for value in pc.unique(long).to_pylist())


def _with_comma(text: pa.ChunkedArray, na_values: tuple[str, ...]) -> pd.Series | None:
    """Numbers with a decimal comma; a point in one means something else, such as thousands."""
    if _has_point(text):
        return None
    return _numbers(pc.replace_substring(text, ",", ".", max_replacements=1), na_values)


def _has_point(text: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring(text, ".")).as_py())


def _is_comma(texts: Mapping[str, pa.ChunkedArray]) -> bool:
    """Whether some of these texts are surely numbers with a decimal comma."""
    sure = False
    for text in texts.values():
        trimmed = pc.utf8_trim_whitespace(text)
        rest = trimmed.filter(pc.invert(pc.is_in(trimmed, value_set=pa.array(MISSING, pa.string()))))
        if len(rest) and pc.all(pc.match_substring_regex(rest, _COMMA)).as_py():
            sure = sure or bool(pc.any(pc.match_substring_regex(rest, _SURE_COMMA)).as_py())
    return sure


def _words(
    text: pa.ChunkedArray, na_values: tuple[str, ...], name: str, may_be_bool: bool
) -> tuple[pd.Series, list[str]]:
    """Booleans or text, and what there is to say: words that mean missing elsewhere."""
    trimmed = pc.utf8_trim_whitespace(text)
    missing = pc.is_in(trimmed, value_set=pa.array(("", *na_values), pa.string()))
    words = pc.if_else(missing, pa.scalar(None, pa.string()), text)
    values = set(pc.unique(trimmed.filter(pc.invert(missing))).to_pylist())
    for true, false in _SPELLINGS if may_be_bool else _SPELLINGS[:1]:
        if values and values <= {true, false}:
            is_true = pc.equal(pc.if_else(missing, pa.scalar(None, pa.string()), trimmed), true)
            return is_true.to_pandas(), []
    told = sorted(values & set(MISSING))
    if not told:
        return words.to_pandas(), []
    listed = ", ".join(map(repr, told))
    rows = pc.sum(pc.is_in(trimmed, value_set=pa.array(told, pa.string()))).as_py()
    return words.to_pandas(), [
        f"{name!r}: the text {listed} ({rows:,} rows) is a value like others, not a gap; na_values {told[0]} makes it "
        f"one"
    ]


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
