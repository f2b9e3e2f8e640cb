"""The live picture on the notebook's page.

A `BokehModel` needs BokehJS (1.3 MB) on the page before its view is made. Bokeh's own `output_notebook` puts that into
a cell's output, thus into the saved notebook. Here it travels in the state of an `ipywidgets.Output`, whose two outputs
are the script and, after it, the view of the plots. JupyterLab renders outputs in their order, so the script has run
when the view is made; widget state lives in the kernel and is not saved with the notebook; and a page that is loaded
again gets it again, with the plots.

When the panel ends, the `Output` gets the static picture in their place.

While it is live, a rule in its head hides the static picture that the cell holds besides: `Page.hidden`.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bokeh
import ipywidgets
import pandas  # noqa: F401  # whole: Bokeh takes it as it is, even half-imported by another thread
from bokeh.models import ColumnDataSource

from lepton_lab.gantt import Gantt
from lepton_lab.panels._figures import grid_of
from lepton_lab.panels._gantts import LiveGantt
from lepton_lab.panels._head import Head
from lepton_lab.panels._history import Row
from lepton_lab.panels._model import PlotsModel
from lepton_lab.panels._picture import DotPlot, Picture

Change = tuple[tuple[str, ...], list[Row], bool]
"""Columns, rows, and whether these are all rows rather than the latest."""

POINTS = 60_000
"""Of all lines together, at most about so many are on the page: what a browser draws anew several times a second."""
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Page:
    """The live picture: an `Output` widget that holds BokehJS, the head and the plots.

    Parameters
    ----------
    choose, write
        Called with what a person chose of the picture's offer, and when its lines are to become a cell.
    """

    def __init__(self, choose: Callable[[str], None], write: Callable[[], None]) -> None:
        self._choose = choose
        self._output = ipywidgets.Output()
        still = f".lepton-still-{self._output.model_id}"
        self._hiding = f"{still}, .jp-OutputArea-child:has({still}) {{display: none}}"
        self._head = Head(self._hiding, choose, write)
        self._plots: PlotsModel | None = None
        self._body = ipywidgets.VBox()
        self._body.add_class("lepton-panel")
        self._key: object = None
        self._sources: dict[str, ColumnDataSource] = {}
        self._figures: list[Any] = []
        self._dots: list[ColumnDataSource] = []
        self._gantts: list[LiveGantt] = []
        self._streamed: dict[str, int] = {}
        self._asked = threading.Event()
        self._again = False

    @property
    def model_id(self) -> str:
        """Of the widget to show."""
        return str(self._output.model_id)

    def view(self) -> dict[str, Any]:
        """The MIME bundle that shows the live picture."""
        return {WIDGET_VIEW: _view(self._output), "text/plain": ""}

    def hidden(self, bundle: Mapping[str, Any]) -> dict[str, Any]:
        """The MIME bundle of a static picture which is hidden as long as the live one, or what followed it, is there.

        The rule that hides it lives in the widget, so it goes with the kernel.
        """
        return {**bundle, "text/html": f"<div class='lepton-still-{self.model_id}'>{bundle['text/html']}</div>"}

    def lacks_all(self, picture: Picture) -> bool:
        """Whether the update that follows must have all rows: other lines than before, or a view that has just come."""
        self._again = self._asked.is_set()
        self._asked.clear()
        return self._again or picture.key != self._key

    def limit(self, picture: Picture) -> int:
        """How many rows of a history are sent at most, where all are."""
        return min(2000, max(200, POINTS // max(1, len(picture.lines))))

    def lacks(self, key: str, num_rows: int, limit: int) -> bool:
        """Whether this history must come whole: it is new, or was streamed so long that it should be thinned."""
        return key not in self._sources or self._streamed.get(key, 0) + num_rows > limit // 4

    def update(self, picture: Picture, changes: Mapping[str, Change]) -> bool:
        """Draw what changed; returns whether all was drawn anew."""
        self._head.update(picture)
        if picture.key != self._key:
            self._build(picture, changes)
            self._select(picture)
            return True
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
        charts = [plot for plot in picture.plots if isinstance(plot, Gantt)]
        for chart, live in zip(charts, self._gantts, strict=True):
            live.show(chart, self._again)
        self._select(picture)
        self._plots.flush()
        return False

    def close(self, bundle: Mapping[str, Any]) -> None:
        """Show `bundle` instead, and end the plots.

        It is not seen where the cell's outputs can be replaced, but after the page was loaded again they can't.
        """
        still = f"<style>{self._hiding}</style>{bundle['text/html']}"
        self._output.outputs = (_output({**bundle, "text/html": still}),)
        self._body.close()
        self._head.close()
        if self._plots is not None:
            self._plots.close()

    def _build(self, picture: Picture, changes: Mapping[str, Change]) -> None:
        self._sources = {key: ColumnDataSource(_columns(columns, rows)) for key, (columns, rows, _) in changes.items()}
        self._streamed = {}
        layout, self._figures, self._dots, self._gantts = grid_of(picture, self._sources)
        self._key = picture.key
        if self._plots is None:
            self._plots = PlotsModel(layout, self._asked, self._clicked)
            self._body.children = (*self._head.widgets(picture), self._plots)
            self._output.outputs = (
                _output({"application/javascript": bokeh_js()}),
                _output({WIDGET_VIEW: _view(self._body)}),
            )
        else:
            self._plots.replace(layout)

    def _select(self, picture: Picture) -> None:
        """Mark the chosen dot in every plot that has it."""
        if picture.offer is None:
            return
        plots = [plot for plot in picture.plots if isinstance(plot, DotPlot)]
        for plot, source in zip(plots, self._dots, strict=True):
            chosen = [i for i, dot in enumerate(plot.dots) if dot.name == picture.offer.chosen]
            if self._again:
                source.selected.indices = []
            if source.selected.indices != chosen:
                source.selected.indices = chosen

    def _clicked(self, selection: str, index: int) -> None:
        for source in self._dots:
            if source.selected.id == selection and index < len(source.data["name"]):
                self._choose(source.data["name"][index])


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


def _columns(columns: tuple[str, ...], rows: list[Row]) -> dict[str, Any]:
    """As a `ColumnDataSource` takes them: times in milliseconds of the kernel's clock on the wall."""
    values: list[tuple[float, ...]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    offset = time.localtime().tm_gmtoff
    return {
        "time": [(moment + offset) * 1e3 for moment in values[0]],
        **{name: list(column) for name, column in zip(columns[1:], values[1:], strict=True)},
    }
