"""Text that stands for a number, an amount or a point in time, and how to make numbers of it.

Left alone, a column of such text would become a column of 0 and 1 for each different value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class NumberLike:
    """A way in which numbers are written that isn't one that is read as a number."""

    what: str
    """In words: `amounts of money`."""
    pattern: re.Pattern[str]
    """Of a whole text."""
    mend: str
    """What makes numbers of a column of this name, `{name}`."""


def _kind(what: str, pattern: str, mend: str) -> NumberLike:
    return NumberLike(what, re.compile(rf"\s*(?:{pattern})\s*"), mend)


_GROUPED = r"\d{1,3}(?:[, '\u00a0\u202f]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?"
_PLAIN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_MONEY = r"[$€£¥₹]|USD|EUR|GBP|CHF"
_KINDS = (
    _kind(
        "dates",
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?:[T "
        r"]\d{1,2}:\d{2}.*)?"
        r"|\d{1,2}[- ](?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?[- ]\d{2,4}"
        r"|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2},? \d{4}",
        "make days of it: (pd.to_datetime(frame[{name}]) - pd.Timestamp('2000-01-01')).dt.days",
    ),
    _kind(
        "times",
        r"-?\d{1,3}:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:\s?[aApP][mM])?",
        "make seconds of it: pd.to_timedelta(...).dt.total_seconds()",
    ),
    _kind(
        "percentages",
        rf"[+-]?(?:{_PLAIN}|\d+,\d+)\s?%",
        "make numbers of it: frame[{name}].str.rstrip('%').astype(float)",
    ),
    _kind(
        "amounts of money",
        rf"[+-]?(?:{_MONEY})\s?[+-]?(?:{_GROUPED}|{_PLAIN})|[+-]?(?:{_GROUPED}|{_PLAIN}|\d+,\d+)\s?(?:{_MONEY})",
        "make numbers of it: frame[{name}].str.replace('[^0-9.-]', '', regex=True).astype(float)",
    ),
    _kind(
        "numbers with separators between thousands, or decimal commas",
        rf"[+-]?(?:{_GROUPED})|[+-]?\d*,\d+",
        "say which (decimal ','), or read it with pd.read_csv(..., thousands=',')",
    ),
    _kind(
        "numbers with a minus that isn't the keyboard's",
        rf"[\u2212\u2013](?:{_PLAIN}|\d+,\d+)",
        "make numbers of it: frame[{name}].str.replace('\u2212', '-').astype(float)",
    ),
    _kind("numbers in brackets", rf"\((?:{_GROUPED}|{_PLAIN})\)", "make negative numbers of them"),
    _kind(
        "numbers written with 0x, or of more digits than 64 bits hold",
        r"0[xX][0-9a-fA-F]+|[+-]?\d{19,}",
        "make something smaller of it",
    ),
    _kind(
        "numbers written as text",
        rf"[+-]?{_PLAIN}",
        "make numbers of it, pd.to_numeric(frame[{name}]), or categories, .astype('category')",
    ),
)
_CODE = re.compile(r"\s*[+-]?0\d[\d.]*\s*")


def are_codes(values: Sequence[str]) -> bool:
    """Whether all these texts are digits, and some begin with a 0 that a number would lose: `007`, `01234`."""
    return any(map(_CODE.fullmatch, values)) and all(re.fullmatch(r"\s*[+-]?[\d.]+\s*", value) for value in values)


def number_like(values: Sequence[str]) -> tuple[NumberLike, str] | None:
    """The way in which at least half of these different texts are written, and the first such text; None for others."""
    if are_codes(values):
        return None
    for kind in _KINDS:
        found = [value for value in values if kind.pattern.fullmatch(value)]
        if found and 2 * len(found) >= len(values):
            return kind, found[0]
    return None
