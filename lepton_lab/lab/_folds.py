"""`lab.evaluate(..., folds=k)`: a way of training is tried k times, each time on other rows than it was trained on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lepton_lab import data as data_stage
from lepton_lab.errors import InputError, LeptonError
from lepton_lab.evaluate import cross_validation, folds
from lepton_lab.events import Progress
from lepton_lab.lab._evaluate import evaluate
from lepton_lab.lab._parallel import Work, on_workers
from lepton_lab.lab._training import Training, prepare, settings_of
from lepton_lab.lab._versions import split_name, stem_of
from lepton_lab.runtime import fitted
from lepton_lab.types import CrossValidation, Dataset, Model

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


def cross_validate(lab: Lab, model: Model, dataset: Dataset, k: int) -> CrossValidation:
    """Train a model anew on each k - 1 of k parts of the training rows, and evaluate it on the part that is left.

    It is trained as it was last trained; the folds are trained in parallel, each on a worker. The test split stays
    untouched, and so does the model.

    Raises
    ------
    InputError
        If the model can't be trained anew, or was not trained by a run that is still there.
    """
    arrangement = fitted(model, dataset).arrangement
    training = _training_of(lab, model)
    _, y = data_stage.open_split(dataset, "train")
    parts = folds(np.asarray(arrangement.targets(y)), k, training.seed)
    lab.cluster.handle  # noqa: B018  # says what to do where there is none
    metrics: dict[str, dict[str, float]] = {}

    def fold(name: str, held: NDArray[np.int64], workers: tuple[str, ...]) -> dict[str, float]:
        rows = data_stage.cut(dataset, name, lab.workspace.path("data", name), held=held)
        settings = replace(training, only=workers, workers=None, strategy="single", warm_start=False)
        result = replace(model, name=name, stage="trained", dataset=name, metrics={}, parent=model.name)
        run = lab.run.launch(prepare(lab, settings, model, rows, result))
        lab.run.finish(run.id)
        return dict(evaluate(lab, lab.model.show(name), rows, "test", None).metrics)

    def tell(name: str, found: dict[str, float]) -> None:
        metrics[name] = found
        first = next(iter(found.items()))
        message = f"{len(metrics)} of {k} folds: {name}, {first[0]} {first[1]:.4f}"
        lab.events.publish(Progress(f"evaluate {model.name} --folds {k}", message, len(metrics) / k))

    names = [f"{stem_of(model.name)}-fold-{number + 1}" for number in range(k)]
    if taken := sorted({*names} & {*lab.model.names(), *lab.data.names()}):
        raise InputError(f"The folds would be named as {taken[0]!r}, which is there already: drop that first.")
    works = {
        name: Work(lambda workers, name=name, held=held: fold(name, held, workers))  # type: ignore[misc]
        for name, held in zip(names, parts, strict=True)
    }
    try:
        on_workers(lab, works, tell)
    finally:
        for name in names:
            _forget(lab, name)
    return cross_validation(model.name, dataset.name, [metrics[name] for name in names], [len(part) for part in parts])


def _training_of(lab: Lab, model: Model) -> Training:
    """How a model was last trained."""
    if model.stage != "trained":
        why = f"is {model.stage}: cross-validate {model.parent!r}" if model.parent else f"is {model.stage}: train it"
        raise InputError(f"Cross-validation trains a model anew, but {model.name!r} {why}.")
    runs = [
        run
        for run in map(lab.run.show, lab.run.names())
        if run.model == split_name(model.name)[0] and run.state == "done"
    ]
    for run in sorted(runs, key=lambda run: run.started, reverse=True):
        with suppress(KeyError, TypeError, LeptonError):
            training = Training.from_plain(settings_of(run)["training"])
            if not training.technique:
                return training
    raise InputError(
        f"How {model.name!r} was trained can't be read from its runs any more: train it again, then cross-validate it."
    )


def _forget(lab: Lab, name: str) -> None:
    """Remove what a fold leaves."""
    for run in lab.run.names():
        if run.rpartition("-")[0] == name:
            with suppress(LeptonError):
                lab.run.drop(run)
    with suppress(LeptonError):
        lab.model.drop(name)
    with suppress(LeptonError):
        lab.data.drop(name)
