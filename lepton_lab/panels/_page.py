"""The live picture on the notebook's page.

A `BokehModel` needs BokehJS (1.3 MB) on the page before its view is made. Bokeh's own `output_notebook` puts that into
a cell's output, thus into the saved notebook. Here it travels in the state of an `ipywidgets.Output`, whose two outputs
are the script and, after it, the view of the plots. JupyterLab renders outputs in their order, so the script has run
when the view is made; widget state lives in the kernel and is not saved with the notebook; and a page that is loaded
again gets it again, with the plots.

When the panel ends, the `Output` gets the static picture in their place.

While it is live, a rule in its head hides the static picture that the cell holds besides: `Page.hidden`.

The rest is about keeping the road from kernel to page short: the changes of one drawing go as one patch, and what the
page reports back (sizes, ranges) is not applied, because the plots in the kernel need none of it. It is listened to for
one thing: that a view has come, which then is sent all rows, having missed what was streamed before.
"""

from __future__ import annotations

import functools
import html
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bokeh
import ipywidgets
import pandas  # noqa: F401  # whole: Bokeh takes it as it is, even half-imported by another thread
from bokeh.layouts import gridplot
from bokeh.models import ColumnDataSource, DataRange1d, DatetimeTickFormatter, HoverTool
from bokeh.plotting import figure
from bokeh.protocol import Protocol
from jupyter_bokeh import BokehModel

from lepton_lab.panels._history import Row
from lepton_lab.panels._picture import INK, Picture, Plot

Change = tuple[tuple[str, ...], list[Row], bool]
"""Columns, rows, and whether these are all rows rather than the latest."""

WIDTH, HEIGHT = 440, 190
"""Of one plot, in pixels."""
SECOND = "%H:%M:%S"
STREAMED = 500
"""Rows that are streamed to a line before it is sent anew, thinned."""
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Page:
    """The live picture: an `Output` widget that holds BokehJS, the title and the plots."""

    def __init__(self) -> None:
        self._head = ipywidgets.HTML()
        self._plots: _Plots | None = None
        self._body = ipywidgets.VBox([self._head])
        self._output = ipywidgets.Output()
        self._key: tuple[object, ...] | None = None
        self._sources: dict[str, ColumnDataSource] = {}
        self._figures: list[Any] = []
        self._streamed: dict[str, int] = {}
        self._asked = threading.Event()
        self._again = False

    def view(self) -> dict[str, Any]:
        """The MIME bundle that shows the live picture."""
        return {WIDGET_VIEW: _view(self._output), "text/plain": ""}

    def hidden(self, bundle: Mapping[str, Any]) -> dict[str, Any]:
        """The MIME bundle of a static picture which is hidden as long as the live one, or what followed it, is there.

        The rule that hides it lives in the widget, so it goes with the kernel.
        """
        return {**bundle, "text/html": f"<div class='lepton-still-{self._output.model_id}'>{bundle['text/html']}</div>"}

    def _hiding(self) -> str:
        still = f".lepton-still-{self._output.model_id}"
        return f"<style>{still}, .jp-OutputArea-child:has({still}) {{display: none}}</style>"

    def lacks_all(self, picture: Picture) -> bool:
        """Whether the update that follows must have all rows: other lines than before, or a view that has just come."""
        self._again = self._asked.is_set()
        self._asked.clear()
        return self._again or picture.key != self._key

    def lacks(self, key: str, num_rows: int) -> bool:
        """Whether this history must come whole: it is new, or was streamed so long that it should be thinned."""
        return key not in self._sources or self._streamed.get(key, 0) + num_rows > STREAMED

    def update(self, picture: Picture, changes: Mapping[str, Change]) -> None:
        """Draw what changed."""
        head = self._hiding() + _head(picture)
        if self._head.value != head:
            self._head.value = head
        if picture.key != self._key:
            self._build(picture, changes)
            return
        assert self._plots is not None
        for key, (columns, rows, whole) in changes.items():
            if key not in self._sources or not (rows or whole):
                continue
            if whole:
                self._sources[key].data = _columns(columns, rows)
                self._streamed[key] = 0
            else:
                self._sources[key].stream(_columns(columns, rows))
                self._streamed[key] = self._streamed.get(key, 0) + len(rows)
        for plot, drawn in zip(picture.plots, self._figures, strict=True):
            if self._again:
                drawn.title.text = ""  # only a change is sent, and the view that has come has the first title
            drawn.title.text = plot.title
        self._plots.flush()

    def close(self, bundle: Mapping[str, Any]) -> None:
        """Show `bundle` instead, and end the plots.

        It is not seen where the cell's outputs can be replaced, but after the page was loaded again they can't.
        """
        self._output.outputs = (_output({**bundle, "text/html": self._hiding() + bundle["text/html"]}),)
        self._body.close()
        self._head.close()
        if self._plots is not None:
            self._plots.close()

    def _build(self, picture: Picture, changes: Mapping[str, Change]) -> None:
        self._sources = {key: ColumnDataSource(_columns(columns, rows)) for key, (columns, rows, _) in changes.items()}
        self._streamed = {}
        time_range = DataRange1d(range_padding=0.0)
        self._figures = [_figure(plot, self._sources, picture.marks, time_range) for plot in picture.plots]
        grid = gridplot(
            self._figures,
            ncols=2,
            merge_tools=True,
            toolbar_location="right",
            toolbar_options={"logo": None, "autohide": True},
        )
        self._key = picture.key
        if self._plots is None:
            self._plots = _Plots(grid, self._asked)
            self._body.children = (self._head, self._plots)
            self._output.outputs = (
                _output({"application/javascript": bokeh_js()}),
                _output({WIDGET_VIEW: _view(self._body)}),
            )
        else:
            self._plots.replace(grid)


class _Plots(BokehModel):  # type: ignore[misc]  # jupyter_bokeh is untyped
    """A `BokehModel` which sends a drawing's changes in one patch, and takes none back from the page."""

    def __init__(self, grid: Any, asked: threading.Event) -> None:
        self._changes: list[Any] = []
        self._asked = asked
        super().__init__(grid)

    def replace(self, grid: Any) -> None:
        """Draw another grid in this one's place."""
        self._changes = []
        self.update_from_model(grid)

    def flush(self) -> None:
        """Send what changed since the last time."""
        changes, self._changes = self._changes, []
        if not changes:
            return
        message = Protocol().create("PATCH-DOC", changes)
        for part in (message.header_json, message.metadata_json, message.content_json):
            self.send({"msg": "patch", "payload": part})
        for buffer in message.buffers:
            self.send({"msg": "patch", "payload": json.dumps(buffer.ref)})
            self.send({"msg": "patch"}, [buffer.to_bytes()])

    def close(self) -> None:
        """Close; harmless if repeated, as `BokehModel.close` is not, which is called again when this is collected."""
        if self.comm is not None:
            super().close()

    def _document_patched(self, event: Any) -> None:
        self._changes.append(event)

    def _sync_model(self, _model: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        if content.get("kind") == "MessageSent":
            self._asked.set()


@functools.cache
def bokeh_js() -> str:
    """A script that puts BokehJS, in the version of the kernel's Bokeh, on the page unless it is there."""
    code = (Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js").read_text()
    return (
        f"if (!window.Bokeh || window.Bokeh.version !== {json.dumps(bokeh.__version__)}) "
        f"{{(function() {{\n{code}\n}}).call(window);}}"
    )


def _view(widget: ipywidgets.Widget) -> dict[str, Any]:
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}


def _output(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": dict(data), "metadata": {}}


def _head(picture: Picture) -> str:
    """Title and legend; HTML, because it takes the page's fonts and colours."""
    items = "".join(
        f"<span style='white-space:nowrap;margin-right:1.2em'><svg width='22' height='8' aria-hidden='true'>"
        f"<path d='M0 4h20' stroke='{line.color}' stroke-width='2.5' "
        f"stroke-dasharray='{' '.join(map(str, line.dash))}'/></svg> {html.escape(line.name)}</span>"
        for line in picture.legend
    )
    return f"<div style='line-height:1.5'><b>{html.escape(picture.title)}</b><div>{items}</div></div>"


def _columns(columns: tuple[str, ...], rows: list[Row]) -> dict[str, Any]:
    """As a `ColumnDataSource` takes them: times in milliseconds of the kernel's clock on the wall."""
    values: list[tuple[float, ...]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    offset = time.localtime().tm_gmtoff
    return {
        "time": [(moment + offset) * 1e3 for moment in values[0]],
        **{name: list(column) for name, column in zip(columns[1:], values[1:], strict=True)},
    }


def _figure(plot: Plot, sources: Mapping[str, ColumnDataSource], marks: str, time_range: DataRange1d) -> Any:
    drawn: Any = figure(
        width=WIDTH,
        height=HEIGHT,
        x_axis_type="datetime",
        x_range=time_range,
        title=plot.title,
        y_range=DataRange1d(start=0) if plot.from_zero else DataRange1d(),
        tools="xpan,xbox_zoom,reset,save",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border_right=28,
    )
    drawn.title.update(text_color=INK, text_font_size="12px")
    for axis in drawn.axis:
        axis.update(
            major_label_text_color=INK, axis_line_color=INK, major_tick_line_color=INK, minor_tick_line_color=None
        )
    for grid in drawn.grid:
        grid.update(grid_line_color=INK, grid_line_alpha=0.2)
    drawn.yaxis[0].ticker.desired_num_ticks = 4
    drawn.xaxis[0].ticker.desired_num_ticks = 5
    drawn.xaxis[0].formatter = DatetimeTickFormatter(
        context=None,
        microseconds=SECOND,
        milliseconds=SECOND,
        seconds=SECOND,
        minsec=SECOND,
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
        HoverTool(
            renderers=lines,
            line_policy="nearest",
            mode="vline" if len(lines) <= 3 else "mouse",
            tooltips=f"<div><b>$name</b> {value} {plot.unit} at $snap_x{{{SECOND}}}</div>",
            formatters={"$snap_x": "datetime"},
        )
    )
    return drawn
