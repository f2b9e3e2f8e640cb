"""Two models on the same rows, and what the rows can tell of their difference."""

from __future__ import annotations

from dataclasses import dataclass

from lepton_lab.display import Shown, Table


@dataclass(frozen=True)
class Difference:
    """One metric of two models, and what the rows allow to say of its difference."""

    metric: str
    value: float
    """The model's."""
    other: float
    """The one's that it is compared with."""
    low: float
    """Lower end of the difference's 95 % confidence interval."""
    high: float
    """Upper end."""
    better: str | None = None
    """The better model; None where the rows can't tell."""

    @property
    def difference(self) -> float:
        """The model's less the other's."""
        return self.value - self.other


@dataclass(frozen=True)
class Verdict:
    """Which of two models is better at one target, by the metric that stands for it."""

    difference: Difference
    """Of that metric: accuracy for classes, binary accuracy for labels, the mean absolute error for numbers."""
    only_model: int = 0
    """For classes: rows that the model alone gets right."""
    only_other: int = 0
    """For classes: rows that the other one alone gets right."""
    p_value: float | None = None
    """For classes: by McNemar's exact test, the chance of such a split or a more uneven one between equal models."""

    def sentence(self, model: str, other: str) -> str:
        """The verdict for a person."""
        metric, better = self.difference.metric, self.difference.better
        if self.p_value is not None:
            said = (
                f"{model} alone is right on {self.only_model:,} rows, {other} alone on {self.only_other:,} "
                f"(McNemar's exact test: p = {self.p_value:.2g})"
            )
        else:
            said = f"the difference is between {self.difference.low:+.4g} and {self.difference.high:+.4g}"
        if better is None:
            return f"these rows can't tell which is better by {metric}: {said}"
        return f"{better} is better by {metric}: {said}"


@dataclass(frozen=True)
class Comparison(Shown):
    """Two models on the same rows."""

    model: str
    other: str
    dataset: str
    split: str
    rows: int
    resamples: int
    """Of the rows, from which the intervals come."""
    differences: tuple[Difference, ...]
    """One for each metric that both models have, but for the calibration error: rows say too little of it."""
    verdicts: tuple[Verdict, ...]
    """One for each target."""

    def table(self) -> Table:
        rows = [
            (
                d.metric,
                f"{d.value:.4f}",
                f"{d.other:.4f}",
                f"{d.difference:+z.4f}",
                f"{d.low:+z.4f} to {d.high:+z.4f}",
                d.better or "-",
            )
            for d in self.differences
        ]
        return Table(
            f"{self.model} against {self.other} on {self.dataset}/{self.split}, {self.rows:,} rows",
            ("metric", self.model, self.other, "difference", "95 % interval", "better"),
            rows,
            notes=[
                *(verdict.sentence(self.model, self.other) for verdict in self.verdicts),
                f"intervals by paired bootstrap over rows, {self.resamples:,} resamples; each is for its metric alone",
            ],
        )
