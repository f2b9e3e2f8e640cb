"""The last log lines of what a form works on, followed while they are shown."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import ipywidgets

from lepton_lab.cluster import read_logs
from lepton_lab.errors import LeptonError

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

LINES = 40
"""Of each process."""
PERIOD = 1.0
"""Seconds from one look at the logs to the next."""


class Logs:
    """A button that shows and hides log lines: of a run where there is one, else of the cluster.

    Parameters
    ----------
    lab
        Whose logs.
    run
        Gives the id of the run in question, or None.
    """

    def __init__(self, lab: Lab, run: Callable[[], str | None]) -> None:
        self._lab, self._run = lab, run
        self._shown = threading.Event()
        self.button = ipywidgets.ToggleButton(description="Logs", icon="caret-right", layout={"width": "80px"})
        self.view = ipywidgets.HTML(layout={"display": "none"})
        self.button.observe(lambda change: self._toggle(bool(change["new"])), "value")

    def close(self) -> None:
        """Stop following."""
        self._shown.clear()

    def _toggle(self, is_shown: bool) -> None:
        self.button.icon = "caret-down" if is_shown else "caret-right"
        self.view.layout.display = None if is_shown else "none"
        self._shown.clear()  # ends the thread of an earlier time, which has its own event
        if is_shown:
            self._shown = threading.Event()
            self._shown.set()
            threading.Thread(target=self._follow, args=(self._shown,), name="lepton-form-logs", daemon=True).start()

    def _follow(self, shown: threading.Event) -> None:
        ticker = threading.Event()
        while shown.is_set():
            self.view.value = self.read()
            ticker.wait(PERIOD)

    def read(self) -> str:
        """The lines as they are now, as HTML."""
        run = self._run()
        try:
            if run is not None:
                found = read_logs(self._lab.run.show(run).folder, None, LINES)
            else:
                found = self._lab.cluster.logs(lines=LINES)
        except LeptonError as error:
            return _frame(html.escape(str(error)))
        return _frame(html.escape(_text(found.lines)) or "Nothing was written yet.")


def _text(lines: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(f"{process}: {line}" for process, several in lines.items() for line in several)


def _frame(text: str) -> str:
    return f"<div class='lepton-logs' role='log' aria-label='Logs' aria-live='off' tabindex='0'><pre>{text}</pre></div>"
