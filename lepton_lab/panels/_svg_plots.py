"""The plots of the static picture, each with its corner at the origin."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from lepton_lab.panels._axes import bounds, height, log_bounds, log_ticks, nice_ticks
from lepton_lab.panels._history import Row
from lepton_lab.panels._picture import BarPlot, DotPlot, Line, Mark, Plot
from lepton_lab.panels._svg_names import LETTER, draw_names

WIDTH = 450
"""Of one plot, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 26, 24
"""Margins around a plot's axes."""
FEW = 8
"""Dots of which all are named; of more only those of the front."""


@dataclass(frozen=True)
class Rows:
    """Rows of a history, and its columns' names."""

    columns: tuple[str, ...]
    rows: Sequence[Row]

    def points(self, column: str) -> list[tuple[float, float]]:
        """Time and value of a column."""
        place = self.columns.index(column)
        return [(row[0], row[place]) for row in self.rows]


class _Scale:
    """From values to pixels along one axis."""

    def __init__(self, values: tuple[float, float], pixels: tuple[float, float], is_log: bool = False) -> None:
        self._of = math.log if is_log else float
        self._first, self._begin = self._of(values[0]), pixels[0]
        self._factor = (pixels[1] - pixels[0]) / (self._of(values[1]) - self._first)

    def __call__(self, value: float) -> float:
        return self._begin + (self._of(value) - self._first) * self._factor


def draw_lines(plot: Plot, rows: Mapping[str, Rows], span: tuple[float, float], marks: Sequence[float]) -> list[str]:
    """Lines over time.

    Parameters
    ----------
    rows
        By history.
    span
        First and last moment of the time axis.
    marks
        Moments with a vertical line.
    """
    right, bottom = WIDTH - RIGHT, height(plot) - BOTTOM
    lines = [(line, rows[line.history].points(line.column)) for line in plot.lines if line.history in rows]
    values = [value for _, points in lines for _, value in points if math.isfinite(value)]
    low_high = bounds(values, plot.from_zero)
    across, down = _Scale(span, (LEFT, right)), _Scale(low_high, (bottom, TOP))
    parts = [_title(plot.title), *_left_axis(low_high, down, right)]
    middle = (span[0] + span[1]) / 2
    for moment, anchor in ((span[0], "start"), (middle, "middle"), (span[1], "end")):
        clock = time.strftime("%H:%M:%S", time.localtime(moment))
        parts.append(f'<text x="{across(moment):.0f}" y="{bottom + 15}" text-anchor="{anchor}">{clock}</text>')
    parts += [
        f'<path d="M{across(mark):.1f} {TOP}V{bottom}" stroke="currentColor" stroke-opacity=".6" '
        'stroke-dasharray="2 3"/>'
        for mark in marks
        if span[0] <= mark <= span[1]
    ]
    for line, points in lines:
        places = [(across(moment), down(value)) for moment, value in points]
        parts.append(f'<path d="{_path(places)}" {_stroke(line)}><title>{escape(line.name)}</title></path>')
        if line.points:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{line.color}"/>'
                for x, y in places
                if math.isfinite(y)
            ]
    return parts


def draw_bars(plot: BarPlot) -> list[str]:
    """Horizontal bars, their names at the left."""
    left = min(WIDTH // 2, max(LEFT, 12 + LETTER * max(map(len, plot.places), default=0)))
    right, bottom = WIDTH - RIGHT, height(plot) - BOTTOM
    ends = dict.fromkeys(plot.places, 0.0)
    for bar in plot.bars:
        ends[bar.place] += bar.size
    low_high = bounds(list(ends.values()), from_zero=True)
    across, step = _Scale(low_high, (left, right)), (bottom - TOP) / max(1, len(plot.places))
    parts = [_title(plot.title), *_bottom_axis(nice_ticks(*low_high), across, bottom)]
    starts = dict.fromkeys(plot.places, 0.0)
    tops = {place: TOP + i * step + 0.15 * step for i, place in enumerate(plot.places)}
    for bar in plot.bars:
        x, end = across(starts[bar.place]), across(starts[bar.place] + bar.size)
        starts[bar.place] += bar.size
        parts.append(
            f'<rect x="{x:.1f}" y="{tops[bar.place]:.1f}" width="{max(end - x, 0.3):.1f}" height="{0.7 * step:.1f}" '
            f'fill="{bar.color}" fill-opacity="{bar.opacity:g}"><title>{escape(bar.words)}</title></rect>'
        )
    for place, top in tops.items():
        parts.append(
            f'<text x="{left - 5}" y="{top + 0.35 * step + 4:.1f}" text-anchor="end">{escape(place[: left // LETTER])}'
            "</text>"
        )
    return parts


def draw_dots(plot: DotPlot) -> list[str]:
    """Dots, with their names beside them where there is room."""
    right, bottom = WIDTH - RIGHT, height(plot) - BOTTOM
    horizontal = log_bounds([dot.x for dot in plot.dots])
    vertical = bounds([dot.y for dot in plot.dots], from_zero=False, room=0.12)
    across, down = _Scale(horizontal, (LEFT, right), is_log=True), _Scale(vertical, (bottom, TOP))
    parts = [_title(plot.title), *_left_axis(vertical, down, right)]
    parts += _bottom_axis(log_ticks(*horizontal), across, bottom)
    places = [(across(dot.x), down(dot.y)) for dot in plot.dots]
    front = _path([places[i] for i in plot.front])
    parts.append(f'<path d="{front}" fill="none" stroke="currentColor" stroke-width="1.6"/>' if front else "")
    for dot, (x, y) in zip(plot.dots, places, strict=True):
        mark = Mark(dot.name, dot.color, shape=dot.shape, is_filled=dot.is_filled).svg()
        words = f"{dot.name}: {dot.words}"
        parts.append(f'<g transform="translate({x - 10:.1f} {y:.1f})"><title>{escape(words)}</title>{mark}</g>')
    named = [*plot.front, *(i for i in range(len(places)) if i not in plot.front and len(places) <= FEW)]
    names = [(plot.dots[i].name, *places[i]) for i in named]
    return parts + draw_names(names, places, [places[i] for i in plot.front], (LEFT, TOP - 6, right, bottom))


def _title(text: str) -> str:
    return f'<text x="{LEFT}" y="{TOP - 10}" font-weight="bold">{escape(text)}</text>'


def _left_axis(low_high: tuple[float, float], down: _Scale, right: float) -> list[str]:
    return [
        f'<path d="M{LEFT} {down(tick):.1f}H{right}" stroke="currentColor" stroke-opacity=".25"/>'
        f'<text x="{LEFT - 5}" y="{down(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in nice_ticks(*low_high)
    ]


def _bottom_axis(ticks: Sequence[float], across: _Scale, bottom: float) -> list[str]:
    return [
        f'<path d="M{across(tick):.1f} {TOP}V{bottom}" stroke="currentColor" stroke-opacity=".25"/>'
        f'<text x="{across(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    ]


def _stroke(line: Line) -> str:
    dash = f' stroke-dasharray="{" ".join(map(str, line.dash))}"' if line.dash else ""
    return f'fill="none" stroke="{line.color}" stroke-width="1.6"{dash}'


def _path(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path in whole tenths of a pixel, relative, with gaps where a value is missing."""
    parts, pen, last = [], False, (0.0, 0.0)
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            pen = False
            continue
        at = (round(x, 1), round(y, 1))
        if pen:
            parts.append(f"l{at[0] - last[0]:.4g} {at[1] - last[1]:.4g}")
        else:
            parts.append(f"M{at[0]:g} {at[1]:g}l0 0")
        pen, last = True, at
    return "".join(parts)
