"""Live pictures of the lab, drawn with Bokeh: they hear events, and know nothing else of the core."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lepton_lab.errors import UnknownNameError
from lepton_lab.panels._base import Panel

if TYPE_CHECKING:
    from lepton_lab.panels._base import HasEvents

__all__ = ["PANELS", "Panel", "open"]

PANELS = ("devices", "training", "tasks", "shards", "compression", "schedule")
"""The panels' names, as `open` takes them."""


def open(lab: HasEvents, name: str) -> Panel:
    """Start a panel that follows the lab's events, from what the bus still remembers on.

    It shows itself when it is a cell's last value or is given to `display`, and ends by itself when what it shows
    ends; `close()` ends it before. `dock()` shows it elsewhere than in a cell, and then only `close()` ends it.

    Parameters
    ----------
    lab
        Whose `events` to follow. Some panels ask it for what events tell only the change of, such as shard sets.
    name
        One of `PANELS`.

    Raises
    ------
    UnknownNameError
        For any other name.
    """
    if name not in PANELS:
        raise UnknownNameError("panel", name, PANELS)
    panel: Panel = import_module(f"lepton_lab.panels._{name}").PANEL(lab)
    return panel
