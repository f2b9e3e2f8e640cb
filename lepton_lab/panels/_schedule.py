"""What a `lab.map` planned above what happened, for each worker over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from lepton_lab.display import Table
from lepton_lab.errors import LeptonError
from lepton_lab.events import Event, MapChanged
from lepton_lab.panels._base import HasEvents, Panel
from lepton_lab.panels._picture import Mark, Picture
from lepton_lab.types import Schedule


class HasSchedule(HasEvents, Protocol):
    """The part of a lab that this panel needs."""

    def schedule(self) -> Schedule:
        """What the last map planned, and what happened."""


class SchedulePanel(Panel):
    """A row for each thread of each worker: planned calls pale, those that were done below them; ends with the map."""

    name = "schedule"
    listens = (MapChanged,)

    def __init__(self, lab: HasSchedule) -> None:
        self._lab = lab
        self._is_due = True
        self._schedule: Schedule | None = None
        super().__init__(lab)

    def _take(self, event: Event) -> bool:
        self._is_due = True
        return isinstance(event, MapChanged) and event.state != "running"

    def _gather(self) -> None:
        if not self._is_due:
            return
        self._is_due = False
        try:
            self._schedule = self._lab.schedule()
        except LeptonError:  # there was none yet
            self._schedule = None

    def _picture(self) -> Picture:
        if self._schedule is None:
            return Picture(self._title(), ())
        gantt = self._schedule.gantt().light()
        gantt = replace(gantt, title="; ".join(self._schedule.facts))
        looks = gantt.looks() if len(gantt.looks()) > 1 else []
        legend = tuple(Mark(name, color, shape="square", opacity=opacity) for name, color, opacity in looks)
        return Picture(self._title(), (gantt,), legend)

    def _title(self) -> str:
        return "lab.map: none has run yet" if self._schedule is None else f"lab.map: {self._schedule.title}"

    def table(self) -> Table:
        self._gather()
        with self._lock:
            if self._schedule is None:
                return Table(self._title())
            return replace(self._schedule.table(), title=self._title(), figures=())


PANEL = SchedulePanel
