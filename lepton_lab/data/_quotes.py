"""What quotation marks mean in a CSV file: that what they enclose is one value, or just what they are.

pandas takes a mark at a value's beginning for the first of two wherever the second may be, in another row if need be,
and leaves out what it makes of the rest. So a file that has any is read by the rules first (RFC 4180, section 2), value
by value, by Python's own `csv`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lepton_lab.data import _dialect
from lepton_lab.data._base import WHITE_SPACE
from lepton_lab.errors import DataError

_AS_THEY_ARE: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
_ESCAPED: dict[str, Any] = {"escapechar": "\\", "doublequote": False}


def quoting(path: Path, layout: _dialect.Layout) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Settings for `pandas.read_csv`, and what there is to say of them.

    Raises
    ------
    DataError
        If marks enclose no values, and aren't parts of some either.
    """
    marks = set().union(*({mark for mark in (b'"', b"\\") if mark in block} for block in _blocks(path)))
    if layout.sep == WHITE_SPACE or b'"' not in marks:
        return {}, ()
    wrong, multiline = _checked(path, layout, {})
    if wrong is None and not multiline:
        return {}, ()
    if _checked(path, layout, _AS_THEY_ARE)[0] is None:
        return _AS_THEY_ARE, ("quotation marks are parts of values: some have no second one",)
    if wrong is None:
        return {}, (f"{multiline:,} rows have values of several lines, in quotation marks",)
    if b"\\" in marks and _checked(path, layout, _ESCAPED)[0] is None:
        return _ESCAPED, ("quotation marks within values have a backslash before them",)
    raise DataError(
        f"{path} has a quotation mark that isn't closed at its value's end, or not at all (line {wrong}): double those "
        "within values, and enclose the value in two others"
    )


def _checked(path: Path, layout: _dialect.Layout, settings: dict[str, Any]) -> tuple[int | None, int]:
    """The number of the first line that breaks the rules, if any, and how many rows have several lines.

    With settings that are a guess, each line must also have as many values as there are names.
    """
    before, multiline = 0, 0
    with _lines(path, layout) as lines, _dialect.large_values():
        reader = csv.reader(lines, delimiter=layout.sep, strict=True, skipinitialspace=layout.is_spaced, **settings)
        try:
            for values in reader:
                if settings and len(values) not in (0, len(layout.names)):
                    break
                if settings is _AS_THEY_ARE and any(len(one) > 1 and one[0] == one[-1] == '"' for one in values):
                    break
                multiline += reader.line_num > before + 1
                before = reader.line_num
            else:
                return None, multiline
        except csv.Error:
            pass
    return before + 1 + layout.num_skipped, multiline


@contextmanager
def _lines(path: Path, layout: _dialect.Layout) -> Iterator[io.TextIOWrapper]:
    with io.TextIOWrapper(_dialect.open_bytes(path), layout.encoding, newline="") as stream:
        for _ in range(layout.num_skipped):
            stream.readline()
        yield stream


def _blocks(path: Path) -> Iterator[bytes]:
    with _dialect.open_bytes(path) as stream:
        while block := stream.read(2**20):
            yield block
