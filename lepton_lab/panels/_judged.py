"""A model with the figures by which it is drawn: what was measured, or else what its own record has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lepton_lab.display import size
from lepton_lab.files import num_bytes
from lepton_lab.types import Measure, Model

METRICS = {"binary_accuracy": "Accuracy", "accuracy": "Accuracy", "mae": "Mean absolute error"}
"""What a model is judged by: Keras's name and a plot's; the longer of two that end alike first."""
UNMEASURED = "size of its own file, not measured"


@dataclass(frozen=True)
class Judged:
    """A model with its figures."""

    model: Model
    metric: str
    worth: float
    """By the metric."""
    rows: str
    """On which it was judged: `digits/test`."""
    num_bytes: int
    """Of its `.tflite` file, or of its own where nothing was measured."""
    measure: Measure | None

    @property
    def kind(self) -> tuple[str, str]:
        """What only models of the same can be compared by: what is measured, and on which rows."""
        return self._judgement, self.rows

    @property
    def _judgement(self) -> str:
        """A plot's words for the metric, with the target's name where that has it: `Accuracy of kind`."""
        metric = next(one for one in METRICS if self.metric.endswith(one))
        target = self.metric.removesuffix(metric).removesuffix("_")
        return f"{METRICS[metric]} of {target}" if target else METRICS[metric]

    def words(self) -> str:
        """All figures with their units, for a person."""
        worth = f"{self.worth:.2%}" if self.metric.endswith("accuracy") else f"{self.worth:.4g}"
        words = [f"{self._judgement[0].lower()}{self._judgement[1:]} {worth} on {self.rows}", size(self.num_bytes)]
        if self.measure is None:
            words[-1] += f" ({UNMEASURED})"
        else:
            words += [f"{size(self.measure.gzip_bytes)} after gzip", f"{self.measure.latency * 1e6:.0f} \u00b5s a row"]
        return ", ".join([*words, f"{self.model.num_parameters:,} parameters", self.model.stage])


def judge(model: Model, measure: Measure | None) -> Judged | None:
    """A model's figures as they were recorded; None where none are, or they are no numbers."""
    if measure is not None and measure.accuracy is not None and math.isfinite(measure.accuracy):
        rows = _rows(measure.dataset or model.dataset, measure.split)
        return Judged(model, measure.metric, measure.accuracy, rows, measure.raw_bytes, measure)
    first = next((f"{name}_" for name in model.target_classes), "")
    for metric in (f"{first}{one}" for one in METRICS):
        worth = model.metrics.get(f"test_{metric}")
        if worth is not None and math.isfinite(worth) and model.stage != "new":
            return Judged(model, metric, worth, _rows(model.dataset, "test"), num_bytes(model.file), None)
    return None


def _rows(dataset: str | None, split: str) -> str:
    return f"{dataset}/{split}" if dataset else split
