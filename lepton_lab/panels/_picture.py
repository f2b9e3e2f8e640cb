"""What a panel shows, said once for both its drawings: the live one by Bokeh and the static one in SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lepton_lab.gantt import Gantt

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito's colours, which the colour-blind can tell apart, less the two that vanish on white or on black.

https://jfly.uni-koeln.de/color/
"""
DASHES = ((), (6, 3), (2, 2))
"""With more lines than colours, the colours come again dashed."""
SHAPES = {
    "circle": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "triangle": "M0-4.5l4.5 8h-9z",
    "square": "M-3.5-3.5h7v7h-7z",
    "diamond": "M0-5l4 5l-4 5l-4-5z",
    "inverted_triangle": "M0 4.5l4.5-8h-9z",
    "hex": "M-4.5 0l2.2-4h4.6l2.2 4l-2.2 4h-4.6z",
    "star": "M0.0 -5.5L1.4 -1.9L5.2 -1.7L2.3 0.7L3.2 4.4L0.0 2.4L-3.2 4.4L-2.3 0.7L-5.2 -1.7L-1.4 -1.9z",
    "plus": "M-1.6-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z",
}
"""A dot's shapes, by Bokeh's names, as SVG paths around the origin."""
Look = tuple[str, tuple[int, ...]]
"""Colour and dash."""
INK = "#777777"
"""Text and axes where the page's own colour is not known: reads on white and on JupyterLab's dark ground alike."""


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

    @property
    def mark(self) -> Mark:
        """What stands for it in the legend."""
        return Mark(self.name, self.color, self.dash)


@dataclass(frozen=True)
class Plot:
    """Lines over time; the time axis is the same for all such plots of a picture."""

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
    def key(self) -> object:
        """What can't change without drawing anew; the title can."""
        return self.unit, self.lines, self.from_zero


@dataclass(frozen=True)
class Bar:
    """A part of a stacked bar."""

    place: str
    """The bar that it is a part of."""
    size: float
    color: str
    words: str
    """What is said of it under the pointer."""
    opacity: float = 1.0
    """By which parts of one colour beside each other can be told apart."""


@dataclass(frozen=True)
class BarPlot:
    """Horizontal bars, each stacked of parts. The parts are few and seldom change: they come with the picture."""

    title: str
    places: tuple[str, ...]
    """The bars' names, from the top."""
    bars: tuple[Bar, ...]

    @property
    def key(self) -> object:
        """What can't change without drawing anew; the title can."""
        return self.places, self.bars


@dataclass(frozen=True)
class Dot:
    """A thing with two figures."""

    name: str
    x: float
    """Greater than 0: this axis is logarithmic."""
    y: float
    color: str
    shape: str
    """One of `SHAPES`."""
    words: str
    """What is said of it under the pointer, besides its name."""
    is_filled: bool = True


@dataclass(frozen=True)
class DotPlot:
    """Things by two figures; the horizontal axis is logarithmic."""

    title: str
    dots: tuple[Dot, ...]
    front: tuple[int, ...] = ()
    """Dots, by their numbers, that one line joins in this order: those that no other beats."""

    @property
    def key(self) -> object:
        """What can't change without drawing anew; the title can."""
        return self.dots, self.front


@dataclass(frozen=True)
class Mark:
    """What stands for a name in the legend: a stroke, or a dot's shape."""

    name: str
    color: str
    dash: tuple[int, ...] = ()
    shape: str = ""
    """One of `SHAPES`; empty for a stroke."""
    is_filled: bool = True
    opacity: float = 1.0
    """Of what fills it."""

    def svg(self) -> str:
        """As SVG, 20 by 10 pixels, with the middle of its left edge at the origin."""
        fill = self.color if self.shape and self.is_filled else "none"
        path = f'transform="translate(10 0)" d="{SHAPES[self.shape]}"' if self.shape else 'd="M1 0h18"'
        dash = f' stroke-dasharray="{" ".join(map(str, self.dash))}"' if self.dash else ""
        look = f'fill="{fill}" fill-opacity="{self.opacity:g}" stroke="{self.color}"'
        return f'<path {path} {look} stroke-width="{1.5 if self.shape else 2.5}"{dash}/>'


@dataclass(frozen=True)
class Offer:
    """The `%lepton` lines that made one of several things, of which a person chooses one."""

    kind: str
    """What they are: `"model"`."""
    names: tuple[str, ...]
    chosen: str = ""
    lines: tuple[str, ...] = ()
    """Of the chosen one, in their order."""


AnyPlot = Plot | BarPlot | DotPlot | Gantt


@dataclass(frozen=True)
class Picture:
    """What a panel shows at one moment."""

    title: str
    plots: tuple[AnyPlot, ...]
    legend: tuple[Mark, ...] = ()
    """What stands for a name in several plots."""
    marks: str = ""
    """The history whose rows are marked by a vertical line in every plot over time."""
    offer: Offer | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """Those of all plots."""
        return tuple(line for plot in self.plots if isinstance(plot, Plot) for line in plot.lines)

    @property
    def key(self) -> object:
        """What can't change without drawing anew."""
        return tuple((type(plot), plot.key) for plot in self.plots), self.marks


def styles(names: Iterable[str]) -> dict[str, Look]:
    """Colour and dash for each name, by its place in natural order (w2 before w10)."""
    return {
        name: (COLORS[i % len(COLORS)], DASHES[i // len(COLORS) % len(DASHES)]) for i, name in enumerate(natural(names))
    }


def legend(look: Mapping[str, Look]) -> tuple[Mark, ...]:
    """What stands for names of this look."""
    return tuple(Mark(name, *style) for name, style in look.items())


def natural(names: Iterable[str]) -> list[str]:
    """The names in the order that a person would write them."""
    return sorted(
        names,
        key=lambda name: [
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", name)
        ],
    )
