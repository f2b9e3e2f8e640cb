"""How a training run goes, beside the load of the workers that it runs on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from lepton_lab.display import Table, duration
from lepton_lab.events import EpochEnded, Event, RunChanged, RunProgress, WorkerLoad
from lepton_lab.panels._base import HasEvents, Panel
from lepton_lab.panels._history import Merge, greatest, mean
from lepton_lab.panels._picture import COLORS, DASHES, Line, Look, Mark, Picture, Plot, legend, natural, styles
from lepton_lab.types import FINAL_STATES

CURVES = COLORS[::-1]
"""Colours of loss and metrics: from the other end, so that they are not taken for the first workers."""
BY_WORKER = (
    ("rate", "Throughput", "examples/s", 0),
    ("load", "CPU", "% of a core", 0),
    ("gpu", "GPU", "%", 0),
    ("memory", "Memory of the training processes", "GB", 2),
)
"""Plots with a line for each worker: kind of history, title, unit, decimals; the last two where there are figures."""
MAX_MARKS = 100
"""More epochs than this are not marked: the lines would hide the plots."""


class HasPast(Protocol):
    """The lab's runs, as far as this panel needs them."""

    def past(self, id: str | None = None) -> list[Event]:
        """All that a run has told so far, or the latest run."""


class HasRuns(HasEvents, Protocol):
    """The part of a lab that this panel needs."""

    @property
    def run(self) -> HasPast:
        """The lab's runs."""


class TrainingPanel(Panel):
    """Loss, metrics, throughput and the load of the devices on one time axis; ends when the run does.

    Opened while no run is going, it shows the last one, of this kernel or an earlier one, and waits for the next. A run
    that began before this kernel, or that is gone on with, is shown from its first step.
    """

    name = "training"
    listens = (RunChanged, RunProgress, EpochEnded, WorkerLoad)

    def __init__(self, lab: HasRuns) -> None:
        self._past = lab.run.past
        self._run, self._state = "", ""
        self._progress: RunProgress | None = None
        self._epoch_logs: tuple[str, ...] = ()
        self._learning_rates: tuple[float, ...] = ()
        super().__init__(lab)
        with self._lock:
            if not self._run:
                self._go_back(self._past())

    def _take(self, event: Event) -> bool:
        if isinstance(event, WorkerLoad):
            if self._run and self._state not in FINAL_STATES:
                self._add("load", event.worker, event.time, event.cpu_percent)
                gpus = [a.utilization for a in event.accelerators if a.kind == "gpu" and a.utilization is not None]
                if gpus:
                    self._add("gpu", event.worker, event.time, sum(gpus) / len(gpus))
            return False
        if not isinstance(event, (RunChanged, RunProgress, EpochEnded)) or not self._follows(event):
            return False
        self._note(event)
        return isinstance(event, RunChanged) and event.state in FINAL_STATES

    def _note(self, event: RunChanged | RunProgress | EpochEnded) -> None:
        """Take up what an event of the run that is shown tells."""
        if isinstance(event, RunChanged):
            self._state = event.state
        elif isinstance(event, RunProgress):
            self._progress = event
            values = {"loss": event.loss, **event.metrics}
            self._history("progress", tuple(values), mean).add(event.time, values)
            for worker, rate in event.rates.items():
                self._add("rate", worker, event.time, rate, mean)
            for worker, num_bytes in event.memory.items():
                self._add("memory", worker, event.time, num_bytes / 1e9)
            if (learning := event.learning_rate) is not None:
                self._history("learning", ("learning_rate",), mean).add(event.time, {"learning_rate": learning})
                self._learning_rates = (min((learning, *self._learning_rates)), max((learning, *self._learning_rates)))
        else:
            self._epoch_logs = self._epoch_logs or tuple(event.logs)
            self._history("epochs", self._epoch_logs, mean).add(event.time, event.logs)

    def _go_back(self, past: Iterable[Event], until: float = math.inf) -> None:
        """Show a run from its first step, by what it has told before a moment."""
        for event in past:
            if isinstance(event, (RunChanged, RunProgress, EpochEnded)) and event.time < until:
                self._run = event.run
                self._note(event)

    def _add(self, kind: str, worker: str, time: float, value: float, merge: Merge = greatest) -> None:
        self._history(f"{kind} {worker}", (kind,), merge).add(time, {kind: value})

    def _follows(self, event: RunChanged | RunProgress | EpochEnded) -> bool:
        """Whether the event is of the run that is shown; a new run is taken up when the last is over."""
        if event.run == self._run:
            return True
        if isinstance(event, EpochEnded) or (self._run and self._state not in FINAL_STATES):
            return False
        if isinstance(event, RunChanged) and event.state in FINAL_STATES:
            return False
        self._run, self._progress = event.run, None
        self._epoch_logs, self._learning_rates = (), ()
        self._histories.clear()
        self._go_back(self._past(event.run), event.time)
        self._state = "running"
        return True

    def _picture(self) -> Picture:
        progress = self._histories.get("progress")
        names = [name for name in (progress.columns if progress else ()) if name not in ("time", "loss")]
        workers = natural({worker for key in self._histories for kind, _, worker in [key.partition(" ")] if worker})
        look = styles(workers)
        epochs = self._histories.get("epochs")
        metrics = self._now(names[0].capitalize(), names[0]) if names else "Metrics"
        plots = [
            Plot(self._now("Loss", "loss"), "", self._curves(["loss"]), from_zero=False, digits=4),
            Plot(metrics, "", self._curves(names), from_zero=False, digits=4),
        ]
        for kind, title, unit, digits in BY_WORKER:
            lines = self._by_worker(kind, look)
            if lines or kind in ("rate", "load"):
                plots.append(Plot(f"{title}, {unit}", unit, lines, digits=digits))
        if len(set(self._learning_rates)) > 1:
            line = Line("learning rate", "learning", "learning_rate", CURVES[2])
            plots.append(Plot(self._now("Learning rate", "learning_rate", ".3g"), "", (line,), digits=6))
        return Picture(
            self._title(),
            tuple(plots),
            self._legend(plots[1].lines, look),
            marks="epochs" if epochs and len(epochs) <= MAX_MARKS else "",
        )

    def _by_worker(self, kind: str, look: Mapping[str, Look]) -> tuple[Line, ...]:
        return tuple(
            Line(worker, f"{kind} {worker}", kind, *look[worker])
            for worker in look
            if f"{kind} {worker}" in self._histories
        )

    def _curves(self, names: Sequence[str]) -> tuple[Line, ...]:
        """A line for each name as it runs, and a dashed one for its value on the validation rows."""
        lines = []
        for name, color in zip(names if "progress" in self._histories else (), itertools.cycle(CURVES)):
            lines.append(Line(name, "progress", name, color))
            if f"val_{name}" in self._epoch_logs:
                lines.append(Line(f"val_{name}", "epochs", f"val_{name}", color, DASHES[1], points=True))
        return tuple(lines)

    def _legend(self, curves: Sequence[Line], look: Mapping[str, Look]) -> tuple[Mark, ...]:
        """What the colours mean: the metrics where there are several, validation, the workers."""
        marks = [line.mark for line in curves if not line.dash]
        if len(marks) <= 1:
            marks = [replace(mark, name="training") for mark in marks]
        if any(line.dash for line in curves):
            marks.append(Mark("validation", CURVES[0], DASHES[1]))
        return (*marks, *legend(look))

    def _now(self, title: str, name: str, digits: str = ".4f") -> str:
        """A plot's title with the value that the run has now."""
        if self._progress is None:
            return title
        at = self._progress
        value = {"learning_rate": at.learning_rate, "loss": at.loss, **at.metrics}.get(name)
        return title if value is None else f"{title} {value:{digits}}"

    def _title(self) -> str:
        if not self._run:
            return "Training: no run yet"
        parts = [f"Run {self._run}", self._state]
        if (at := self._progress) is not None:
            parts.append(f"epoch {at.epoch}/{at.epochs}")
            if self._state not in FINAL_STATES:
                parts.append(f"step {at.step}/{at.steps}")
                if at.remaining is not None:
                    parts.append(f"{duration(at.remaining)} left")
        return ", ".join(parts)

    def table(self) -> Table:
        with self._lock:
            rows: list[tuple[str, str]] = []
            if (at := self._progress) is not None:
                rows += [(name, f"{value:.4f}") for name, value in {"loss": at.loss, **at.metrics}.items()]
                epochs = self._histories.get("epochs")
                if epochs:
                    last = dict(zip(epochs.columns, epochs.rows()[-1], strict=True))
                    rows += [(name, f"{value:.4f}") for name, value in last.items() if name.startswith("val_")]
                rows += [(f"{worker}, examples/s", f"{at.rates[worker]:,.0f}") for worker in natural(at.rates)]
            return Table(self._title(), (), rows)


PANEL = TrainingPanel
