"""What lies behind the metrics of one target: each class, what was taken for what, and how sure the answers were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lepton_lab.charts import matrix, square
from lepton_lab.display import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CLASSES = 20
"""That a confusion matrix is shown of, and lines that the table of classes has."""
MOST_PAIRS = 3
"""Confused pairs that are named."""


@dataclass(frozen=True)
class ClassScore:
    """How well one class, or one label, is recognised."""

    name: str
    rows: int
    """That have it; scikit-learn's `support`."""
    precision: float
    """Share of the rows answered with it that have it; 0 where none is answered with it."""
    recall: float | None
    """Share of the rows that have it which are answered with it; None where no row has it."""
    f1: float | None
    """Harmonic mean of the two; None where no row has it."""
    auc: float | None
    """Area under the ROC curve of this class against the others; None where no row has it, or every row."""


@dataclass(frozen=True)
class CalibrationBin:
    """Answers that were about equally sure."""

    rows: int
    """For labels, pairs of a row and a label."""
    confidence: float
    """Mean probability: of the class that is answered, or of the label."""
    share: float
    """Of them that are right; for labels, that are true."""


@dataclass(frozen=True)
class Breakdown:
    """What lies behind the metrics of one target, for classes and for labels."""

    target: str
    """The target's name in the data set."""
    kind: Literal["classes", "labels"]
    classes: tuple[ClassScore, ...]
    """One for each class or label, in the data set's order."""
    confusion: tuple[tuple[int, int, int], ...] = ()
    """For classes: number of the true class, number of the class that was answered, and how many rows; pairs without
    rows are left out. `confusion_matrix` has them all."""
    calibration: tuple[CalibrationBin, ...] = ()
    """From unsure to sure; empty where the answers are no probabilities."""
    roc: tuple[tuple[float, float], ...] = ()
    """Points of the ROC curve, false against true positive rate, mean over classes (of two classes, the second's)."""

    @property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """Rows by true class and answered class, shape (num_classes, num_classes)."""
        import numpy as np

        found = np.zeros((len(self.classes), len(self.classes)), np.int64)
        for true, answered, rows in self.confusion:
            found[true, answered] = rows
        return found

    @property
    def confused(self) -> tuple[tuple[str, str, int], ...]:
        """True class, class that was answered in its place, and how often; the most frequent first."""
        pairs = sorted((pair for pair in self.confusion if pair[0] != pair[1]), key=lambda pair: -pair[2])
        return tuple((self.classes[true].name, self.classes[answered].name, rows) for true, answered, rows in pairs)

    def notes(self) -> tuple[str, ...]:
        """What is said of it in one line each."""
        pairs = [f"{true} taken for {answered} ({rows})" for true, answered, rows in self.confused[:MOST_PAIRS]]
        return (f"most confused: {', '.join(pairs)}",) if pairs else ()

    def figures(self) -> tuple[str, ...]:
        """What is shown of it in a notebook."""
        names = [score.name for score in self.classes]
        found = [self._classes().html()]
        if self.confusion and len(names) <= MOST_CLASSES:
            found.append(matrix("Confusion matrix", names, self.confusion_matrix.tolist()))
        if self.calibration:
            most = max(part.rows for part in self.calibration)
            points = [(part.confidence, part.share) for part in self.calibration]
            upwards = "share right" if self.kind == "classes" else "share true"
            weights = [part.rows / most for part in self.calibration]
            found.append(square("Reliability", ("confidence", upwards), points, weights))
        if self.roc:
            found.append(square("ROC", ("false positive rate", "true positive rate"), self.roc))
        return tuple(found)

    def _classes(self) -> Table:
        """Each class; the worst ones where there are many."""
        shown, notes = self.classes, []
        if len(shown) > MOST_CLASSES:
            shown = tuple(sorted(shown, key=lambda score: 2.0 if score.f1 is None else score.f1)[:MOST_CLASSES])
            notes = [f"the {MOST_CLASSES} of {len(self.classes)} with the lowest f1"]
        rows = [
            (
                score.name,
                *(_digits(value) for value in (score.precision, score.recall, score.f1, score.auc)),
                score.rows,
            )
            for score in shown
        ]
        one = "class" if self.kind == "classes" else "label"
        return Table(f"Target {self.target}", (one, "precision", "recall", "f1", "auc", "rows"), rows, notes=notes)


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
