"""Smaller models, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lepton_lab.display import Shown, Table, size, times
from lepton_lab.types._model import Measure, Model


@dataclass(frozen=True)
class Preflight(Shown):
    """What a technique would do to each layer of a model."""

    model: str
    technique: str
    layers: tuple[tuple[str, str], ...]
    """Layer name, and what will become of it or why nothing."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What was found out on the way, for the training."""

    def table(self) -> Table:
        return Table(f"What {self.technique} would do to {self.model}", ("layer", ""), self.layers)


@dataclass(frozen=True)
class Trial:
    """One model that a search made."""

    model: str
    """Its name."""
    line: str
    """The `%lepton` line that made it."""
    stage: str
    measure: Measure | None = None
    """On rows held out of the training split; None where it could not be made."""
    is_on_front: bool = False
    """Whether no other trial is better in one of accuracy, gzip size and latency without being worse in another."""
    error: str = ""
    """Why it could not be made."""


@dataclass(frozen=True)
class Front(Shown):
    """What a search found."""

    model: str
    """The model that all were made from."""
    dataset: str
    budget: str
    before: Measure
    """Of that model, on the rows that the trials were measured on."""
    trials: tuple[Trial, ...]
    pick: str
    """The model that the budget picks; empty where none is within it."""
    explanation: str
    """Why that one, or what is nearest."""
    reported: tuple[tuple[str, Measure], ...] = ()
    """On the test split, which no choice has seen: of the model that all were made from, and of the pick."""

    def table(self) -> Table:
        rows: list[tuple[object, ...]] = [(self.model, "", *_figures(self.before))]
        for trial in sorted(self.trials, key=lambda t: t.measure.gzip_bytes if t.measure else float("inf")):
            mark = "picked" if trial.model == self.pick else "front" if trial.is_on_front else ""
            rows.append((trial.model, mark, *(_figures(trial.measure) if trial.measure else ("-",) * 5)))
        notes = [self.explanation]
        notes += [f"{trial.model}: {trial.error}" for trial in self.trials if trial.error]
        notes += [
            f"{name} on {measure.dataset}/{measure.split}: {', '.join(_figures(measure))}"
            for name, measure in self.reported
        ]
        where = f"{self.before.metric} on {self.before.dataset}/{self.before.split}"
        notes.append(f"{where}; latency of one row, {self.before.runs_by}")
        header = ("model", "", self.before.metric, "raw size", "gzip size", "latency", "memory")
        return Table(f"Search over {self.model}: {self.budget}", header, rows, notes=notes)


def _figures(measure: Measure) -> tuple[str, ...]:
    return (
        _worth(measure),
        size(measure.raw_bytes),
        size(measure.gzip_bytes),
        f"{measure.latency * 1e6:.0f} us",
        size(measure.memory) if measure.memory else "-",
    )


def _worth(measure: Measure) -> str:
    if measure.accuracy is None:
        return "-"
    return f"{measure.accuracy:.2%}" if measure.metric.endswith("accuracy") else f"{measure.accuracy:.4g}"


@dataclass(frozen=True)
class CompressedModel(Shown):
    """What a compression made of a model, and what that cost."""

    model: Model
    before: Measure
    after: Measure
    layers: tuple[tuple[str, str], ...] = ()
    """Layer name, and what was done to it or why nothing was."""
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        b, a = self.before, self.after
        rows = [
            (
                b.metric,
                _worth(b),
                _worth(a),
                "-"
                if a.accuracy is None or b.accuracy is None
                else f"{(a.accuracy - b.accuracy) * 100:+.2f} points"
                if b.metric.endswith("accuracy")
                else f"{a.accuracy - b.accuracy:+.4g}",
            ),
            ("raw size", size(b.raw_bytes), size(a.raw_bytes), times(b.raw_bytes / a.raw_bytes, "smaller", "larger")),
            (
                "gzip size",
                size(b.gzip_bytes),
                size(a.gzip_bytes),
                times(b.gzip_bytes / a.gzip_bytes, "smaller", "larger"),
            ),
            (
                "latency",
                f"{b.latency * 1e6:.0f} us",
                f"{a.latency * 1e6:.0f} us",
                times(b.latency / a.latency, "faster", "slower"),
            ),
        ]
        if b.memory and a.memory:
            rows.append(("memory", size(b.memory), size(a.memory), times(b.memory / a.memory, "smaller", "larger")))
        return Table(
            f"{self.model.name}: {self.model.stage} from {self.model.parent}",
            ("", "before", "after", "change"),
            rows,
            notes=[*self.notes, f"{a.metric} on the {a.split} split; latency of one row, {a.runs_by}"],
        )
