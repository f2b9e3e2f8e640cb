"""Every model on every road comes to the result that the committed table has for it; no result is a fault."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

import pytest

from lepton_lab import forkserver
from tests.sweep import table
from tests.sweep.cases import KINDS, LIBRARIES
from tests.sweep.sweeper import FAULT

DAILY_MODELS, DAILY_ROADS = 4, 4
"""How many models a day, and one in how many of their roads."""
PARTS = 8
"""Into which the sweep over a library's layers is cut."""


def roads() -> list[str]:
    """All roads, in the table's order."""
    from tests.sweep.roads import ROADS

    return list(ROADS)


def number_of(text: str) -> int:
    """A number that follows from a name as if it were drawn."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def differences(wanted: Iterable[tuple[str, list[str]]], log: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The results of cells, and those of them that are a fault or other than in the table."""
    child = forkserver.Child("tests.sweep.sweeper:sweep", {"wanted": list(wanted)}, log=log)
    while (message := child.receive()) is not None and message[0] == "row":
        pass
    child.close()
    assert message is not None
    assert message[0] == "result", message
    committed = table.read()
    found = [
        f"{name}, {road}: {outcome}; in the table: {committed.get(name, {}).get(road)}"
        for name, row in message[1].items()
        for road, outcome in row.items()
        if outcome.startswith(FAULT) or outcome != committed.get(name, {}).get(road)
    ]
    return message[1], found


def without_faults(rows: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The cells that the table may hold."""
    return {name: {road: one for road, one in row.items() if not one.startswith(FAULT)} for name, row in rows.items()}


@pytest.mark.timeout(900)  # half a minute on an idle machine
def test_a_share_of_the_table_holds_every_day(tmp_path: Path) -> None:
    """Of four models with such a quarter of the roads, all chosen by a hash of their names: 0.3 % of a full table.

    The number of models is fixed, so that the test costs the same however long the table is.
    """
    committed = table.read()
    drawn = (
        (name, [road for road in committed[name] if number_of(f"{name} {road}") % DAILY_ROADS == 0])
        for name in sorted(committed, key=number_of)
    )
    wanted = list(islice(((name, chosen) for name, chosen in drawn if chosen), DAILY_MODELS))
    assert len(wanted) == DAILY_MODELS
    _, found = differences(wanted, tmp_path / "log")
    assert not found, "\n".join(found)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_whole_table_holds(library: str, kind: str, part: int, tmp_path: Path) -> None:
    """Runs all cells of a part of the models, and writes what came of them into the table, but for faults."""
    names = forkserver.call("tests.sweep.cases:names", {})
    mine = [name for name in names if name.startswith(f"{library}/{kind}/") and number_of(name) % PARTS == part]
    rows, found = differences([(name, roads()) for name in mine], tmp_path / "log")
    gone = [name for name in table.read() if name.startswith(f"{library}/{kind}/") and name not in names]
    table.write({name: row for name, row in table.read().items() if name not in gone} | without_faults(rows), roads())
    assert not found, "\n".join(found)
    assert not gone
