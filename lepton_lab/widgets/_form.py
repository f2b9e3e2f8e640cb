"""A form for any verb, made from its description.

What is typed is checked as it is typed and becomes the `%lepton` line that the form stands for; the Run button runs
this line and nothing else. What ran well is offered to the notebook with its result, so that all that was done can be
read there and done again. Work runs on a thread of its own, so that the page is answered at once while it goes on; a
training run can be sent to the background, below the form, which is free for the next line then.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab.commands import REQUIRED, Verb, parameter_help, read, render
from lepton_lab.display import Shown, Table
from lepton_lab.errors import InputError, LeptonError
from lepton_lab.events import ClusterChanged, Event, LineOffered, NamesChanged
from lepton_lab.widgets._aside import aside_for
from lepton_lab.widgets._fields import Field
from lepton_lab.widgets._job import Job
from lepton_lab.widgets._line import LineView
from lepton_lab.widgets._logs import Logs
from lepton_lab.widgets._looks import LOOKS, QUIET_COLOR
from lepton_lab.widgets._more import MoreOptions
from lepton_lab.widgets._results import as_cell, show, show_error
from lepton_lab.widgets._still import show as show_widget

if TYPE_CHECKING:
    from lepton_lab.lab import Lab


class Form(Shown):
    """A form for a verb; it shows itself when it is a cell's last value.

    Parameters
    ----------
    lab
        What it works on.
    verb
        What it does.
    namespace
        The notebook's variables; by default those of the running IPython.
    """

    def __init__(
        self,
        lab: Lab,
        verb: Verb,
        *,
        namespace: Mapping[str, object] | None = None,
    ) -> None:
        self.lab, self.verb = lab, verb
        self.line = ""
        """The `%lepton` line that the form stands for; empty while something in it can't be used."""
        self.errors: dict[str, str] = {}
        """What is wrong, by parameter."""
        self.job: Job | None = None
        """What it ran last."""
        self._behind: list[Job] = []
        self._namespace = namespace
        self._lock = threading.RLock()  # callbacks, events and the work come on different threads
        changed = self._guarded(self._update)
        self.fields = {p.name: Field(p, lab, self._variables, changed) for p in verb.parameters}
        self.more = MoreOptions([field for field in self.fields.values() if field.parameter.is_rare])
        self.aside = aside_for(lab, verb)
        self.line_view = LineView(self._guarded(lambda _: self.offer()))
        self.button = ipywidgets.Button(description="Run", button_style="primary", icon="play", tooltip=verb.help)
        self.button.on_click(self._guarded(lambda _: self.run()))
        self.logs = Logs(lab, lambda: self.job.run if self.job is not None else None)
        self.logs.button.layout.display = None if verb.training or verb.is_slow else "none"
        self.message, self._lacks = ipywidgets.HTML(), ipywidgets.HTML()
        self._place, self._background = ipywidgets.VBox(), ipywidgets.VBox()
        self.widget = self._arrange()
        self._unsubscribe = lab.events.subscribe(self._refresh, NamesChanged, ClusterChanged)
        self._update()

    def _arrange(self) -> Any:
        """All parts, from top to bottom."""
        often = [field.row for field in self.fields.values() if not field.parameter.is_rare]
        widget = ipywidgets.VBox(
            [
                ipywidgets.HTML(f"{LOOKS}<b>{html.escape(self.verb.line)}</b> {html.escape(self.verb.help)}"),
                *often,
                *([self.more.widget] if self.more.fields else []),
                *([self.aside.widget] if self.aside is not None else []),
                self.line_view.widget,
                ipywidgets.HBox([self.button, self.logs.button, self._lacks]),
                self.message,
                self._place,
                self.logs.view,
                self._background,
            ]
        )
        widget.add_class("lepton-form")
        return widget

    def close(self) -> None:
        """Stop following the lab and take the form off the page; work that goes on is not ended."""
        self._unsubscribe()
        self.logs.close()
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
            self.more.update()
            self.line_view.show(self.line)
            if self.aside is not None:
                self.aside.follow(shown)
            self.button.disabled = bool(self.errors) or self.is_running
            self._lacks.value = self._lacking()

    def _lacking(self) -> str:
        """HTML beside the Run button that says why it can't be pressed."""
        if not self.errors:
            return ""
        labels = html.escape(", ".join(self.fields[name].label for name in self.errors))
        return f"<span role='status' style='color:{QUIET_COLOR};padding-left:8px'>to fill in or mend: {labels}</span>"

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
        # The lab is asked before the lock is taken: it may publish an event while it answers, which comes back here.
        names = {field: field.look_up() for field in self.fields.values()}
        with self._lock:
            for field, found in names.items():
                field.offer(found)
            self._update()

    @property
    def is_running(self) -> bool:
        """Whether the form's work goes on in its foreground."""
        return self.job is not None and self.job.is_running and not self.job.is_background

    @property
    def result(self) -> object:
        """What the last run gave."""
        return self.job.result if self.job is not None else None

    def run(self) -> None:
        """Run the line; returns at once, see `wait`. Does nothing while the form can't be used, or works."""
        with self._lock:
            if self.errors or self.is_running:
                return
            self.message.value = ""
            verb, arguments = read(self.line, self._variables())
            self.job = Job(
                self.lab,
                verb,
                arguments,
                self.line,
                present=self._present,
                ended=self._ended,
                to_background=self._guarded(self.to_background),
            )
            self._place.children = [self.job.widget]
            self._update()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work is over; False if it still goes on after `timeout` seconds."""
        return self.job is None or self.job.wait(timeout)

    def stop(self) -> None:
        """End the run that the form started (or waits for) as cancelled; returns at once."""
        if self.job is not None:
            self.job.stop()

    def to_background(self, job: Job | None = None) -> None:
        """Let the work go on below the form, which is free for another line at once."""
        with self._lock:
            job = job or self.job
            if job is None or not job.is_running or job.is_background:
                return
            job.is_background = True
            job.background_button.layout.display = "none"
            self._place.children = []
            self._behind = [job, *(earlier for earlier in self._behind if earlier.is_running)]
            self._background.children = [each.widget for each in self._behind]
            self._update()

    def offer(self) -> None:
        """Offer the line to the notebook, as a cell.

        Raises
        ------
        InputError
            If there is no page that could take it.
        """
        if not self.line:
            return
        if not self.lab.events.is_heard(LineOffered):
            raise InputError("No page takes the line (that needs Lepton Lab's JupyterLab extension): copy it instead.")
        self.message.value = ""
        self.lab.events.publish(LineOffered(self.line))

    def _present(self, result: object) -> str:
        return show(result) + (self.aside.after(result) if self.aside is not None else "")

    def _ended(self, job: Job) -> None:
        with self._lock:
            self._update()
        if job.error is None:
            self.lab.events.publish(LineOffered(job.line, as_cell(job.result)))

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
                self.message.value = show_error(error, self.verb.line)

        return call

    def table(self) -> Table:
        """The form for a page without widgets: its fields with what stands in them, and the line."""
        rows = [
            (
                field.parameter.usage(),
                str(field.control.value),
                self.errors.get(name) or parameter_help(field.parameter),
            )
            for name, field in self.fields.items()
            if field.shown
        ]
        notes = [self.verb.help, self.line or self.verb.usage(), "To have the form itself, run this cell again."]
        return Table(f"Form for {self.verb.line}", (), rows, notes=notes)

    def _ipython_display_(self) -> None:
        show_widget(self.widget, self.table())
