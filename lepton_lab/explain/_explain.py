"""Check what was asked, have a method do it, and say what it found."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import numpy as np

from lepton_lab.errors import InputError, MissingExtraError, UnknownNameError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.explain._base import BASELINES, Options, Task
from lepton_lab.explain._methods import METHODS
from lepton_lab.explain._rows import spread
from lepton_lab.explain._score import Score, score_of
from lepton_lab.explain._tell import describe_rows, draw, rank_features
from lepton_lab.runtime import check_no_positions, check_one_each, fitted, judged_by, open_rows
from lepton_lab.types import Dataset, Explanation, Model

AUTO = "auto"
"""In place of a method's name: `integrated_gradients` for a Keras model of pictures, else `permutation`."""


def explain(
    model: Model,
    dataset: Dataset,
    file: Path,
    method: str = AUTO,
    rows: int | None = None,
    split: str = "test",
    options: Options | None = None,
    report: Report = ignore,
) -> Explanation:
    """Why `model` answers rows of `dataset` as it does.

    Parameters
    ----------
    model
        In either format; some methods need gradients, and so a Keras model.
    dataset, split
        The rows, taken at equal distances.
    file
        The `.npy` file that gets the values; see `Explanation.values`.
    method
        One of `METHODS`, or `auto`: `integrated_gradients` for a Keras model and rows of more than one dimension, such
        as pictures, since it takes any network and its error is known; else `permutation`, which says most of a table
        and takes models of several inputs and outputs.
    rows
        How many rows; None for as many as the method takes if nobody says.
    options
        What the methods can be told; None for their defaults.
    report
        Told how far the work is.

    Raises
    ------
    UnknownNameError
        If there is no such method, split, label or layer.
    InputError
        If model and data set do not fit together, or the method can't explain this model.
    MissingExtraError
        If the method needs a package that is not installed.
    """
    started, options = time.perf_counter(), options or Options()
    if method == AUTO:
        is_grid = len(model.input_shape) > 1 and not dataset.targets and not dataset.target.positions
        method = "integrated_gradients" if is_grid and model.format == "keras" else "permutation"
    dataset = _checked(model, dataset, method, rows, options)
    score = score_of(dataset.target)
    label = _find_label(score, options.label)
    x, y = open_rows(dataset, split)
    numbers = spread(len(x), rows or METHODS[method].ROWS)

    def tell(message: str, fraction: float) -> None:
        report(Progress(f"explain {model.name}", f"{method}: {message}", fraction))

    tell("loading the model", 0.0)
    task = Task(model, dataset, np.asarray(x[numbers]), np.asarray(y[numbers]), options, label, tell)
    found = METHODS[method].explain(task)
    np.save(file, found.values)
    tell("done", 1.0)
    return Explanation(
        model.name,
        f"{dataset.name}/{split}",
        method,
        file,
        next(iter(judged_by(dataset))) if found.chosen is None else score.unit,
        len(numbers),
        time.perf_counter() - started,
        describe_rows(task, found, numbers),
        rank_features(task, found),
        draw(task, found, numbers),
        (*dataset.arrangement.notes, *found.notes),
    )


def _checked(model: Model, dataset: Dataset, method: str, rows: int | None, options: Options) -> Dataset:
    """The data set as the model takes it; raises LeptonError where it can be seen at once that this won't do."""
    if method not in METHODS:
        raise UnknownNameError("method of explaining", method, (AUTO, *METHODS))
    if model.stage == "new" and model.kind != "added":  # a model that was brought in has learned elsewhere
        raise InputError(
            f"The model {model.name!r} has not been trained: %lepton train {model.name} --data {dataset.name}."
        )
    if not METHODS[method].TAKES_SEVERAL:
        others = ", ".join(name for name, other in METHODS.items() if other.TAKES_SEVERAL)
        check_one_each(model, dataset, method, others)
        check_no_positions(dataset, method, others)
    found = fitted(model, dataset)
    if METHODS[method].NEEDS_GRADIENTS and model.format != "keras":
        others = ", ".join(name for name, other in METHODS.items() if not other.NEEDS_GRADIENTS)
        raise InputError(
            f"{method} needs gradients, which the .{model.format} file of {model.name!r} has none of: use {others}"
            + (f", or explain {model.parent!r}." if model.parent else ".")
        )
    if options.baseline not in BASELINES:
        raise UnknownNameError("baseline", options.baseline, BASELINES)
    for name, value in (
        *(("rows", 1 if rows is None else rows), ("steps", options.steps)),
        *(("repeats", options.repeats), ("samples", options.samples)),
    ):
        if value < 1:
            raise InputError(f"{name}={value}: give at least 1.")
    if METHODS[method].NEEDS_SHAP and importlib.util.find_spec("shap") is None:
        raise MissingExtraError("shap", f"The method {method}", "'lepton-lab[explain]'")
    return found


def _find_label(score: Score, name: str | None) -> int | None:
    """The place of a class, label or number among a model's answers."""
    if name is not None and name not in score.names:
        kind = {"classes": "class", "labels": "label", "numbers": "number"}[score.kind]
        raise UnknownNameError(kind, name, score.names)
    return None if name is None else score.names.index(name)
