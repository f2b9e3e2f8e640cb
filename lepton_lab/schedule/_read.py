"""Tasks and machines from the rows of a table."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.schedule._rows import Row, rows_of
from lepton_lab.types import Machine, Task

_TASK = ("name", "demand", "priority", "deadline", "num_bytes", "at")
_MACHINE = ("name", "kind", "capacity", "ready", "slowness", "bytes_per_second")


def read_tasks(source: object) -> tuple[Task, ...]:
    """Tasks from a table: a column of seconds for each kind of device, besides those that all tables have.

    Raises
    ------
    InputError
        Names the row and the column that can't be used.
    """
    return tuple(map(_task, rows_of(source, "tasks", (Task,))))


def read_machines(source: object) -> tuple[Machine, ...]:
    """Machines from a table.

    Raises
    ------
    InputError
        Names the row and the column that can't be used.
    """
    return tuple(map(_machine, rows_of(source, "machines", (Machine,))))


def _task(row: Row) -> Task:
    seconds = row.cells.get("seconds", {})
    if not isinstance(seconds, Mapping):
        raise row.wrong("seconds", "a column for each kind of device instead, such as cpu or gpu")
    cells = {column: cell for column, cell in row.cells.items() if column != "seconds"} | dict(seconds)
    row = Row(row.place, cells)
    kinds = [column for column in cells if column not in _TASK]
    for kind in kinds:
        near = difflib.get_close_matches(kind.lower(), _TASK, n=1, cutoff=0.8)
        if near:
            raise InputError(f"{row} has a column {kind!r}: is {near[0]!r} meant? Call it so, or quite differently.")
    name = _name(row)
    if not kinds:
        raise InputError(f"{row} has no seconds: give them in a column for each kind of device, such as cpu or gpu.")
    return Task(
        name,
        {kind: _number(row, kind, f"seconds, or nothing where {kind} can't do it") for kind in kinds},
        _number(row, "demand", default=0.0),
        int(_number(row, "priority", "a whole number", least=-math.inf, is_whole=True, default=0.0)),
        _number(row, "deadline", "seconds from now") if "deadline" in cells else None,
        int(_number(row, "num_bytes", "a number of bytes", is_whole=True, default=0.0)),
        _names(row, "at"),
    )


def _machine(row: Row) -> Machine:
    for column in row.cells:
        if column not in _MACHINE:
            raise UnknownNameError("column", column, _MACHINE, f"{row} has it.")
    bound, speed = "capacity" in row.cells, "bytes_per_second" in row.cells
    return Machine(
        _name(row),
        str(row.cells.get("kind", "cpu")).strip(),
        _number(row, "capacity", "a number from 0 on, or nothing for no bound") if bound else None,
        _number(row, "ready", "seconds from now", default=0.0),
        _number(row, "slowness", "a number above 0", least=math.ulp(0.0), default=1.0),
        _number(row, "bytes_per_second", "a number above 0", least=math.ulp(0.0)) if speed else None,
    )


def _name(row: Row) -> str:
    if "name" not in row.cells:
        columns = ", ".join(row.cells) or "no column"
        raise InputError(f"{row} has no name: give it one in the column 'name' (it has {columns}).")
    return str(row.cells["name"]).strip()


def _number(
    row: Row,
    column: str,
    expected: str = "a number from 0 on",
    *,
    least: float = 0.0,
    is_whole: bool = False,
    default: float | None = None,
) -> float:
    if column not in row.cells and default is not None:
        return default
    cell: Any = row.cells[column]
    try:
        value = float(cell) if isinstance(cell, str | Real) and not isinstance(cell, bool) else math.nan
    except ValueError:
        value = math.nan
    if not (least <= value < math.inf) or (is_whole and value != int(value)):
        raise row.wrong(column, expected)
    return value


def _names(row: Row, column: str) -> tuple[str, ...]:
    """Names of machines: a list, or a text with commas, semicolons or spaces between."""
    cell: Any = row.cells.get(column, ())
    if isinstance(cell, str):
        return tuple(name for name in re.split(r"[,;\s]+", cell) if name)
    if not isinstance(cell, list | tuple | set | frozenset):
        raise row.wrong(column, "names of machines with spaces between")
    return tuple(map(str, cell))
