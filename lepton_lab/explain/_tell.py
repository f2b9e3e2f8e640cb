"""What a method found, for a person: its rows, the features that count most, and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.explain._base import Found, Task
from lepton_lab.explain._draw import heat_map, picture
from lepton_lab.explain._score import score_of
from lepton_lab.explain._units import unit_names
from lepton_lab.types import ExplainedRow, Feature, Target

_FEATURES, _OF_A_ROW = 10, 3
"""That are shown of all rows, and of one."""
_PICTURES = 12


def describe_rows(task: Task, found: Found, numbers: NDArray[np.int64]) -> tuple[ExplainedRow, ...]:
    """Each row that was explained; nothing for a method that explains the model.

    Parameters
    ----------
    numbers
        The rows' numbers in the split, shape (n,).
    """
    if found.chosen is None or found.scores is None:
        return ()
    names, told = score_of(task.dataset.target).names, []
    for n, (number, answer) in enumerate(zip(numbers, found.chosen, strict=True)):
        score = float(found.scores[n])
        expected = None if found.expected is None else float(found.expected[n])
        error = None if expected is None else float(found.values[n].sum(dtype=np.float64)) - (score - expected)
        label, best = _label(task.dataset.target, task.targets[n]), _best(task, found.values[n])
        told.append(ExplainedRow(int(number), label, names[answer], score, expected, error, best))
    return tuple(told)


def rank_features(task: Task, found: Found) -> tuple[Feature, ...]:
    """The features that count most over all rows, or over the repeats."""
    if not found.names and not _has_features(task, found.values.shape[1:]):
        return ()
    values = found.values if found.chosen is None else np.abs(found.values)
    means, deviations = (f(values, axis=0, dtype=np.float64).ravel() for f in (np.mean, np.std))
    names = found.names or unit_names(found.values.shape[1:], task.dataset)
    best = np.argsort(-means, kind="stable")[:_FEATURES]
    return tuple(Feature(names[n], float(means[n]), float(deviations[n])) for n in best)


def draw(task: Task, found: Found, numbers: NDArray[np.int64]) -> tuple[tuple[str, str, str], ...]:
    """Rows and their heat maps; for a method that explains the model, the rows' mean and one map."""
    if not task.dataset.is_image or found.names:
        return ()
    size = task.rows.shape[1:3]
    if found.chosen is None:
        caption = f"mean of {len(task.rows):,} rows"
        return ((caption, picture(task.rows.mean(axis=0)), heat_map(found.values.mean(axis=0), size)),)
    names = score_of(task.dataset.target).names
    return tuple(
        (f"row {number}: {names[answer]}", picture(row), heat_map(values, size))
        for number, answer, row, values in zip(numbers[:_PICTURES], found.chosen, task.rows, found.values, strict=False)
    )


def _has_features(task: Task, layout: tuple[int, ...]) -> bool:
    """Whether single values have names that say something: pixels have none."""
    return not (task.dataset.is_image and layout[:2] == task.rows.shape[1:3])


def _best(task: Task, values: NDArray[Any]) -> tuple[tuple[str, float], ...]:
    """What counts most in one row."""
    if not _has_features(task, values.shape):
        return ()
    names, flat = unit_names(values.shape, task.dataset), values.ravel()
    return tuple((names[n], float(flat[n])) for n in np.argsort(-np.abs(flat), kind="stable")[:_OF_A_ROW])


def _label(target: Target, value: Any) -> str:
    """What is true of a row."""
    if target.kind == "classes":
        return target.classes[int(value)]
    if target.kind == "labels":
        return ", ".join(target.classes[n] for n in np.flatnonzero(value)) or "none"
    return ", ".join(f"{number:.4g}" for number in np.atleast_1d(value)[:3])
