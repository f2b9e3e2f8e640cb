"""Dask's tasks on every worker over time."""

from __future__ import annotations

from lepton_lab.display import Table
from lepton_lab.events import ClusterChanged, Event, WorkerLoad
from lepton_lab.panels._base import HasEvents, Panel
from lepton_lab.panels._devices import present
from lepton_lab.panels._picture import Line, Picture, Plot, legend, natural, styles

PLOTS = (("executing", "Executing"), ("ready", "Ready to run"), ("memory", "Results in memory"))
"""Dask's name of a state, and the plot's."""
STATES = tuple(state for state, _ in PLOTS)


class TasksPanel(Panel):
    """How many of Dask's tasks each worker executes, has ready and holds; ends when the cluster goes down.

    A training process is a task too, and executes as long as its run.
    """

    name = "tasks"
    listens = (WorkerLoad, ClusterChanged)

    def __init__(self, lab: HasEvents) -> None:
        self._cluster, self._state = "", ""
        self._latest: dict[str, WorkerLoad] = {}
        super().__init__(lab)

    def _take(self, event: Event) -> bool:
        if isinstance(event, ClusterChanged):
            if self._state == "down" and event.state != "down":
                self._histories.clear()
                self._latest.clear()
            self._cluster, self._state = event.name, event.state
            return event.state == "down"
        if isinstance(event, WorkerLoad):
            self._latest[event.worker] = event
            values = {state: float(event.tasks.get(state, 0)) for state in STATES}
            self._history(event.worker, STATES).add(event.time, values)
        return False

    def _picture(self) -> Picture:
        look = styles(self._histories)
        plots = []
        for state, title in PLOTS:
            now = sum(load.tasks.get(state, 0) for load in present(self._latest).values())
            lines = tuple(Line(name, name, state, *look[name]) for name in look)
            plots.append(Plot(f"{title}, tasks (now {now:,})", "tasks", lines, digits=0))
        return Picture(self._title(), tuple(plots), legend(look))

    def _title(self) -> str:
        if not self._latest:
            return "Tasks: no worker has told of any yet"
        state = f", {self._state}" if self._state else ""
        return f"Dask's tasks on {self._cluster or 'the cluster'}{state}"

    def table(self) -> Table:
        with self._lock:
            latest = present(self._latest)
            rows = [(name, *(latest[name].tasks.get(state, 0) for state in STATES)) for name in natural(latest)]
            return Table(self._title(), ("worker", *(title.lower() for _, title in PLOTS)), rows)


PANEL = TasksPanel
