"""A Gantt chart in the live picture: its bars are sent anew where they changed, and the figure stays."""

from __future__ import annotations

from typing import Any

from bokeh.models import ColumnDataSource, FixedTicker, HoverTool

from lepton_lab.display import duration
from lepton_lab.gantt import PLANNED, Gantt, time_ticks
from lepton_lab.panels._picture import INK

_GAP = 0.001
"""Between bars that follow each other, as a share of the time axis."""


class LiveGantt:
    """What is drawn of a chart.

    Parameters
    ----------
    drawn
        The figure, whose vertical axis goes from the number of rows at the bottom to 0.
    gantt
        What to draw first; only its `key` can't change afterwards.
    """

    def __init__(self, drawn: Any, gantt: Gantt, hover: HoverTool) -> None:
        self._drawn = drawn
        self._bars, self._lines = ColumnDataSource(_bars(gantt)), ColumnDataSource(_lines(gantt))
        self._shown: object = _shown(gantt)
        middles = [i + 0.5 for i in range(len(gantt.rows))]
        drawn.yaxis[0].ticker = FixedTicker(ticks=middles)
        drawn.yaxis[0].major_label_overrides = dict(zip(middles, gantt.rows, strict=True))
        drawn.ygrid.grid_line_color = None
        drawn.xaxis[0].update(axis_label=time_ticks(gantt.end)[0], axis_label_text_color=INK)
        bars = drawn.hbar(
            y="y",
            left="start",
            right="end",
            height="height",
            fill_color="color",
            fill_alpha="opacity",
            line_color="line",
            source=self._bars,
        )
        lines = drawn.segment(
            "x", 0, "x", len(gantt.rows), source=self._lines, color=INK, line_width=2, line_dash=[5, 3]
        )
        hover.renderers = [bars, lines]
        drawn.add_tools(hover)

    def show(self, gantt: Gantt, again: bool) -> None:
        """Draw what has changed; with `again` all."""
        if again or self._shown != _shown(gantt):
            self._shown = _shown(gantt)
            self._bars.data, self._lines.data = _bars(gantt), _lines(gantt)
            self._drawn.xaxis[0].axis_label = time_ticks(gantt.end)[0]


def _shown(gantt: Gantt) -> object:
    return gantt.spans, gantt.planned, gantt.lines


def _bars(gantt: Gantt) -> dict[str, Any]:
    _, unit, _ = time_ticks(gantt.end)
    gap = _GAP * gantt.end
    rows = {row: i for i, row in enumerate(gantt.rows)}
    high, middle = (0.38, 0.7) if gantt.planned else (0.78, 0.5)
    columns: dict[str, list[Any]] = {
        name: [] for name in ("y", "start", "end", "height", "color", "opacity", "line", "words")
    }
    for spans, y, is_planned in ((gantt.planned, 0.29, True), (gantt.spans, middle, False)):
        for span in spans:
            opacity = PLANNED if is_planned else span.opacity
            end, line = max(span.end - gap, span.start), span.color if span.is_lost else None
            values = (rows[span.row] + y, span.start / unit, end / unit, high, span.color, opacity, line, span.words)
            for name, value in zip(columns, values, strict=True):
                columns[name].append(value)
    return columns


def _lines(gantt: Gantt) -> dict[str, Any]:
    _, unit, _ = time_ticks(gantt.end)
    return {
        "x": [moment / unit for _, moment in gantt.lines],
        "words": [f"{name} {duration(moment)}" for name, moment in gantt.lines],
    }
