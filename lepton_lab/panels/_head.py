"""What stands above the live plots: title, legend, and the lines that the panel offers."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable

import ipywidgets

from lepton_lab.panels._picture import Offer, Picture

_LOOKS = """<style>
.lepton-panel {
  --bk-text-color: var(--jp-ui-font-color1);
  --bk-major-label-text-color: var(--jp-ui-font-color1);
  --bk-axis-line-color: var(--jp-ui-font-color2);
  --bk-major-tick-line-color: var(--jp-ui-font-color2);
  --bokeh-icon-color: var(--jp-ui-font-color2);
}
.lepton-panel pre.lepton-line {
  user-select: all; display: inline-block; margin: 0; padding: 2px 10px; border-radius: 3px; line-height: 1.6;
  white-space: pre-wrap; background: var(--jp-layout-color2, #8882); color: var(--jp-ui-font-color1, inherit)
}
</style>"""
"""Bokeh takes its plots' colours from CSS variables, which reach into its shadow roots."""


class Head:
    """Widgets that follow a picture.

    Parameters
    ----------
    rules
        CSS that goes with the panel.
    choose
        Called with the name of what a person chose.
    write
        Called when the chosen thing's lines are to become a cell.
    """

    def __init__(self, rules: str, choose: Callable[[str], None], write: Callable[[], None]) -> None:
        self._style = f"{_LOOKS}<style>{rules}</style>"
        self._choose = choose
        self._updating = 0
        self._words = ipywidgets.HTML()
        self._names = ipywidgets.Dropdown(layout={"width": "max-content"})
        self._line = ipywidgets.HTML()
        self._button = ipywidgets.Button(
            description="Write as a cell", tooltip="Put this into the notebook, without running it"
        )
        self._offer = ipywidgets.HBox(
            [self._names, self._line, self._button],
            layout={"display": "none", "flex_flow": "row wrap", "align_items": "center"},
        )
        self._names.observe(self._chosen, "value")
        self._button.on_click(lambda _: write())

    def widgets(self, picture: Picture) -> tuple[ipywidgets.Widget, ...]:
        """Those that pictures of this panel need, from the top."""
        return (self._words,) if picture.offer is None else (self._words, self._offer)

    def update(self, picture: Picture) -> None:
        """Say what the picture says."""
        _set(self._words, "value", self._style + _words(picture))
        if picture.offer is not None:
            self._update_offer(picture.offer)

    def close(self) -> None:
        """End the widgets."""
        for widget in (self._words, self._offer, self._names, self._line, self._button):
            widget.close()

    def _update_offer(self, offer: Offer) -> None:
        _set(self._names, "description", offer.kind)
        options = [(f"choose a {offer.kind}", ""), *((name, name) for name in offer.names)]
        self._updating = threading.get_ident()
        _set(self._names, "options", tuple(options))
        _set(self._names, "value", offer.chosen)
        self._updating = 0
        lines = html.escape("\n".join(offer.lines))
        shown = f"<pre class='lepton-line' title='What made it'>{lines}</pre>"
        _set(self._line, "value", shown if offer.lines else "made without a line" if offer.chosen else "")
        _set(self._button, "disabled", not offer.lines)
        _set(self._offer.layout, "display", "flex" if offer.names else "none")

    def _chosen(self, change: dict[str, object]) -> None:
        if threading.get_ident() == self._updating:  # a person's choice comes on another thread
            return
        self._choose(str(change["new"] or ""))


def _words(picture: Picture) -> str:
    """Title and legend; HTML, because it takes the page's fonts and colours."""
    items = "".join(
        "<span style='white-space:nowrap;margin-right:1.2em'>"
        f"<svg width='20' height='10' viewBox='0 -5 20 10' aria-hidden='true'>{mark.svg()}</svg> "
        f"{html.escape(mark.name)}</span>"
        for mark in picture.legend
    )
    return f"<div style='line-height:1.5'><b>{html.escape(picture.title)}</b><div>{items}</div></div>"


def _set(widget: ipywidgets.Widget, trait: str, value: object) -> None:
    """Set a trait if it has another value: each setting is a message to the page."""
    if getattr(widget, trait) != value:
        setattr(widget, trait, value)
