"""The plots of the live picture, as Bokeh's figures.

They take the page's colours by CSS variables, which reach into Bokeh's shadow roots, so the kernel need not know
whether the page is light or dark; see `_head.py`. What is drawn without them is grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bokeh.layouts import gridplot
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    CustomJS,
    DataRange1d,
    DatetimeTickFormatter,
    FactorRange,
    GridPlot,
    HoverTool,
    InspectTool,
    NoOverlap,
    NumeralTickFormatter,
    Range1d,
    TapTool,
    ToolProxy,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from lepton_lab.gantt import Gantt
from lepton_lab.panels._axes import bounds, height, log_bounds
from lepton_lab.panels._gantts import LiveGantt
from lepton_lab.panels._picture import INK, AnyPlot, BarPlot, DotPlot, Picture, Plot

_TOOLTIP = """<style>
:host {
  --tooltip-color: var(--jp-layout-color1, white) !important;
  --tooltip-text: var(--jp-ui-font-color1, black) !important;
  --tooltip-border: var(--jp-border-color1, silver) !important;
}
</style>"""
_ICONS = """:host {
  --hover-color: var(--jp-layout-color2, #F9F9F9);
  --active-tool-border: var(--jp-brand-color1, #65A2CB);
}"""
_FLOW = """.bk-GridBox {
  grid-template: none !important;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, max(340px, 24%)), 1fr)) !important;
  gap: 6px !important;
  flex: 1 1 0 !important;
  width: auto !important;
  min-width: 0 !important;
}"""
_ITEM = ":host {grid-area: auto !important}"
"""Plots flow into as many columns as the width has room for, at most four, whatever place the grid gives them."""
_SECOND = "%H:%M:%S"
_SIDES = {"square": 10, "diamond": 15, "star": 15}
"""Of dots that look larger or smaller than others of as many pixels."""


def grid_of(
    picture: Picture, sources: Mapping[str, ColumnDataSource]
) -> tuple[GridPlot, list[Any], list[ColumnDataSource], list[LiveGantt]]:
    """The picture's plots as a layout that fills the width; its figures; the sources of dots; and the Gantt charts.

    Parameters
    ----------
    sources
        The histories' rows; those that the picture's lines need and that are not there are left out.
    """
    time_range, moment = DataRange1d(range_padding=0.0), Span(dimension="height", line_color=INK, line_dash=[4, 3])
    figures, dots, gantts = [], [], []
    for plot in picture.plots:
        if isinstance(plot, BarPlot):
            figures.append(_bars(plot))
        elif isinstance(plot, Gantt):
            figures.append(_gantt(plot))
            gantts.append(LiveGantt(figures[-1], plot, _hover("@words")))
        elif isinstance(plot, DotPlot):
            drawn, source = _dots(plot)
            figures.append(drawn)
            dots.append(source)
        else:
            figures.append(_lines(plot, sources, picture.marks, time_range, moment))
    reset = CustomJS(args={"figures": figures}, code="for (const drawn of figures) drawn.reset.emit()")
    for drawn in figures:
        drawn.js_on_event("doubletap", reset)
    grid = gridplot(
        [[drawn] for drawn in figures],
        sizing_mode="stretch_width",
        merge_tools=True,
        toolbar_location="right",
        toolbar_options={"logo": None, "autohide": True},
    )
    grid.stylesheets = [_FLOW]
    grid.toolbar.stylesheets = [_ICONS]
    grid.toolbar.tools = [tool for tool in grid.toolbar.tools if not _is_passive(tool)]
    return grid, figures, dots, gantts


def _is_passive(tool: Any) -> bool:
    """Whether this is always on and needs no button; the tools of several plots come as one."""
    return isinstance(tool.tools[0] if isinstance(tool, ToolProxy) else tool, InspectTool | TapTool)


def _figure(plot: AnyPlot, **options: Any) -> Any:
    drawn: Any = figure(
        height=height(plot),
        sizing_mode="stretch_width",
        min_width=280,
        title=plot.title,
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border_left=56,  # room for the longest labels of the vertical axis, which may come later
        min_border_right=24,
        stylesheets=[_ITEM],
        **options,
    )
    drawn.title.update(text_color=INK, text_font_size="12px")
    for axis in drawn.axis:
        axis.update(
            major_label_text_color=INK, axis_line_color=INK, major_tick_line_color=INK, minor_tick_line_color=None
        )
    drawn.xaxis[0].major_label_policy = NoOverlap()  # in a narrow place they would run together
    for grid in drawn.grid:
        grid.update(grid_line_color=INK, grid_line_alpha=0.2)
    return drawn


def _range(ends: tuple[float, float]) -> Range1d:
    return Range1d(start=ends[0], end=ends[1])


def _hover(words: str, **options: Any) -> HoverTool:
    return HoverTool(tooltips=f"<div>{_TOOLTIP}{words}</div>", show_arrow=False, **options)


def _lines(
    plot: Plot, sources: Mapping[str, ColumnDataSource], marks: str, time_range: DataRange1d, moment: Span
) -> Any:
    drawn = _figure(
        plot,
        x_axis_type="datetime",
        x_range=time_range,
        y_range=DataRange1d(start=0) if plot.from_zero else DataRange1d(),
        tools="xbox_zoom,xpan,reset,save",
    )
    drawn.yaxis[0].ticker.desired_num_ticks = 4
    drawn.xaxis[0].ticker.desired_num_ticks = 4
    drawn.xaxis[0].formatter = DatetimeTickFormatter(
        context=None,
        microseconds=_SECOND,
        milliseconds=_SECOND,
        seconds=_SECOND,
        minsec=_SECOND,
        minutes="%H:%M",
        hourmin="%H:%M",
        hours="%H:%M",
        days="%d %b",
    )
    if marks in sources:
        drawn.vspan(x="time", source=sources[marks], line_color=INK, line_alpha=0.6, line_dash=[2, 3])
    lines = [
        drawn.line(
            "time",
            line.column,
            source=sources[line.history],
            name=line.name,
            color=line.color,
            line_width=2,
            line_dash=list(line.dash),
        )
        for line in plot.lines
        if line.history in sources
    ]
    for line in plot.lines:
        if line.points and line.history in sources:
            drawn.scatter("time", line.column, source=sources[line.history], color=line.color, size=6)
    value = f"$snap_y{{0,0.{'0' * plot.digits}}}" if plot.digits else "$snap_y{0,0}"
    drawn.add_tools(
        CrosshairTool(overlay=moment),
        _hover(
            f"<b>$name</b> {value} {plot.unit} at $snap_x{{{_SECOND}}}",
            renderers=lines,
            line_policy="nearest",
            mode="vline" if len(lines) <= 3 else "mouse",
            formatters={"$snap_x": "datetime"},
        ),
    )
    return drawn


def _bars(plot: BarPlot) -> Any:
    starts, ends = [], dict.fromkeys(plot.places, 0.0)
    for bar in plot.bars:
        starts.append(ends[bar.place])
        ends[bar.place] += bar.size
    drawn = _figure(
        plot,
        x_range=_range(bounds(list(ends.values()), from_zero=True)),
        y_range=FactorRange(factors=list(plot.places[::-1])),
        tools="save",
    )
    drawn.ygrid.grid_line_color = None
    drawn.xaxis[0].formatter = NumeralTickFormatter(format="0,0.[00]")
    source = ColumnDataSource(
        {
            "place": [bar.place for bar in plot.bars],
            "start": starts,
            "end": [start + bar.size for start, bar in zip(starts, plot.bars, strict=True)],
            "color": [bar.color for bar in plot.bars],
            "opacity": [bar.opacity for bar in plot.bars],
            "words": [bar.words for bar in plot.bars],
        }
    )
    drawn.hbar(
        y="place",
        left="start",
        right="end",
        height=0.7,
        fill_color="color",
        fill_alpha="opacity",
        line_color=None,
        source=source,
    )
    drawn.add_tools(_hover("@words"))
    return drawn


def _gantt(plot: Gantt) -> Any:
    return _figure(
        plot,
        x_range=DataRange1d(start=0, range_padding=0.02),
        y_range=_range((max(1, len(plot.rows)), 0)),
        tools="xbox_zoom,xpan,reset,save",
    )


def _dots(plot: DotPlot) -> tuple[Any, ColumnDataSource]:
    drawn = _figure(
        plot,
        x_axis_type="log",
        x_range=_range(log_bounds([dot.x for dot in plot.dots])),
        y_range=_range(bounds([dot.y for dot in plot.dots], from_zero=False, room=0.12)),
        tools="box_zoom,reset,save",
    )
    drawn.xaxis[0].formatter = NumeralTickFormatter(format="0,0.[00]")
    drawn.xgrid.minor_grid_line_color = None
    drawn.yaxis[0].ticker.desired_num_ticks = 4
    front = [plot.dots[i] for i in plot.front]
    drawn.line([dot.x for dot in front], [dot.y for dot in front], color=INK, line_width=2)
    source = ColumnDataSource(
        {
            "x": [dot.x for dot in plot.dots],
            "y": [dot.y for dot in plot.dots],
            "name": [dot.name for dot in plot.dots],
            "words": [dot.words for dot in plot.dots],
            "shape": [dot.shape for dot in plot.dots],
            "side": [_SIDES.get(dot.shape, 12) for dot in plot.dots],
            "color": [dot.color for dot in plot.dots],
            "fill": [1.0 if dot.is_filled else 0.0 for dot in plot.dots],
        }
    )
    marks = drawn.scatter(
        "x", "y", source=source, marker="shape", size="side", color="color", fill_alpha="fill", line_width=2
    )
    marks.nonselection_glyph = None  # the others stay as they are
    marks.selection_glyph = marks.glyph.clone(size=18)
    drawn.add_tools(TapTool(renderers=[marks]), _hover("<b>@name</b><br>@words", renderers=[marks]))
    return drawn, source
