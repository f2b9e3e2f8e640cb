"""What the lab's models are worth against what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lepton_lab.display import Table, size
from lepton_lab.errors import LeptonError
from lepton_lab.events import Bus, Event, LineOffered, NamesChanged
from lepton_lab.panels._base import HasEvents, Panel
from lepton_lab.panels._picture import COLORS, SHAPES, Dot, DotPlot, Mark, Offer, Picture
from lepton_lab.types import Measure, Model

STAGES = ("trained", "pruned", "float16", "dynamic", "int8")
"""In the order of their colours and shapes."""
METRICS = {"accuracy": "Accuracy", "binary_accuracy": "Accuracy", "mae": "Mean absolute error"}
"""What a model is judged by: Keras's name and a plot's."""
UNMEASURED = "size of its own file, not measured"


class HasModelRecords(Protocol):
    """The lab's models, as far as this panel needs them."""

    def names(self) -> tuple[str, ...]:
        """Their names."""

    def show(self, name: str) -> Model:
        """A model's record."""

    def measures(self) -> Mapping[str, Measure]:
        """What was measured, by name."""


class HasModels(HasEvents, Protocol):
    """The part of a lab that this panel needs."""

    @property
    def model(self) -> HasModelRecords:
        """The lab's models."""


@dataclass(frozen=True)
class Judged:
    """A model with its figures."""

    model: Model
    metric: str
    worth: float
    """By the metric."""
    num_bytes: int
    """Of its `.tflite` file, or of its own where nothing was measured."""
    measure: Measure | None

    def words(self) -> str:
        """All figures with their units, for a person."""
        worth = f"{self.worth:.2%}" if self.metric.endswith("accuracy") else f"{self.worth:.4g}"
        words = [f"{METRICS[self.metric].lower()} {worth}", size(self.num_bytes)]
        if self.measure is None:
            words[-1] += f" ({UNMEASURED})"
        else:
            words += [f"{size(self.measure.gzip_bytes)} after gzip", f"{self.measure.latency * 1e6:.0f} \u00b5s a row"]
        return ", ".join([*words, f"{self.model.num_parameters:,} parameters", self.model.stage])


class CompressionPanel(Panel):
    """Models by accuracy, size and latency, each joined to the one it was made from; goes on until it is closed."""

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
            judged = [judge(self._models.show(name), measures.get(name)) for name in self._models.names()]
            self._judged = tuple(one for one in judged if one is not None)
        except (LeptonError, OSError):  # one is being replaced, of which an event will tell
            self._is_due = True

    def _choose(self, name: str) -> None:
        with self._lock:
            self._chosen = name

    def _write(self) -> None:
        line = self._offer().line
        if line:
            self._bus.publish(LineOffered(line))

    def _offer(self) -> Offer:
        lines = {one.model.name: one.model.made_by for one in self._judged}
        chosen = self._chosen if self._chosen in lines else ""
        return Offer("model", tuple(lines), chosen, lines.get(chosen, ""))

    def _picture(self) -> Picture:
        plots = []
        for title in dict.fromkeys(METRICS[one.metric] for one in self._judged):
            judged = [one for one in self._judged if METRICS[one.metric] == title]
            measured = [(one, one.measure) for one in judged if one.measure is not None]
            plots.append(
                _plot(f"{title} against size of the file, kB", judged, [one.num_bytes / 1e3 for one in judged])
            )
            if measured:
                models = [one for one, _ in measured]
                zipped = [measure.gzip_bytes / 1e3 for _, measure in measured]
                plots.append(_plot(f"{title} against size after gzip, kB", models, zipped))
                latency = [measure.latency * 1e6 for _, measure in measured]
                plots.append(_plot(f"{title} against latency, \u00b5s a row", models, latency))
        stages = [stage for stage in STAGES if any(one.model.stage == stage for one in self._judged)]
        legend = [Mark(stage, *_look(stage)) for stage in stages]
        if any(one.measure is None for one in self._judged):
            legend.append(Mark(UNMEASURED, COLORS[0], shape="circle", is_filled=False))
        return Picture(self._title(), tuple(plots), tuple(legend), offer=self._offer())

    def _title(self) -> str:
        num = len(self._judged)
        if not num:
            return "Compression: no model has been trained and tried yet"
        return f"{num} model{'s' if num > 1 else ''} by worth and cost; choose one to see the line that made it"

    def table(self) -> Table:
        self._gather()
        with self._lock:
            rows = [(one.model.name, one.words(), one.model.made_by or "-") for one in self._judged]
            return Table(self._title(), ("model", "", "made by"), rows)


def judge(model: Model, measure: Measure | None) -> Judged | None:
    """A model's figures as they were recorded; None where none are, or they are no numbers."""
    if measure is not None and measure.accuracy is not None and math.isfinite(measure.accuracy):
        return Judged(model, measure.metric, measure.accuracy, measure.raw_bytes, measure)
    for metric in METRICS:
        worth = model.metrics.get(f"test_{metric}")
        if worth is not None and math.isfinite(worth) and model.stage != "new":
            return Judged(model, metric, worth, model.file.stat().st_size, None)
    return None


def _look(stage: str) -> tuple[str, tuple[int, ...], str]:
    """Colour, dash and shape of a stage."""
    place = STAGES.index(stage) if stage in STAGES else 0
    return COLORS[place], (), tuple(SHAPES)[place]


def _plot(title: str, judged: Sequence[Judged], costs: Sequence[float]) -> DotPlot:
    places = {one.model.name: i for i, one in enumerate(judged)}
    dots = []
    for one, cost in zip(judged, costs, strict=True):
        color, _, shape = _look(one.model.stage)
        filled = one.measure is not None
        dots.append(Dot(one.model.name, max(cost, 1e-3), one.worth, color, shape, one.words(), filled))
    links = [(places[one.model.parent], i) for i, one in enumerate(judged) if one.model.parent in places]
    return DotPlot(title, tuple(dots), tuple(links))


PANEL = CompressionPanel
