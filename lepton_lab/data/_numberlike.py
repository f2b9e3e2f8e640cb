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
    mends: tuple[tuple[str, str], ...]
    """What makes numbers of a column of this name, `{name}`: the first whose pattern is in one of the texts."""

    def mend(self, texts: Sequence[str]) -> str:
        """What makes numbers of these texts, `{name}` being the column's name."""
        return next(mend for pattern, mend in self.mends if any(re.search(pattern, text) for text in texts))


def _kind(what: str, pattern: str, *mends: tuple[str, str]) -> NumberLike:
    return NumberLike(what, re.compile(rf"\s*(?:{pattern})\s*"), mends)


_GROUPED = r"\d{1,3}(?:[, '\u00a0\u202f]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?"
_PLAIN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_MONEY = r"[$€£¥₹]|USD|EUR|GBP|CHF"
_DATE_BY_DAY = r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
_DAYS = "make days of it: (pd.to_datetime(frame[{name}]{how}) - pd.Timestamp('2000-01-01'{zone})).dt.days"
_POINTS = "read it with pd.read_csv(..., thousands='.', decimal=',')"
_KINDS = (
    _kind(
        "dates",
        rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?:[T ]\d{{1,2}}:\d{{2}}.*)?|(?:{_DATE_BY_DAY}|\d{{1,2}}[-/.]\d{{1,2}}"
        r"[-/.]\d{2})(?:[T ]\d{1,2}:\d{2}.*)?"
        r"|\d{1,2}[- ](?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?[- ]\d{2,4}"
        r"|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2},? \d{4}",
        (r"^\s*\d{4}.*(?:Z|[+-]\d\d:?\d\d)\s*$", _DAYS.format(name="{name}", how=", utc=True", zone=", tz='UTC'")),
        (r"^\s*\d{1,2}\.", _DAYS.format(name="{name}", how=", dayfirst=True", zone="")),
        (
            r"^\s*\d{1,2}[-/]\d",
            _DAYS.format(name="{name}", how=", dayfirst=True", zone="") + ", or dayfirst=False where months come first",
        ),
        ("", _DAYS.format(name="{name}", how="", zone="")),
    ),
    _kind(
        "times",
        r"-?\d{1,3}:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:\s?[aApP][mM])?",
        (
            "[aApP][mM]",
            "make seconds of it: (pd.to_datetime('2000-01-01 ' + frame[{name}], format='mixed') - "
            "pd.Timestamp('2000-01-01')).dt.total_seconds()",
        ),
        (
            r"^\s*-?\d+:\d\d\s*$",
            "make seconds of it: pd.to_timedelta(frame[{name}] + ':00').dt.total_seconds() where these are hours and "
            "minutes",
        ),
        ("", "make seconds of it: pd.to_timedelta(frame[{name}].str.replace(',', '.')).dt.total_seconds()"),
    ),
    _kind(
        "percentages",
        rf"[+-]?(?:{_PLAIN}|\d+,\d+)\s?%",
        ("", "make numbers of it: frame[{name}].str.rstrip('% ').str.replace(',', '.').astype(float)"),
    ),
    _kind(
        "amounts of money",
        rf"[+-]?(?:{_MONEY})\s?[+-]?(?:{_GROUPED}|{_PLAIN}|\d+,\d+)|[+-]?(?:{_GROUPED}|{_PLAIN}|\d+,\d+)\s?(?:{_MONEY})",
        (
            r",\d{1,2}(?!\d)|,\d{4}|\.\d{3}\D*,|\.\d{3}\.",
            "make numbers of it: frame[{name}].str.replace('[^0-9,-]', '', regex=True).str.replace(',', '.')"
            ".astype(float)",
        ),
        (
            r"(?<!\d)[1-9]\d{0,2}\.\d{3}(?!\d)",
            "make numbers of it: frame[{name}].str.replace('[^0-9-]', '', regex=True).astype(float) where the point "
            "stands between thousands, else with '[^0-9.-]'",
        ),
        ("", "make numbers of it: frame[{name}].str.replace('[^0-9.-]', '', regex=True).astype(float)"),
    ),
    _kind(
        "numbers with separators between thousands, or decimal commas",
        rf"[+-]?(?:{_GROUPED})|[+-]?\d*,\d+",
        (r"\.\d{3},|\.\d{3}\.", _POINTS),
        (r"\d'\d{3}", 'read it with pd.read_csv(..., thousands="\'")'),
        (
            r"\d\s\d{3}",
            r"make numbers of it: frame[{name}].str.replace(r'\s', '', regex=True).str.replace(',', '.').astype(float)",
        ),
        (r",\d{3}(?:\.|,)", "read it with pd.read_csv(..., thousands=',')"),
        (r"\.\d{3}(?!\d)", _POINTS),
        (r",\d{1,2}(?!\d)|,\d{4}", "say that it has a decimal comma (decimal ',')"),
        ("", "say which (decimal ','), or read it with pd.read_csv(..., thousands=',')"),
    ),
    _kind(
        "numbers with a minus that isn't the keyboard's",
        rf"[\u2212\u2013](?:{_PLAIN}|\d+,\d+)",
        (
            "",
            "make numbers of it: frame[{name}].str.replace('[\u2212\u2013]', '-', regex=True).str.replace(',', '.')"
            ".astype(float)",
        ),
    ),
    _kind("numbers in brackets", rf"\((?:{_GROUPED}|{_PLAIN})\)", ("", "make negative numbers of them")),
    _kind(
        "numbers written with 0x, or of more digits than 64 bits hold",
        r"0[xX][0-9a-fA-F]+|[+-]?\d{19,}",
        ("", "make something smaller of it"),
    ),
    _kind(
        "numbers written as text",
        rf"[+-]?{_PLAIN}",
        (r"[^\x00-\x7f]", "make numbers of it, frame[{name}].map(float), or categories, .astype('category')"),
        ("", "make numbers of it, pd.to_numeric(frame[{name}]), or categories, .astype('category')"),
    ),
)
_CODE = re.compile(r"\s*[+-]?0\d[\d.]*\s*")


def are_codes(values: Sequence[str]) -> bool:
    """Whether all these texts are digits, and some begin with a 0 that a number would lose: `007`, `01234`."""
    return (
        any(map(_CODE.fullmatch, values))
        and all(re.fullmatch(r"\s*[+-]?[\d.]+\s*", value) for value in values)
        and not all(re.fullmatch(rf"\s*{_DATE_BY_DAY}\s*", value) for value in values)
    )


def number_like(values: Sequence[str]) -> tuple[NumberLike, list[str]] | None:
    """The way in which at least half of these different texts are written, and those that are; None for others.

    Among plain numbers, the way of the others is told: it is what kept the column from being numbers.
    """
    if are_codes(values):
        return None
    ways = [(kind, [value for value in values if kind.pattern.fullmatch(value)]) for kind in _KINDS]
    usual = next((way for way in ways if way[1] and 2 * len(way[1]) >= len(values)), None)
    if usual is None or usual is not ways[-1]:
        return usual
    return next((way for way in ways[:-1] if way[1]), usual)
