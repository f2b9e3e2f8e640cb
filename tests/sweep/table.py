"""The sweep's table: a model a line, a road a column, the reasons of refusals below."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tests.sweep.sweeper import REFUSED, WORKS

FILE = Path(__file__).with_name("TABLE.md")
Row = Mapping[str, str]
_HEAD = """\
# Every layer, every road

Each layer and activation of both libraries in the smallest sensible model, and twenty architectures, on every road:
see `roads.py`. `+` works; a letter and a number stand for a refusal, whose line is below. What is empty, and models
that are not in the table, were not run. `make soak` runs all and writes this file; `make test` runs a part of it.
"""


def read() -> dict[str, dict[str, str]]:
    """Results by model and road, as they are committed."""
    if not FILE.is_file():
        return {}
    lines = FILE.read_text().splitlines()
    reasons = {key: line for key, _, line in (one[2:].partition(": ") for one in lines if one.startswith("- "))}
    cells = [[part.strip() for part in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    if not cells:
        return {}
    roads = cells[0][1:]
    return {
        name: {
            road: WORKS if key == "+" else REFUSED + reasons[key] for road, key in zip(roads, keys, strict=True) if key
        }
        for name, *keys in cells[2:]
    }


def write(rows: Mapping[str, Row], roads: list[str]) -> None:
    """Write the table; no result is a fault."""
    outcomes = sorted({outcome for row in rows.values() for outcome in row.values()})
    keys = {outcome: "+" if outcome == WORKS else _key(outcome) for outcome in outcomes}
    keys[""] = ""  # was not run
    width = max((len(name) for name in rows), default=5)
    lines = [_HEAD, _line("model".ljust(width), roads), _line("-" * width, ["-" * len(road) for road in roads])]
    for name in sorted(rows):
        cells = [keys[rows[name].get(road, "")].ljust(len(road)) for road in roads]
        lines.append(_line(name.ljust(width), cells))
    refusals = sorted((key, outcome.removeprefix(REFUSED)) for outcome, key in keys.items() if key not in "+")
    lines += ["", *(f"- {key}: {reason}" for key, reason in refusals)]
    FILE.write_text("\n".join(lines) + "\n")


def _key(outcome: str) -> str:
    """Follows from the line alone, so that a new refusal changes no other line of the file."""
    return f"r{int(hashlib.sha256(outcome.encode()).hexdigest(), 16) % 10000:04}"


def _line(name: str, cells: list[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"
