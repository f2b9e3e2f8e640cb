"""What stands in a notebook for a widget whose kernel is gone."""

from __future__ import annotations

import uuid
from typing import Any

from lepton_lab.display import Table

_VIEW = "application/vnd.jupyter.widget-view+json"


class StandIn:
    """Shows a widget below a table that says the same, and hides the table for as long as the widget is there.

    A bundle with both would not do: JupyterLab takes the widget, also where it can only say that it has none.
    """

    def __init__(self) -> None:
        self._name = f"lepton-still-{uuid.uuid4().hex}"

    @property
    def rule(self) -> str:
        """HTML that hides the table; it lives in the widget, so it goes with the kernel."""
        return f"<style>.{self._name}, .jp-OutputArea-child:has(.{self._name}) {{display: none}}</style>"

    def display(self, widget: Any, table: Table) -> None:
        """Show them as outputs of the running cell; where there are no widgets, only the table."""
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if getattr(get_ipython(), "kernel", None) is None:
            print(table.text())
            return
        markup = f"<div class='{self._name}'>{table.html()}</div>"
        display({"text/html": markup, "text/plain": table.text()}, raw=True)
        display({_VIEW: widget._repr_mimebundle_()[_VIEW], "text/plain": ""}, raw=True)
