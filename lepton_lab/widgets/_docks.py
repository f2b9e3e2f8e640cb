"""The panels that are docked in the page's main area: at most one of each name, kept by the kernel."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lepton_lab import panels

if TYPE_CHECKING:
    from lepton_lab.lab import Lab


class Docks:
    """Opens and closes docked panels; a page that was loaded again finds those that are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held while a panel is made, which takes a second for the first one
        self._lab: Lab | None = None
        self._panels: dict[str, panels.Panel] = {}

    def open(self, lab: Lab, name: str) -> str:
        """The id of the ipywidgets model that shows the lab's panel of this name.

        Raises
        ------
        UnknownNameError
            If there is no such panel.
        """
        with self._lock:
            if lab is not self._lab:
                self._close_all()
                self._lab = lab
            panel = self._panels.get(name)
            if panel is None or not panel.is_live:
                panel = self._panels[name] = panels.open(lab, name)
            return panel.dock()

    def close(self, name: str) -> None:
        """Close the panel of this name, if it is open."""
        with self._lock:
            panel = self._panels.pop(name, None)
            if panel is not None:
                panel.close()

    def close_all(self) -> None:
        """Close all."""
        with self._lock:
            self._close_all()

    def _close_all(self) -> None:
        while self._panels:
            self._panels.popitem()[1].close()
