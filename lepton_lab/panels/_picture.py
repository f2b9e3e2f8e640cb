"""What a panel shows, said once for both its drawings: the live one by Bokeh and the static one in SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, which the colour-blind can tell apart, less the two that vanish on white or on black.

https://jfly.uni-koeln.de/color/
"""
DASHES = ((), (6, 3), (2, 2))
"""With more lines than colours, the colours come again dashed."""
Look = tuple[str, tuple[int, ...]]
"""Colour and dash."""
INK = "#777777"
"""Text and axes: reads on white and on JupyterLab's dark ground alike."""


@dataclass(frozen=True)
class Line:
    """One line of a plot: a column of a history."""

    name: str
    history: str
    """The history's key in the panel."""
    column: str
    color: str
    dash: tuple[int, ...] = ()
    points: bool = False
    """Whether each row has a dot: for rows that are few, of which there may be only one."""


@dataclass(frozen=True)
class Plot:
    """One pair of axes; time is the horizontal one, the same for all plots of a picture."""

    title: str
    """What it shows, in which unit, with the figure of the moment or the peak."""
    unit: str
    """For the value under the pointer."""
    lines: tuple[Line, ...]
    from_zero: bool = True
    """Whether the vertical axis starts at 0."""
    digits: int = 1
    """Decimals in the hover text."""

    @property
    def key(self) -> tuple[object, ...]:
        """What can't change without drawing anew; the title can."""
        return self.unit, self.lines, self.from_zero


@dataclass(frozen=True)
class Picture:
    """What a panel shows at one moment."""

    title: str
    plots: tuple[Plot, ...]
    legend: tuple[Line, ...] = ()
    """The lines that stand for a name in several plots."""
    marks: str = ""
    """The history whose rows are marked by a vertical line in every plot."""

    @property
    def key(self) -> tuple[object, ...]:
        """What can't change without drawing anew."""
        return tuple(plot.key for plot in self.plots), self.marks


def styles(names: Iterable[str]) -> dict[str, Look]:
    """Colour and dash for each name, by its place in natural order (w2 before w10)."""
    return {
        name: (COLORS[i % len(COLORS)], DASHES[i // len(COLORS) % len(DASHES)]) for i, name in enumerate(natural(names))
    }


def natural(names: Iterable[str]) -> list[str]:
    """The names in the order that a person would write them."""
    return sorted(
        names,
        key=lambda name: [
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", name)
        ],
    )
