"""The static drawing: an SVG in an `<img>`, which a notebook that isn't trusted shows too.

Its text goes by the page's `color-scheme`. What is said of a bar under the pointer stands in an image map beside it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from lepton_lab.display import duration
from lepton_lab.gantt._chart import GREY, PLANNED, Gantt, Span, time_ticks

WIDTH = 900
"""Of the drawing, in pixels."""
_INK, _DARK_INK = "#5f5f5f", "#b0b0b0"
_TOP, _BOTTOM, _RIGHT, _LETTER = 50, 24, 16, 6.2


def image(gantt: Gantt) -> str:
    """HTML that shows the chart wherever pictures are shown at all."""
    gantt = gantt.light()
    drawn, height = draw(gantt)
    parts = [*drawn, *_legend(gantt)]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="11" color="{_INK}" fill="currentColor">'
        f"<style>@media (prefers-color-scheme: dark) {{svg {{color: {_DARK_INK}}}}}</style>"
        f"<title>{escape(gantt.title)}</title>{''.join(parts)}</svg>"
    )
    data, name = base64.b64encode(svg.encode()).decode(), f"lepton-{hashlib.sha256(svg.encode()).hexdigest()[:12]}"
    areas = "".join(
        f"<area shape='rect' coords='{x:.0f},{y:.0f},{x + max(wide, 1):.0f},{y + tall:.0f}' "
        f"title='{escape(span.words)}' alt=''>"
        for span, (x, y, wide, tall), _ in _places(gantt)
    )
    return (
        f"<div style='overflow:auto'><img width='{WIDTH}' height='{height}' style='max-width:none' usemap='#{name}' "
        f"alt='{escape(gantt.title)}' src='data:image/svg+xml;base64,{data}'><map name='{name}'>{areas}</map></div>"
    )


def row_height(gantt: Gantt) -> int:
    """Of one row, in pixels."""
    return (30 if gantt.planned else 24) if len(gantt.rows) <= 20 else 16


def height_of(gantt: Gantt) -> int:
    """Of the drawing, in pixels."""
    return _TOP + _BOTTOM + row_height(gantt) * max(1, len(gantt.rows))


def _left(gantt: Gantt) -> float:
    """Where the time axis begins, in pixels: as much room as the rows' names need, up to a bound."""
    return min(170.0, max(40.0, _LETTER * max(map(len, gantt.rows), default=0) + 14))


def _places(gantt: Gantt) -> Iterator[tuple[Span, tuple[float, float, float, float], float]]:
    """Each bar with its left, top, width and height in pixels, and its opacity."""
    step, left = row_height(gantt), _left(gantt)
    scale = (WIDTH - _RIGHT - left) / gantt.end
    tops = {row: _TOP + i * step + 2.0 for i, row in enumerate(gantt.rows)}
    tall, half = step - 4, (step - 4) / 2
    strips = [(gantt.planned, 0.0, half - 0.5), (gantt.spans, half, half)]
    for spans, inset, height in strips if gantt.planned else [(gantt.spans, 0.0, tall)]:
        for span in spans:
            place = (left + span.start * scale, tops[span.row] + inset, (span.end - span.start) * scale, height)
            yield span, place, PLANNED if spans is gantt.planned else span.opacity


def draw(gantt: Gantt) -> tuple[list[str], int]:
    """The chart as parts of an SVG, `WIDTH` pixels wide, and its height."""
    step, height, left = row_height(gantt), height_of(gantt), _left(gantt)
    bottom, right, scale = height - _BOTTOM, WIDTH - _RIGHT, (WIDTH - _RIGHT - left) / gantt.end
    parts = [f'<text x="8" y="16" font-size="12" font-weight="bold">{escape(gantt.title)}</text>']
    unit, seconds, ticks = time_ticks(gantt.end)
    for tick in ticks:
        x, label = left + tick * scale, f"{tick / seconds:g}{f' {unit}' if tick == ticks[-1] else ''}"
        parts.append(f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="currentColor" stroke-opacity=".25"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{label}</text>')
    for i, row in enumerate(gantt.rows):
        top, label = _TOP + i * step, shortened(row, int((left - 10) / _LETTER))
        parts.append(f'<path d="M{left:.1f} {top}H{right}" stroke="currentColor" stroke-opacity=".12"/>')
        parts.append(f'<text x="{left - 6:.1f}" y="{top + step / 2 + 4:.1f}" text-anchor="end">{escape(label)}</text>')
    parts += [_bar(*placed) for placed in _places(gantt)]
    return parts + _lines(gantt, left, scale, bottom), height


def _lines(gantt: Gantt, left: float, scale: float, bottom: float) -> list[str]:
    """The vertical lines; a name stands above its line, and higher where it would cover the one before."""
    parts, taken = [], 0.0
    for name, moment in sorted(gantt.lines, key=lambda line: line[1]):
        x, label = left + moment * scale, f"{name} {duration(moment)}"
        wide = _LETTER * len(label)
        begin = x if x + wide <= WIDTH - _RIGHT else x - wide
        y, taken = _TOP - 5 if begin >= taken else _TOP - 17, begin + wide
        parts.append(
            f'<path d="M{x:.1f} {_TOP - 3}V{bottom}" stroke="currentColor" stroke-width="1.5" stroke-dasharray="5 3"/>'
            f'<text x="{x:.1f}" y="{y}" text-anchor="{"start" if begin == x else "end"}">{escape(label)}</text>'
        )
    return parts


def shortened(name: str, letters: int) -> str:
    """A name of at most so many letters: what is left out is in its middle, since many differ at their ends."""
    if len(name) <= letters:
        return name
    return f"{name[: (letters - 1) // 2]}…{name[-(letters // 2) :]}"


def _bar(span: Span, place: tuple[float, float, float, float], opacity: float) -> str:
    x, y, wide, tall = place
    shown = max(wide - (0.8 if wide > 3 else 0), 0.5)
    dash = f' stroke="{GREY}" stroke-dasharray="3 2"' if span.is_lost else ""
    bar = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{shown:.1f}" height="{tall:.1f}" fill="{span.color}" '
        f'fill-opacity="{opacity:g}"{dash}/>'
    )
    name = f"{span.name} (late)" if span.is_late else span.name
    if span.count > 1 or not name or _LETTER * len(name) + 6 > wide or tall < 11:
        return bar
    ink = "currentColor" if opacity == PLANNED or span.is_lost else "#fff"
    return f'{bar}<text x="{x + 4:.1f}" y="{y + tall / 2 + 4:.1f}" fill="{ink}">{escape(name)}</text>'


def _legend(gantt: Gantt) -> list[str]:
    """What the bars' looks mean, where there is more than one look, from the right edge on."""
    looks = gantt.looks()
    parts, x = [], float(WIDTH - _RIGHT)
    for name, color, opacity in looks[::-1] if len(looks) > 1 else []:
        x -= _LETTER * len(name)
        parts.append(f'<text x="{x:.1f}" y="16">{name}</text>')
        x -= 18
        parts.append(
            f'<rect x="{x:.1f}" y="7" width="13" height="10" fill="{color}" fill-opacity="{opacity:g}" '
            f'stroke="{color}"/>'
        )
        x -= 14
    return parts
