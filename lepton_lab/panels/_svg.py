"""The static picture: SVG that says what the live plots said, small enough to stay in a notebook.

Bokeh's own SVG export drives a browser, which a kernel's machine seldom has.
"""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Mapping, Sequence
from html import escape

from lepton_lab.panels._history import History, Row, thinned
from lepton_lab.panels._picture import INK, Line, Picture, Plot

WIDTH, HEIGHT = 450, 190
"""Of one plot, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 26, 24
"""Margins around a plot's axes."""
HEAD, LEGEND_ROW = 28, 18
"""Above the plots: the title, and each row of the legend."""
POINTS = 9000
"""In the whole picture, so that many workers do not make it large."""


def draw(picture: Picture, histories: Mapping[str, History]) -> str:
    """The picture as an SVG document of well under 100 kB."""
    used = {line.history for plot in picture.plots for line in plot.lines}
    num_lines = max(1, sum(len(plot.lines) for plot in picture.plots))
    limit = min(WIDTH, max(40, POINTS // num_lines))
    rows = {key: thinned(history.rows(), limit, history.merge) for key, history in histories.items() if key in used}
    times = [row[0] for part in rows.values() for row in (part[:1] + part[-1:])]
    start, end = min(times, default=0.0), max(times, default=1.0)
    marks = histories[picture.marks].rows() if picture.marks in histories else []
    num_columns = 2 if len(picture.plots) > 1 else 1
    legend, head = _legend(picture.legend, num_columns * WIDTH)
    height = head + HEIGHT * -(-len(picture.plots) // num_columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {num_columns * WIDTH} {height}" '
        f'width="{num_columns * WIDTH}" height="{height}" role="img" font-family="sans-serif" font-size="11" '
        f'fill="{INK}" stroke-linecap="round"><title>{escape(picture.title)}</title>'
        f"<desc>{escape('; '.join(plot.title for plot in picture.plots))}</desc>"
        f'<text x="8" y="16" font-size="13" font-weight="bold">{escape(picture.title)}</text>',
        *legend,
    ]
    for i, plot in enumerate(picture.plots):
        x, y = i % num_columns * WIDTH, head + i // num_columns * HEIGHT
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _plot(plot, rows, {key: histories[key].columns for key in rows}, (start, max(end, start + 1)), marks)
        parts.append("</g>")
    return "".join([*parts, "</svg>"])


def image(svg: str, alternative: str) -> str:
    """HTML that shows the drawing wherever pictures are shown at all.

    As an `<img>` it passes the sanitising of a notebook that is not trusted, which takes inline SVG out.
    """
    data = base64.b64encode(svg.encode()).decode()
    return f"<img style='max-width:100%' alt='{escape(alternative)}' src='data:image/svg+xml;base64,{data}'>"


def _legend(lines: Sequence[Line], width: int) -> tuple[list[str], int]:
    """The legend in as many rows as it needs, and where it ends."""
    parts, x, y = [], 8, HEAD
    for line in lines:
        step = 40 + 6 * len(line.name)
        if x > 8 and x + step > width:
            x, y = 8, y + LEGEND_ROW
        parts += [
            f'<path d="M{x} {y}h18" {_stroke(line)}/>',
            f'<text x="{x + 23}" y="{y + 4}">{escape(line.name)}</text>',
        ]
        x += step
    return parts, y + LEGEND_ROW - 2


def _stroke(line: Line) -> str:
    dash = f' stroke-dasharray="{" ".join(map(str, line.dash))}"' if line.dash else ""
    return f'fill="none" stroke="{line.color}" stroke-width="1.6"{dash}'


def _plot(
    plot: Plot,
    rows: Mapping[str, list[Row]],
    columns: Mapping[str, tuple[str, ...]],
    span: tuple[float, float],
    marks: Sequence[Row],
) -> list[str]:
    """One plot's axes and lines, with its corner at the origin."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = [
        (line, [(row[0], row[columns[line.history].index(line.column)]) for row in rows[line.history]])
        for line in plot.lines
        if line.history in rows
    ]
    values = [value for _, points in lines for _, value in points if math.isfinite(value)]
    low, high = bounds(values, plot.from_zero)

    def across(moment: float) -> float:
        return LEFT + (moment - span[0]) / (span[1] - span[0]) * (right - LEFT)

    def down(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - TOP)

    parts = [f'<text x="{LEFT}" y="{TOP - 10}" font-weight="bold">{escape(plot.title)}</text>']
    for tick in nice_ticks(low, high):
        y = down(tick)
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{right}" stroke="{INK}" stroke-opacity=".25"/>'
            f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for moment, anchor in ((span[0], "start"), ((span[0] + span[1]) / 2, "middle"), (span[1], "end")):
        parts.append(
            f'<text x="{across(moment):.0f}" y="{bottom + 15}" text-anchor="{anchor}">'
            f"{time.strftime('%H:%M:%S', time.localtime(moment))}</text>"
        )
    parts += [
        f'<path d="M{across(mark[0]):.1f} {TOP}V{bottom}" stroke="{INK}" stroke-opacity=".6" stroke-dasharray="2 3"/>'
        for mark in marks
        if span[0] <= mark[0] <= span[1]
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


def bounds(values: Sequence[float], from_zero: bool) -> tuple[float, float]:
    """The ends of an axis for these values, with some room."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if from_zero:
        return min(low, 0.0), high * 1.05 if high > 0 else 1.0
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def nice_ticks(low: float, high: float, num: int = 4) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) from `low` to `high`, about `num` steps of them."""
    raw = (high - low) / num
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((power * factor for factor in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / raw)))
    return [round(i * step, 12) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
