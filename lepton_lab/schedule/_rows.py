"""Rows of a table, from whatever somebody has it in: a CSV file, a pandas DataFrame, or a list of dicts or values."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError


@dataclass(frozen=True)
class Row:
    """A row, and where it stands."""

    place: str
    """`row 2 of tasks.csv`, counted from 1 below the columns' names."""
    cells: Mapping[str, Any]
    """By column; without those that are empty."""

    def wrong(self, column: str, expected: str) -> InputError:
        """What to raise where a cell can't be used."""
        return InputError(f"{self} has {self.cells[column]!r:.80} in the column {column!r}, expected {expected}.")

    def __str__(self) -> str:
        name = self.cells.get("name")
        place = self.place if name is None else f"{self.place} ({str(name)!r:.60})"
        return place[0].upper() + place[1:]


def rows_of(source: object, what: str, kinds: tuple[type, ...]) -> Iterator[Row]:
    """The rows, in their order.

    Parameters
    ----------
    what
        What they are, for messages: `tasks`.
    kinds
        Frozen values that may stand for a row: their fields are its cells.

    Raises
    ------
    InputError
        If it is no table, or its file can't be read.
    """
    where = f"the {what}"
    if isinstance(source, str | Path):
        where, found = Path(source).name, _from_file(Path(source).expanduser(), what)
    elif hasattr(source, "columns") and hasattr(source, "notna"):  # a DataFrame, without importing pandas
        found = _from_frame(source)
    elif isinstance(source, Iterable) and not isinstance(source, Mapping):
        found = (vars(each) if isinstance(each, kinds) else each for each in source)
    else:
        raise InputError(f"The {what} are {_named(source)}: {_wanted(what, kinds)}")
    for number, cells in enumerate(found, 1):
        place = f"row {number} of {where}"
        if not isinstance(cells, Mapping) or not all(isinstance(column, str) for column in cells):
            raise InputError(f"{place.capitalize()} is {_named(cells)}: {_wanted(what, kinds)}")
        yield Row(place, {column.strip(): cell for column, cell in cells.items() if not _is_empty(cell)})


def _from_file(path: Path, what: str) -> Iterator[Mapping[str, Any]]:
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            f"There is no variable and no file {str(path)!r} with {what}: give one of the two, and a CSV file's path."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as CSV ({error}): save it as UTF-8 text.") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    table = csv.DictReader(text.splitlines(), delimiter=separator, strict=True)
    try:
        for number, row in enumerate(table, 1):
            if None in row:
                raise InputError(f"Row {number} of {path.name} has more cells than there are columns: mend it.")
            yield row
    except csv.Error as error:
        raise InputError(f"{path.name} can't be read as CSV (line {table.line_num}: {error}): mend it.") from None


def _from_frame(frame: Any) -> Iterator[Mapping[str, Any]]:
    cells: list[Mapping[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    yield from cells


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, float) and cell != cell)


def _named(value: object) -> str:
    return f"{value!r:.60} ({type(value).__name__})"


def _wanted(what: str, kinds: tuple[type, ...]) -> str:
    names = " or ".join(kind.__name__ for kind in kinds)
    return f"give a list of {names}, or of dicts, a pandas DataFrame, or a CSV file's path."
