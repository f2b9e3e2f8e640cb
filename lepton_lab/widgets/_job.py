"""A line that a form runs: on a thread of its own, with its bar, its buttons and what came out."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab.commands import Verb, run
from lepton_lab.errors import LeptonError
from lepton_lab.lab import STOP, Stop
from lepton_lab.widgets._bar import REFRESH, Bar
from lepton_lab.widgets._results import show, show_error

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

PATIENCE = 0.15
"""Seconds after which a bar is shown; work that ends sooner shows its result alone."""


class Job:
    """Begins to work when it is made.

    Parameters
    ----------
    lab, verb, arguments
        What is done.
    line
        The line that it was read from.
    present
        Makes HTML of the result.
    ended
        Called on the job's thread when it is over.
    to_background
        Called when the user wants the form back while the job goes on.
    """

    def __init__(
        self,
        lab: Lab,
        verb: Verb,
        arguments: Mapping[str, Any],
        line: str,
        *,
        present: Callable[[object], str] = show,
        ended: Callable[[Job], None],
        to_background: Callable[[Job], None],
    ) -> None:
        self.verb, self.line = verb, line
        self.result: object = None
        self.error: Exception | None = None
        self.is_background = False
        """Whether it goes on beside a form that is free again."""
        self._lab, self._arguments, self._present, self._ended = lab, arguments, present, ended
        self._bar: Bar | None = None
        self._over, self._stop_all = threading.Event(), Stop()
        self._make_widget(to_background)
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._work,), name="lepton-form", daemon=True)
        self._thread.start()

    def _make_widget(self, to_background: Callable[[Job], None]) -> None:
        self.message, self.output = ipywidgets.HTML(), ipywidgets.HTML()
        self.progress = ipywidgets.HTML(layout={"flex": "0 1 640px"})
        self.stop_button = ipywidgets.Button(
            description="Stop", icon="stop", tooltip="End the work; its workers stay", disabled=True
        )
        self.background_button = ipywidgets.Button(
            description="To background",
            icon="level-down",
            tooltip="The work goes on, and the form is free again",
            disabled=True,
        )
        self.stop_button.on_click(lambda _: self.stop())
        self.background_button.on_click(lambda _: to_background(self))
        self._buttons = ipywidgets.HBox([self.stop_button, self.background_button], layout={"flex": "0 0 auto"})
        self._buttons.layout.display = None if self.verb.training else "none"
        top = ipywidgets.HBox([self.progress, self._buttons], layout={"flex_flow": "row wrap"})
        self.widget = ipywidgets.VBox([top, self.message, self.output])

    @property
    def run(self) -> str | None:
        """Id of the run that it started, or waits for, once that is known."""
        return self._bar.run if self._bar is not None else None

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return not self._over.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; False if it still goes on after `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End its run as cancelled, or all of its runs; returns at once. Without one nothing can be stopped."""
        run_id = self.run
        if self._stop_all.is_heard:
            self.stop_button.disabled = True
            self._stop_all()
        elif run_id is not None and self.is_running:
            self.stop_button.disabled = True
            threading.Thread(target=self._stop, args=(run_id,), name="lepton-form-stop", daemon=True).start()

    def _stop(self, run_id: str) -> None:
        try:
            self._lab.run.stop(run_id)
        except LeptonError as error:
            if self.is_running:  # else it was over just before
                self.message.value = show_error(error, self.verb.line)
                self.stop_button.disabled = False

    def _work(self) -> None:
        self._bar = Bar(self._lab.events, " ".join(self.verb.words), self.verb.training, self._arguments.get("id"))
        STOP.set(self._stop_all)
        drawer = threading.Thread(target=self._draw_often, args=(self._bar,), name="lepton-form-bar", daemon=True)
        drawer.start()
        try:
            self.result = run(self._lab, self.verb, self._arguments)
            self.output.value = self._present(self.result)
        except Exception as error:
            self.error = error
            self.message.value = show_error(error, self.verb.line)
        finally:
            self._over.set()
            drawer.join()
            self._bar.close()
            self.progress.value = self._bar.html() if self._bar.is_worth_keeping else ""
            self._buttons.layout.display = "none"
            self._ended(self)

    def _draw_often(self, bar: Bar) -> None:
        wait, could_stop = PATIENCE, False
        while not self._over.wait(wait):
            wait = REFRESH
            self.progress.value = bar.html()
            can_stop = bar.run is not None or self._stop_all.is_heard
            if can_stop != could_stop:
                could_stop = can_stop
                self._buttons.layout.display = None
                self.stop_button.disabled = not can_stop
                self.background_button.disabled = False
