"""A form for any verb, made from its description.

What is typed is checked as it is typed and becomes the `%lepton` line that the form stands for; the Run button runs
this line and nothing else. Work runs on a thread of its own, so that the page is answered at once while it goes on.
"""

from __future__ import annotations

import contextvars
import html
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab.commands import REQUIRED, Verb, parameter_help, read, render, run
from lepton_lab.display import Table
from lepton_lab.errors import LeptonError, UserCodeError
from lepton_lab.events import ClusterChanged, Event, NamesChanged
from lepton_lab.types import Bundle
from lepton_lab.widgets._bar import REFRESH, Bar
from lepton_lab.widgets._download import download_link
from lepton_lab.widgets._fields import Field

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

log = logging.getLogger(__name__)

_SAME = "The line that this form stands for"
_LOOKS = """<style>
.lepton-form .widget-inline-hbox > .widget-label {text-align: left}
.lepton-form pre.lepton-line {
  user-select: all; display: inline-block; margin: 6px 0; padding: 4px 10px; min-width: 240px; border-radius: 3px;
  min-height: 1.4em; line-height: 1.4; vertical-align: top;
  background: var(--jp-layout-color2, #8882); color: var(--jp-ui-font-color1, inherit)
}
.lepton-form .lepton-table {line-height: 1.4}
</style>"""


class Form:
    """A form for a verb; it shows itself when it is a cell's last value.

    Parameters
    ----------
    lab
        What it works on.
    verb
        What it does.
    namespace
        The notebook's variables; by default those of the running IPython.
    on_line
        Called with the line, after it ran well.
    """

    def __init__(
        self,
        lab: Lab,
        verb: Verb,
        *,
        namespace: Mapping[str, object] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.lab, self.verb = lab, verb
        self.result: object = None
        """What the last run gave."""
        self.line = ""
        """The `%lepton` line that the form stands for; empty while something in it can't be used."""
        self.errors: dict[str, str] = {}
        """What is wrong, by parameter."""
        self._namespace, self._on_line = namespace, on_line
        self._thread: threading.Thread | None = None
        self._bar: Bar | None = None
        self._lock = threading.RLock()  # callbacks, events and the work come on different threads
        self.fields = {p.name: Field(p, lab, self._guarded(self._update)) for p in verb.parameters}
        self.button = ipywidgets.Button(description="Run", button_style="primary", icon="play", tooltip=verb.help)
        self.stop_button = ipywidgets.Button(description="Stop", icon="stop", layout={"display": "none"})
        self.message, self.progress, self.output = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._line_view = ipywidgets.HTML()
        self.button.on_click(self._guarded(lambda _: self.run()))
        self.stop_button.on_click(self._guarded(lambda _: self.stop()))
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HTML(f"{_LOOKS}<b>{html.escape(verb.line)}</b> {html.escape(verb.help)}"),
                *(field.row for field in self.fields.values()),
                self._line_view,
                ipywidgets.HBox([self.button, self.stop_button]),
                self.message,
                self.progress,
                self.output,
            ]
        )
        self.widget.add_class("lepton-form")
        self._unsubscribe = lab.events.subscribe(self._refresh, NamesChanged, ClusterChanged)
        self._update()

    def close(self) -> None:
        """Stop following the lab and take the form off the page; work that goes on is not ended."""
        self._unsubscribe()
        self.widget.close()

    def _update(self, _: object = None) -> None:
        """Check the fields, and write the line that they stand for."""
        with self._lock:
            arguments = self._arguments()
            for field in self.fields.values():
                field.shown = self.verb.applies(field.parameter, arguments)
            self.errors = {name: message for name, field in self.fields.items() if (message := field.check())}
            shown = {name: value for name, value in arguments.items() if self.fields[name].shown}
            self.line = "" if self.errors else render(self.verb, shown)
            self.button.disabled = bool(self.errors) or self.is_running
            self._line_view.value = f"<pre class='lepton-line' title='{_SAME}'>{html.escape(self.line)}</pre>"
            self._line_view.layout.visibility = "visible" if self.line else "hidden"  # the button keeps its place

    def _arguments(self) -> dict[str, object]:
        """The values in the fields, as far as they can be used."""
        arguments = {}
        for name, field in self.fields.items():
            try:
                value = field.argument()
            except LeptonError:
                continue
            if value is not REQUIRED:
                arguments[name] = value
        return arguments

    def _refresh(self, _: Event) -> None:
        with self._lock:
            for field in self.fields.values():
                field.offer_names()
            self._update()

    @property
    def is_running(self) -> bool:
        """Whether the form's work goes on."""
        return self._thread is not None

    def run(self) -> None:
        """Run the line; returns at once, see `wait`. Does nothing while the form can't be used, or works."""
        with self._lock:
            if self.errors or self.is_running:
                return
            self.message.value = self.output.value = ""
            self.button.disabled = True
            self._bar = Bar(self.lab.events, " ".join(self.verb.words), self.verb.training)
            context = contextvars.copy_context()
            self._thread = threading.Thread(
                target=context.run, args=(self._work, self.line, self._bar), name="lepton-form", daemon=True
            )
            self.stop_button.layout.display = None if self.verb.training else "none"
            self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work is over; False if it still goes on after `timeout` seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def stop(self) -> None:
        """End the run that the form started (or waits for) as cancelled; returns at once."""
        run_id = self._bar.run if self._bar is not None else None
        threading.Thread(target=self._guarded(lambda: self.lab.run.stop(run_id)), daemon=True).start()

    def _work(self, line: str, bar: Bar) -> None:
        over = threading.Event()
        drawer = threading.Thread(target=self._draw, args=(bar, over), name="lepton-form-bar", daemon=True)
        drawer.start()
        try:
            verb, arguments = read(line, self._variables())
            self.result = run(self.lab, verb, arguments)
            self.output.value = show(self.result)
            if self._on_line is not None:
                self._on_line(line)
        except Exception as error:
            self._tell(error)
        finally:
            over.set()
            drawer.join()
            bar.close()
            self.progress.value = bar.html() if bar.is_worth_keeping else ""
            with self._lock:
                self._thread = None
                self.stop_button.layout.display = "none"
                self._update()

    def _draw(self, bar: Bar, over: threading.Event) -> None:
        while True:
            self.progress.value = bar.html()
            if over.wait(REFRESH):
                return

    def _variables(self) -> Mapping[str, object]:
        if self._namespace is not None:
            return self._namespace
        from IPython import get_ipython

        shell: Any = get_ipython()  # type: ignore[no-untyped-call]  # IPython's function is untyped
        return shell.user_ns if shell is not None else {}

    def _guarded(self, function: Callable[..., object]) -> Callable[..., None]:
        """A callback whose exceptions are shown in the form: ipywidgets would swallow them."""

        def call(*arguments: object) -> None:
            try:
                function(*arguments)
            except Exception as error:
                self._tell(error)

        return call

    def _tell(self, error: Exception) -> None:
        """Show an error in one line; with the traceback below it where the user's own code raised."""
        message, details = str(error), ""
        if isinstance(error, UserCodeError):
            details = error.user_traceback
        elif not isinstance(error, LeptonError):
            log.error("%s failed", self.verb.line, exc_info=error)
            message = f"{type(error).__name__}: {error} (a bug; the kernel's log has the traceback)"
        below = f"<details><summary>traceback</summary><pre>{html.escape(details)}</pre></details>" if details else ""
        self.message.value = (
            f"<div role='alert' style='color:var(--jp-error-color1, #c62828)'>{html.escape(message)}</div>{below}"
        )

    def text(self) -> str:
        """The form for a page without widgets: its fields, and the line."""
        rows = [(p.usage(), parameter_help(p)) for p in self.verb.parameters]
        return Table(f"Form for {self.verb.line}", (), rows, notes=[self.line or self.verb.usage()]).text()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: Any = self.widget._repr_mimebundle_(**options) or {}
        return {**bundle, "text/plain": self.text()}


def show(value: object) -> str:
    """A result as HTML; with a link to download it where it is a file to take away."""
    represent = getattr(value, "_repr_html_", None)
    shown = str(represent()) if represent is not None else f"<pre>{html.escape(str(value))}</pre>"
    return shown + (download_link(value.path) if isinstance(value, Bundle) else "")
