"""Small drawings for `Table.figures`: a shaded table, bars, and curves in a unit square.

A curve is an SVG in an `<img>`, which a notebook that isn't trusted shows too. Nothing of the page reaches into it, so
its colours are mid tones that can be read on white and on dark; what is plain HTML has the page's own colour of text.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

INK, LINE = "#7a7a7a", "#1f8ac0"
"""Contrasts of 4.3 and 3.8 with white, of 4.4 and 5.0 with JupyterLab's dark ground."""
_RIGHT, _WRONG = "31,138,192", "230,120,20"
_FAINT, _FULL = 0.2, 0.65
"""Shades of a cell that has one row of many, and of one that has all."""
_SIDE, _LEFT, _TOP, _BOTTOM = 180, 44, 24, 34
"""Of the square, and the margins around it."""


def matrix(title: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A confusion matrix as a table in which each cell is shaded by its share of its row.

    Parameters
    ----------
    names
        Of the classes.
    counts
        A row for each class that is true, a column for each that was answered.
    """
    cell = "style='text-align:right;padding:1px 6px;{}'"
    head = "".join(f"<th scope='col' {cell.format('')}>{escape(name)}</th>" for name in names)
    body = []
    for true, row in enumerate(counts):
        total = max(sum(row), 1)
        shades = [
            f"background:rgba({_RIGHT if true == answered else _WRONG},{_FAINT + (_FULL - _FAINT) * count / total:.2f})"
            if count
            else "opacity:0.65"
            for answered, count in enumerate(row)
        ]
        cells = "".join(f"<td {cell.format(shade)}>{count}</td>" for shade, count in zip(shades, row, strict=True))
        body.append(f"<tr><th scope='row' {cell.format('')}>{escape(names[true])}</th>{cells}</tr>")
    return (
        f"<div><b>{escape(title)}</b><div style='overflow:auto'><table style='margin:0.3em 0'><thead><tr>"
        f"<td>true ↓, answered →</td>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div></div>"
    )


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """A bar for each name with its number beside it; of what is below 0 in another colour.

    Parameters
    ----------
    rows
        Name, length from -1 to 1, and the number as it is to be read.
    """
    cell = "style='text-align:left;padding:1px 6px'"
    body = "".join(
        f"<tr><th scope='row' {cell}>{escape(name)}</th><td {cell}><div style='width:160px'>"
        f"<div style='height:0.9em;width:{100 * min(abs(length), 1.0):.1f}%;"
        f"background:rgba({_RIGHT if length >= 0 else _WRONG},{_FULL})'>"
        f"</div></div></td><td {cell}>{escape(number)}</td></tr>"
        for name, length, number in rows
    )
    return f"<div><b>{escape(title)}</b><table style='margin:0.3em 0'><tbody>{body}</tbody></table></div>"


def square(
    title: str,
    axes: tuple[str, str],
    points: Sequence[tuple[float, float]],
    weights: Sequence[float] = (),
) -> str:
    """A curve, or dots, over 0 to 1 both ways, beside the diagonal.

    Parameters
    ----------
    axes
        What is to be read across, and upwards.
    points
        From left to right; all between 0 and 1.
    weights
        Of each point, 0 to 1: where there are any, the points are dots, and a dot's area goes by its weight.
    """

    def across(x: float) -> float:
        return round(_LEFT + x * _SIDE, 1)

    def up(y: float) -> float:
        return round(_TOP + (1 - y) * _SIDE, 1)

    if weights:
        drawn = "".join(
            f'<circle cx="{across(x)}" cy="{up(y)}" r="{2 + 6 * weight**0.5:.1f}" fill="{LINE}" fill-opacity="0.7"/>'
            for (x, y), weight in zip(points, weights, strict=True)
        )
    else:
        path = " ".join(f"{across(x)},{up(y)}" for x, y in points)
        drawn = f'<polyline fill="none" stroke="{LINE}" stroke-width="2" points="{path}"/>'
    ticks = "".join(
        f'<text x="{across(t)}" y="{up(0) + 13}" text-anchor="middle">{t:g}</text>'
        f'<text x="{across(0) - 5}" y="{up(t) + 4}" text-anchor="end">{t:g}</text>'
        for t in (0, 0.5, 1)
    )
    middle = up(0.5)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _SIDE + 14}" height="{_TOP + _SIDE + _BOTTOM}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}">'
        f'<text x="{across(0)}" y="15" font-size="12" font-weight="bold">{escape(title)}</text>'
        f'<g fill="none" stroke="{INK}"><rect x="{across(0)}" y="{up(1)}" width="{_SIDE}" height="{_SIDE}"/>'
        f'<path stroke-dasharray="3 3" d="M{across(0)} {up(0)}L{across(1)} {up(1)}"/></g>'
        f"{drawn}{ticks}"
        f'<text x="{across(0.5)}" y="{up(0) + 28}" text-anchor="middle">{escape(axes[0])}</text>'
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{escape(axes[1])}</text>'
        "</svg>"
    )
    data = base64.b64encode(svg.encode()).decode()
    alternative = f"{title}: {axes[1]} over {axes[0]}"
    return f"<img alt='{escape(alternative)}' src='data:image/svg+xml;base64,{data}'>"
