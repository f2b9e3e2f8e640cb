"""A model, a data set's split, and the metrics of the one on the other; or of two models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.evaluate._compare import RESAMPLES, compare
from lepton_lab.evaluate._loss_note import loss_note
from lepton_lab.evaluate._metrics import Measured, measure
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.runtime import answer_names, check_no_positions, fitted, listed, logits_among, open_rows, predict
from lepton_lab.types import Comparison, Dataset, Difference, Evaluation, Model, Target, Verdict, fields

BATCH = 512
"""Rows that go into a model at once."""


def evaluate(
    model: Model, dataset: Dataset, split: str = "test", batch_size: int = BATCH, answers_file: Path | None = None
) -> Evaluation:
    """How good `model` is on a split of `dataset`.

    Parameters
    ----------
    model
        It is run from the file that holds it.
    dataset, split
        The rows to try it on.
    batch_size
        How many rows go in at once; it changes the memory needed, not the answer.
    answers_file
        The model's answers to these rows (`.npy`), where they are there already; else they are made here.

    Returns
    -------
    The metrics that `measure` describes. Of several targets each has its own, beginning with its name.

    Raises
    ------
    UnknownNameError
        If the data set has no such split.
    InputError
        If model and data set do not fit together, the model's file can't be loaded, or its answers are no numbers.
    """
    dataset = fitted(model, dataset)
    rows, truth = open_rows(dataset, split)
    answers = _answers(model, dataset, rows, batch_size, answers_file)
    measured = _measure(model, answers, _by_target(truth, dataset), dataset)
    return _evaluation(model, dataset, split, len(rows), measured)


def evaluate_against(
    model: Model,
    other: Model,
    dataset: Dataset,
    split: str = "test",
    answers_file: Path | None = None,
    other_file: Path | None = None,
    report: Report = ignore,
) -> Evaluation:
    """How good `model` is on a split of `dataset`, and whether it is better than `other` there.

    Parameters
    ----------
    model, dataset, split
        As for `evaluate`.
    other
        The model to compare with.
    answers_file, other_file
        The answers of each to these rows (`.npy`), where they are there already.
    report
        Hears how far the comparison is.

    Returns
    -------
    The model's evaluation, with a `comparison`; see `compare`.

    Raises
    ------
    LeptonError
        As `evaluate`, for either of the two.
    """
    if any(target.positions and target.kind != "numbers" for _, target in _targets(dataset)):
        check_no_positions(dataset, "a comparison of two models", "evaluate for each of them")
    theirs, dataset = fitted(other, dataset), fitted(model, dataset)
    truth = _by_target(open_rows(dataset, split)[1], dataset)
    models = (model, other)
    both = [
        _answers(one, own, open_rows(own, split)[0], BATCH, file)
        for one, own, file in zip(models, (dataset, theirs), (answers_file, other_file), strict=True)
    ]
    if not dataset.targets:
        both[1] = _in_order_of(model, other, both[1])
    first, second = (_by_target(answers, dataset) for answers in both)
    measured, others = (_measure(one, own, truth, dataset) for one, own in zip(models, both, strict=True))
    logits = [logits_among(one, dataset, own) for one, own in zip(models, both, strict=True)]

    def tell(done: int) -> None:
        report(Progress(f"evaluate {model.name}", f"{done:,} of {RESAMPLES:,} resamples", done / RESAMPLES))

    differences: list[Difference] = []
    verdicts: list[Verdict] = []
    for n, (name, target) in enumerate(_targets(dataset)):
        found, verdict = compare(
            (model.name, other.name),
            (first[n], second[n]),
            (measured[n], others[n]),
            truth[n],
            target,
            tell,
            (name in logits[0], name in logits[1]),
        )
        differences += [replace(one, metric=_prefixed(name, one.metric)) for one in found]
        decisive = verdict.difference
        verdicts.append(replace(verdict, difference=replace(decisive, metric=_prefixed(name, decisive.metric))))
    comparison = Comparison(
        model.name, other.name, dataset.name, split, len(truth[0]), RESAMPLES, tuple(differences), tuple(verdicts)
    )
    return replace(_evaluation(model, dataset, split, len(truth[0]), measured), comparison=comparison)


def _answers(model: Model, dataset: Dataset, rows: NDArray[Any], batch_size: int, file: Path | None) -> NDArray[Any]:
    """The model's answers, made here or read; all of them numbers."""
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size}: give at least 1 row at once.")
    answers = predict(model.file, rows, batch_size, model.code) if file is None else np.load(file, mmap_mode="r")
    parts = fields(answers).values() if answers.dtype.names else [answers]
    bad = ~np.all([np.isfinite(part.reshape(len(part), -1)).all(axis=1) for part in parts], axis=0)
    if bad.any():
        raise InputError(
            f"Model {model.name!r} answers {bad.sum():,} of {len(rows):,} rows with NaN or infinity, the first in row "
            f"{bad.argmax()}: look for such numbers in these rows; if there are none, train it again with a lower "
            "--learning-rate."
        )
    return answers


def _in_order_of(model: Model, other: Model, answers: NDArray[Any]) -> NDArray[Any]:
    """The other model's answers with their numbers in the model's order, where both know their names."""
    names, theirs = answer_names(model), answer_names(other)
    if names == theirs or not names or not theirs:
        return answers
    if sorted(names) != sorted(theirs):
        raise InputError(
            f"Model {model.name!r} answers with {listed(names)}, but {other.name!r} with {listed(theirs)}: only models "
            "of the same classes can be compared."
        )
    if answers[0].size == 1:  # the probability of the second of two classes
        return 1 - answers
    return answers[..., [theirs.index(name) for name in names]]


def _targets(dataset: Dataset) -> list[tuple[str, Target]]:
    """The targets; the name of a single one is empty."""
    return list(dataset.targets.items()) or [("", dataset.target)]


def _by_target(array: NDArray[Any], dataset: Dataset) -> list[NDArray[Any]]:
    """Answers, or what is right, for each target."""
    if not dataset.targets:
        return [array]
    parts = fields(array)
    return [parts[name] for name in dataset.targets]


def _measure(model: Model, answers: NDArray[Any], truth: list[NDArray[Any]], dataset: Dataset) -> list[Measured]:
    logits = logits_among(model, dataset, answers)
    return [
        measure(own, right, target, f" for {name!r}" if name else "", name in logits)
        for own, right, (name, target) in zip(_by_target(answers, dataset), truth, _targets(dataset), strict=True)
    ]


def _evaluation(model: Model, dataset: Dataset, split: str, num_rows: int, measured: list[Measured]) -> Evaluation:
    """What was found for each target, put together."""
    metrics: dict[str, float] = {}
    notes = list(dataset.arrangement.notes)
    for found, (name, _) in zip(measured, _targets(dataset), strict=True):
        metrics |= {_prefixed(name, metric): value for metric, value in found.metrics.items()}
        losses = [loss_note(model, name)] if "loss" in found.metrics else []
        notes += [f"{name}: {note}" if name else note for note in (*found.notes, *filter(None, losses))]
    breakdowns = tuple(found.breakdown for found in measured if found.breakdown is not None)
    return Evaluation(model.name, dataset.name, split, num_rows, metrics, breakdowns, tuple(notes))


def _prefixed(name: str, metric: str) -> str:
    """The metric of one of several targets begins with its name."""
    return f"{name}_{metric}" if name else metric
