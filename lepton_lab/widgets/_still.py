"""How a widget is shown so that a page without widgets says the same: with its table as an output of its own.

An output that holds both leaves the choice to the page, and not every page chooses what it can draw: nbconvert's HTML
takes the widget, which it draws with scripts from the network if at all. So there are two outputs. While the widget is
there, a rule in it hides the table, and the table waits half a second for it, so that it isn't seen for a moment.
"""

from __future__ import annotations

import uuid
from typing import Any

from lepton_lab.display import Table

_WAIT = "<style>@keyframes lepton-late {from {max-height: 0; visibility: hidden}}</style>"


def show(widget: Any, table: Table) -> None:
    """Show a widget in the running cell, or the table where there is no notebook.

    Parameters
    ----------
    widget
        Of ipywidgets.
    table
        What it says.
    """
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if getattr(get_ipython(), "kernel", None) is None:
        print(table.text())
        return
    import ipywidgets

    name = f"lepton-still-{uuid.uuid4().hex}"
    hide = f"<style>.{name}, .jp-OutputArea-child:has(.{name}) {{display: none}}</style>"
    live = ipywidgets.VBox([ipywidgets.HTML(hide, layout={"display": "none"}), widget])
    still = f"{_WAIT}<div class='{name}' style='animation: lepton-late 0s 0.5s backwards'>{table.html()}</div>"
    display({"text/html": still, "text/plain": table.text()}, raw=True)
    display({**live._repr_mimebundle_(), "text/plain": ""}, raw=True)
