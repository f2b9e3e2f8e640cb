"""The metrics of answers, and what lies behind them.

Means over classes are of those classes that the rows have. A class that no row has can't be recalled, and to count it
as never recalled would make the metrics depend on which classes a small split happens to have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.evaluate._graded import Graded, grade
from lepton_lab.evaluate._positions import measure_positions, peak_signal_to_noise
from lepton_lab.runtime import MASKED, score_rows
from lepton_lab.types import Breakdown, CalibrationBin, ClassScore, Target, is_picture

_BINS = 15
"""Of confidence, equally wide, each with its right end, as in Guo et al. (2017)."""
_CURVE_POINTS = 101
"""Of the ROC curve, at equal steps of the false positive rate."""
_MOST_NAMES = 5
"""In a note."""


@dataclass(frozen=True)
class Measured:
    """Everything that is found of the answers for one target."""

    metrics: dict[str, float]
    notes: tuple[str, ...]
    breakdown: Breakdown | None = None
    """None for numbers."""


def measure(
    answers: NDArray[Any], targets: NDArray[Any], target: Target, whose: str = "", are_logits: bool = False
) -> Measured:
    """How good answers are.

    Parameters
    ----------
    answers, targets, whose, are_logits
        As `runtime.score_rows` takes them; finite.
    target
        Says which metrics: for classes and labels those of `score`, then `brier`, see `_graded.py`; `auc` (one class
        against the others), `precision`, `recall` and `f1`, each the plain mean over classes; `calibration_error`, the
        expected calibration error of Guo et al. (2017, "On Calibration of Modern Neural Networks", equation 3), which
        for labels compares each label's probability with how often it is true. For numbers those of `score`, then
        `rmse`, `r2` and `median_absolute_error`, the latter two the mean over a row's numbers, and for pictures
        `psnr`. For classes of positions see `measure_positions`.

    Returns
    -------
    The metrics that these rows allow, in that order, and a note for each that they don't.

    Raises
    ------
    InputError
        If a row has another number of answers than the target needs.
    """
    if target.kind == "numbers":
        metrics = _mean_over_rows(score_rows(answers, targets, "numbers", whose))
        found, notes = _numbers(np.asarray(answers, np.float64), np.asarray(targets, np.float64))
        if is_picture(targets.shape[1:]):
            found["psnr"], told = peak_signal_to_noise(answers, targets)
            notes = (*notes, told)
        return Measured(metrics | {"rmse": metrics["mse"] ** 0.5} | found, notes)
    if target.positions and target.kind == "classes":
        return Measured(*measure_positions(answers, targets, target, whose, are_logits))
    if target.positions:  # labels of each position are measured as if it were a row
        answers, targets = (part.reshape(-1, target.num_outputs) for part in (answers, targets))
        known = answers[:, 0] != np.float32(MASKED)
        answers, targets = answers[known], targets[known]
    graded = grade(answers, targets, target, whose, are_logits)
    classes, roc = _classes(graded, target.classes, is_binary=target.kind == "classes" and len(target.classes) == 2)
    calibration = _calibration(graded) if graded.is_probable else ()
    breakdown = Breakdown(target.name, target.kind, classes, _confusion(graded, target.kind), calibration, roc)
    metrics = _mean_over_rows(graded.row_metrics) | _mean_over_classes(breakdown)
    return Measured(metrics, _notes(breakdown, graded), breakdown)


def _mean_over_rows(row_metrics: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in row_metrics.items()}


def _numbers(answers: NDArray[Any], targets: NDArray[Any]) -> tuple[dict[str, float], tuple[str, ...]]:
    from sklearn.metrics import median_absolute_error, r2_score

    truth = targets.reshape(len(targets), -1)
    answers = answers.reshape(truth.shape)
    answers = np.where(answers == MASKED, truth, answers)  # a step that is masked can't be wrong
    found: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    varies = np.ptp(truth, axis=0) > 0
    if varies.any():
        found["r2"] = float(r2_score(truth[:, varies], answers[:, varies]))
    if not varies.all():
        which = "it is left out" if not varies.any() else f"it is of the other {varies.sum()} numbers of a row"
        notes = (f"r2 needs targets that differ from row to row: {which}",)
    found["median_absolute_error"] = float(median_absolute_error(truth, answers))
    return found, notes


def _classes(
    graded: Graded, names: Sequence[str], is_binary: bool
) -> tuple[tuple[ClassScore, ...], tuple[tuple[float, float], ...]]:
    """The score of each class, and the ROC curve: the mean at each false positive rate (Fawcett 2006, section 8.1)."""
    from sklearn.metrics import auc, roc_curve

    support, answered = graded.truth.sum(axis=0).tolist(), graded.chosen.sum(axis=0).tolist()
    right = (graded.truth & graded.chosen).sum(axis=0).tolist()
    across = np.linspace(0, 1, _CURVE_POINTS)
    scores, curves = [], []
    for n, name in enumerate(names):
        recall = f1 = area = None
        if support[n]:
            recall, f1 = right[n] / support[n], 2 * right[n] / (answered[n] + support[n])
        if 0 < support[n] < len(graded.truth):
            false, true, _ = roc_curve(graded.truth[:, n], graded.probabilities[:, n])
            area = float(auc(false, true))
            curves.append(np.interp(across, false, true))
        scores.append(ClassScore(name, support[n], right[n] / max(answered[n], 1), recall, f1, area))
    if not curves:
        return tuple(scores), ()
    upwards = curves[1] if is_binary and len(curves) == 2 else np.mean(curves, axis=0)
    points = zip(across.tolist(), np.round(upwards, 4).tolist(), strict=True)
    return tuple(scores), ((0.0, 0.0), *points)


def _confusion(graded: Graded, kind: str) -> tuple[tuple[int, int, int], ...]:
    if kind == "labels":
        return ()
    pairs = np.stack([graded.truth.argmax(axis=1), graded.chosen.argmax(axis=1)], axis=1)
    found, rows = np.unique(pairs, axis=0, return_counts=True)
    return tuple((int(true), int(answered), int(n)) for (true, answered), n in zip(found, rows, strict=True))


def _calibration(graded: Graded) -> tuple[CalibrationBin, ...]:
    confidence = np.asarray(graded.confidence, np.float64).ravel()
    bins = np.clip(np.ceil(confidence * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    rows = np.bincount(bins, minlength=_BINS)
    sure, right = (np.bincount(bins, part.ravel(), _BINS) for part in (confidence, graded.right))
    return tuple(
        CalibrationBin(int(rows[n]), float(sure[n] / rows[n]), float(right[n] / rows[n]))
        for n in range(_BINS)
        if rows[n]
    )


def _mean_over_classes(breakdown: Breakdown) -> dict[str, float]:
    """The metrics that come from classes and from bins."""
    present = [score for score in breakdown.classes if score.rows]
    areas = [score.auc for score in present if score.auc is not None]
    found = {"auc": float(np.mean(areas))} if areas else {}
    for name in ("precision", "recall", "f1"):
        if present:
            found[name] = float(np.mean([getattr(score, name) for score in present]))
    if breakdown.calibration:
        gaps = [part.rows * abs(part.share - part.confidence) for part in breakdown.calibration]
        found["calibration_error"] = sum(gaps) / sum(part.rows for part in breakdown.calibration)
    return found


def _notes(breakdown: Breakdown, graded: Graded) -> tuple[str, ...]:
    """What the rows did not allow."""
    one, notes = ("class", []) if breakdown.kind == "classes" else ("label", [])
    absent = [score.name for score in breakdown.classes if not score.rows]
    if absent:
        more = f" and {len(absent) - _MOST_NAMES} more" if len(absent) > _MOST_NAMES else ""
        notes.append(f"no row has the {one} {', '.join(absent[:_MOST_NAMES])}{more}: means are of the others")
    if all(score.auc is None for score in breakdown.classes):
        notes.append(f"auc is left out: for no {one} are there both rows that have it and rows that don't")
    if not graded.is_probable:
        low, high = graded.probabilities.min(), graded.probabilities.max()
        notes.append(
            f"calibration_error and brier are left out: the answers go from {low:.3g} to {high:.3g} and are no "
            "probabilities; end the model with softmax or sigmoid"
        )
    return tuple(notes)
