"""What the lab's models are worth against what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lepton_lab.display import Table
from lepton_lab.errors import LeptonError
from lepton_lab.events import Bus, Event, LineOffered, NamesChanged
from lepton_lab.panels._base import HasEvents, Panel
from lepton_lab.panels._judged import UNMEASURED, Judged, judge
from lepton_lab.panels._picture import INK, Mark, Offer, Picture
from lepton_lab.panels._worth import STAGES, look, plots_of
from lepton_lab.types import Measure, Model


class HasModelRecords(Protocol):
    """The lab's models, as far as this panel needs them."""

    def names(self) -> tuple[str, ...]:
        """Their names."""

    def show(self, name: str) -> Model:
        """A model's record."""

    def measures(self) -> Mapping[str, tuple[Measure, ...]]:
        """What was measured, by name."""


class HasModels(HasEvents, Protocol):
    """The part of a lab that this panel needs."""

    @property
    def model(self) -> HasModelRecords:
        """The lab's models."""


class CompressionPanel(Panel):
    """Models by accuracy, size and latency, with the front of those that no other beats; goes on until it is closed."""

    name = "compression"
    listens = (NamesChanged,)

    def __init__(self, lab: HasModels) -> None:
        self._models = lab.model
        self._bus: Bus = lab.events
        self._is_due, self._chosen = True, ""
        self._judged: tuple[Judged, ...] = ()
        super().__init__(lab)

    def _take(self, event: Event) -> bool:
        self._is_due |= isinstance(event, NamesChanged) and event.kind == "model"
        return False

    def _gather(self) -> None:
        if not self._is_due:
            return
        self._is_due = False
        try:
            measures = self._models.measures()
            judged = [
                judge(self._models.show(name), measure)
                for name in self._models.names()
                for measure in measures.get(name, (None,))
            ]
            self._judged = tuple(one for one in judged if one is not None)
        except (LeptonError, OSError):  # one is being replaced, of which an event will tell
            self._is_due = True

    def _choose(self, name: str) -> None:
        with self._lock:
            self._chosen = name

    def _write(self) -> None:
        lines = self._offer().lines
        if lines:
            self._bus.publish(LineOffered("\n".join(lines)))

    def _offer(self) -> Offer:
        models = {one.model.name: one.model for one in self._judged}
        chosen = models.get(self._chosen)
        lines = (*chosen.earlier, chosen.made_by) if chosen is not None else ()
        return Offer("model", tuple(models), chosen.name if chosen else "", tuple(filter(None, lines)))

    def _picture(self) -> Picture:
        stages = {one.model.stage for one in self._judged}
        legend = [Mark(stage, look(stage)[0], shape=look(stage)[1]) for stage in STAGES if stage in stages]
        if any(one.measure is None for one in self._judged):
            legend.append(Mark(UNMEASURED, INK, shape="circle", is_filled=False))
        plots = plots_of(self._judged)
        if any(len(plot.front) > 1 for plot in plots):
            legend.append(Mark("front: none is cheaper and as good", INK))
        return Picture(self._title(), plots, tuple(legend), offer=self._offer())

    def _title(self) -> str:
        num = len({one.model.name for one in self._judged})
        if not num:
            return "Compression: no model has been trained and tried yet"
        rows = {one.rows for one in self._judged}
        where = f" on {rows.pop()}" if len(rows) == 1 else ""
        return f"{num} model{'s' if num > 1 else ''} by worth and cost{where}; choose one to see the lines that made it"

    def table(self) -> Table:
        self._gather()
        with self._lock:
            rows = [(one.model.name, one.words(), one.model.made_by or "-") for one in self._judged]
            return Table(self._title(), ("model", "", "made by"), rows)


PANEL = CompressionPanel
