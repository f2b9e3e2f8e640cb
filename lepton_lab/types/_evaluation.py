"""How good a model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lepton_lab.display import Shown, Table
from lepton_lab.types._breakdown import Breakdown
from lepton_lab.types._comparison import Comparison

_PICTURES = ("pictures: the row, what is right, the answer",)


@dataclass(frozen=True)
class Evaluation(Shown):
    """How good a model is on rows that it was not trained on."""

    model: str
    dataset: str
    split: str
    rows: int
    metrics: Mapping[str, float]
    """By name: `"accuracy"`; of several targets each has its own, `"kind_accuracy"`. One that the rows don't allow to
    compute is left out, and a note says why."""
    breakdowns: tuple[Breakdown, ...] = ()
    """For each target of classes or labels, in the data set's order."""
    notes: tuple[str, ...] = ()
    """What is to be known of the metrics: classes that no row has, and such."""
    comparison: Comparison | None = None
    """With another model on the same rows, where there was one."""

    images: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Where answers are pictures, caption and PNG (base64) of some rows: the row, what is right, the answer."""

    def table(self) -> Table:
        table = self.comparison.table() if self.comparison else self._metrics()
        several = len(self.breakdowns) > 1
        own = [f"{part.target}: {note}" if several else note for part in self.breakdowns for note in part.notes()]
        return replace(
            table,
            notes=(*table.notes, *own, *self.notes, *(_PICTURES if self.images else ())),
            images=self.images,
            figures=[figure for part in self.breakdowns for figure in part.figures()],
        )

    def _metrics(self) -> Table:
        return Table(
            f"{self.model} on {self.dataset}/{self.split}, {self.rows:,} rows",
            ("metric", "value"),
            [(name, f"{value:.4f}") for name, value in self.metrics.items()],
        )
