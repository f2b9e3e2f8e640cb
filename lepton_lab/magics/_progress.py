"""What a person sees while a verb works: a bar in a notebook, lines in a terminal."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Any

from lepton_lab.commands import Verb
from lepton_lab.display import GONE
from lepton_lab.events import Bus
from lepton_lab.widgets import REFRESH, Bar, run_buttons

PATIENCE = 0.15
"""Seconds after which something is shown; a verb that ends sooner shows its result alone."""
_TERMINAL_REFRESH = 1.0
NOTHING = {"text/plain": "", "text/html": GONE}


class Showing:
    """Shows a bar for as long as the block runs; a thread of its own draws.

    In a notebook all drawings go to one display of the running cell. At the end it becomes a last, static state where a
    run was shown, and is emptied otherwise, since the result says all.

    Parameters
    ----------
    ip
        The shell that the verb runs in.
    events
        The lab's bus.
    verb
        What works.
    """

    def __init__(self, ip: Any, events: Bus, verb: Verb) -> None:
        self._in_notebook = hasattr(ip, "kernel")
        self._bar = Bar(events, " ".join(verb.words), verb.training)
        self._over = threading.Event()
        self._handle: Any = None
        self._buttons: Any = None
        self._can_leave = verb.training == "follows" or any(each.name == "background" for each in verb.parameters)
        self._shown = ""
        # The context says which cell is running, so that the thread's first drawing goes to this one.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._draw_often,), name="lepton-bar", daemon=True)

        self._is_slow = verb.is_slow

    def __enter__(self) -> Showing:
        if self._is_slow:
            self._draw()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._bar.close()
        if self._bar.is_worth_keeping:
            self._draw()
        elif self._handle is not None:
            self._handle.update(NOTHING, raw=True)
        if self._buttons is not None:
            self._buttons.update(NOTHING, raw=True)

    def _draw_often(self) -> None:
        # how long it takes is worth a bar in a notebook, which goes again; but not a line in a terminal, which stays
        wait, version, drawn = PATIENCE, -1 if self._in_notebook else 0, 0.0
        while not self._over.wait(wait):
            wait = REFRESH
            is_new, late = version != self._bar.version, time.monotonic() - drawn
            if (is_new and (self._in_notebook or late >= _TERMINAL_REFRESH)) or (late >= 1 and self._in_notebook):
                version, drawn = self._bar.version, time.monotonic()
                self._draw()

    def _draw(self) -> None:
        text = self._bar.text()
        if text == self._shown:
            return
        self._shown = text
        if not self._in_notebook:
            print(text, flush=True)
            return
        bundle = {"text/plain": text, "text/html": self._bar.html()}
        if self._handle is None:
            self._handle = _display(bundle)
        else:
            self._handle.update(bundle, raw=True)
        if self._buttons is None and self._bar.run is not None and not self._over.is_set():
            # apart from the bar: a button that is drawn anew while it is pressed doesn't hear it
            self._buttons = _display({"text/plain": "", "text/html": run_buttons(self._bar.run, self._can_leave)})


def _display(bundle: dict[str, str]) -> Any:
    from IPython.display import display

    return display(bundle, raw=True, display_id=True)
