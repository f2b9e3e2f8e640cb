"""What cross-validation says of a way of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lepton_lab.display import Shown, Table


@dataclass(frozen=True)
class FoldSummary:
    """One metric over the folds."""

    metric: str
    mean: float
    deviation: float
    """Standard deviation over the folds, n - 1 in its denominator."""
    low: float
    """Lower end of the mean's 95 % confidence interval."""
    high: float
    """Upper end."""


@dataclass(frozen=True)
class CrossValidation(Shown):
    """A model trained once for each fold on all other rows, and how good it was on the fold's."""

    model: str
    dataset: str
    rows: tuple[int, ...]
    """In each fold."""
    metrics: tuple[Mapping[str, float], ...]
    """Of each fold, on its rows."""
    summaries: tuple[FoldSummary, ...]
    """One for each metric that every fold has."""

    def table(self) -> Table:
        folds = range(len(self.metrics))
        rows = [
            (
                summary.metric,
                *(f"{self.metrics[fold][summary.metric]:.4f}" for fold in folds),
                f"{summary.mean:.4f}",
                f"{summary.deviation:.4f}",
                f"{summary.low:.4f} to {summary.high:.4f}",
            )
            for summary in self.summaries
        ]
        return Table(
            f"{self.model} on {self.dataset}, {len(folds)}-fold cross-validation of {sum(self.rows):,} rows",
            ("metric", *(f"fold {fold + 1}" for fold in folds), "mean", "deviation", "95 % interval"),
            rows,
            notes=["intervals by the corrected variance of Nadeau and Bengio, since folds share their training rows"],
        )
