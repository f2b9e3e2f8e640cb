"""The static picture: SVG that says what the live plots said, small enough to stay in a notebook.

Bokeh's own SVG export drives a browser, which a kernel's machine seldom has.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from lepton_lab.gantt import Gantt
from lepton_lab.gantt import draw as draw_gantt
from lepton_lab.panels._axes import height
from lepton_lab.panels._history import History, thinned
from lepton_lab.panels._picture import BarPlot, DotPlot, Mark, Picture
from lepton_lab.panels._svg_plots import WIDTH, Rows, draw_bars, draw_dots, draw_lines

HEAD, LEGEND_ROW = 28, 18
"""Above the plots: the title, and each row of the legend."""
POINTS = 9000
"""In the whole picture, so that many workers do not make it large."""
INK, DARK_INK = "#6b6b6b", "#8c8c8c"
"""Text and axes, on a light and on a dark page. The page's `color-scheme` says which it is, as JupyterLab's themes have
it; where it has none the browser's own counts, so either can be read on the other's ground too."""


def draw(picture: Picture, histories: Mapping[str, History]) -> str:
    """The picture as an SVG document of well under 100 kB."""
    rows = _rows(picture, histories)
    times = [row[0] for part in rows.values() for row in (*part.rows[:1], *part.rows[-1:])]
    start, end = min(times, default=0.0), max(times, default=1.0)
    span = (start, max(end, start + 1))
    marks = [row[0] for row in histories[picture.marks].rows()] if picture.marks in histories else []

    num_columns = 2 if len(picture.plots) > 1 or any(isinstance(plot, Gantt) for plot in picture.plots) else 1
    legend, y = _legend(picture.legend, num_columns * WIDTH)
    parts = []
    for i in range(0, len(picture.plots), num_columns):
        row = picture.plots[i : i + num_columns]
        for column, plot in enumerate(row):
            parts.append(f'<g transform="translate({column * WIDTH} {y})">')
            if isinstance(plot, Gantt):
                parts += draw_gantt(plot)[0]
            elif isinstance(plot, BarPlot):
                parts += draw_bars(plot)
            elif isinstance(plot, DotPlot):
                parts += draw_dots(plot)
            else:
                parts += draw_lines(plot, rows, span, marks)
            parts.append("</g>")
        y += max(map(height, row))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {num_columns * WIDTH} {y}" '
        f'width="{num_columns * WIDTH}" height="{y}" role="img" font-family="sans-serif" font-size="11" '
        f'color="{INK}" fill="currentColor" stroke-linecap="round">'
        f"<style>@media (prefers-color-scheme: dark) {{svg {{color: {DARK_INK}}}}}</style>"
        f"<title>{escape(picture.title)}</title>"
        f"<desc>{escape('; '.join(plot.title for plot in picture.plots))}</desc>"
        f'<text x="8" y="16" font-size="13" font-weight="bold">{escape(picture.title)}</text>'
    )
    return "".join([head, *legend, *parts, "</svg>"])


def image(svg: str, alternative: str) -> str:
    """HTML that shows the drawing wherever pictures are shown at all.

    As an `<img>` it passes the sanitising of a notebook that is not trusted, which takes inline SVG out.
    """
    data = base64.b64encode(svg.encode()).decode()
    return f"<img style='max-width:100%' alt='{escape(alternative)}' src='data:image/svg+xml;base64,{data}'>"


def _rows(picture: Picture, histories: Mapping[str, History]) -> dict[str, Rows]:
    """What the picture's lines need of the histories, thinned."""
    limit = min(WIDTH, max(40, POINTS // max(1, len(picture.lines))))
    used = {line.history for line in picture.lines}
    return {
        key: Rows(history.columns, thinned(history.rows(), limit, history.merge))
        for key, history in histories.items()
        if key in used
    }


def _legend(marks: Sequence[Mark], width: int) -> tuple[list[str], int]:
    """The legend in as many rows as it needs, and where it ends."""
    parts, x, y = [], 8, HEAD
    for mark in marks:
        step = 40 + 6 * len(mark.name)
        if x > 8 and x + step > width:
            x, y = 8, y + LEGEND_ROW
        parts.append(f'<g transform="translate({x} {y})">{mark.svg()}</g>')
        parts.append(f'<text x="{x + 23}" y="{y + 4}">{escape(mark.name)}</text>')
        x += step
    return parts, y + LEGEND_ROW - 2
